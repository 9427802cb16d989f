"""Attachments are documents of their own that come, change and go with their mail."""

from __future__ import annotations

import sqlite3
from email.message import EmailMessage
from pathlib import Path

import pytest

from ragkit_ingest.catalog import schema
from ragkit_ingest.index import Index
from ragkit_ingest.parse.registry import BUILT_IN, ParserRegistry
from ragkit_ingest.parse.worker import ParserPool
from ragkit_ingest.plan import SyncPlan
from ragkit_ingest.report import IngestReport
from ragkit_ingest.sync import SyncSettings, plan_sync, sync
from ragkit_ingest.verify import verify
from tests.ingest.conftest import Bench
from tests.ingest.test_crash import start
from tests.ingest.test_sync import consistent, vectors
from tests.ingest.test_verify import alter
from tests.support.folder import Folder


def mail(subject: str = "Offer", text: str = "See the attachments.") -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "Ada <ada@example.org>"
    message["Date"] = "Mon, 2 Mar 2026 09:00:00 +0000"
    message.set_content(text)
    return message


def attach(message: EmailMessage, name: str, data: str | bytes) -> EmailMessage:
    message.add_attachment(
        data.encode() if isinstance(data, str) else data,
        maintype="application",
        subtype="octet-stream",
        filename=name,
    )
    return message


class Mails:
    """A folder of mails, its index, and the time."""

    def __init__(self, index: Index, docs: Folder) -> None:
        self.index = index
        self.docs = docs
        self.now = 1_800_000_000.0
        self.parsers: list[int] = []

    def write(self, name: str, message: EmailMessage) -> Path:
        return self.docs.write(name, message.as_bytes())

    def sync(self, registry: ParserRegistry | None = None, **settings: bool) -> IngestReport:
        def pool(workers: int) -> ParserPool:
            self.parsers.append(workers)
            return ParserPool(workers, registry=registry)

        self.parsers.clear()
        options = SyncSettings(**settings)  # type: ignore[arg-type]
        return sync(self.index, [self.docs.path], options, parsers=pool, clock=lambda: self.now)

    def plan(self) -> SyncPlan:
        return plan_sync(self.index, [self.docs.path], SyncSettings(), clock=lambda: self.now)

    def states(self) -> dict[str, str]:
        return {document.path: document.state for document in self.index.status().documents}

    def text(self, path: str) -> str:
        return self.index.show(path).text


@pytest.fixture
def mails(index: Index, docs: Folder) -> Mails:
    return Mails(index, docs)


def check(mails: Mails) -> None:
    consistent(Bench(mails.index, mails.docs))
    queries = (
        "SELECT count(*) FROM files WHERE owner_id NOT IN (SELECT id FROM files)",
        "SELECT count(*) FROM files f JOIN files o ON o.id = f.owner_id WHERE f.sha256 != o.sha256",
        "SELECT count(*) FROM files WHERE outcome = 'staged'",
    )
    for query in queries:
        assert mails.index.connection.execute(query).fetchone()[0] == 0


def test_an_attachment_is_found_shown_and_filtered_by_its_own_path(mails: Mails) -> None:
    mails.write("a.eml", attach(attach(mail(), "b.csv", "urn,240 euro\n"), "n.md", "# N\n\nTea."))
    report = mails.sync()
    assert (report.files.indexed, report.files.attachments, report.files.failed) == (1, 2, 0)
    assert mails.states() == dict.fromkeys(("a.eml", "a.eml/b.csv", "a.eml/n.md"), "indexed")
    assert mails.text("a.eml/n.md") == "N\n\nTea."
    assert mails.text(str(mails.docs.path / "a.eml" / "n.md")) == "N\n\nTea."
    assert "Attachments: b.csv, n.md" in mails.text("a.eml")
    with mails.index.reader() as reading:
        facts = {fact.path: fact.format for fact in reading.facts()}
        assert facts == {"a.eml": "email", "a.eml/b.csv": "delimited", "a.eml/n.md": "markdown"}
    titles = {d.path: d.title for d in mails.index.status().documents}
    assert titles == {"a.eml": "Offer", "a.eml/b.csv": "b", "a.eml/n.md": "N"}
    check(mails)


def test_a_second_sync_opens_nothing(mails: Mails) -> None:
    mails.write("a.eml", attach(attach(mail(), "n.md", "Tea."), "logo.bin", b"\x00"))
    mails.sync()
    report = mails.sync()
    assert mails.parsers == []
    assert (report.files.unchanged, report.files.attachments, report.generation) == (1, 0, 1)


