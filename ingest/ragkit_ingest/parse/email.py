"""Mail messages (.eml): who wrote what to whom, the text, the names of attachments."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage, MIMEPart

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.file import read_bytes
from ragkit_ingest.parse.moment import iso_from_mail
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.text import add_plain_text
from ragkit_ingest.records import BlockKind, Document, MetadataValue

_PEOPLE = ("From", "To", "Cc")
_NEEDED = ("From", "To", "Date", "Subject", "Received", "Message-ID")


class EmailParser:
    """Reads one message a file."""

    name = "email"
    version = 1
    suffixes = frozenset({".eml"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            BrokenFileError: If the file has no header of a mail message.
        """
        message = email.message_from_bytes(read_bytes(source.path), policy=email.policy.default)
        if not any(message.keys()) or not any(name in message for name in _NEEDED):
            raise BrokenFileError("this is not a mail message: it has no mail header")
        builder = DocumentBuilder("email")
        metadata = _header(builder, message)
        _body(builder, message)
        names = [name for name in _attachments(message) if name]
        if names:
            builder.add(BlockKind.PARAGRAPH, f"Attachments: {', '.join(names)}")
        return builder.build(metadata)


def _header(builder: DocumentBuilder, message: EmailMessage) -> dict[str, MetadataValue]:
    subject = _field(message, "Subject")
    builder.title = subject
    builder.add(BlockKind.HEADING, subject, level=1)
    metadata: dict[str, MetadataValue] = {}
    for name in _PEOPLE:
        value = _field(message, name)
        if value:
            metadata[name.lower()] = value
            builder.add(BlockKind.PARAGRAPH, f"{name}: {value}")
    date = _field(message, "Date")
    moment = iso_from_mail(date)
    if moment:
        metadata["date"] = moment
    if date:
        builder.add(BlockKind.PARAGRAPH, f"Date: {date}")
    return metadata


def _field(message: EmailMessage, name: str) -> str:
    # The standard library raises many types on malformed header fields.
    try:
        return fold_space(str(message.get(name, "")))
    except Exception:  # noqa: BLE001
        raw = dict(message.raw_items()).get(name, "")
        return fold_space(str(raw))


def _body(builder: DocumentBuilder, message: EmailMessage) -> None:
    plain = _text_of(builder, message, "plain")
    if plain.strip():
        add_plain_text(builder, plain, titles=False)
        return
    markup = _text_of(builder, message, "html")
    if markup.strip():
        from ragkit_ingest.parse.html import add_html

        title = builder.title
        add_html(builder, markup)
        builder.title = title


def _text_of(builder: DocumentBuilder, message: EmailMessage, subtype: str) -> str:
    try:
        part = message.get_body(preferencelist=(subtype,))
    except (AttributeError, KeyError, TypeError):
        part = None
    if part is None:
        part = next(_parts(message, f"text/{subtype}"), None)
    return "" if part is None else _content(builder, part)


def _parts(message: EmailMessage, wanted: str) -> Iterator[EmailMessage]:
    for part in message.walk():
        if (
            isinstance(part, EmailMessage)
            and part.get_content_type() == wanted
            and not part.get_filename()
        ):
            yield part


def _content(builder: DocumentBuilder, part: MIMEPart) -> str:
    try:
        return str(part.get_content())
    except (LookupError, ValueError, AssertionError, AttributeError):
        payload = part.get_payload(decode=True)
        builder.notice("the message states an encoding that is not known; it was read as UTF-8")
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _attachments(message: EmailMessage) -> Iterator[str]:
    for part in message.walk():
        if part.is_multipart() and part.get_content_type() != "message/rfc822":
            continue
        try:
            name = part.get_filename()
        except (LookupError, ValueError, TypeError):
            name = None
        if name or part.get_content_disposition() == "attachment":
            yield fold_space(name or f"unnamed {part.get_content_type()}")
