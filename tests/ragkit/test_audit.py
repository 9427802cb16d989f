"""Audit records: whole, chained, private; and what became of their sources."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ragkit.audit import START, AuditFile, AuditReport, compare, digest, host
from ragkit.chat import Conversation
from ragkit.config import Config
from ragkit.pipeline import Pipeline
from ragkit_ingest.errors import StorageError, UsageError
from tests.ragkit.test_pipeline import QUESTION, pipeline
from tests.support.chat_server import serving
from tests.support.folder import Folder, word


@pytest.fixture
def place(tmp_path: Path, docs: Folder) -> Path:
    docs.fill(5)
    docs.write("leave.md", "# Leave\n\nLeave is 28 days.\n\nIt is paid.\n")
    return tmp_path


@pytest.fixture
def rag(place: Path, docs: Folder) -> Iterator[Pipeline]:
    config = Config(min_confidence=0.0, workers=1, audit=str(place / "audit.jsonl"))
    with pipeline(place / "index", config) as opened:
        opened.ingest(docs.path)
        yield opened


def lines(place: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (place / "audit.jsonl").read_text().splitlines()]


def report(place: Path, rag: Pipeline) -> AuditReport:
    return compare(AuditFile(place / "audit.jsonl"), rag.show)


# -- what is written -----------------------------------------------------------------------------


def test_a_record_holds_what_the_answer_was_made_of(place: Path, rag: Pipeline) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    answer = rag.ask(QUESTION, k=3)
    (entry,) = lines(place)
    assert (entry["kind"], entry["version"], entry["previous"]) == ("ragkit-answer", 1, START)
    assert datetime.fromisoformat(entry["at"]) >= before
    assert entry["question"] == entry["standalone_question"] == QUESTION
    assert entry["index"] == {
        "generation": answer.generation,
        "embedder": answer.embedder,
        "embedder_digest": rag.embedder.fingerprint.digest,
    }
    assert entry["generator"] == {"name": "extractive", "model": "", "host": ""}
    assert entry["config"]["k"] == 8
    assert [(p["path"], p["start"], p["end"]) for p in entry["passages"]] == [
        (p.path, p.start, p.end) for p in answer.passages
    ]
    told = answer.to_json()
    assert entry["answer"]["text"] == told["text"]
    assert entry["answer"]["citations"] == told["citations"]
    assert entry["answer"]["sentences"] == told["sentences"]
    assert entry["hash"] == digest(entry)


def test_streams_async_and_abstentions_are_recorded_once_each(place: Path, rag: Pipeline) -> None:
    import asyncio

    list(rag.stream(QUESTION))
    asyncio.run(rag.aask(QUESTION))
    first, second = lines(place)
    assert second["previous"] == first["hash"]
    withheld = Config(min_confidence=1.0, workers=1, audit=str(place / "audit.jsonl"))
    with pipeline(place / "index", withheld) as other:
        other.ask(QUESTION)
    assert lines(place)[2]["answer"]["abstained"] is True
    assert lines(place)[2]["answer"]["citations"] == []


def test_a_follow_up_is_recorded_as_typed_and_as_searched(place: Path, rag: Pipeline) -> None:
    talk = Conversation(rag)
    talk.ask(f"What does the {word(1)} cost?")
    second = talk.ask(f"And the {word(2)}?")
    assert second.standalone_question != second.question
    entry = lines(place)[1]
    assert entry["question"] == second.question
    assert entry["standalone_question"] == second.standalone_question
    assert [turn["question"] for turn in entry["history"]] == [f"What does the {word(1)} cost?"]


def test_no_secret_is_written(place: Path, docs: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    with serving() as server:
        config = Config(
            generator="openai:m", generator_url=f"{server.url}/tenant-secret",
            generator_key_env="MY_KEY", min_confidence=0.0, workers=1,
            audit=str(place / "audit.jsonl"),
        )  # fmt: skip
        with pipeline(place / "index", config) as rag:
            rag.ingest(docs.path)
            rag.ask(QUESTION)
    text = (place / "audit.jsonl").read_text()
    assert "sk-very-secret" not in text
    assert "MY_KEY" not in text
    assert "tenant-secret" not in text
    (entry,) = lines(place)
    assert entry["generator"]["host"] == server.url.removesuffix("/v1")
    assert entry["generator"]["model"] == "m-2"
    assert entry["prompt"]["version"].startswith("answer-")
    assert len(entry["prompt"]["sha256"]) == 64


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("https://me:pass@h.example:8443/v1?key=1#f", "https://h.example:8443"),
        ("http://[::1]:80/v1", "http://::1:80"),
        ("", ""),
        ("nonsense", ""),
        ("http://h.example:99999/", ""),
    ],
)
def test_of_an_address_the_host_is_told(address: str, wanted: str) -> None:
    assert host(address) == wanted


def test_the_file_is_private(place: Path, rag: Pipeline) -> None:
    old = os.umask(0)
    try:
        rag.ask(QUESTION)
    finally:
        os.umask(old)
    assert stat.S_IMODE((place / "audit.jsonl").stat().st_mode) == 0o600


def add(path: str, count: int) -> None:
    for number in range(count):
        AuditFile(path).append({"kind": "ragkit-answer", "version": 1, "n": number})


def test_many_processes_write_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=add, args=(str(path), 15)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(entries) == 45
    before = [START, *(entry["hash"] for entry in entries)]
    assert [entry["previous"] for entry in entries] == before[:-1]


def test_a_long_last_line_is_chained(tmp_path: Path) -> None:
    file = AuditFile(tmp_path / "a")
    for text in ("x" * 300_000, "y"):
        file.append({"kind": "ragkit-answer", "text": text})
    first, second = map(json.loads, (tmp_path / "a").read_text().splitlines())
    assert second["previous"] == first["hash"]


# -- what cannot be written ----------------------------------------------------------------------


def test_on_a_full_disk_no_answer_is_given_and_nothing_half_is_left(
    place: Path, rag: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    rag.ask(QUESTION)
    whole = (place / "audit.jsonl").read_bytes()
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        if data.startswith(b'{"answer"'):
            return real(descriptor, data[:40])
        if len(data) > 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match=r"No space left.*without a record no answer is given"):
        rag.ask(QUESTION)
    assert (place / "audit.jsonl").read_bytes() == whole
    monkeypatch.undo()
    rag.ask(QUESTION)
    assert report(place, rag).intact


def test_a_file_that_cannot_be_written_fails_before_the_question_is_asked(
    place: Path, docs: Folder
) -> None:
    with serving() as server:
        config = Config(
            generator="openai:m", generator_url=server.url, min_confidence=0.0, workers=1,
            audit=str(place / "nowhere" / "audit.jsonl"),
        )  # fmt: skip
        with pipeline(place / "index", config) as rag:
            rag.ingest(docs.path)
            with pytest.raises(UsageError, match=r"nowhere.*does not exist"):
                rag.ask(QUESTION)
        assert server.requests == []


@pytest.mark.parametrize("content", ["# Read me\n", "[1]\n", '{"kind": "other"}\n', "half a line"])
def test_another_file_is_not_written_to(tmp_path: Path, content: str) -> None:
    path = tmp_path / "notes.md"
    path.write_text(content)
    with pytest.raises(UsageError, match="is no audit file"):
        AuditFile(path).append({"kind": "ragkit-answer"})
    assert path.read_text() == content


def test_after_a_torn_line_records_go_on_and_the_damage_is_said(place: Path, rag: Pipeline) -> None:
    rag.ask(QUESTION)
    with (place / "audit.jsonl").open("a") as file:
        file.write('{"kind": "ragkit-ans')
    rag.ask(QUESTION)
    found = report(place, rag)
    assert [entry.intact for entry in found.entries] == [True, False, True]


# -- what became of it ---------------------------------------------------------------------------


def test_untouched_sources_are_unchanged(place: Path, rag: Pipeline) -> None:
    rag.ask(QUESTION)
    found = report(place, rag)
    assert found.intact
    assert found.last_hash == lines(place)[-1]["hash"]
    (entry,) = found.entries
    assert entry.verifies
    assert {source.state for source in entry.sources} == {"unchanged"}
    assert not any(source.edited for source in entry.sources)


def cited(place: Path, rag: Pipeline) -> tuple[str, bool, bool]:
    """Return what became of the first citation, whether its document was edited, and verifies."""
    (entry,) = report(place, rag).entries
    source = next(source for source in entry.sources if source.n)
    return source.state, source.edited, entry.verifies


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("# Note 3\n\nNew.\n\nThe {} costs 3 euro.\n", ("moved", True, False)),
        ("# Note 3\n\nThe {} costs 3 euro.\n\nMore.\n", ("unchanged", True, True)),
        ("# Note 3\n\nThe {} costs 4 euro.\n", ("changed", True, False)),
    ],
)
def test_an_edited_source(
    place: Path, docs: Folder, rag: Pipeline, text: str, wanted: tuple[str, bool, bool]
) -> None:
    rag.ask(QUESTION, where={"path": "3.md"})
    docs.write("3.md", text.format(word(3)))
    rag.ingest(docs.path)
    assert cited(place, rag) == wanted


def test_a_removed_source_is_not_taken_for_another_of_the_same_name(
    place: Path, docs: Folder, rag: Pipeline
) -> None:
    rag.ask(QUESTION, where={"path": "3.md"})
    docs.write("deep/3.md", "# Note\n\nSomething else.\n")
    (docs.path / "3.md").unlink()
    rag.ingest(docs.path)
    assert cited(place, rag) == ("removed", True, False)


Tamper = Callable[[list[str]], list[str]]


@pytest.mark.parametrize(
    ("tamper", "intact"),
    [
        (
            lambda found: [found[0], found[1].replace("28 days", "29 days"), found[2]],
            [True, False, True],
        ),
        (lambda found: [found[0], found[2]], [True, False]),
        (lambda found: [found[1], found[0], found[2]], [False, False, False]),
        (lambda found: [found[0], found[0], *found[1:]], [True, False, True, True]),
        (lambda found: [*found[:2], found[2].replace("euro", "pounds")], [True, True, False]),
        (lambda found: [found[0], "", *found[1:]], [True, False, True, True]),
        (lambda found: [found[0], '{"kind": "ragkit-answer"}', found[1]], [True, False, False]),
        (lambda found: found[:2], [True, True]),  # why the last hash is to be kept elsewhere
    ],
)
def test_what_was_altered_is_found(
    place: Path, rag: Pipeline, tamper: Tamper, intact: list[bool]
) -> None:
    for question in (QUESTION, "How many days is leave?", QUESTION):
        rag.ask(question)
    path = place / "audit.jsonl"
    last = report(place, rag).last_hash
    path.write_text("\n".join(tamper(path.read_text().splitlines())) + "\n")
    found = report(place, rag)
    assert [entry.intact for entry in found.entries] == intact
    assert found.intact is all(intact)
    if all(intact):
        assert found.last_hash != last


def test_a_file_that_is_not_there(tmp_path: Path, rag: Pipeline) -> None:
    with pytest.raises(UsageError, match="there is no audit file"):
        compare(AuditFile(tmp_path / "none"), rag.show)