def test_equal_names_are_numbered(mails: Mails) -> None:
    mails.write("a.eml", attach(attach(mail(), "n.txt", "one"), "n.txt", "two"))
    mails.sync()
    assert mails.text("a.eml/n.txt") == "one"
    assert mails.text("a.eml/n (2).txt") == "two"


def test_an_edited_mail_replaces_its_attachments(mails: Mails) -> None:
    first = attach(attach(attach(mail(), "stays.txt", "same"), "edit.txt", "old"), "goes.txt", "x")
    mails.write("a.eml", first)
    mails.docs.write("other.md", "other")
    mails.sync()
    second = attach(attach(attach(mail(), "stays.txt", "same"), "edit.txt", "new"), "is.txt", "y")
    mails.write("a.eml", second)
    report = mails.sync()
    assert (report.files.indexed, report.files.removed, report.files.attachments) == (1, 0, 3)
    assert report.embedded == 3  # the mail's list of attachments, edit.txt and is.txt
    assert sorted(mails.states()) == [
        "a.eml",
        "a.eml/edit.txt",
        "a.eml/is.txt",
        "a.eml/stays.txt",
        "other.md",
    ]
    assert mails.text("a.eml/edit.txt") == "new"
    check(mails)


def test_attachments_go_with_their_mail_and_count_as_no_loss_of_their_own(mails: Mails) -> None:
    """Of five files one goes: with its nine attachments it is not more than half."""
    message = mail()
    for number in range(9):
        attach(message, f"{number}.txt", f"text {number}")
    path = mails.write("a.eml", message)
    mails.docs.fill(4)
    assert mails.sync().chunks.total == 14
    path.unlink()
    report = mails.sync()
    assert (report.files.removed, report.chunks.total) == (1, 4)
    assert sorted(mails.states()) == ["0.md", "1.md", "2.md", "3.md"]
    check(mails)


def test_a_mail_that_cannot_be_read_any_more_keeps_its_attachments(mails: Mails) -> None:
    mails.docs.fill(1)
    mails.write("a.eml", attach(mail(), "n.txt", "old words"))
    mails.sync()
    mails.docs.write("a.eml", b"no mail at all")
    report = mails.sync()
    assert [failure.path for failure in report.failures] == ["a.eml"]
    assert mails.states()["a.eml"] == "stale"
    assert mails.states()["a.eml/n.txt"] == "indexed"
    assert mails.text("a.eml/n.txt") == "old words"


def test_what_fails_in_a_mail_is_named_and_costs_the_rest_nothing(mails: Mails) -> None:
    message = attach(attach(mail(), "broken.pdf", b"no pdf"), "n.txt", "fine")
    mails.write("a.eml", attach(attach(message, "empty.html", "<p></p>"), "tool.exe", b"MZ"))
    report = mails.sync()
    (failure,) = report.failures
    assert (failure.path, failure.attempts) == ("a.eml/broken.pdf", 1)
    assert "not a readable PDF" in failure.reason
    assert (report.files.failed, report.files.indexed, report.files.attachments) == (1, 1, 2)
    assert report.no_text == ("a.eml/empty.html",)
    documents = {d.path: d for d in mails.index.status().documents}
    assert documents["a.eml/broken.pdf"].state == "failed"
    assert documents["a.eml/broken.pdf"].reason == failure.reason
    assert documents["a.eml/empty.html"].state == "no_text"
    assert "tool.exe (no parser reads .exe)" in documents["a.eml"].reason
    assert "a.eml/tool.exe" not in documents


def test_a_failed_attachment_rests_and_costs_no_new_generation(mails: Mails) -> None:
    mails.write("a.eml", attach(attach(mail(), "broken.pdf", b"no pdf"), "n.txt", "fine"))
    first = mails.sync()
    assert mails.plan().retry == ("a.eml",)
    again = mails.sync()
    assert (again.failures[0].attempts, again.failures[0].tried) == (2, True)
    assert (again.files.indexed, again.files.unchanged) == (0, 1)
    assert (again.generation, again.chunks.added, again.files.attachments) == (
        first.generation, 0, 0,
    )  # fmt: skip
    resting = mails.sync()
    assert mails.parsers == []
    assert (resting.failures[0].tried, resting.files.unchanged) == (False, 1)
    assert resting.failures[0].next_try == "2027-01-15T08:01:00+00:00"
    mails.now += 60
    assert mails.sync().failures[0].attempts == 3
    assert mails.sync(retry=True).failures[0].attempts == 4
    check(mails)


