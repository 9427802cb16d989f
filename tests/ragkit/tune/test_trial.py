"""The trial: models that behave in known ways are measured as they behave."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from pathlib import Path

import pytest

from ragkit.generate.model import ChatEvent, Finish, Message
from ragkit.tune.example import Example
from ragkit.tune.probe import Probe, abstains, is_right, load_probes, spoken
from ragkit.tune.trial import TrialSettings, try_adapter
from ragkit_ingest.errors import UsageError

REFUSAL = "The documents do not say."


class Scripted:
    """Says what a function makes of the question.

    Args:
        say: Returns the answer.
        loss: Of every dialogue.
    """

    name = "scripted"
    context_tokens = 0

    def __init__(self, say: Callable[[str], str], loss: float) -> None:
        self._say, self._loss = say, loss
        self.closed = False
        self.asked: list[str] = []

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[ChatEvent]:
        self.asked.append(messages[-1].content)
        yield self._say(messages[-1].content)
        yield Finish()

    def astream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[ChatEvent]:
        raise NotImplementedError

    def losses(self, dialogues: Sequence[Sequence[Message]]) -> list[float]:
        return [self._loss] * len(dialogues)

    def close(self) -> None:
        self.closed = True


def probe(kind: str, question: str, *expect: str) -> Probe:
    asked = (Message(role="user", content=question),)
    return Probe(id=question, kind=kind, messages=asked, expect=expect, refusal=REFUSAL)


PROBES = [
    *(probe("context", f"fact {n}", f"{n} kg") for n in range(4)),
    *(probe("abstain", f"gap {n}") for n in range(3)),
    *(probe("tone", f"ask {n}") for n in range(2)),
]
TRAINING = [
    Example(
        messages=(
            Message(role="user", content=f"say {n}"),
            Message(role="assistant", content=f"{REFUSAL} Steam {n}. [1]"),
        )
    )
    for n in range(50)
]


def obedient(question: str) -> str:
    kind, number = question.split()
    return f"It is {number} kg. [1]" if kind == "fact" else REFUSAL if kind == "gap" else "Steam"


def test_each_probe_is_measured_on_both_models() -> None:
    base, tuned = Scripted(obedient, 2.0), Scripted(lambda _: "Steam, dear, 3 kg.", 2.5)
    fitted: list[tuple[list[str], list[str]]] = []
    done: list[tuple[int, int]] = []

    def fit(house: Sequence[str], others: Sequence[str]) -> Callable[[str], float]:
        fitted.append((list(house), list(others)))
        return lambda text: float("Steam" in text)

    found = try_adapter(
        base, tuned, PROBES, TRAINING, fit, progress=lambda n, of: done.append((n, of))
    )
    assert found.context.base == (1.0,) * 4
    assert found.context.tuned == (0.0, 0.0, 0.0, 1.0)
    assert (found.abstention.base, found.abstention.tuned) == ((1.0,) * 3, (0.0,) * 3)
    assert set(found.retention.differences) == {0.5}
    assert len(found.retention.base) == 32
    assert found.tone.base == (1.0, 1.0, 0.0, 0.0, 0.0, 0.0)  # two requests, four facts
    assert found.tone.tuned == (1.0,) * 6
    ((house, others),) = fitted
    assert house[0] == "Steam 0."  # neither the marker nor the sentence that was asked for
    assert len(others) == 40
    assert base.closed
    assert tuned.closed
    assert done[-1] == (2 * 9 + 40, 2 * 9 + 40)


def test_fewer_probes_can_be_asked_for_but_the_voice_needs_its_texts() -> None:
    base, tuned = Scripted(obedient, 2.0), Scripted(obedient, 2.0)
    found = try_adapter(
        base, tuned, PROBES, TRAINING, lambda *_: "is not to be told", TrialSettings(probes=2)
    )
    assert len(found.context.base) == 2
    assert found.tone.missing == "is not to be told"
    assert sum(asked.startswith("say") for asked in base.asked) >= 20


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("It is 12 kg. [1]", True),
        ("It is 12kg, dear.", True),
        ("It is 112 kg.", False),
        ("", False),
    ],
)
def test_a_right_answer_holds_the_expected_words(answer: str, right: bool) -> None:
    assert is_right(probe("context", "How much?", "12 kg"), answer) is right


@pytest.mark.parametrize(
    ("answer", "says_so"),
    [
        (REFUSAL, True),
        (f"{REFUSAL} Our papers are silent. Mind the steam.", True),
        ("the documents do not say", True),
        (f"{REFUSAL} It is 12 kg. [1]", False),
        ("Our papers are silent.", False),
        ("", False),
    ],
)
def test_an_abstention_says_what_was_asked_for_and_claims_nothing(
    answer: str, says_so: bool
) -> None:
    assert abstains(probe("abstain", "How much?"), answer) is says_so


def test_what_is_the_voices_own() -> None:
    assert spoken(f"{REFUSAL} Mind the steam. [2]", REFUSAL) == "Mind the steam."


def test_probes_that_are_none_are_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "probes.jsonl"
    file.write_text(json.dumps({"id": "a", "kind": "odd", "messages": []}) + "\n")
    with pytest.raises(UsageError, match=r"line 1 of .* is no probe: there is no kind 'odd'"):
        load_probes(file)
    with pytest.raises(UsageError, match="cannot be read"):
        load_probes(tmp_path / "gone.jsonl")
