"""The report as Markdown, for a pull request or a wiki. It holds no text of the documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ragkit_eval.markdown import plain, table
from ragkit_eval.report.estimate import Estimate, estimate, of_measure, ran
from ragkit_eval.report.facts import auc_words
from ragkit_eval.report.limits import limits
from ragkit_eval.report.page import about_of, title_of
from ragkit_eval.report.settings import commands, made_with
from ragkit_eval.report.tables import signed
from ragkit_eval.report.verdict import Kind, is_shown, verdict
from ragkit_eval.report.wording import (
    OUTCOME_LABELS,
    OUTCOMES,
    arm_label,
    decimal,
    decimal_range,
    label,
    number,
    p_value,
    percent,
    percent_range,
)

_SHARES = ("correct", "tone", "hit@5", "groundedness", "citation_recall", "abstention_f1")
_COUNTS = ("prompt_tokens", "completion_tokens", "cost")


def markdown(report: Mapping[str, Any]) -> str:
    """Return the report as Markdown; the same report gives the same text."""
    return "\n".join(_lines(report)).rstrip() + "\n"


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"# {plain(title_of(report))}"
    yield ""
    for text in about_of(report):
        yield from (plain(text), "")
    yield from ("## What this shows", "")
    for one in verdict(report):
        strong = one.kind is Kind.SHOWN
        yield f"- **{plain(one.text)}**" if strong else f"- {plain(one.text)}"
    yield from _arms(report)
    yield from _outcomes(report)
    for name, heading in (("freshness", "Freshness"), ("robustness", "Robustness to wording")):
        yield from _measured(report, name, heading)
    yield from _differences(report["differences"])
    yield from _figures(report)
    yield from ("", "## What these numbers do not say", "")
    yield from (f"- {plain(text)}" for text in limits(report))
    yield from ("", "## Settings, and how to run this again", "")
    yield from (f"- {plain(name)}: {plain(text)}" for name, text in made_with(report))
    yield from ("", "```console", *(f"$ {command}" for command in commands(report)), "```")


def _arms(report: Mapping[str, Any]) -> Iterator[str]:
    arms = ran(report)
    shown = [
        name for name in _SHARES if any(of_measure(arm, name).value is not None for arm in arms)
    ]
    if not shown:
        return
    tone = report.get("tone")
    heads = [label(name) for name in shown]
    if tone is not None and "tone" in shown:
        heads[shown.index("tone")] = f"tone ({auc_words(tone)})"
    rows = [
        [plain(arm_label(arm["name"])), *(_share(of_measure(arm, name)) for name in shown)]
        for arm in arms
    ]
    yield from ("", "## Arms", "", "In per cent, with 95 % intervals.", "")
    yield from table(["arm", *map(plain, heads)], rows)


def _outcomes(report: Mapping[str, Any]) -> Iterator[str]:
    heads = ["arm", *(f"{OUTCOME_LABELS[name]}" for name in OUTCOMES)]
    rows = [
        [
            plain(arm_label(arm["name"])),
            *(
                f"{arm['outcomes_answerable'][name]} + "
                f"{arm['outcomes'][name] - arm['outcomes_answerable'][name]}"
                for name in OUTCOMES
            ),
        ]
        for arm in ran(report)
    ]
    yield from ("", "## Outcomes", "", "Questions with an answer + questions without one.", "")
    yield from table(heads, rows)


def _measured(report: Mapping[str, Any], name: str, heading: str) -> Iterator[str]:
    """Yield the table of figures that arms hold by name, each as itself or as a value."""
    arms = [arm for arm in ran(report) if arm.get(name)]
    if not arms:
        return
    columns = list(
        dict.fromkeys(
            column for arm in arms for column, held in arm[name].items() if isinstance(held, dict)
        )
    )
    rows = [
        [plain(arm_label(arm["name"])), *(_share(_held(arm[name].get(one))) for one in columns)]
        for arm in arms
    ]
    yield from ("", f"## {heading}", "")
    yield from table(["arm", *(plain(column) for column in columns)], rows)


def _held(figure: Mapping[str, Any] | None) -> Estimate:
    inner = (figure or {}).get("value")
    return estimate(inner if isinstance(inner, dict) else figure)


def _differences(held: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not held:
        return
    rows = [
        [
            f"{plain(arm_label(one['first']))} \u2212 {plain(arm_label(one['second']))}",
            plain(label(one["measure"])),
            signed(one["difference"]),
            "none" if one["ci95"] is None else " to ".join(map(signed, one["ci95"])),
            p_value(one["p_holm"]),
            "yes" if is_shown(one) else "no",
            "unknown" if one["detectable"] is None else f"{one['detectable']:.3f}",
            str(one["cases"]),
        ]
        for one in held
    ]
    heads = [
        *("difference", "by", "value", "95 % interval", "Holm p", "shown"),
        *("would be found", "cases"),
    ]
    yield from ("", "## Differences", "")
    yield from table(heads, rows)


def _figures(report: Mapping[str, Any]) -> Iterator[str]:
    arms = ran(report)
    names = dict.fromkeys(name for arm in arms for name in arm["figures"])
    rows = [
        [plain(label(name)), *(_figure(of_measure(arm, name), name) for arm in arms)]
        for name in names
    ]
    yield from ("", "## All figures", "", "Value (95 % interval), number of cases with one.", "")
    yield from table(["measure", *(plain(arm_label(arm["name"])) for arm in arms)], rows)


def _figure(found: Estimate, name: str) -> str:
    if found.value is None:
        return plain(found.status.replace("_", " "))
    value = number(found.value) if name in _COUNTS else decimal(found.value)
    if found.low is not None and found.high is not None:
        value += f" ({decimal_range(found.low, found.high)})"
    return f"{value}, {found.n} of {found.of}"


def _share(found: Estimate) -> str:
    if found.value is None:
        return plain(found.status.replace("_", " "))
    if found.low is None or found.high is None:
        return percent(found.value)
    return f"{percent(found.value)} ({percent_range(found.low, found.high)})"
