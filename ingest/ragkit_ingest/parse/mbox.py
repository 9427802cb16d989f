"""Mailboxes (.mbox): one message a page."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesHeaderParser

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.email import add_message, attachment_bytes, attachments
from ragkit_ingest.parse.file import check_plain
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.records import Document

_FROM = re.compile(rb"^From \S.*\d\d:\d\d")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_BLANK_LINE = re.compile(rb"(?:\r\n|\r|\n){2}")
_HEADER_PARSER = BytesHeaderParser(policy=email.policy.default)
_LABEL_CHARS = 80
_NUMBERED = re.compile(r"^(\d{1,9})-(.*)$", re.DOTALL)


class MboxParser:
    """Reads mailboxes in which each message begins with a line "From "."""

    name = "mbox"
    version = 2
    suffixes = frozenset({".mbox", ".mbx"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document; a page's label is the message's number and subject.

        The attachments of the third message are named "3-report.pdf" and so on.

        Raises:
            BrokenFileError: If the file holds no message.
        """
        builder = DocumentBuilder("mbox")
        number = 0
        for number, message in enumerate(_messages(source), start=1):
            builder.page(_label(message, number))
            add_message(builder, message)
            for name, _ in attachments(message):
                builder.attach(f"{number}-{name}")
        if not number:
            raise BrokenFileError("this is not a mailbox: it holds no message")
        builder.title = ""
        return builder.build()

    def attachment(self, source: Source, name: str) -> bytes:
        """Return the bytes of an attachment, as `protocol.Container` describes.

        Raises:
            BrokenFileError: If there is none of that name, or it cannot be decoded.
        """
        match = _NUMBERED.match(name)
        if match is not None:
            for number, data in enumerate(_raw_messages(source), start=1):
                if number == int(match.group(1)):
                    return attachment_bytes(_parsed(data), match.group(2))
        raise BrokenFileError(f"the mailbox has no attachment '{name}'")


def _label(message: EmailMessage, number: int) -> str:
    try:
        subject = fold_space(str(message.get("Subject", "")))
    except Exception:  # noqa: BLE001 - the standard library raises many types on bad headers
        subject = ""
    return f"{number}: {subject[:_LABEL_CHARS]}" if subject else str(number)


def _messages(source: Source) -> Iterator[EmailMessage]:
    """Yield the messages, one in memory at a time."""
    return map(_parsed, _raw_messages(source))


def _raw_messages(source: Source) -> Iterator[bytes]:
    """Yield the messages' bytes; only their headers are looked at."""
    check_plain(source.path)
    lines: list[bytes] = []
    begun = False
    empty = True
    with source.path.open("rb") as file:
        for line in file:
            if empty and (_FROM.match(line) if begun else line.startswith(b"From ")):
                if begun:
                    yield from _with_header(lines)
                begun, lines = True, []
            elif begun:
                lines.append(line)
            elif line.strip():
                return
            empty = not line.strip()
    if begun:
        yield from _with_header(lines)


def _with_header(lines: list[bytes]) -> Iterator[bytes]:
    data = _QUOTED.sub(rb"\1", b"".join(lines))
    head = _BLANK_LINE.split(data, maxsplit=1)[0]
    if _HEADER_PARSER.parsebytes(head + b"\n\n").keys():
        yield data


def _parsed(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=email.policy.default)
