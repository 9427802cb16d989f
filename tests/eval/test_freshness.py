"""Freshness: edits are made in a copy, and what is answered afterwards is counted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ragkit.config import Config
from ragkit.generate.model import Message
from ragkit.pipeline import Pipeline
from ragkit_eval import freshness
from ragkit_eval.answering import Answering, AnsweringSettings
from ragkit_eval.arms import ArmSettings, arms, chosen
from ragkit_eval.cache import AnswerCache
from ragkit_eval.cases import Case, Evidence
from ragkit_ingest.store.exact import ExactStore
from tests.support.fake_chat_model import FakeChatModel
from tests.support.hashing import HashingEmbedder

DOCUMENTS: dict[str, str] = {
    "leave.md": "# Leave\n\nThe annual leave of every employee is **25 days**.\n",
    "urns.html": "<h1>Urns</h1><p>The warranty of an Urn-12 is 36 months.</p>",
    "prices.csv": "model,price\nQK-200,89\nQK-350,129\n",
    "rooms.txt": "The first-aid room of the Boiler Hall was opened on 3 May 2021.\n",
    "mail.eml": "From: a@example.com\nSubject: Car park\nDate: Mon, 2 Mar 2026 09:00:00 +0000\n"
    "\nThe car park has 40 places.\n",
    "rules.md": "# Rules\n\nA guest is met by the porter.\n\n"
    "The urn of the canteen holds 12 litres.\n",
    "also.md": "# Canteen\n\nThe urn of the canteen holds 12 litres, as all know.\n",
}
CASES = [
    Case(id=id_, question=question, answers=(answer,), answerable=True,
         evidence=(Evidence(path=path, quote=quote),))
    for id_, question, answer, path, quote in (
        ("leave", "How many days is the annual leave?", "25 days", "leave.md",
         "The annual leave of every employee is 25 days."),
        ("urn", "How long is the warranty of an Urn-12?", "36 months", "urns.html",
         "The warranty of an Urn-12 is 36 months."),
        ("room", "When was the first-aid room opened?", "3 May 2021", "rooms.txt",
         "The first-aid room of the Boiler Hall was opened on 3 May 2021."),
        ("park", "How many places has the car park?", "40", "mail.eml",
         "The car park has 40 places."),
        ("guest", "Who meets a guest?", "the porter", "rules.md", "A guest is met by the porter."),
        ("litres", "How much does the urn of the canteen hold?", "12 litres", "rules.md",
         "The urn of the canteen holds 12 litres."),
    )
]  # fmt: skip
NONE = Case(id="none", question="Who painted it?", answers=(), answerable=False)


def opened(folder: Path, generator: Any = "extractive") -> Pipeline:
    return Pipeline(
        folder / "index",
        config=Config(min_confidence=0.0, audit=str(folder / "audit.jsonl")),
        embedder=HashingEmbedder(),
        generator=generator,
        store=ExactStore(),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    for name, text in DOCUMENTS.items():
        (tmp_path / "docs" / name).write_text(text, encoding="utf-8")
    with opened(tmp_path) as rag:
        rag.ingest(tmp_path / "docs")
    return tmp_path


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    """Return the content and the time stamp of every file beneath a folder."""
    return {
        str(file): (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix not in (".sqlite-shm", ".sqlite-wal")
    }


def run(
    rag: Pipeline, cases: Sequence[Case], names: Sequence[str], *, model: str = "", edits: int = 9
) -> freshness.Freshness:
    picked = chosen(arms(ArmSettings(model=model)), names)
    return freshness.measure(rag, picked, cases, edits=edits, cache=AnswerCache(None))


def test_an_edit_is_answered_at_once_and_the_users_files_stay(folder: Path) -> None:
    with opened(folder) as rag:
        rag.ask("How many days is the annual leave?")
        before = contents(folder)
        found = run(rag, [*CASES, NONE], ["extractive", "oracle"])
        assert contents(folder) == before
        assert "25 days" in rag.ask("How many days is the annual leave?").text
        answered = list(
            Answering(rag, AnswerCache(None)).answers(
                chosen(arms(ArmSettings()), ["extractive", "oracle"]), CASES
            )
        )
    assert {case.id for case in found.edits} == {"leave", "urn", "room", "park"}
    assert found.about()["passed_over"] == {
        "no value that can be changed": 1,
        "not of one document": 1,
        "said by another document": 1,
    }
    parts = found.parts(answered)
    for arm in ("extractive", "oracle"):
        part = parts[arm]
        assert part["edits"] == 4
        assert part["before"]["value"] == 1.0
        assert (part["fresh"]["value"], part["stale"]["value"]) == (1.0, 0.0)
        assert part["fresh"]["ci95"] is None  # of four documents
    timings = found.timings()
    assert timings["sync_s"]["n"] == 4
    assert timings["edit_to_right_answer_s"]["extractive"]["p50"] > 0


def test_a_model_without_passages_is_found_stale(folder: Path) -> None:
    known = {"leave": "It is 25 days.", "Urn-12": "36 months.", "room": "On 3 May 2021.",
             "park": "I do not know."}  # fmt: skip

    def says(messages: Sequence[Message]) -> str:
        asked = messages[-1].content
        return next((said for word, said in known.items() if word in asked), "No idea.")

    model = FakeChatModel(says)
    with opened(folder, model) as rag:
        found = run(rag, CASES, ["no_retrieval", "extractive"], model="fake:one")
    part = found.parts([])["no_retrieval"]
    assert (part["fresh"]["value"], part["stale"]["value"], part["other"]["value"]) == (
        0,
        0.75,
        0.25,
    )
    assert part["before"]["status"] == "no_cases"
    assert found.timings()["edit_to_right_answer_s"]["no_retrieval"] == {"n": 0}


def test_an_index_that_does_not_follow_is_seen(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy's index is synced for every edit; without it, no edit would count."""
    with opened(folder) as rag:
        real, calls = Pipeline.ingest, [0]

        def only_once(self: Pipeline, *paths: Any, **options: Any) -> Any:
            calls[0] += 1
            return real(self, *paths, **options) if calls[0] == 1 else None

        monkeypatch.setattr(Pipeline, "ingest", only_once)
        found = run(rag, CASES[:2], ["extractive"])
    assert found.edits == ()
    assert found.passed_over["not in the index after the sync"] == 2