def test_an_attachment_that_can_be_read_at_last(mails: Mails) -> None:
    """It failed because its parser did; the same parser, repaired, is given the mail again."""
    mails.write("a.eml", attach(attach(mail(), "x.bad", b"words"), "n.txt", "fine"))
    registry = ParserRegistry({**BUILT_IN, ".bad": "ragkit_ingest.parse.pdf:PdfParser"})

    from ragkit_ingest import sync as module

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "ParserRegistry", lambda ocr: registry)
        assert [f.path for f in mails.sync(registry).failures] == ["a.eml/x.bad"]
        repaired = ParserRegistry({**BUILT_IN, ".bad": "ragkit_ingest.parse.text:TextParser"})
        patched.setattr(module, "ParserRegistry", lambda ocr: repaired)
        report = mails.sync(repaired)
        assert report.failures == ()
        assert mails.text("a.eml/x.bad") == "words"
        check(mails)


def test_the_parser_of_an_attachment_counts_like_that_of_the_mail(
    mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ragkit_ingest.parse.text import TextParser

    mails.write("a.eml", attach(mail(), "n.txt", "fine"))
    mails.write("b.eml", mail())
    mails.sync()
    monkeypatch.setattr(TextParser, "version", TextParser.version + 1)
    assert mails.plan().edited == ("a.eml",)


def test_mails_within_mails_and_their_attachments(mails: Mails) -> None:
    inner = attach(mail("Inner", "Inner words."), "deep.txt", "deep words")
    outer = mail("Outer")
    outer.add_attachment(inner)
    attach(outer, "forwarded.eml", attach(mail("Saved"), "far.txt", "far words").as_bytes())
    mails.write("a.eml", outer)
    assert mails.sync().files.attachments == 4
    assert mails.text("a.eml/message.eml/deep.txt") == "deep words"
    assert mails.text("a.eml/forwarded.eml/far.txt") == "far words"
    assert "Inner words." in mails.text("a.eml/message.eml")


def test_the_depth_of_mails_within_mails_is_bounded_and_said(mails: Mails) -> None:
    message = mail("0")
    for level in range(1, 9):
        outer = mail(str(level))
        outer.add_attachment(message)
        message = outer
    mails.write("a.eml", message)
    (failure,) = mails.sync().failures
    assert failure.path == "a.eml" + "/message.eml" * 6
    assert "nested more than 5 levels" in failure.reason


def test_a_mailbox(mails: Mails) -> None:
    messages = [mail("First"), attach(mail("Second"), "n.txt", "words")]
    data = b"".join(b"From a@b Thu Oct  2 08:41:00 2025\n" + m.as_bytes() + b"\n" for m in messages)
    mails.docs.write("box.mbox", data)
    mails.sync()
    assert mails.text("box.mbox/2-n.txt") == "words"


def test_a_moved_mail_takes_its_attachments_along(mails: Mails) -> None:
    message = attach(attach(mail(), "n.txt", "words"), "broken.pdf", b"no pdf")
    path = mails.write("a.eml", message)
    mails.docs.fill(1)
    mails.sync()
    mails.sync()
    before = set(vectors(mails.index).values())
    path.rename(mails.docs.path / "b.eml")
    report = mails.sync()
    assert (report.files.moved, mails.parsers, report.embedded) == (1, [], 0)
    assert [(f.path, f.attempts) for f in report.failures] == [("b.eml/broken.pdf", 2)]
    assert sorted(mails.states()) == ["0.md", "b.eml", "b.eml/broken.pdf", "b.eml/n.txt"]
    assert mails.text("b.eml/n.txt") == "words"
    assert mails.text(str(mails.docs.path / "b.eml" / "n.txt")) == "words"
    assert set(vectors(mails.index).values()) == before
    check(mails)
    assert mails.sync().files.unchanged == 2


def test_a_renamed_mailbox_changes_its_title_and_keeps_its_attachments(mails: Mails) -> None:
    data = b"From a@b Thu Oct  2 08:41:00 2025\n" + attach(mail(), "n.txt", "words").as_bytes()
    path = mails.docs.write("old-box.mbox", data)
    mails.sync()
    path.rename(mails.docs.path / "new-box.mbox")
    report = mails.sync()
    assert (report.files.moved, mails.parsers) == (1, [])
    titles = {d.path: d.title for d in mails.index.status().documents}
    assert titles == {"new-box.mbox": "new box", "new-box.mbox/1-n.txt": "1 n"}
    assert mails.text("new-box.mbox/1-n.txt") == "words"
    check(mails)


def test_a_folder_in_the_place_of_a_mail(mails: Mails) -> None:
    """`a.eml/n.txt` was an attachment and is a file now."""
    path = mails.write("a.eml", attach(mail(), "n.txt", "attached"))
    mails.docs.fill(3)
    mails.sync()
    path.unlink()
    mails.docs.write("a.eml/n.txt", "a file")
    report = mails.sync()
    assert (report.files.removed, report.files.indexed) == (1, 1)
    (name,) = [name for name in mails.states() if name.startswith("a.eml")]
    assert mails.text(name) == "a file"
    check(mails)


def test_two_mails_of_one_content(mails: Mails) -> None:
    message = attach(mail(), "n.txt", "words")
    mails.write("a.eml", message)
    mails.sync()
    mails.write("b.eml", message)
    report = mails.sync()
    assert (report.files.indexed, report.embedded) == (1, 0)
    assert mails.text("b.eml/n.txt") == "words"
    check(mails)


def test_nothing_of_an_edit_shows_before_it_is_published(mails: Mails) -> None:
    """A sync is killed when all is staged; then the edit is taken back."""
    first = attach(attach(mail(), "n.txt", "old"), "broken.pdf", b"no pdf")
    path = mails.write("a.eml", first)
    mails.docs.fill(2)
    mails.sync()
    before = vectors(mails.index)
    second = attach(attach(mail(), "new.txt", "new"), "n.txt", b"")
    mails.write("a.eml", second)
    with start(mails.index.folder, mails.docs.path, "publish-real") as process:
        process.communicate(timeout=60)
    assert process.returncode == -9
    assert vectors(mails.index) == before
    assert mails.text("a.eml/n.txt") == "old"
    path.write_bytes(first.as_bytes())
    mails.docs.touch(path)
    mails.sync()
    assert vectors(mails.index) == before
    assert mails.states()["a.eml/broken.pdf"] == "failed"
    assert "a.eml/new.txt" not in mails.states()
    check(mails)


def test_a_killed_edit_is_taken_up_where_it_ended(mails: Mails) -> None:
    mails.write("a.eml", attach(mail(), "n.txt", "old"))
    mails.sync()
    mails.write("a.eml", attach(attach(mail(), "new.txt", "new"), "x.pdf", b"no pdf"))
    with start(mails.index.folder, mails.docs.path, "publish-real") as process:
        process.communicate(timeout=60)
    report = mails.sync()
    assert (mails.parsers, report.embedded) == ([], 0)
    assert [failure.path for failure in report.failures] == ["a.eml/x.pdf"]
    assert sorted(mails.states()) == ["a.eml", "a.eml/new.txt", "a.eml/x.pdf"]
    check(mails)


def test_the_catalog_refuses_an_attachment_without_a_mail(mails: Mails) -> None:
    mails.write("a.eml", attach(mail(), "n.txt", "words"))
    mails.sync()
    connection = schema.open_existing(mails.index.folder)
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("UPDATE files SET owner_id = 999 WHERE owner_id IS NOT NULL")
    connection.close()


@pytest.mark.parametrize(
    ("table", "change", "again"),
    [
        ("files", "path = 'a.eml/x.txt' WHERE path = 'a.eml/n.txt'", ["a.eml/x.txt"]),
        ("files", "path = 'b.eml' WHERE path = 'a.eml'", ["b.eml"]),
        ("revisions", "text = text || '!' WHERE text LIKE '%words%'", ["a.eml/n.txt"]),
    ],
)
def test_a_damaged_attachment_or_mail_is_read_again(
    mails: Mails, table: str, change: str, again: list[str]
) -> None:
    mails.write("a.eml", attach(mail(), "n.txt", "words"))
    mails.write("c.eml", attach(mail(), "n.txt", "others"))
    mails.sync()
    alter(Bench(mails.index, mails.docs), table, change)
    assert list(verify(mails.index).reread) == again
    mails.sync()
    assert verify(mails.index).sound
    assert sorted(mails.states()) == ["a.eml", "a.eml/n.txt", "c.eml", "c.eml/n.txt"]
    assert mails.text("a.eml/n.txt") == "words"
    check(mails)
