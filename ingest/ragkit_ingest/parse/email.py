"""Mail messages (.eml): who wrote what to whom, the text, the names of attachments."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage, MIMEPart
from pathlib import Path

from ragkit_ingest.errors import BrokenFileError, UnreadableFileError
from ragkit_ingest.parse.builder import DocumentBuilder, clean, fold_space
from ragkit_ingest.parse.encoding import decode, is_known
from ragkit_ingest.parse.file import read_bytes
from ragkit_ingest.parse.moment import iso_from_mail
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.text import add_plain_text
from ragkit_ingest.records import BlockKind, Document, MetadataValue

_PEOPLE = ("From", "To", "Cc")
_MESSAGE = "message/rfc822"
_NAME_CHARS = 120
_ENDINGS = {
    "text/plain": ".txt",
    "text/html": ".html",
    "text/csv": ".csv",
    "text/calendar": ".ics",
    "application/pdf": ".pdf",
    "image/png": ".png",
    "image/jpeg": ".jpg",
}
_ASCII = ("us-ascii", "ascii", "ansi_x3.4-1968")
_MALFORMED = (LookupError, ValueError, AssertionError, AttributeError, TypeError)
"""What the standard library raises on malformed parts."""
_NEEDED = ("From", "To", "Date", "Subject", "Received", "Message-ID")


class EmailParser:
    """Reads one message a file."""

    name = "email"
    version = 3
    suffixes = frozenset({".eml"})

    def __init__(self) -> None:
        self._last: tuple[tuple[Path, int, int], dict[str, EmailMessage]] | None = None

    def parse(self, source: Source) -> Document:
        """Return the file's Document; its attachments are named, not read.

        Raises:
            BrokenFileError: If the file has no header of a mail message.
        """
        builder = DocumentBuilder("email")
        message = _message(source)
        metadata = add_message(builder, message)
        for name, _ in attachments(message):
            builder.attach(name)
        return builder.build(metadata)

    def attachment(self, source: Source, name: str) -> bytes:
        """Return the bytes of an attachment, as `protocol.Container` describes.

        Raises:
            BrokenFileError: If there is none of that name, or it cannot be decoded.
            UnreadableFileError: If the file is gone.
        """
        # One attachment is asked for after the other; reading all of the mail for each of a
        # thousand would take hours.
        try:
            state = source.path.stat()
        except OSError as exc:
            raise UnreadableFileError(f"the file cannot be read: {exc.strerror}") from exc
        key = (source.path, state.st_size, state.st_mtime_ns)
        if self._last is None or self._last[0] != key:
            self._last = None
            self._last = (key, dict(attachments(_message(source))))
        return part_bytes(self._last[1].get(name), name)


def _message(source: Source) -> EmailMessage:
    message = email.message_from_bytes(read_bytes(source.path), policy=email.policy.default)
    if not is_message(message):
        raise BrokenFileError("this is not a mail message: it has no mail header")
    return message


def is_message(message: EmailMessage) -> bool:
    """Whether there is a header of a mail message."""
    return any(name in message for name in _NEEDED)


def add_message(builder: DocumentBuilder, message: EmailMessage) -> dict[str, MetadataValue]:
    """Write a message: subject, people, date, text, names of attachments.

    Returns:
        People and date, as a Document's metadata.
    """
    metadata = _header(builder, message)
    _body(builder, message)
    names = [name for name, _ in attachments(message)]
    if names:
        builder.add(BlockKind.PARAGRAPH, f"Attachments: {', '.join(names)}")
    return metadata


def attachments(message: EmailMessage) -> list[tuple[str, EmailMessage]]:
    """Return the attachments with names that are distinct and hold no slash, in order.

    Pictures that the text shows are not attachments.
    """
    found: dict[str, EmailMessage] = {}
    for part in _outer_parts(message):
        name = _file_name(part)
        if not name:
            continue
        stem, dot, ending = name.rpartition(".")
        number = 1
        while name in found:
            number += 1
            name = f"{stem} ({number}).{ending}" if dot else f"{ending} ({number})"
        found[name] = part
    return list(found.items())


def attachment_bytes(message: EmailMessage, name: str) -> bytes:
    """Return the bytes of the attachment that `attachments` gives this name.

    Raises:
        BrokenFileError: If there is none, or it cannot be decoded.
    """
    return part_bytes(dict(attachments(message)).get(name), name)


def part_bytes(part: EmailMessage | None, name: str) -> bytes:
    """Return the bytes of a part that is an attachment.

    Raises:
        BrokenFileError: If there is none, or it cannot be decoded.
    """
    if part is None:
        raise BrokenFileError(f"the message has no attachment '{name}'")
    try:
        if part.get_content_type() == _MESSAGE and part.is_multipart():
            inner = part.get_payload(0)
            return inner.as_bytes() if isinstance(inner, EmailMessage) else b""
        payload = part.get_payload(decode=True)
    # The standard library raises many types on malformed parts.
    except Exception as exc:
        raise BrokenFileError(f"the attachment cannot be decoded: {exc}") from exc
    return payload if isinstance(payload, bytes) else b""


def _outer_parts(message: EmailMessage) -> Iterator[EmailMessage]:
    """Yield the parts that are no containers; messages within are parts, not walked into."""
    todo = [message]
    while todo:
        part = todo.pop()
        if part.is_multipart() and part.get_content_type() != _MESSAGE:
            inner = part.get_payload()
            parts = inner if isinstance(inner, list) else []
            todo += [one for one in reversed(parts) if isinstance(one, EmailMessage)]
        else:
            yield part


def _file_name(part: EmailMessage) -> str:
    """Return an attachment's name, made up if it has none; empty if it is no attachment."""
    try:
        name = fold_space(clean(part.get_filename() or ""))
        disposition = part.get_content_disposition()
    except (LookupError, ValueError, TypeError, AttributeError):
        name, disposition = "", None
    kind = part.get_content_type()
    if disposition != "attachment" and (
        not name or (kind.startswith("image/") and part["Content-ID"])
    ):
        return "" if kind != _MESSAGE else "message.eml"
    if kind == _MESSAGE and not name.lower().endswith(".eml"):
        name = f"{name or 'message'}.eml"
    name = name.replace("/", "_").replace("\\", "_").strip(". ")
    return name[-_NAME_CHARS:] or f"unnamed{_ENDINGS.get(kind, '')}"


