from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage

import pytest

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.records import Document

Parse = Callable[[str, bytes], Document]


def _message() -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Late delivery of HE-7 \u2014 Größe"
    message["From"] = "Hector <hector@example.org>"
    message["To"] = "Ferdinand <f@example.org>"
    message["Date"] = "Thu, 02 Oct 2025 08:41:00 +0200"
    return message


def test_plain_text_is_preferred_and_quotes_are_kept(parse: Parse) -> None:
    message = _message()
    message.set_content("Dear Ferdinand,\n\nit is late.\n\n> When does it come?\n")
    message.add_alternative("<p>not this</p>", subtype="html")
    message.add_attachment(b"x", maintype="application", subtype="pdf", filename="note.pdf")
    document = parse("a.eml", message.as_bytes())
    assert document.title == "Late delivery of HE-7 \u2014 Größe"
    assert document.text == (
        "Late delivery of HE-7 \u2014 Größe\n\nFrom: Hector <hector@example.org>\n\n"
        "To: Ferdinand <f@example.org>\n\nDate: Thu, 02 Oct 2025 08:41:00 +0200\n\n"
        "Dear Ferdinand,\n\nit is late.\n\n> When does it come?\n\nAttachments: note.pdf"
    )
    assert document.metadata["date"] == "2025-10-02T08:41:00+02:00"
    assert document.metadata["from"] == "Hector <hector@example.org>"


def test_html_is_read_when_there_is_no_plain_text(parse: Parse) -> None:
    message = _message()
    message.set_content("<h1>News</h1><p>It <b>came</b>.</p>", subtype="html")
    document = parse("a.eml", message.as_bytes())
    assert document.text.endswith("News\n\nIt came.")
    assert document.title.startswith("Late delivery")


def test_an_unknown_charset_is_told(parse: Parse) -> None:
    data = b"Subject: a\nContent-Type: text/plain; charset=klingon\n\nhello\n"
    document = parse("a.eml", data)
    assert document.text == "a\n\nhello"
    assert document.notices


@pytest.mark.parametrize("stated", ["", "Content-Type: text/plain; charset=us-ascii\n"])
def test_a_mail_that_states_no_charset_is_read_as_text(parse: Parse, stated: str) -> None:
    document = parse("a.eml", f"Subject: a\n{stated}\nIt costs £45 for Zoë.\n".encode())
    assert document.text == "a\n\nIt costs £45 for Zoë."
    assert not document.notices


def test_a_mail_in_an_old_encoding_without_charset_is_guessed(parse: Parse) -> None:
    body = "Die Rechnung für die Brötchen ist fällig; wir grüßen Sie schön aus Köln.\n"
    document = parse("a.eml", b"Subject: a\n\n" + body.encode("cp1252"))
    assert body.strip() in document.text
    assert any("guessed" in notice for notice in document.notices)


def test_a_mail_with_a_binary_body_is_told(parse: Parse) -> None:
    document = parse("a.eml", b"Subject: a\n\nhello\x00there\n")
    assert "hello" in document.text
    assert document.notices


def test_bytes_that_the_stated_charset_lacks_are_told(parse: Parse) -> None:
    data = b"Subject: a\nContent-Type: text/plain; charset=utf-8\n\nhell\xf6\n"
    document = parse("a.eml", data)
    assert any("utf-8" in notice for notice in document.notices)


def test_a_bad_date_is_no_metadata(parse: Parse) -> None:
    document = parse("a.eml", b"Subject: a\nDate: yesterday\n\nhello\n")
    assert "date" not in document.metadata


def test_a_file_without_mail_header_is_refused(parse: Parse) -> None:
    with pytest.raises(BrokenFileError, match="no mail header"):
        parse("a.eml", b"%PDF-1.4 something else\n")
