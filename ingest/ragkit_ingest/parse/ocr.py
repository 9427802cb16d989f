"""Optical character recognition: Tesseract, if the extra `ocr` and the program are there."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from ragkit_ingest.errors import BrokenFileError, MissingReaderError, ParserLimitError
from ragkit_ingest.parse.builder import fold_space
from ragkit_ingest.parse.extra import load

DPI = 300
MAX_PIXELS = 30_000_000
_PAGE_S = 60
_MIN_CONFIDENCE = 30.0
_MAX_LANGUAGES = 6


def paragraphs(image: Any) -> list[str]:
    """Return the paragraphs that can be read in an image, in reading order.

    All languages for which Tesseract has data are tried, up to six.

    Args:
        image: A Pillow image.

    Raises:
        MissingReaderError: If the extra `ocr` or the program is not installed.
        ParserLimitError: If it takes more than a minute.
        BrokenFileError: If Tesseract refuses the image.
    """
    tesseract = load("pytesseract", "scanned pages and images", "ocr")
    # Its threads cost more than they gain on one page, and other workers want the cores.
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    try:
        words = tesseract.image_to_data(
            image,
            lang=_languages(),
            timeout=_PAGE_S,
            output_type=tesseract.Output.DICT,
        )
    except tesseract.TesseractNotFoundError as exc:
        raise _missing() from exc
    except RuntimeError as exc:
        if "timeout" in str(exc):
            raise ParserLimitError(f"reading an image takes more than {_PAGE_S} seconds") from exc
        raise BrokenFileError(f"the image cannot be read: {exc}") from exc
    return _joined(words)


def check() -> None:
    """Make sure that images can be read at all.

    Raises:
        MissingReaderError: If the extra `ocr`, the program or every language is missing.
    """
    load("PIL.Image", "scanned pages and images", "ocr")
    _languages()


@cache
def _languages() -> str:
    """Return the installed languages, joined as Tesseract wants them.

    Raises:
        MissingReaderError: If the program, or every language, is missing.
    """
    tesseract = load("pytesseract", "scanned pages and images", "ocr")
    try:
        installed = [name for name in tesseract.get_languages() if name not in {"osd", "equ"}]
    except (tesseract.TesseractNotFoundError, tesseract.TesseractError) as exc:
        raise _missing() from exc
    if not installed:
        raise _missing()
    return "+".join(sorted(installed, key=lambda name: (name != "eng", name))[:_MAX_LANGUAGES])


def _missing() -> MissingReaderError:
    return MissingReaderError(
        "OCR needs the program Tesseract and its language data: install them "
        "(Debian: apt-get install tesseract-ocr), or switch OCR off with --no-ocr"
    )


def _joined(words: dict[str, list[Any]]) -> list[str]:
    """Return the words of each paragraph, lines that end in a hyphen joined."""
    lines: dict[tuple[int, int], dict[int, list[str]]] = {}
    for place, text in enumerate(words["text"]):
        if text.strip() and float(words["conf"][place]) >= _MIN_CONFIDENCE:
            block = words["block_num"][place], words["par_num"][place]
            lines.setdefault(block, {}).setdefault(words["line_num"][place], []).append(text)
    found = []
    for paragraph in lines.values():
        text = ""
        for line in map(" ".join, paragraph.values()):
            hyphen = (
                text.endswith("-") and len(text) > 1 and text[-2].isalpha() and line[0].islower()
            )
            text = text[:-1] + line if hyphen else f"{text} {line}"
        if any(map(str.isalnum, text)):
            found.append(fold_space(text))
    return found
