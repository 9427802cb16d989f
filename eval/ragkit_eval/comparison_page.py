"""A comparison as Markdown, for a pull request or a wiki."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ragkit_eval.compare import Change, ComparedArm, ComparedCase, Comparison, Setting
from ragkit_eval.markdown import plain, table
from ragkit_eval.summary import COMPARED

_LONGEST = 400
_HEADINGS = {
    Change.REGRESSED: "Regressed",
    Change.FIXED: "Fixed",
    Change.STILL_FAILING: "Still failing",
}


def page(found: Comparison) -> str:
    """Return the comparison as Markdown; the same runs give the same text."""
    return "\n".join(_lines(found)).rstrip() + "\n"


def _lines(found: Comparison) -> Iterator[str]:
    yield "# Comparison of two runs"
    yield ""
    yield _cases(found)
    yield ""
    yield from (f"- {plain(arm.verdict)}" for arm in found.arms)
    for what, names in (("first", found.missing_arms), ("second", found.new_arms)):
        if names and found.before is not found.after:
            yield f"- Arms of the {what} run only: {plain(', '.join(names))}"
    yield from _settings(found.settings)
    for arm in found.arms:
        yield from _arm(arm)
    yield ""
    yield (
        "Differences are paired, after minus before, over the cases with a value in both; cases of "
        "one document are kept together; p-values are adjusted by Holm over the arms, those of "
        f"{' and '.join(map(plain, COMPARED))} among themselves and the others among themselves."
    )


def _cases(found: Comparison) -> str:
    shared = found.shared
    if shared.same:
        return f"{len(shared.ids)} cases, the same in both runs."
    return (
        f"The runs are not of the same cases. Compared: {len(shared.ids)} that are in both, "
        f"unchanged ({len(shared.moved)} with other evidence). Left out: {len(shared.changed)} "
        f"changed, {len(shared.only_first)} of the first run only, "
        f"{len(shared.only_second)} of the second only."
    )


def _settings(settings: Sequence[Setting]) -> Iterator[str]:
    if settings:
        yield ""
        yield from table(
            ["setting", "before", "after"],
            [[plain(one.name), _value(one.before), _value(one.after)] for one in settings],
        )


def _arm(arm: ComparedArm) -> Iterator[str]:
    yield ""
    yield f"## {plain(arm.name)}"
    yield from _settings(arm.settings)
    for change, heading in _HEADINGS.items():
        cases = arm.of(change)
        if cases:
            yield ""
            yield f"### {heading} ({len(cases)})"
            yield ""
            for case in cases:
                yield from _case(case)
    yield ""
    rows = [
        [
            plain(one.name),
            f"{one.before:.3f}",
            f"{one.after:.3f}",
            f"{one.contrast.difference:+.3f}",
            _interval(one.contrast.ci95),
            f"{one.p_holm:.4f}",
            str(one.contrast.cases),
        ]
        for one in arm.measures
        if one.contrast is not None
    ]
    head = ["measure", "before", "after", "change", "95 % interval", "p (Holm)", "cases"]
    yield from table(head, rows)


def _case(case: ComparedCase) -> Iterator[str]:
    yield f"- **{plain(case.id)}** {plain(case.question)}".rstrip()
    for outcome, said in ((case.before, case.said_before), (case.after, case.said_after)):
        shown = "" if said is None else f": {plain(said, longest=_LONGEST)}"
        yield f"  - {plain(outcome)}{shown}"


def _interval(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f"{interval[0]:+.3f} to {interval[1]:+.3f}"


def _value(value: Any) -> str:
    if value is None:
        return "not set"
    return plain(value if isinstance(value, str) and value else json.dumps(value))
