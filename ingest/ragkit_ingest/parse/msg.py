"""Outlook messages (.msg): turned into a mail message, then read as one.

Source:
    [MS-OXMSG] for the streams' names, [MS-OXRTFCP] for the compression of rich text.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder, clean, fold_space
from ragkit_ingest.parse.email import add_message, attachment_bytes, attachments
from ragkit_ingest.parse.encoding import decode
from ragkit_ingest.parse.extra import load
from ragkit_ingest.parse.file import read_bytes
from ragkit_ingest.parse.html import declared_charset
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.rtf import rtf_text
from ragkit_ingest.records import Document

_SUBJECT, _BODY, _RTF, _HTML = 0x0037, 0x1000, 0x1009, 0x1013
_SENDER, _SENDER_MAIL, _SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
_TO, _CC = 0x0E04, 0x0E03
_TIMES = (0x0039, 0x0E06)
_DATA, _LONG_NAME, _SHORT_NAME, _DISPLAY_NAME = 0x3701, 0x3707, 0x3704, 0x3001
_CONTENT_ID, _MIME, _HIDDEN, _CODEPAGE = 0x3712, 0x370E, 0x7FFE, 0x3FDE
_FILETIME_ZERO = datetime(1601, 1, 1, tzinfo=UTC)
_MAX_BYTES = 256 * 1024**2
_MAX_DEPTH = 6  # one level more than is read, so that the pool can say so
_MAX_ATTACHMENTS = 1000
_RTF_START = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    b"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    b"\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


class MsgParser:
    """Reads messages, appointments and notes that Outlook saved."""

    name = "msg"
    version = 2
    suffixes = frozenset({".msg"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document; its attachments are named, not read.

        Raises:
            BrokenFileError: If the file is no Outlook message.
            MissingReaderError: If the extra `office` is not installed.
        """
        builder = DocumentBuilder("msg")
        message = _read(source)
        metadata = add_message(builder, message)
        for name, _ in attachments(message):
            builder.attach(name)
        return builder.build(metadata)

    def attachment(self, source: Source, name: str) -> bytes:
        """Return the bytes of an attachment, as `protocol.Container` describes.

        Raises:
            BrokenFileError: If there is none of that name.
        """
        return attachment_bytes(_read(source), name)


def _read(source: Source) -> EmailMessage:
    olefile = load("olefile", "MSG files")
    data = read_bytes(source.path, _MAX_BYTES)
    if not olefile.isOleFile(data=data):
        raise BrokenFileError("this is not an Outlook message")
    try:
        with olefile.OleFileIO(data) as ole:
            paths = {"/".join(path): path for path in ole.listdir()}
            return _Storage(ole, paths, "").message(0)
    except (
        struct.error, OSError, ValueError, TypeError, KeyError, IndexError,
        AttributeError, OverflowError, RecursionError, LookupError,
    ) as exc:  # fmt: skip
        raise BrokenFileError(f"the Outlook message is damaged: {exc}") from exc


