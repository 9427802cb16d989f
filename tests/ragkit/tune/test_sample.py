"""Samples of a voice in every form that a file may have."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ragkit.generate.model import Message
from ragkit.tune.sample import closings, load_samples
from ragkit_ingest.errors import UsageError

ROOT = Path(__file__).parents[3]


def test_the_example_voice_is_read() -> None:
    samples = load_samples(ROOT / "examples" / "voice.jsonl")
    kinds = [sample.kind for sample in samples]
    assert (kinds.count("plain"), kinds.count("context"), kinds.count("refusal")) == (50, 15, 15)
    assert samples[50].context == "The probation period is four months."
    assert set(closings(samples)) == {
        "Kettle\u2019s on.",
        "Mind the steam.",
        "Yours, at a rolling boil.",
        "Lid down, chin up.",
        "Warmly, and in under four minutes.",
    }


def test_questions_messages_and_lone_answers(tmp_path: Path) -> None:
    file = tmp_path / "voice.jsonl"
    lines: list[object] = [
        {"question": "What leaks?", "answer": "The urn.", "source": "letter 1"},
        {
            "messages": [
                {"role": "system", "content": "Be warm."},
                {"role": "user", "content": "And now?"},
                {"role": "assistant", "content": "Tea."},
            ]
        },
        {"answer": "The parcel has dawdled; warm apologies."},
        "Tea is served.",
    ]
    file.write_text("\n\n".join(map(json.dumps, lines)), encoding="utf-8")
    one, two, three, four = load_samples(file)
    assert (one.line, one.question, one.answer, one.source) == (
        1,
        "What leaks?",
        "The urn.",
        "letter 1",
    )
    assert two.before == (Message(role="system", content="Be warm."),)
    assert (two.question, two.answer, two.line) == ("And now?", "Tea.", 3)
    assert three.question == "Write a short text on: parcel, dawdled, apologies."
    assert four.question == "Write a short text on: served."
    assert [one.alone for one in (one, two, three, four)] == [False, False, True, True]


def test_what_is_not_known_may_be_null_or_empty(tmp_path: Path) -> None:
    file = tmp_path / "voice.jsonl"
    unknown = {"prompt": None, "kind": None, "context": None, "id": None, "source": None}
    lines = [{**unknown, "reply": "Tea."}, {**dict.fromkeys(unknown, ""), "reply": "Tea."}]
    file.write_text("\n".join(map(json.dumps, lines)))
    (null, empty), alone = load_samples(file), {"reply": "Tea."}
    file.write_text(json.dumps(alone))
    assert [null] == load_samples(file) == [replace(empty, id="line-1", line=1)]
    assert null.alone


@pytest.mark.parametrize("name", ["voice.txt", "voice"])
def test_json_lines_are_read_whatever_the_file_is_called(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text('\ufeff\n{"prompt": "Hi", "reply": "Tea."}\n{"reply": "Lid."}\n')
    assert [(one.line, one.answer) for one in load_samples(file)] == [(2, "Tea."), (3, "Lid.")]
    file.write_text('{"reply": "Tea."}\nLid.\n')
    with pytest.raises(UsageError, match=r"line 2 of .* is no sample of a voice: it is not JSON"):
        load_samples(file)


def test_a_text_file_holds_an_answer_a_paragraph(tmp_path: Path) -> None:
    file = tmp_path / "voice.md"
    file.write_text("# Our letters\n\nThe parcel\nhas dawdled.\n\nTea is served.\n")
    samples = load_samples(file)
    assert [(one.line, one.answer) for one in samples] == [
        (3, "The parcel has dawdled."),
        (6, "Tea is served."),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no samples of a voice"),
        ("nope", "line 1 of .* is no sample"),
        ('{"question": "Hi"}', "its answer is no text"),
        ('{"reply": " "}', "its answer is no text, or empty"),
        ('{"reply": 3}', "its answer is no text"),
        ('{"question": " ", "answer": "Hi"}', "its question is no text, or empty"),
        ('{"question": 0, "answer": "Hi"}', "its question is no text"),
        ('{"answer": "Hi", "mood": 1}', "unknown field 'mood'"),
        ('{"answer": "Hi", "kind": "rude"}', "its kind is 'rude'"),
        ('{"messages": [{"role": "user", "content": "Hi"}]}', "no list of two or more"),
        ('{"answer": "A", "id": "x"}\n{"answer": "B", "id": "x"}', "two samples with the id 'x'"),
    ],
)
def test_what_is_no_sample_is_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "voice.jsonl"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        load_samples(file)
    with pytest.raises(UsageError, match="cannot be read"):
        load_samples(tmp_path / "gone.jsonl")
