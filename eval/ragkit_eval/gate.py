"""Gates: what must hold of a run, as expressions such as "rag.content_f1 >= 0.7".

    gate   = left OP right             OP is one of >= > <= < ==
    left   = term | "(" term ")" PART
    term   = figure | figure "-" figure | figure "-" "baseline"
    figure = ARM "." MEASURE [PART]
    PART   = ".low" | ".high"          the ends of the 95 % interval
           | ".n" | ".coverage"        cases with a value; their share
    right  = NUMBER | "baseline" [("+" | "-") NUMBER]

`baseline` is the same figure of another run. A minus sign has a space on each side, because names
may hold one; an arm whose name holds a space stands in double quotes. A difference is taken over
the cases for which both sides have a value, and its interval is the paired one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt
from pathlib import Path
from typing import Any

from ragkit_eval.saved import Pairs, SavedRun, Shared, paired, shared, unknown_arm
from ragkit_eval.stats.paired import LEAST_CLUSTERS, contrast
from ragkit_ingest.errors import ConfigError, UsageError

SCHEMA = "ragkit-eval-gate/1"
BASELINE = "baseline"
PARTS = ("low", "high", "n", "coverage")
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": ge,
    "<=": le,
    "==": eq,
    ">": gt,
    "<": lt,
}
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_FIGURE = r"(?:\"[^\"]+\"|[^\s\"()<>=]+)(?:\.[^\s\"()<>=.]+)*"
_GATE = re.compile(
    rf"\s*(?P<open>\()?\s*(?P<first>{_FIGURE})(?:\s+-\s+(?P<second>{_FIGURE}))?"
    rf"\s*(?P<close>\))?(?:\.(?P<part>{'|'.join(PARTS)}))?"
    r"\s*(?P<operator>>=|<=|==|>|<)\s*"
    rf"(?:(?P<number>{_NUMBER})|(?P<baseline>{BASELINE})(?:\s*(?P<sign>[+-])\s*(?P<by>{_NUMBER}))?)\s*"
)
_DIGITS = 6
"""Figures are compared as a report gives them, to so many digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureName:
    """What is looked at: a measure of an arm; of the same arm in the baseline if both are empty."""

    arm: str = ""
    measure: str = ""

    @property
    def of_baseline(self) -> bool:
        """Whether it is the word `baseline`."""
        return not self.arm

    def __str__(self) -> str:
        return f"{self.arm}.{self.measure}" if self.arm else BASELINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What must hold.

    Attributes:
        text: As it was written.
        name: How it is called; the text if nobody gave it a name.
        first: The figure.
        second: The one that is taken off; None for a single figure.
        part: One of `PARTS`, or empty for the value.
        operator: One of >= > <= < ==.
        bound: What the left side is compared with, or added to the baseline's.
        to_baseline: Whether the right side is the baseline's figure plus `bound`.
    """

    text: str
    name: str
    first: FigureName
    operator: str
    bound: float
    second: FigureName | None = None
    part: str = ""
    to_baseline: bool = False

    @property
    def needs_baseline(self) -> bool:
        """Whether it can only be decided beside another run."""
        return self.to_baseline or (self.second is not None and self.second.of_baseline)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a gate holds.

    Attributes:
        gate: Which.
        holds: Whether it does; never where there is no value.
        value: Of the left side; None if it has none.
        bound: Of the right side; None if it has none.
        n: How many cases the value is of; None where nothing was found.
        reason: One sentence: how it stands, or why there is no value.
    """

    gate: Gate
    holds: bool
    value: float | None
    bound: float | None
    n: int | None
    reason: str

    def to_json(self) -> dict[str, object]:
        """Return the verdict as `--json` prints it."""
        return {
            "name": self.gate.name,
            "gate": self.gate.text,
            "holds": self.holds,
            "value": self.value,
            "bound": self.bound,
            "n": self.n,
            "reason": self.reason,
        }


