"""Preparing a training set over a small index: what is made, kept apart, left out and refused."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ragkit.config import Config
from ragkit.generate.marker import claims
from ragkit.pipeline import Pipeline
from ragkit.template import load
from ragkit.tune.check import check_file
from ragkit.tune.example import load_examples
from ragkit.tune.leakage import Guarded
from ragkit.tune.prepare import (
    HELD_OUT,
    MANIFEST,
    PROBES,
    TRAIN,
    Prepared,
    PrepareSettings,
    prepare,
    refusals_of,
)
from ragkit.tune.probe import load_probes
from ragkit.tune.sample import VoiceSample
from ragkit.tune.shape import cited
from ragkit_ingest.errors import TuneError, UsageError
from tests.support.hashing import HashingEmbedder

FACTS = {
    "tea.md": "The canteen serves tea from 06:30 to 23:00 every day.",
    "leave.md": "Employees have 28 days of annual leave in each calendar year.",
    "notice.md": "The notice period is two months after the probation period.",
    "lifting.md": "One person may lift up to 18 kg without a lifting aid.",
    "laptop.md": "A lost laptop must be reported to The Lookout within two hours.",
    "parking.md": "Visitors park their cars behind the Net Loft, beside the harbour wall.",
    "rota.md": "The support rota has nine engineers, each on call one week in nine.",
    "fair.md": "The hotel limit during the fair is 165 euros a night in Eastermere.",
}
UNANSWERED = (
    "What colour is the boat?",
    "Who won the raft race?",
    "Does the owner play chess?",
    "When was the harbour dredged?",
    "How deep is the sea here?",
    "Which song is sung at dusk?",
    "Why do gulls follow trawlers?",
    "Where was the captain born?",
)
REFUSAL = load("answer").texts["refusal"]


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("facts")
    (folder / "docs").mkdir()
    for name, text in FACTS.items():
        (folder / "docs" / name).write_text(f"# About {name[:-3]}\n\n{text}\n")
    with Pipeline(folder / "index", config=Config(), embedder=HashingEmbedder()) as made:
        made.ingest(folder / "docs")
        yield made


def context_samples() -> list[VoiceSample]:
    return [
        VoiceSample(
            id=f"c-{name}",
            line=number,
            question=f"What do the papers say about {name[:-3]}?",
            answer=f"{text} The kettle approves of it. Mind the steam.",
            kind="context",
            context=text,
        )
        for number, (name, text) in enumerate(FACTS.items(), start=1)
    ]


def samples() -> list[VoiceSample]:
    plain = [
        VoiceSample(id=f"p{n}", line=20 + n, question=f"Say thanks number {n}.", answer=f"Ta, {n}.")
        for n in range(20)
    ]
    plain = [replace(one, kind="plain") for one in plain]
    refusals = [
        VoiceSample(
            id=f"r{n}",
            line=50 + n,
            question=question,
            answer="Our papers are silent on boats. Lid down, chin up.",
            kind="refusal",
        )
        for n, question in enumerate(UNANSWERED)
    ]
    return [*context_samples(), *plain, *refusals]


CASES = [
    Guarded(
        id="q1",
        question="How heavy a load may one person lift?",
        answers=("18 kg",),
        quotes=(FACTS["lifting.md"],),
    ),
    Guarded(id="q2", question="When was the harbour dredged?"),
]


@pytest.fixture(scope="module")
def made(rag: Pipeline) -> Prepared:
    return prepare(samples(), rag, PrepareSettings(passages=3), cases=CASES)


def test_the_shares_are_those_that_were_wanted(made: Prepared) -> None:
    kinds = Counter(one.kind for one in [*made.train, *made.held_out])
    total = sum(kinds.values())
    assert kinds["context"] / total == pytest.approx(0.5, abs=0.04)
    assert kinds["plain"] / total == pytest.approx(0.3, abs=0.04)
    assert kinds["refusal_with_context"] / total == pytest.approx(0.1, abs=0.04)
    assert kinds["refusal_without"] / total == pytest.approx(0.1, abs=0.04)
    assert made.manifest["kinds"] == dict(kinds)


def test_an_example_with_context_is_the_prompt_of_run_time(made: Prepared, rag: Pipeline) -> None:
    shaped = [one for one in made.train if one.kind == "context"]
    assert shaped
    places = set()
    for one in shaped:
        system, user, reply = (message.content for message in one.example.messages)
        mark = re.search(r"<<<([0-9a-f]{16}) passage 1 \|", user)
        assert mark is not None
        assert mark[1] in system
        numbers = {number for claim in claims(reply, 9) for number in claim.passages}
        (number,) = numbers  # only the passage that answers is cited
        places.add(number)
        gold = user.split(f"passage {number} |")[1].split(">>>")[0]
        sample = next(s for s in context_samples() if s.id == one.sample)
        assert sample.context in gold
        assert user.count(sample.context) == 1
        assert user.endswith(f"Question: {sample.question}")
        assert reply.endswith("The kettle approves of it. Mind the steam.")
    assert places == {1, 2, 3}
    marks = [re.findall(r"<<<(\w+)", one.example.messages[1].content)[0] for one in shaped]
    assert len(set(marks)) == len(marks)


def test_a_refusal_with_context_says_what_the_prompt_asks_for(made: Prepared) -> None:
    for one in [*made.train, *made.held_out]:
        said = one.example.messages[-1].content
        if one.kind == "refusal_with_context":
            assert said == f"{REFUSAL} Our papers are silent on boats. Lid down, chin up."
            assert not any(claim.passages for claim in claims(said, 9))
        elif one.kind == "refusal_without":
            assert [message.role for message in one.example.messages] == ["user", "assistant"]
            assert said.startswith("Our papers")


def test_held_out_documents_are_never_learnt_from_nor_shown(made: Prepared) -> None:
    kept = {one.group for one in made.train}
    assert kept.isdisjoint({one.group for one in made.held_out})
    documents = {one.group for one in made.held_out if one.kind == "context"}
    assert documents
    assert made.manifest["documents_held_out"] == sorted(documents)
    assert all(documents.isdisjoint(one.paths) for one in made.train)


def test_evaluation_cases_stay_out_and_are_listed(made: Prepared) -> None:
    found = {(samples()[leak.place].id, leak.case, leak.rule) for leak in made.removed}
    assert ("c-lifting.md", "q1", "ngram") in found  # its answer repeats the case's evidence
    assert ("r3", "q2", "exact") in found
    used = {one.sample for one in [*made.train, *made.held_out]}
    assert used.isdisjoint({"c-lifting.md", "r3"})
    assert "q1" in json.dumps(made.manifest["guard"])


def test_probes_ask_for_facts_that_stand_nowhere_else(made: Prepared) -> None:
    (probe,) = [one for one in made.probes if one.kind == "context"]
    assert probe.altered
    (expect,) = probe.expect
    assert re.fullmatch(r"[1-9]\d kg", expect)
    assert expect != "18 kg"
    shown = probe.messages[-1].content
    assert f"lift up to {expect} without" in shown
    assert "18 kg" not in shown
    robbed, unanswerable = (
        next(one for one in made.probes if one.id == id_)
        for id_ in ("q1-robbed", "q2-unanswerable")
    )
    assert robbed.kind == unanswerable.kind == "abstain"
    assert FACTS["lifting.md"] not in robbed.messages[-1].content
    assert robbed.refusal == REFUSAL
    heard = [one for one in made.probes if one.kind == "tone"]
    assert {one.id.rsplit("-", 1)[0] for one in heard} == {one.sample for one in made.held_out}


def test_the_same_seed_gives_the_same_files(made: Prepared, rag: Pipeline) -> None:
    settings = PrepareSettings(passages=3)
    again = prepare(samples(), rag, settings, cases=CASES)
    assert again.manifest == made.manifest
    other = prepare(samples(), rag, replace(settings, seed=1), cases=CASES)
    assert other.manifest["files"] != made.manifest["files"]


def test_the_files_pass_the_check_and_can_be_read(made: Prepared, tmp_path: Path) -> None:
    made.save(tmp_path)
    report = check_file(tmp_path / TRAIN, count_tokens=lambda texts: [1] * len(texts))
    assert report.problems == ()
    assert report.contradictions == 0
    assert report.shares["context"] > 0.5
    assert len(load_examples(tmp_path / HELD_OUT)) == len(made.held_out)
    assert load_probes(tmp_path / PROBES) == list(made.probes)
    assert json.loads((tmp_path / MANIFEST).read_text()) == made.manifest


def test_prompt_and_completion(rag: Pipeline, tmp_path: Path) -> None:
    prepare(samples(), rag, PrepareSettings(format="completion")).save(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / TRAIN).read_text().splitlines()]
    assert {frozenset(row) for row in rows} == {frozenset({"prompt", "completion"})}


def test_personal_data_stops_it_unless_allowed_or_redacted(rag: Pipeline, tmp_path: Path) -> None:
    mail = VoiceSample(
        id="m", line=99, question="Where do I write?", answer="To ann@example.com.", kind="plain"
    )
    given = [*samples(), mail]
    refused = prepare(given, rag, PrepareSettings(context=0.1))
    (finding,) = refused.findings
    assert (finding.kind, finding.length) == ("e-mail", len("ann@example.com"))
    assert finding.place == "answer of sample m (line 99)"
    with pytest.raises(TuneError, match=r"\(1 e-mail\), so nothing was written") as raised:
        refused.save(tmp_path / "refused")
    assert "ann@" not in str(raised.value)
    assert not (tmp_path / "refused").exists()
    texts = {}
    for personal in ("redact", "allow"):
        settings = PrepareSettings(context=0.1, personal=personal)
        prepare(given, rag, settings).save(tmp_path / personal)
        texts[personal] = "".join(
            (tmp_path / personal / name).read_text() for name in (TRAIN, HELD_OUT)
        )
    assert "ann@" not in texts["redact"]
    assert "[e-mail]" in texts["redact"]
    assert "ann@example.com" in texts["allow"]


def test_without_an_index_only_what_needs_none_is_made() -> None:
    alone = prepare(samples())
    assert {one.kind for one in alone.train} == {"plain", "refusal_without"}
    assert {probe.kind for probe in alone.probes} == {"tone"}


def test_a_sample_whose_passage_is_not_there_is_dropped_and_said(rag: Pipeline) -> None:
    stray = VoiceSample(
        id="x",
        line=9,
        question="Who rows?",
        answer="Zebulon rows at dawn.",
        kind="context",
        context="Zebulon Quartermain rows the ferry at dawn on Sundays.",
    )
    made = prepare([*samples(), stray], rag)
    assert made.dropped == {"no passage of the index holds its context": ("x",)}


def test_nothing_left_is_a_sentence(rag: Pipeline) -> None:
    one = VoiceSample(id="r", line=1, question="Is there a gym?", answer="No.", kind="plain")
    with pytest.raises(UsageError, match="of 1 samples 1 leak"):
        prepare([one], rag, cases=[Guarded(id="q", question="is there a gym")])


def test_a_voice_without_refusals_is_given_some_with_its_own_closings() -> None:
    said = refusals_of(CASES, context_samples())
    assert [(one.question, one.answer, one.kind) for one in said] == [
        (
            "When was the harbour dredged?",
            "I find nothing about that. Mind the steam.",
            "refusal",
        )
    ]


def test_only_sentences_that_rest_on_the_passage_are_cited() -> None:
    held = "The probation period is four months."
    assert cited("Four months. The kettle knew. Mind the steam.", 2, held) == (
        "Four months. [2] The kettle knew. Mind the steam."
    )
    assert cited("It is 18 kg, dear.", 1, "One may lift 18 kg.") == "It is 18 kg, dear. [1]"
    assert cited("The kettle knew.", 1, held) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"context": 0.9, "refusals": 0.2},
        {"held_out": 0.6},
        {"passages": 0},
        {"format": "csv"},
        {"personal": "maybe"},
    ],
)
def test_settings_out_of_range(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        PrepareSettings(**changes)  # type: ignore[arg-type]