def test_edits_are_the_same_each_time_and_as_many_as_wanted(folder: Path) -> None:
    with opened(folder) as rag:
        one = run(rag, CASES, ["extractive"], edits=2)
        two = run(rag, CASES, ["extractive"], edits=2)
    assert len(one.edits) == 2
    assert one.about() == two.about()
    assert one.parts([]) == two.parts([])


def test_answers_come_from_the_cache_the_second_time(folder: Path) -> None:
    model = FakeChatModel("The annual leave is 25 days. [1]")
    with opened(folder, model) as rag:
        picked = chosen(arms(ArmSettings(model="fake:one")), ["rag", "no_retrieval"])
        cache = AnswerCache(folder / "cache")
        for _ in range(2):
            freshness.measure(
                rag, picked, CASES[:2], edits=2, cache=cache, settings=AnsweringSettings()
            )
        cache.close()
    assert len(model.asked) == 4


def test_files_of_several_folders_keep_their_names(tmp_path: Path) -> None:
    for name, text in (("one/docs/a.md", "# A\n\nThe fee is 25 euros.\n"),
                       ("two/docs/b.md", "# B\n\nThe toll is 36 euros.\n")):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    with opened(tmp_path) as rag:
        rag.ingest(tmp_path / "one" / "docs")
        rag.ingest(tmp_path / "two" / "docs")
        paths = [document.path for document in rag.status().documents]
        cases = [
            Case(id="a", question="What is the fee?", answers=("25 euros",), answerable=True,
                 evidence=(Evidence(path=paths[0], quote="The fee is 25 euros."),)),
            Case(id="b", question="What is the toll?", answers=("36 euros",), answerable=True,
                 evidence=(Evidence(path=paths[1], quote="The toll is 36 euros."),)),
        ]  # fmt: skip
        assert paths == ["a.md", "docs/b.md"]
        assert len(run(rag, cases, ["extractive"]).edits) == 2
        (tmp_path / "one" / "docs" / "a.md").unlink()
        found = run(rag, cases, ["extractive"])
    assert [case.id for case in found.edits] == ["b"]
    assert found.passed_over == {"not editable as text": 1}