def parse(text: str, *, name: str = "") -> Gate:
    """Return the gate of an expression.

    Raises:
        UsageError: If it is none.
    """
    found = _GATE.fullmatch(text)
    if found is None or bool(found["open"]) != bool(found["close"]):
        raise UsageError(
            f"{text!r} is no gate; write for example 'rag.content_f1 >= 0.7', "
            "'rag.correct.low >= 0.6' or '(rag.correct - extractive.correct).low >= 0'"
        )
    second = None if found["second"] is None else _figure(found["second"], text)
    first, own = _figure_and_part(found["first"], text)
    if first.of_baseline:
        raise UsageError(f"{text!r} begins with the baseline; a gate begins with ARM.MEASURE")
    part = found["part"] or own
    if second is not None and own:
        raise UsageError(
            f"{text!r} takes something off the {own} end of one figure; write "
            f"({first} - {second}).{own} for that end of the difference"
        )
    if found["part"] and second is None and own:
        raise UsageError(f"{text!r} asks for .{own} and .{found['part']} of the same figure")
    bound = found["number"] if found["baseline"] is None else (found["by"] or "0")
    return Gate(
        text=" ".join(text.split()),
        name=name or " ".join(text.split()),
        first=first,
        second=second,
        part=part,
        operator=found["operator"],
        bound=-float(bound) if found["sign"] == "-" else float(bound),
        to_baseline=found["baseline"] is not None,
    )


def load_gates(file: Path) -> tuple[list[Gate], Path | None]:
    """Return the gates of a TOML file, and the baseline that it names.

    `gates` is a list of expressions, or a table of them by name; `baseline` is a folder, seen
    from the file's own.

    Raises:
        ConfigError: If the file is missing or no TOML, or a key or a value is wrong.
        UsageError: If an expression is no gate.
    """
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"the gates {file} cannot be read ({exc.strerror})") from exc
    except ValueError as exc:
        raise ConfigError(f"the gates {file} are not valid TOML: {exc}") from exc
    unknown = sorted(values.keys() - {"gates", "baseline"})
    if unknown:
        raise ConfigError(
            f"{file} sets {unknown[0]!r}, which is not known; the keys are gates, baseline"
        )
    held = values.get("gates")
    named = held.items() if isinstance(held, dict) else [("", text) for text in _list(held, file)]
    gates = []
    for name, text in named:
        if not isinstance(text, str):
            raise ConfigError(f"{file} holds the gate {text!r}; it must be a text")
        gates.append(parse(text, name=name))
    baseline = values.get("baseline")
    if baseline is not None and not isinstance(baseline, str):
        raise ConfigError(f"{file} sets baseline to {baseline!r}; it must be a folder")
    return gates, None if baseline is None else file.parent / baseline


def judge(gates: Sequence[Gate], run: SavedRun, baseline: SavedRun | None = None) -> list[Verdict]:
    """Return whether each gate holds, in order.

    Args:
        gates: One or more.
        run: What they are about.
        baseline: What `baseline` means in them. If its cases are others, both sides of such a
            gate are of the cases that both runs have, unchanged.

    Raises:
        UsageError: If an arm or a measure is unknown, a gate needs a baseline and there is none,
            or the runs have no case in common.
    """
    common = None
    if any(gate.needs_baseline for gate in gates):
        if baseline is None:
            text = next(gate.text for gate in gates if gate.needs_baseline)
            raise UsageError(f"{text!r} needs another run to compare with; give --baseline DIR")
        common = shared(baseline, run)
    for gate in gates:
        for figure in (gate.first, gate.second):
            if figure is not None and not figure.of_baseline:
                _check_known(figure, run)
    return [_Judging(run, baseline, common).verdict(gate) for gate in gates]