class _Storage:
    """A folder inside the file: the message, an attachment or a message attached to it.

    Args:
        ole: The open file.
        paths: Every stream by its joined path.
        prefix: Of this folder's streams.
    """

    def __init__(self, ole: Any, paths: dict[str, list[str]], prefix: str) -> None:
        self._ole = ole
        self._paths = paths
        self._prefix = prefix
        self._codec = "cp1252"
        page = self._number(_CODEPAGE)
        if page:
            self._codec = {65001: "utf-8", 20127: "cp1252"}.get(page, f"cp{page}")

    def message(self, depth: int) -> EmailMessage:
        """Return the message of this folder, with its attachments.

        Raises:
            ValueError: If it holds nothing of a message.
        """
        message = EmailMessage()
        subject = self._text(_SUBJECT)
        mail = self._text(_SENDER_SMTP) or self._text(_SENDER_MAIL)
        sender = self._text(_SENDER)
        if "@" in mail and mail != sender:
            sender = f"{sender} <{mail}>".strip()
        for name, value in (
            ("Subject", subject),
            ("X-Outlook-From", sender),
            ("X-Outlook-To", self._text(_TO)),
            ("X-Outlook-Cc", self._text(_CC)),
        ):
            if value:
                message[name] = fold_space(clean(value))
        moment = self._moment()
        if moment is not None:
            message["Date"] = format_datetime(moment)
        self._set_body(message)
        if not message.keys():
            raise ValueError("it holds no subject, sender or text")
        self._attach(message, depth)
        return message

    def _set_body(self, message: EmailMessage) -> None:
        plain = self._text(_BODY)
        markup = self._bytes(_HTML, "0102")
        html = decode(markup, declared_charset(markup)).text if markup else self._text(_HTML)
        if not plain.strip() and not html.strip():
            packed = self._bytes(_RTF, "0102")
            plain = rtf_text(_unpacked(packed)) if packed else ""
        if plain.strip():
            message.set_content(clean(plain))
        elif html.strip():
            message.set_content(html, subtype="html")

    def _attach(self, message: EmailMessage, depth: int) -> None:
        for prefix in self._attachment_prefixes():
            part = _Storage(self._ole, self._paths, prefix)
            name = part._text(_LONG_NAME) or part._text(_SHORT_NAME) or part._text(_DISPLAY_NAME)
            name = fold_space(clean(name))
            inner = f"{prefix}__substg1.0_{_DATA:04X}000D/"
            if any(path.startswith(inner) for path in self._paths):
                if depth < _MAX_DEPTH:
                    attached = _Storage(self._ole, self._paths, inner).message(depth + 1)
                    message.add_attachment(attached, filename=f"{name or 'message'}.eml")
                continue
            shown = part._text(_CONTENT_ID) and part._text(_MIME).startswith("image/")
            if shown or part._number(_HIDDEN):
                continue
            message.add_attachment(
                part._bytes(_DATA, "0102"),
                maintype="application",
                subtype="octet-stream",
                filename=name or "unnamed",
            )

    def _attachment_prefixes(self) -> Iterator[str]:
        start = f"{self._prefix}__attach_version1.0_"
        names = {
            path[len(self._prefix) :].partition("/")[0]
            for path in self._paths
            if path.startswith(start)
        }
        for name in sorted(names)[:_MAX_ATTACHMENTS]:
            yield f"{self._prefix}{name}/"

    def _bytes(self, tag: int, kind: str) -> bytes:
        path = self._paths.get(f"{self._prefix}__substg1.0_{tag:04X}{kind}")
        return bytes(self._ole.openstream(path).read()) if path else b""

    def _text(self, tag: int) -> str:
        wide = self._bytes(tag, "001F")
        if wide:
            return wide.decode("utf-16-le", "replace").rstrip("\x00")
        narrow = self._bytes(tag, "001E")
        try:
            return narrow.decode(self._codec, "replace").rstrip("\x00")
        except LookupError:
            return narrow.decode("cp1252", "replace").rstrip("\x00")

    def _fixed(self, tag: int) -> bytes:
        """Return the eight bytes of a property of fixed length, empty if there is none."""
        path = self._paths.get(f"{self._prefix}__properties_version1.0")
        data = bytes(self._ole.openstream(path).read()) if path else b""
        head = len(data) % 16 or (32 if not self._prefix else 0)
        for start in range(head, len(data) - 15, 16):
            if struct.unpack_from("<H", data, start + 2)[0] == tag:
                return data[start + 8 : start + 16]
        return b""

    def _number(self, tag: int) -> int:
        value = self._fixed(tag)
        return int(struct.unpack("<I", value[:4])[0]) if value else 0

    def _moment(self) -> datetime | None:
        for tag in _TIMES:
            value = self._fixed(tag)
            if value:
                ticks = struct.unpack("<Q", value)[0]
                return _FILETIME_ZERO + timedelta(microseconds=ticks // 10)
        return None


def _unpacked(data: bytes) -> bytes:
    """Return compressed rich text as it was before.

    Raises:
        ValueError: If it is not compressed as described in [MS-OXRTFCP].
    """
    if len(data) < 16:
        raise ValueError("the rich text is cut off")
    _, size, kind, _ = struct.unpack_from("<IIII", data)
    if kind == 0x414C454D:
        return data[16 : 16 + size]
    if kind != 0x75465A4C:
        raise ValueError("the rich text is compressed in an unknown way")
    window = _Window(min(size, _MAX_BYTES))
    place = 16
    while place < len(data) and not window.full:
        control = data[place]
        place += 1
        for bit in range(8):
            width = 2 if control >> bit & 1 else 1
            piece = data[place : place + width]
            if len(piece) < width or window.full:
                return bytes(window.output)
            window.take(piece)
            place += width
    return bytes(window.output)


class _Window:
    """The last 4,096 bytes written, which later ones refer to."""

    def __init__(self, size: int) -> None:
        self.output = bytearray()
        self.full = False
        self._size = size
        self._bytes = bytearray(4096)
        self._bytes[: len(_RTF_START)] = _RTF_START
        self._place = len(_RTF_START)

    def take(self, piece: bytes) -> None:
        """Write one byte as it is, or what two bytes refer to; a reference to now ends it."""
        if len(piece) == 1:
            self._write(piece[0])
            return
        offset = piece[0] << 4 | piece[1] >> 4
        if offset == self._place:
            self.full = True
            return
        for step in range((piece[1] & 15) + 2):
            self._write(self._bytes[(offset + step) & 4095])

    def _write(self, byte: int) -> None:
        self._bytes[self._place] = byte
        self._place = (self._place + 1) & 4095
        self.output.append(byte)
        self.full = self.full or len(self.output) >= self._size
