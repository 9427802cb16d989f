"""Two runs beside each other: what was fixed, what regressed, and whether it may be chance."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ragkit_eval.saved import SavedRow, SavedRun, Shared, paired, shared, unknown_arm
from ragkit_eval.stats.holm import holm
from ragkit_eval.stats.paired import Contrast, contrast
from ragkit_eval.summary import COMPARED
from ragkit_ingest.errors import UsageError

SCHEMA = "ragkit-eval-comparison/1"
_SETTINGS = ("index", "entailment", "seed", "depth")


class Change(StrEnum):
    """What became of a case."""

    FIXED = "fixed"
    """It was wrong, withheld or failed, and is right."""
    REGRESSED = "regressed"
    """It was right, and is not."""
    STILL_FAILING = "still_failing"
    """It is right in neither."""
    STILL_RIGHT = "still_right"
    """It is right in both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCase:
    """A case in both arms.

    Attributes:
        id: Which case.
        question: As it was asked; empty if the runs' cases.jsonl are not there.
        change: What became of it.
        before: Its outcome first.
        after: Its outcome then.
        said_before: What was said first; None if it was not recorded.
        said_after: What was said then.
    """

    id: str
    question: str
    change: Change
    before: str
    after: str
    said_before: str | None
    said_after: str | None

    def to_json(self) -> dict[str, object]:
        """Return the case as it stands in a comparison."""
        return {
            "id": self.id,
            "question": self.question,
            "change": self.change.value,
            "before": self.before,
            "after": self.after,
            "said_before": self.said_before,
            "said_after": self.said_after,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedMeasure:
    """A measure in both arms, over the cases for which both have a value.

    Attributes:
        name: Of the measure.
        before: The mean first; None if no case has a value in both arms.
        after: The mean then.
        contrast: The difference, after minus before.
        p_holm: The p-value, adjusted for all arms: for `COMPARED`, the measures that every run is
            judged by, among themselves, and for the others among themselves.
    """

    name: str
    before: float | None = None
    after: float | None = None
    contrast: Contrast | None = None
    p_holm: float | None = None

    def to_json(self) -> dict[str, object]:
        """Return the measure as it stands in a comparison."""
        found = {} if self.contrast is None else self.contrast.to_json()
        return {
            "before": None if self.before is None else round(self.before, 6),
            "after": None if self.after is None else round(self.after, 6),
            **found,
            "p_holm": None if self.p_holm is None else round(self.p_holm, 6),
            "status": "" if self.contrast is not None else "no_case_with_a_value_in_both",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting that is not the same; a side is None where it is not set."""

    name: str
    before: Any
    after: Any

    def to_json(self) -> dict[str, object]:
        """Return the setting as it stands in a comparison."""
        return {"name": self.name, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedArm:
    """An arm of the first run beside one of the second.

    Attributes:
        before: Name of the one.
        after: Name of the other.
        cases: In both, in the order of the second run.
        unanswered: Shared cases that only one of the two answered.
        measures: That were compared, in order.
        figures: Of all answers together (before, after), without a test; of every case of each
            run, also where the runs' cases differ.
        settings: What differs between the arms themselves.
    """

    before: str
    after: str
    cases: tuple[ComparedCase, ...]
    unanswered: tuple[str, ...]
    measures: tuple[ComparedMeasure, ...]
    figures: Mapping[str, tuple[float | None, float | None]]
    settings: tuple[Setting, ...]

    @property
    def name(self) -> str:
        """How the pair is called."""
        return self.after if self.before == self.after else f"{self.before} to {self.after}"

    def of(self, change: Change) -> list[ComparedCase]:
        """Return the cases of which this became."""
        return [case for case in self.cases if case.change is change]

    @property
    def counts(self) -> dict[str, int]:
        """How many cases each change has."""
        return {change.value: len(self.of(change)) for change in Change}

    @property
    def verdict(self) -> str:
        """What can be said of the pair, from the test of `correct` alone."""
        counts = self.counts
        found = next((m for m in self.measures if m.name == "correct"), None)
        said = (
            f"{self.name}: {counts['fixed']} fixed, {counts['regressed']} regressed, "
            f"{counts['still_failing']} still failing, {counts['still_right']} still right."
        )
        if found is None or found.contrast is None or found.p_holm is None:
            return said
        if counts["fixed"] == counts["regressed"] == 0:
            return said
        if found.p_holm > 0.05:
            more = "This may be chance"
        else:
            more = "It became better" if found.contrast.difference > 0 else "It became worse"
        return f"{said} {more} (p {found.p_holm:.3f})."

    def to_json(self) -> dict[str, object]:
        """Return the pair as it stands in a comparison."""
        return {
            "before": self.before,
            "after": self.after,
            "verdict": self.verdict,
            "counts": self.counts,
            "measures": {measure.name: measure.to_json() for measure in self.measures},
            "figures": {
                name: {"before": values[0], "after": values[1]}
                for name, values in self.figures.items()
            },
            "settings": [setting.to_json() for setting in self.settings],
            "unanswered": list(self.unanswered),
            "cases": [case.to_json() for case in self.cases],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs beside each other.

    Attributes:
        before: The first run.
        after: The second; the same where two of its arms are compared.
        shared: Which cases both have.
        missing_arms: That only the first run has, or that ran only there.
        new_arms: That only the second has.
        settings: Of the runs as wholes, that differ.
        arms: The pairs, in order.
    """

    before: SavedRun
    after: SavedRun
    shared: Shared
    missing_arms: tuple[str, ...]
    new_arms: tuple[str, ...]
    settings: tuple[Setting, ...]
    arms: tuple[ComparedArm, ...] = field(default=())

    def to_json(self) -> dict[str, object]:
        """Return the comparison; the same runs give the same bytes."""
        return {
            "schema": SCHEMA,
            "before": {"cases": self.before.digest, "index": _index_digest(self.before)},
            "after": {"cases": self.after.digest, "index": _index_digest(self.after)},
            "cases": {
                "same": self.shared.same,
                "shared": len(self.shared.ids),
                "changed": list(self.shared.changed),
                "evidence_changed": list(self.shared.moved),
                "missing": list(self.shared.only_first),
                "new": list(self.shared.only_second),
            },
            "missing_arms": list(self.missing_arms),
            "new_arms": list(self.new_arms),
            "settings": [setting.to_json() for setting in self.settings],
            "arms": [arm.to_json() for arm in self.arms],
        }


def compare(
    before: SavedRun,
    after: SavedRun,
    *,
    arms: Sequence[tuple[str, str]] = (),
    measures: Sequence[str] = (),
    samples: int = 5000,
) -> Comparison:
    """Return two runs beside each other.

    Args:
        before: The first run.
        after: The second; it may be the first again, with `arms`.
        arms: Pairs of an arm of the first and one of the second; none for the arms of the same
            name that ran in both.
        measures: Only these; none for all.
        samples: Of each bootstrap and each permutation test, 100 or more.

    Raises:
        UsageError: If the runs have no case in common, an arm or a measure is unknown, or there
            is nothing to compare.
    """
    known = list(dict.fromkeys((*before.report["measures"], *after.report["measures"])))
    for name in measures:
        if name not in known:
            raise UsageError(f"there is no measure {name!r}; the measures are {', '.join(known)}")
    common = shared(before, after)
    pairs = list(arms) or [(name, name) for name in after.ran if name in before.ran]
    for first, second in pairs:
        _check_ran(first, before)
        _check_ran(second, after)
    if not pairs:
        raise UsageError(
            f"{before.file} and {after.file} have no arm in common ({', '.join(before.ran)}; "
            f"{', '.join(after.ran)}); name pairs with --arms A:B"
        )
    wanted = [name for name in known if not measures or name in measures]
    compared = [_measures(before, after, pair, common, wanted, samples) for pair in pairs]
    adjusted = _adjusted([measure for held in compared for measure in held])
    said = before.answers(), after.answers()
    return Comparison(
        before=before,
        after=after,
        shared=common,
        missing_arms=tuple(name for name in before.ran if name not in after.ran),
        new_arms=tuple(name for name in after.ran if name not in before.ran),
        settings=tuple(_changed(_of_run(before), _of_run(after))),
        arms=tuple(
            ComparedArm(
                before=first,
                after=second,
                cases=tuple(_cases(before, after, (first, second), common, said)),
                unanswered=_unanswered(before, after, (first, second), common),
                measures=tuple(next(adjusted) for _ in held),
                figures=_figures(before.arms[first], after.arms[second], known),
                settings=tuple(_changed(_of_arm(before, first), _of_arm(after, second))),
            )
            for (first, second), held in zip(pairs, compared, strict=True)
        ),
    )


def arm_pairs(names: Sequence[str], before: SavedRun, after: SavedRun) -> list[tuple[str, str]]:
    """Return the pairs that are named "A:B" or, for an arm of one name in both runs, "A".

    Names may themselves hold colons, as long as there is one way to read them.

    Raises:
        UsageError: If a name is no pair of known arms, or can be read in two ways.
    """
    found = []
    for name in names:
        places = [place for place, char in enumerate(name) if char == ":"]
        ways = [(name[:place], name[place + 1 :]) for place in places] or [(name, name)]
        known = [way for way in ways if way[0] in before.arms and way[1] in after.arms]
        if name in before.arms and name in after.arms and (name, name) not in known:
            known.append((name, name))
        if len(known) > 1:
            raise UsageError(f"--arms {name!r} can be read in {len(known)} ways; rename an arm")
        if not known:
            first, second = ways[0]
            unknown_arm(*((first, before) if first not in before.arms else (second, after)))
        found.append(known[0])
    return found


def _check_ran(name: str, run: SavedRun) -> None:
    if name not in run.arms:
        unknown_arm(name, run)
    if name not in run.ran:
        raise UsageError(
            f"the arm {name} of {run.file} did not run: {run.arms[name].get('reason', '')}"
        )


def _measures(
    before: SavedRun,
    after: SavedRun,
    pair: tuple[str, str],
    common: Shared,
    names: Sequence[str],
    samples: int,
) -> list[ComparedMeasure]:
    first, second = before.of_arm(pair[0]), after.of_arm(pair[1])
    among = frozenset(common.ids)
    found = []
    for name in names:
        values = paired(second, first, (name, name), among)
        if not values.sources:
            found.append(ComparedMeasure(name=name))
            continue
        found.append(
            ComparedMeasure(
                name=name,
                before=sum(values.second) / len(values.second),
                after=sum(values.first) / len(values.first),
                contrast=contrast(
                    values.first, values.second, values.sources, samples=samples, seed=after.seed
                ),
            )
        )
    return found


def _adjusted(measures: Sequence[ComparedMeasure]) -> Iterator[ComparedMeasure]:
    """Yield the measures with their adjusted p-values, in order."""
    families: dict[bool, list[float]] = {True: [], False: []}
    for measure in measures:
        if measure.contrast is not None:
            families[measure.name in COMPARED].append(measure.contrast.p_value)
    left = {which: iter(holm(p_values)) for which, p_values in families.items()}
    for measure in measures:
        if measure.contrast is None:
            yield measure
        else:
            yield replace(measure, p_holm=next(left[measure.name in COMPARED]))


def _cases(
    before: SavedRun,
    after: SavedRun,
    pair: tuple[str, str],
    common: Shared,
    said: tuple[Mapping[Any, Any], Mapping[Any, Any]],
) -> Iterator[ComparedCase]:
    first, second = before.of_arm(pair[0]), after.of_arm(pair[1])
    for id_ in common.ids:
        if id_ not in first or id_ not in second:
            continue
        was, became = first[id_], second[id_]
        texts = said[0].get((pair[0], id_)), said[1].get((pair[1], id_))
        yield ComparedCase(
            id=id_,
            question=after.question(id_) or before.question(id_),
            change=_change(was, became),
            before=was.outcome,
            after=became.outcome,
            said_before=None if texts[0] is None else texts[0].text,
            said_after=None if texts[1] is None else texts[1].text,
        )


def _change(before: SavedRow, after: SavedRow) -> Change:
    if after.right:
        return Change.STILL_RIGHT if before.right else Change.FIXED
    return Change.REGRESSED if before.right else Change.STILL_FAILING


def _unanswered(
    before: SavedRun, after: SavedRun, pair: tuple[str, str], common: Shared
) -> tuple[str, ...]:
    first, second = before.of_arm(pair[0]), after.of_arm(pair[1])
    return tuple(id_ for id_ in common.ids if (id_ in first) != (id_ in second))


def _figures(
    before: Mapping[str, Any], after: Mapping[str, Any], by_case: Sequence[str]
) -> dict[str, tuple[float | None, float | None]]:
    held = before["figures"], after["figures"]
    names = dict.fromkeys((*held[0], *held[1]))
    return {
        name: (_value(held[0].get(name)), _value(held[1].get(name)))
        for name in names
        if name not in by_case
    }


def _value(figure: Mapping[str, Any] | None) -> float | None:
    return None if figure is None or figure.get("value") is None else float(figure["value"])


def _of_run(run: SavedRun) -> dict[str, Any]:
    return dict(_flat({name: run.report.get(name) for name in _SETTINGS}))


def _of_arm(run: SavedRun, name: str) -> dict[str, Any]:
    arm = run.arms[name]
    settings = {key: value for key, value in arm.get("settings", {}).items() if key != "name"}
    return dict(_flat({**settings, "models": arm.get("models")}))


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        elif value is not None:
            yield f"{before}{name}", value


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Setting]:
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        if json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True):
            yield Setting(name=name, before=one, after=other)


def _index_digest(run: SavedRun) -> str | None:
    index = run.report.get("index")
    return str(index["digest"]) if isinstance(index, Mapping) and "digest" in index else None
