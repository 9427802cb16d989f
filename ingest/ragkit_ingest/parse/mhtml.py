"""Saved web pages (.mhtml, .mht): the page itself, read as HTML is."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder
from ragkit_ingest.parse.encoding import decode
from ragkit_ingest.parse.file import read_bytes
from ragkit_ingest.parse.html import declared_charset, read_html
from ragkit_ingest.parse.moment import iso_from_mail
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.records import Document


class MhtmlParser:
    """Reads pages as browsers save them in one file."""

    name = "mhtml"
    version = 1
    suffixes = frozenset({".mhtml", ".mht"})

    def parse(self, source: Source) -> Document:
        """Return the page's Document.

        Raises:
            BrokenFileError: If the file holds no page.
        """
        message = email.message_from_bytes(read_bytes(source.path), policy=email.policy.default)
        for part in message.walk():
            if isinstance(part, EmailMessage) and part.get_content_type() == "text/html":
                data = part.get_payload(decode=True)
                if isinstance(data, bytes) and data.strip():
                    return _read(message, data, part.get_content_charset() or "")
        raise BrokenFileError("the file holds no web page")


def _read(message: EmailMessage, data: bytes, charset: str) -> Document:
    decoded = decode(data, charset or declared_charset(data))
    builder = DocumentBuilder("mhtml")
    metadata = read_html(builder, decoded)
    for field, key in (("Snapshot-Content-Location", "url"), ("Content-Location", "url")):
        if message.get(field):
            metadata.setdefault(key, str(message.get(field)))
    saved = iso_from_mail(str(message.get("Date", "")))
    if saved:
        metadata.setdefault("saved", saved)
    return builder.build(metadata)