def _header(builder: DocumentBuilder, message: EmailMessage) -> dict[str, MetadataValue]:
    subject = _field(message, "Subject")
    builder.title = subject
    builder.add(BlockKind.HEADING, subject, level=1)
    metadata: dict[str, MetadataValue] = {}
    for name in _PEOPLE:
        # Outlook writes names there that are no addresses.
        value = _field(message, name) or _field(message, f"X-Outlook-{name}")
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
    for part in _outer_parts(message):
        if part.get_content_type() == wanted and not part.get_filename():
            yield part


def _content(builder: DocumentBuilder, part: MIMEPart) -> str:
    try:
        payload = part.get_payload(decode=True)
    except _MALFORMED as exc:
        builder.notice(f"the message's text cannot be read: {exc}")
        return ""
    if not isinstance(payload, bytes):
        return ""
    charset = _charset(part)
    if charset and not is_known(charset):
        builder.notice("the message states an encoding that is not known; it was guessed")
    try:
        decoded = decode(payload, charset)
    except BrokenFileError:
        builder.notice("the message's text is in no known encoding; it was read as UTF-8")
        return payload.decode("utf-8", "replace")
    builder.notice(*decoded.notices)
    return decoded.text


def _charset(part: MIMEPart) -> str:
    """Return the encoding that the part states; empty if none, or ASCII, which many only say."""
    try:
        stated = part.get_content_charset() or ""
    except _MALFORMED:
        return ""
    return "" if stated in _ASCII else stated
