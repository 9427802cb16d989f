"""Bytes to text: byte order mark, then UTF-8, then a guess that is told to the user."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from ragkit_ingest.errors import BrokenFileError

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = bytes(code for code in range(32) if code not in b"\t\n\r\f\x1b\x08")
_MAX_CONTROL_SHARE = 0.02
_SAMPLE_BYTES = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A file's text.

    Attributes:
        text: The text, line ends as they were.
        encoding: The encoding it was read in.
        notices: Sentences about guesses and lost characters.
    """

    text: str
    encoding: str
    notices: tuple[str, ...] = ()


def decode(data: bytes, declared: str = "") -> Decoded:
    """Return the text of the bytes.

    Args:
        data: The whole file.
        declared: The encoding that the file itself states, if it does.

    Raises:
        BrokenFileError: If the bytes are no text: they hold NUL bytes or many control
            characters, or no encoding fits.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _replacing(data, name)
    _refuse_binary(data)
    if declared and is_known(declared):
        return _replacing(data, declared)
    try:
        return Decoded(text=data.decode("utf-8"), encoding="utf-8")
    except UnicodeDecodeError as exc:
        return _guess(data, exc)


def _replacing(data: bytes, encoding: str) -> Decoded:
    text = data.decode(encoding, "replace")
    lost = text.count("\ufffd")
    if not lost:
        return Decoded(text=text, encoding=encoding)
    share = 100 * lost / len(text)
    notice = f"{lost} characters ({share:.2g} %) are not valid {encoding} and were replaced"
    return Decoded(text=text, encoding=encoding, notices=(notice,))


def _refuse_binary(data: bytes) -> None:
    sample = data[:_SAMPLE_BYTES]
    if b"\x00" in sample:
        raise BrokenFileError("this is a binary file, not text: it holds NUL bytes")
    controls = len(sample) - len(sample.translate(None, _CONTROL))
    if controls > _MAX_CONTROL_SHARE * len(sample):
        share = 100 * controls / len(sample)
        raise BrokenFileError(
            f"this is a binary file, not text: {share:.0f} % of it are control characters"
        )


def is_known(encoding: str) -> bool:
    """Return whether Python can read text in this encoding."""
    try:
        return codecs.lookup(encoding)._is_text_encoding
    except LookupError:
        return False


def _guess(data: bytes, first: UnicodeDecodeError) -> Decoded:
    # A few stray bytes in a UTF-8 file are damage, not another encoding.
    text = data.decode("utf-8", "replace")
    letters = sum(1 for char in text if ord(char) > 127 and char != "\ufffd")
    if letters > 4 * text.count("\ufffd"):
        return _replacing(data, "utf-8")
    import charset_normalizer

    best = charset_normalizer.from_bytes(data[:_SAMPLE_BYTES]).best()
    if best is None:
        raise BrokenFileError("this is not text in any known encoding") from first
    decoded = _replacing(data, best.encoding)
    notice = f"the encoding was guessed to be {best.encoding}"
    return Decoded(text=decoded.text, encoding=best.encoding, notices=(notice, *decoded.notices))
