"""Robustness: paired with the plain question, over the cases that a wording changes."""

from __future__ import annotations

from pathlib import Path

from ragkit.generate.model import Message
from ragkit_eval.cache import AnswerCache
from ragkit_eval.cases import Case
from ragkit_eval.recorded import Recorded
from ragkit_eval.robustness import BY_MODEL, KINDS, measure, wordings
from ragkit_ingest.errors import GeneratorError
from tests.support.fake_chat_model import FakeChatModel

CASES = [
    Case(id=f"q{n}", question=f"What is the fee of part {n}?", answers=(f"{n} euros",),
         answerable=True, gold=(f"d{n % 6}.md",))
    for n in range(12)
]  # fmt: skip


class Deaf:
    """Answers right unless a question is in capitals."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def answers(self, arms: object, cases: object, progress: object = None) -> list[Recorded]:
        found = []
        for case in cases:  # type: ignore[attr-defined]
            self.asked.append(case.question)
            text = "None." if case.question.isupper() else case.answers[0]
            found.append(Recorded(arm="mine", id=case.id, text=text, abstained=False))
        return found


def test_the_drop_is_paired_and_has_an_interval() -> None:
    asked = wordings(CASES, count=10)
    plain = [Recorded(arm="mine", id=c.id, text=c.answers[0], abstained=False) for c in CASES]
    plain[0] = Recorded(arm="mine", id="q0", text="wrong", abstained=False)
    deaf = Deaf()
    part = measure(deaf, [], asked, plain).parts()["mine"]  # type: ignore[arg-type]
    right = sum(case.id != "q0" for case in asked.plain)
    assert part["plain"]["value"] == round(right / 10, 6)
    assert part["upper"]["value"]["value"] == 0.0
    assert part["upper"]["drop"]["value"] == part["plain"]["value"]
    assert part["upper"]["drop"]["ci95"][0] > 0.5
    assert part["emoji"]["value"]["value"] == 1.0
    assert part["emoji"]["drop"]["value"] == round(right / 10 - 1, 6)
    assert set(part) == {"plain", *KINDS}
    assert len(deaf.asked) == 10 * len(KINDS)


def test_documents_take_turns_and_a_seed_gives_the_same_wordings() -> None:
    asked = wordings(CASES, count=6)
    assert len({case.source for case in asked.plain}) == 6
    assert asked == wordings(CASES, count=6)
    assert asked != wordings(CASES, count=6, seed=1)
    about = asked.about()
    question, example = about["kinds"]["upper"]["example"]
    assert example == question.upper()


def test_what_a_wording_does_not_change_has_no_value() -> None:
    cases = [Case(id="a", question="no letters big", answers=("x",), answerable=True)]
    asked = wordings(cases, count=5)
    assert asked.statuses["lower"] == {"unchanged": 1}
    plain = [Recorded(arm="mine", id="a", text="x", abstained=False)]
    part = measure(Deaf(), [], asked, plain).parts()["mine"]  # type: ignore[arg-type]
    assert part["lower"]["value"]["status"] == part["lower"]["drop"]["status"] == "unchanged"


def test_a_models_wordings_are_kept_and_its_failures_counted(tmp_path: Path) -> None:
    def says(messages: list[Message]) -> str:
        number = messages[-1].content.split()[-1].strip("?")
        if number == "3":
            raise GeneratorError("the server is gone")
        return f"Part {number} costs what?" if number != "4" else "Part 99 costs what?"

    model = FakeChatModel(says)  # type: ignore[arg-type]
    cache = AnswerCache(tmp_path)
    one = wordings(CASES, count=12, model=model, cache=cache)
    assert one.statuses[BY_MODEL] == {"failed": 1, "unchanged": 1}
    assert {case.id for case in one.kinds[BY_MODEL]}.isdisjoint({"q3", "q4"})
    calls = len(model.asked)
    assert wordings(CASES, count=12, model=model, cache=cache) == one
    assert len(model.asked) == calls + 1  # what failed is tried again
    cache.close()