class _NoValueError(Exception):
    """There is nothing to compare; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    value: float
    n: int | None


class _Judging:
    """Works out both sides of a gate."""

    def __init__(self, run: SavedRun, baseline: SavedRun | None, common: Shared | None) -> None:
        self._run = run
        self._baseline = baseline
        self._common = common

    def verdict(self, gate: Gate) -> Verdict:
        try:
            left = self._left(gate, self._run)
            bound = gate.bound
            if gate.to_baseline and self._baseline is not None:
                bound += self._of_baseline(gate, self._baseline)
        except _NoValueError as exc:
            return Verdict(gate=gate, holds=False, value=None, bound=None, n=None, reason=str(exc))
        value, bound = round(left.value, _DIGITS), round(bound, _DIGITS)
        return Verdict(
            gate=gate,
            holds=_OPERATORS[gate.operator](value, bound),
            value=value,
            bound=bound,
            n=left.n,
            reason=f"it is {value:g}" + (f", the bound is {bound:g}" if gate.to_baseline else ""),
        )

    def _of_baseline(self, gate: Gate, baseline: SavedRun) -> float:
        """Return the baseline's own value; of an interval's end too, its middle counts."""
        plain = gate.part if gate.part in ("n", "coverage") else ""
        try:
            return self._value(gate.first, gate.second, plain, baseline, both=True).value
        except _NoValueError as exc:
            raise _NoValueError(f"the baseline has no value: {exc}") from exc

    def _left(self, gate: Gate, run: SavedRun) -> _Value:
        return self._value(gate.first, gate.second, gate.part, run, both=gate.needs_baseline)

    def _value(
        self, first: FigureName, second: FigureName | None, part: str, run: SavedRun, *, both: bool
    ) -> _Value:
        """Return a side of a gate; with `both`, only of cases that the baseline has too."""
        among = None
        if both and self._common is not None and not self._common.same:
            among = frozenset(self._common.ids)
        if second is None:
            return self._single(first, part, run, among)
        return self._difference(first, second, part, run, among)

    def _single(
        self, name: FigureName, part: str, run: SavedRun, among: frozenset[str] | None
    ) -> _Value:
        figure = _figure_of(name, run)
        if among is not None:
            return _over(name, part, run, among)
        n = figure.get("n")
        if part in ("n", "coverage"):
            if figure.get(part) is None:
                raise _NoValueError(f"{name} has no {part}: {_status(figure)}")
            return _Value(value=float(figure[part]), n=n)
        if figure.get("value") is None:
            raise _NoValueError(f"{name} has no value: {_status(figure)}")
        if not part:
            return _Value(value=float(figure["value"]), n=n)
        if figure.get("ci95") is None:
            raise _NoValueError(_no_interval(str(name)))
        return _Value(value=float(figure["ci95"][PARTS.index(part)]), n=n)

    def _difference(
        self,
        first: FigureName,
        second: FigureName,
        part: str,
        run: SavedRun,
        among: frozenset[str] | None,
    ) -> _Value:
        other, theirs = run, second
        if second.of_baseline and self._baseline is not None:
            other, theirs = self._baseline, first
        name = f"{first} - {second}"
        by_case = [_is_of_cases(first, run), _is_of_cases(theirs, other)]
        figures = _figure_of(first, run), _figure_of(theirs, other)
        if not all(by_case):
            return self._of_wholes(name, figures, part, among)
        pairs = paired(
            run.of_arm(first.arm),
            other.of_arm(theirs.arm),
            (first.measure, theirs.measure),
            among,
        )
        return _of_pairs(name, pairs, part, run, among)

    def _of_wholes(
        self,
        name: str,
        figures: tuple[Mapping[str, Any], Mapping[str, Any]],
        part: str,
        among: frozenset[str] | None,
    ) -> _Value:
        if part:
            raise _NoValueError(f"{name} is of all answers together and has no .{part}")
        if among is not None:
            raise _NoValueError(_OTHER_CASES.format(name=name))
        for figure in figures:
            if figure.get("value") is None:
                raise _NoValueError(f"{name} has no value: {_status(figure)}")
        return _Value(value=float(figures[0]["value"]) - float(figures[1]["value"]), n=None)


_OTHER_CASES = (
    "{name} is of all answers together, and the baseline is of other cases; make a new baseline"
)


def _over(name: FigureName, part: str, run: SavedRun, among: frozenset[str]) -> _Value:
    """Return a figure over some of the cases."""
    if not _is_of_cases(name, run):
        raise _NoValueError(_OTHER_CASES.format(name=name))
    rows = run.of_arm(name.arm)
    pairs = paired(rows, rows, (name.measure, name.measure), among)
    answered = sum(id_ in among for id_ in rows)
    if part == "coverage":
        if not answered:
            raise _NoValueError(f"{name} has no coverage: no shared case was answered")
        return _Value(value=len(pairs.first) / answered, n=len(pairs.first))
    zeros = (0.0,) * len(pairs.first)
    return _of_pairs(
        str(name), Pairs(first=pairs.first, second=zeros, sources=pairs.sources), part, run, among
    )


def _of_pairs(
    name: str, pairs: Pairs, part: str, run: SavedRun, among: frozenset[str] | None
) -> _Value:
    n = len(pairs.sources)
    if part == "n":
        return _Value(value=float(n), n=n)
    if part == "coverage":
        cases = len(among) if among is not None else int(run.report["cases"]["count"])
        return _Value(value=n / cases if cases else 0.0, n=n)
    if not n:
        raise _NoValueError(f"{name} has no value: no case has one on both sides")
    found = contrast(pairs.first, pairs.second, pairs.sources, seed=run.seed)
    if not part:
        return _Value(value=found.difference, n=n)
    if found.ci95 is None:
        raise _NoValueError(_no_interval(name))
    return _Value(value=found.ci95[PARTS.index(part)], n=n)


def _figure_of(name: FigureName, run: SavedRun) -> Mapping[str, Any]:
    arm = run.arms.get(name.arm)
    if arm is None:
        raise _NoValueError(f"{run.file} has no arm {name.arm}")
    if arm.get("status") != "run":
        raise _NoValueError(f"the arm {name.arm} did not run: {arm.get('reason', '')}")
    figure = arm["figures"].get(name.measure)
    if figure is None:
        raise _NoValueError(f"{run.file} does not hold {name}")
    found: Mapping[str, Any] = figure
    return found


def _is_of_cases(name: FigureName, run: SavedRun) -> bool:
    """Return whether each case has a value of the measure, and not only all of them together."""
    return name.measure in run.report["measures"]


def _status(figure: Mapping[str, Any]) -> str:
    return str(figure.get("status") or "unknown").replace("_", " ")


def _no_interval(name: str) -> str:
    return f"{name} has no interval: it takes {LEAST_CLUSTERS} source documents, or is not of cases"


def _check_known(name: FigureName, run: SavedRun) -> None:
    if name.arm not in run.arms:
        unknown_arm(name.arm, run)
    known = dict.fromkeys(run.report["measures"])
    for ran in run.ran:
        known |= dict.fromkeys(run.arms[ran]["figures"])
    if name.measure not in known:
        raise UsageError(
            f"there is no measure {name.measure!r}; the measures are {', '.join(known)}"
        )


def _figure(text: str, gate: str) -> FigureName:
    name, part = _figure_and_part(text, gate)
    if part:
        raise UsageError(
            f"{gate!r} takes off the {part} of a figure; put the difference into brackets, as in "
            "(rag.correct - extractive.correct).low >= 0"
        )
    return name


def _figure_and_part(text: str, gate: str) -> tuple[FigureName, str]:
    if text == BASELINE:
        return FigureName(), ""
    rest, dot, last = text.rpartition(".")
    part = last if dot and last in PARTS and "." in rest else ""
    arm, dot, measure = (rest if part else text).rpartition(".")
    arm = arm[1:-1] if arm[:1] == arm[-1:] == '"' else arm
    if not (arm and measure):
        raise UsageError(f"{text!r} in {gate!r} is no figure; write ARM.MEASURE, as rag.correct")
    return FigureName(arm=arm, measure=measure), part


def _list(held: Any, file: Path) -> list[Any]:
    if not isinstance(held, list) or not held:
        raise ConfigError(f'{file} holds no gates; write gates = ["rag.content_f1 >= 0.7"]')
    return held
