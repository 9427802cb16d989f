"""Robustness: the same questions in other wordings; how much less is answered right?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ragkit.generate.model import ChatModel
from ragkit_eval.answering import Answering, asks
from ragkit_eval.arms import Arm
from ragkit_eval.cache import AnswerCache, key_of
from ragkit_eval.cases import Case, taking_turns
from ragkit_eval.metrics.abstention import Outcome
from ragkit_eval.perturb.emoji import emoji
from ragkit_eval.perturb.letters import lower, upper
from ragkit_eval.perturb.paraphrase import by_model, paraphrase
from ragkit_eval.perturb.slang import slang
from ragkit_eval.perturb.typos import typos
from ragkit_eval.recorded import Recorded
from ragkit_eval.score import judged
from ragkit_eval.summary import figure_of
from ragkit_ingest.errors import GeneratorError

Reword = Callable[[str, str], str]
"""Another wording of a question; a key decides where there is a choice."""

KINDS: Mapping[str, Reword] = {
    "lower": lower,
    "upper": upper,
    "typos": typos,
    "slang": slang,
    "emoji": emoji,
    "paraphrase": paraphrase,
}
"""The wordings that need no model, by name."""
BY_MODEL = "paraphrase_model"
UNCHANGED, FAILED = "unchanged", "failed"
_VERSION = 1  # raised whenever the same question may get another wording from a model


@dataclass(frozen=True, slots=True, kw_only=True)
class Wordings:
    """Cases in other wordings.

    Attributes:
        plain: The cases as they are.
        kinds: Of each kind the cases that it changes, with their other question.
        statuses: Of each kind why the others have none, counted.
    """

    plain: tuple[Case, ...]
    kinds: Mapping[str, tuple[Case, ...]]
    statuses: Mapping[str, Mapping[str, int]]

    def about(self) -> dict[str, Any]:
        """Return what the report says of the wordings as a whole, with an example of each."""
        asked = {case.id: case.question for case in self.plain}
        return {
            "cases": len(self.plain),
            "kinds": {
                name: {
                    "cases": len(cases),
                    "example": [asked[cases[0].id], cases[0].question] if cases else None,
                }
                for name, cases in self.kinds.items()
            },
        }


def wordings(
    cases: Sequence[Case],
    *,
    count: int,
    seed: int = 0,
    model: ChatModel | None = None,
    cache: AnswerCache | None = None,
) -> Wordings:
    """Return cases in all wordings; the same seed gives the same ones.

    Args:
        cases: To choose from, so that their documents take turns.
        count: How many to choose, 1 or more.
        seed: Of the choice and the wordings.
        model: Puts the questions into other words as well.
        cache: Where its wordings are kept.
    """
    chosen = taking_turns(cases, seed)[:count]
    kinds = dict(KINDS)
    if model is not None:
        kinds[BY_MODEL] = _kept(by_model(model), model.name, cache or AnswerCache(None))
    found: dict[str, tuple[Case, ...]] = {}
    statuses: dict[str, Counter[str]] = {}
    for name, reword in kinds.items():
        worded, why = [], Counter[str]()
        for case in chosen:
            try:
                question = reword(case.question, f"{seed} {case.id}")
            except GeneratorError:
                why[FAILED] += 1
                continue
            if question == case.question:
                why[UNCHANGED] += 1
            else:
                worded.append(replace(case, question=question))
        found[name], statuses[name] = tuple(worded), why
    return Wordings(plain=tuple(chosen), kinds=found, statuses=statuses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """What the arms answered to the wordings.

    Attributes:
        wordings: What was asked.
        right: Whether an answer was right, by arm, kind ("plain" for the cases as they are) and id.
    """

    wordings: Wordings
    right: Mapping[str, Mapping[str, Mapping[str, float]]]

    def parts(self, *, seed: int = 0) -> dict[str, dict[str, Any]]:
        """Return the part of each arm in the report, by its name.

        Of each kind: the share right, and the drop, the mean of right as it is minus right so
        worded over the same cases, with its interval over documents.
        """
        return {arm: self._part(right, seed) for arm, right in self.right.items()}

    def _part(self, right: Mapping[str, Mapping[str, float]], seed: int) -> dict[str, Any]:
        sources = {case.id: case.source for case in self.wordings.plain}
        plain = right["plain"]
        found: dict[str, Any] = {
            "plain": figure_of(
                list(plain.values()), [sources[id_] for id_ in plain], of=len(plain), seed=seed
            ).to_json()
        }
        for name, statuses in self.wordings.statuses.items():
            held = right.get(name, {})
            ids = [id_ for id_ in held if id_ in plain]
            drops = [plain[id_] - held[id_] for id_ in ids]
            own = [sources[id_] for id_ in ids]
            found[name] = {
                key: figure_of(values, own, of=len(plain), statuses=statuses, seed=seed).to_json()
                for key, values in (("value", [held[id_] for id_ in ids]), ("drop", drops))
            }
        return found


def measure(
    answering: Answering,
    arms: Sequence[Arm],
    asked: Wordings,
    answers: Iterable[Recorded],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Robustness:
    """Ask the arms all wordings.

    Args:
        answering: Asks the arms.
        arms: Those that cannot run are left out.
        asked: The wordings.
        answers: What the arms said to the cases as they are.
        progress: Called with how many answers there are, and how many there will be.
    """
    cases = {case.id: case for case in asked.plain}
    right: dict[str, dict[str, dict[str, float]]] = {}

    def add(name: str, answer: Recorded) -> None:
        came, _ = judged(cases[answer.id], answer)
        kinds = right.setdefault(answer.arm, {"plain": {}})
        kinds.setdefault(name, {})[answer.id] = float(came is Outcome.CORRECT)

    for answer in answers:
        if answer.id in cases:
            add("plain", answer)
    ready = [arm for arm in arms if not arm.missing]
    total = sum(
        asks(arm, case) for worded in asked.kinds.values() for case in worded for arm in ready
    )
    done = 0
    for name, worded in asked.kinds.items():
        for answer in answering.answers(ready, worded):
            add(name, answer)
            done += 1
            if progress is not None:
                progress(done, total)
    return Robustness(wordings=asked, right=right)


def _kept(reword: Reword, model: str, cache: AnswerCache) -> Reword:
    """Return a model's wordings from where they are kept, else from the model."""

    def worded(question: str, key: str) -> str:
        place = key_of({"wording": _VERSION, "model": model, "question": question})
        held = cache.get(place)
        if held is None:
            held = Recorded(arm=BY_MODEL, id="", text=reword(question, key))
            cache.put(place, held)
        return held.text

    return worded
