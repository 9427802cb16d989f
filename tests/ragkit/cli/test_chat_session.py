"""`ragkit chat`: saved sessions, and the commands that look back."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ragkit.disagreement import Disagreement, Statement
from ragkit.saved_chat import SavedChat
from ragkit.weighed import Weighed
from ragkit_ingest.errors import StorageError

NOTICE = "How long is the notice period?"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAGKIT_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "state"


def test_a_session_is_resumed_with_its_topic_and_its_sources(ragkit: Any, pipeline: Any) -> None:
    assert ragkit("chat", "--session", "work", stdin=f"{NOTICE}\n").code == 0
    result = ragkit("chat", "--session", "work", stdin="/sources\n/open 1\nAnd for interns?\n")
    assert f"Session work: 1 earlier turn, the last one: {NOTICE}" in result.err
    assert "[1] contracts/work.pdf, page 4" in result.out
    assert pipeline.last("ask")["question"] == "How long is the notice period for interns?"
    assert pipeline.last("ask")["history"][0].question == NOTICE


def test_without_a_session_nothing_is_written(ragkit: Any, state: Path) -> None:
    ragkit("chat", stdin=f"{NOTICE}\n/new\n/forget\n")
    assert not state.exists()


def test_a_cut_line_is_said_and_survived(ragkit: Any, pipeline: Any) -> None:
    ragkit("chat", "--session", "work", stdin=f"{NOTICE}\nWho pays?\n")
    file = SavedChat("work", ".ragkit").path
    os.truncate(file, file.stat().st_size - 30)
    result = ragkit("chat", "--session", "work", stdin="/sources\n")
    assert "1 line of the session work cannot be read" in result.err
    assert result.code == 0


def test_new_and_forget_reach_the_disk(ragkit: Any, pipeline: Any) -> None:
    ragkit("chat", "--session", "work", stdin=f"{NOTICE}\n/new\n")
    assert "no answer yet" in ragkit("chat", "--session", "work", stdin="/why\n").err
    ragkit("chat", "--session", "work", stdin=f"{NOTICE}\n")
    result = ragkit("chat", "--session", "work", stdin="/forget\nAnd for interns?\n")
    assert "the session work is erased from the disk" in result.out
    assert pipeline.last("ask")["history"] == ()
    assert [a.question for a in SavedChat("work", ".ragkit").read().answers] == ["And for interns?"]


def test_sessions_are_listed_without_opening_an_index(ragkit: Any, pipeline: Any) -> None:
    assert "No session is saved" in ragkit("chat", "--sessions").out
    ragkit("chat", "--session", "work", stdin=f"{NOTICE}\n")
    pipeline.opened.clear()
    assert "work  1 turn  " in ragkit("chat", "--sessions").out
    listed = ragkit("chat", "--sessions", "--json").json
    assert [(one["name"], one["question"]) for one in listed["sessions"]] == [("work", NOTICE)]
    assert ragkit("chat", "--sessions", "--index", "other").out.startswith("No session")
    assert pipeline.opened == []


def test_a_wrong_name_is_a_usage_error(ragkit: Any) -> None:
    result = ragkit("chat", "--session", "../x", stdin="")
    assert result.code == 2
    assert "cannot name a session" in result.err


def test_a_full_disk_loses_no_answer(ragkit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StorageError("cannot write the session work: No space left on device")

    monkeypatch.setattr(SavedChat, "append", full)
    result = ragkit("chat", "--session", "work", stdin=f"{NOTICE}\n{NOTICE}\n")
    assert result.out.count("three months") == 4
    assert result.err.count("No space left on device") == 2
    assert result.code == 1


def test_json_of_a_session_is_answers_alone(ragkit: Any) -> None:
    ragkit("chat", "--session", "work", stdin=f"{NOTICE}\n")
    result = ragkit("chat", "--session", "work", "--json", stdin=f"{NOTICE}\n/why\n")
    assert [json.loads(line)["question"] for line in result.out.splitlines()] == [NOTICE]
    assert "Searched for" in result.err


def test_open_says_if_the_document_changed_since(ragkit: Any, pipeline: Any) -> None:
    ragkit("chat", "--session", "work", stdin=f"{NOTICE}\n")
    pipeline.text = pipeline.text.replace("three", "seven")
    result = ragkit("chat", "--session", "work", stdin="/open 1\n")
    assert "contracts/work.pdf was changed since this answer" in result.err
    assert "seven" not in result.out


def test_open_shows_whole_lines_around_the_quote(ragkit: Any, pipeline: Any, make: Any) -> None:
    before = "".join(f"line {n} of the contract\n" for n in range(60))
    pipeline.text = f"{before}{make.quote}\n{before}"
    cited = make.citation(start=len(before), end=len(before) + len(make.quote))
    pipeline.answers[NOTICE] = make.answer(citations=(cited,))
    out = ragkit("chat", stdin=f"{NOTICE}\n/open 1\n").out
    opened = out[out.rindex("contracts/work.pdf, page 4") :]
    lines = [line.strip() for line in opened.splitlines()]
    assert lines[1] == "..."
    assert lines[2].startswith("line ")
    assert lines[2].endswith(" of the contract")
    assert make.quote in lines


def test_why_of_an_answer(ragkit: Any, pipeline: Any, make: Any) -> None:
    weighed = Weighed(
        path="contracts/work.pdf",
        page=4,
        page_label="",
        start=7,
        end=41,
        text=make.quote,
        score=0.93,
    )
    other = replace(weighed, path="handbook.md", page=None, text="Two weeks.", score=0.2)
    sides = [
        Statement(document_id=n, path=w.path, start=7, end=41, quote=w.text, date=date)
        for n, w, date in ((1, weighed, "2026-02-01"), (2, other, "2024"))
    ]
    pipeline.answers[NOTICE] = make.answer(
        min_confidence=0.4,
        evidence=(weighed, other),
        disagreements=(Disagreement(first=sides[0], other=sides[1], dated=True),),
    )
    out = ragkit("chat", stdin=f"{NOTICE}\n/why\n").out
    why = out[out.index("Searched for") :]
    assert "is 0.91, and 0.40 is asked for" in " ".join(why.split())
    assert "0.93  contracts/work.pdf, page 4  used" in why
    assert "0.20  handbook.md\n" in why
    assert "newer    2026-02-01  contracts/work.pdf [1]" in why
    assert "older    2024        handbook.md" in why
    assert '"Two weeks."' in why
    assert "1 passage of 1 document; written by extractive" in " ".join(why.split())


def test_why_of_an_abstention_names_what_was_not_found(
    ragkit: Any, pipeline: Any, make: Any
) -> None:
    asked = "Is there a gym near the notice board?"
    pipeline.answers[asked] = replace(make.abstention(asked), min_confidence=0.4)
    out = " ".join(ragkit("chat", stdin=f"{asked}\n/why\n").out.split())
    assert "Withheld: the estimated probability" in out
    assert "is 0.05, and 0.40 is asked for" in out
    assert "Nowhere in what was looked at: gym, near, board." in out


def test_why_of_an_answer_that_was_not_supported(ragkit: Any, pipeline: Any, make: Any) -> None:
    held = replace(make.abstention(NOTICE), confidence=0.9, min_confidence=0.4)
    pipeline.answers[NOTICE] = held
    out = " ".join(ragkit("chat", stdin=f"{NOTICE}\n/why\n").out.split())
    assert "no sentence that extractive wrote is supported by the documents" in out


def test_nearly_the_same_probabilities_are_told_apart(
    ragkit: Any, pipeline: Any, make: Any
) -> None:
    near = replace(make.abstention(NOTICE), confidence=0.4065, min_confidence=0.407)
    pipeline.answers[NOTICE] = near
    out = " ".join(ragkit("chat", stdin=f"{NOTICE}\n/why\n").out.split())
    assert "is 0.4065, and 0.4070 is asked for" in out


def test_a_conversation_is_written_to_a_file_once(ragkit: Any, tmp_path: Path) -> None:
    result = ragkit("chat", stdin=f"{NOTICE}\nAnd for interns?\n/save talk.md\n/save talk.md\n")
    assert "2 answers written to talk.md." in result.out
    assert "talk.md exists already" in result.err
    text = (tmp_path / "talk.md").read_text()
    assert text.startswith(f"**{NOTICE}**\n\nThe notice period is three months. [1]\n")
    assert '- [1] contracts/work.pdf, page 4: "The notice period is three months."' in text
    assert "*Understood as: How long is the notice period for interns?*" in text


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("/why", "there is no answer yet"),
        ("/save", "/save needs the name of a file"),
        (f"{NOTICE}\n/save missing/talk.md", "cannot write missing/talk.md"),
    ],
)
def test_a_wrong_command_is_a_sentence(ragkit: Any, lines: str, words: str) -> None:
    assert words in ragkit("chat", stdin=lines + "\n").err
