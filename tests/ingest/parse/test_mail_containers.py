"""Mailboxes, Outlook messages, saved pages, and attachments read by the pool."""

from __future__ import annotations

import struct
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.email import EmailParser
from ragkit_ingest.parse.mbox import MboxParser
from ragkit_ingest.parse.msg import MsgParser
from ragkit_ingest.parse.protocol import Container, Source
from ragkit_ingest.parse.worker import ParserPool
from ragkit_ingest.records import Document

Parse = Callable[[str, bytes], Document]


def mail(subject: str, text: str = "See below.") -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "Hector <hector@example.org>"
    message.set_content(text)
    return message


def attach(message: EmailMessage, name: str, data: bytes) -> None:
    message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)


def cfb(streams: dict[str, bytes]) -> bytes:
    """Return a compound file of streams that have less than 4,096 bytes each."""
    names: dict[str, list[str]] = {"": []}
    for path in streams:
        parts = path.split("/")
        for depth in range(len(parts)):
            parent, here = "/".join(parts[:depth]), "/".join(parts[: depth + 1])
            if here not in names[parent]:
                names[parent].append(here)
            if depth < len(parts) - 1:
                names.setdefault(here, [])
    mini, mini_table, starts = b"", list[int](), {}
    for path, data in streams.items():
        starts[path] = len(mini_table)
        count = max(1, -(-len(data) // 64))
        mini_table += chain(len(mini_table), count)
        mini += data.ljust(64 * count, b"\0")
    order = ["", *[path for group in names.values() for path in group]]
    number = {path: place for place, path in enumerate(order)}
    entries = b""
    for path in order:
        siblings = next((group for group in names.values() if path in group), [])
        after = siblings.index(path) + 1 if path else 0
        right = number[siblings[after]] if path and after < len(siblings) else 0xFFFFFFFF
        child = number[names[path][0]] if names.get(path) else 0xFFFFFFFF
        name = (path.rpartition("/")[2] or "Root Entry").encode("utf-16-le")
        kind = 5 if not path else 1 if path in names else 2
        start = starts.get(path, 2 if not path else 0)
        size = len(streams.get(path, mini if not path else b""))
        entries += struct.pack(
            "<64sHBBIII16xI16xIQ", name, len(name) + 2, kind, 1, 0xFFFFFFFF, right, child, 0,
            start, size,
        )  # fmt: skip
    minis, directories = -(-len(mini) // 512), -(-len(order) // 4)
    fat = [0xFFFFFFFD, 0xFFFFFFFE, *chain(2, minis), *chain(2 + minis, directories)]
    head = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6,
        0, 1, 2 + minis, 0, 4096, 1, 1, 0xFFFFFFFE, 0,
    )  # fmt: skip
    tables = [struct.pack(f"<{len(t)}I", *t).ljust(512, b"\xff") for t in (fat, mini_table)]
    return b"".join(
        [
            head,
            struct.pack("<109I", 0, *[0xFFFFFFFF] * 108),
            *tables,
            mini.ljust(512 * minis, b"\0"),
            entries.ljust(512 * directories, b"\0"),
        ]
    )


def chain(first: int, count: int) -> list[int]:
    return [*range(first + 1, first + count), 0xFFFFFFFE]


def test_attachments_become_documents_of_their_own(tmp_path: Path) -> None:
    inner = mail("Inner")
    attach(inner, "deep.txt", b"deep words")
    message = mail("Outer")
    attach(message, "note.md", b"# Title\n\nwords\n")
    attach(message, "note.md", b"again\n")
    attach(message, "../../odd/name.txt", b"odd\n")
    attach(message, "tool.exe", b"MZ")
    attach(message, "broken.pdf", b"no pdf")
    message.add_attachment(inner)
    path = tmp_path / "a.eml"
    path.write_bytes(message.as_bytes())
    with ParserPool(2) as pool:
        document = pool.parse(Source(path=path))
        others = list(pool.parse_all([(n, Source(path=path)) for n in range(3)]))
    assert [key for key, _ in sorted(others, key=lambda pair: pair[0])] == [0, 1, 2]
    found = {a.name: a for a in document.attachments}
    texts = {name: a.document.text for name, a in found.items() if a.document}
    assert texts.pop("message.eml").startswith("Inner")
    assert texts == {
        "note.md": "Title\n\nwords",
        "note (2).md": "again",
        "_.._odd_name.txt": "odd",
        "message.eml/deep.txt": "deep words",
    }
    assert found["tool.exe"].failure == "no parser reads .exe"
    assert "not a readable PDF" in found["broken.pdf"].failure
    assert "Attachments: note.md, note (2).md" in document.text


def test_an_attachment_that_ends_its_process_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ragkit_ingest.parse.registry import BUILT_IN, ParserRegistry

    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    message = mail("Outer")
    attach(message, "x.bad", b"kill")
    attach(message, "note.txt", b"fine")
    path = tmp_path / "a.eml"
    path.write_bytes(message.as_bytes())
    registry = ParserRegistry({**BUILT_IN, ".bad": "hostile_parser:HostileParser"})
    with ParserPool(1, registry=registry) as pool:
        document = pool.parse(Source(path=path))
    bad, fine = document.attachments
    assert "signal 9" in bad.failure
    assert fine.document is not None
    assert fine.document.text == "fine"


def test_nesting_is_bounded(tmp_path: Path) -> None:
    message = mail("0")
    for level in range(1, 9):
        outer = mail(str(level))
        outer.add_attachment(message)
        message = outer
    path = tmp_path / "a.eml"
    path.write_bytes(message.as_bytes())
    with ParserPool(1) as pool:
        attachments = pool.parse(Source(path=path)).attachments
    assert len(attachments) == 6
    assert "nested" in attachments[-1].failure


def test_a_mailbox_has_a_page_for_each_message(parse: Parse, tmp_path: Path) -> None:
    second = mail("Second", "Text\n\nFrom here on\n")
    attach(second, "note.txt", b"words")
    data = b"".join(
        b"From hector@example.org Thu Oct  2 08:41:00 2025\n"
        + message.as_bytes().replace(b"\nFrom here", b"\n>From here")
        + b"\n"
        for message in (mail("First"), second)
    )
    document = parse("a.mbox", data)
    assert [page.label for page in document.pages] == ["1: First", "2: Second"]
    assert "From here on" in document.text
    assert ">From" not in document.text
    assert [a.name for a in document.attachments] == ["2-note.txt"]
    assert MboxParser().attachment(Source(path=tmp_path / "a.mbox"), "2-note.txt") == b"words"
    with pytest.raises(BrokenFileError, match="no attachment"):
        MboxParser().attachment(Source(path=tmp_path / "a.mbox"), "9-x.txt")
    with pytest.raises(BrokenFileError, match="not a mailbox"):
        parse("b.mbox", b"some text\n")


def test_an_outlook_message(parse: Parse, tmp_path: Path) -> None:
    submitted = struct.pack("<IIQ", 0x00390040, 6, 133_800_000_000_000_000)
    start = "__attach_version1.0_#0000000"
    streams = {
        "__properties_version1.0": bytes(32) + submitted,
        "__substg1.0_0037001F": "Late".encode("utf-16-le"),
        "__substg1.0_0C1A001F": "Rossi, Mario".encode("utf-16-le"),
        "__substg1.0_0C1F001E": b"mario@example.org",
        "__substg1.0_0E04001F": "Tamsin; Hector".encode("utf-16-le"),
        "__substg1.0_1000001F": "It is late.".encode("utf-16-le"),
        f"{start}0/__substg1.0_3707001F": "note.txt".encode("utf-16-le"),
        f"{start}0/__substg1.0_37010102": b"words",
        f"{start}1/__substg1.0_3701000D/__substg1.0_0037001F": "Inner".encode("utf-16-le"),
    }
    document = parse("a.msg", cfb(streams))
    assert document.text == (
        "Late\n\nFrom: Rossi, Mario <mario@example.org>\n\nTo: Tamsin; Hector\n\n"
        "Date: Mon, 30 Dec 2024 02:40:00 +0000\n\nIt is late.\n\n"
        "Attachments: note.txt, message.eml"
    )
    assert document.metadata["date"] == "2024-12-30T02:40:00+00:00"
    source = Source(path=tmp_path / "a.msg")
    assert MsgParser().attachment(source, "note.txt") == b"words"
    assert b"Subject: Inner" in MsgParser().attachment(source, "message.eml")


def test_rich_text_bodies_are_unpacked(parse: Parse) -> None:
    rich = b"{\\rtf1\\ansi Dear all,\\par it is late.}"
    packed = b"".join(b"\x00" + rich[n : n + 8] for n in range(0, len(rich), 8))
    head = struct.pack("<IIII", len(packed) + 12, len(rich), 0x75465A4C, 0)
    streams = {
        "__substg1.0_0037001F": "Late".encode("utf-16-le"),
        "__substg1.0_10090102": head + packed,
    }
    assert parse("a.msg", cfb(streams)).text == "Late\n\nDear all,\n\nit is late."


@pytest.mark.parametrize("data", [b"text", cfb({"other": b"x"}), cfb({"a/b": b"x"})[:700]])
def test_what_is_no_outlook_message_is_refused(parse: Parse, data: bytes) -> None:
    with pytest.raises(BrokenFileError):
        parse("a.msg", data)


def test_a_saved_page(parse: Parse) -> None:
    message = EmailMessage()
    message["Snapshot-Content-Location"] = "https://example.org/tea"
    message.set_content("<nav>Menu</nav><h1>Tea</h1><p>Pour it.</p>", subtype="html")
    message.make_mixed()
    attach(message, "a.png", b"x")
    document = parse("a.mhtml", message.as_bytes())
    assert document.text == "Tea\n\nPour it."
    assert document.metadata["url"] == "https://example.org/tea"
    with pytest.raises(BrokenFileError, match="no web page"):
        parse("b.mhtml", b"Subject: x\n\nplain\n")


def test_who_holds_attachments_says_so() -> None:
    for parser in (EmailParser(), MboxParser(), MsgParser()):
        assert isinstance(parser, Container)
