"""Does a judge agree with people? Otherwise nobody should believe it.

{"id": "q1", "arm": "rag", "label": 1}

A label says how good an answer is, from 0 to 1, true for 1. A measure is compared with it as good
or bad, from one half on; a pair of arms by which of the two labels is higher.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.json_lines import lines
from ragkit_eval.judges.pairwise import PairVerdict
from ragkit_eval.share import Share
from ragkit_eval.stats.bootstrap import clustered_ci95
from ragkit_eval.stats.kappa import cohen_kappa
from ragkit_ingest.errors import UsageError

LEAST = 30
"""With fewer labels a judge counts as not calibrated."""
NOT_CALIBRATED = (
    "NOT CALIBRATED: nobody has checked this judge against people. Its figures may be worth nothing"
)
_FIELDS = {"id", "arm", "label"}
_GOOD = 0.5

Labels = Mapping[tuple[str, str], float]
"""By arm and case, how good people found the answer, in [0, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A judge beside people.

    Attributes:
        share: How often both say the same.
        kappa: Beyond chance; None if nobody varies.
        ci95: Of kappa, by bootstrap over documents.
    """

    share: Share
    kappa: float | None
    ci95: tuple[float, float] | None

    @property
    def calibrated(self) -> bool:
        """Whether there are labels enough to say something."""
        return self.share.of >= LEAST

    @property
    def beyond_chance(self) -> bool:
        """Whether the judge surely agrees more than chance does."""
        return self.ci95 is not None and self.ci95[0] > 0

    @property
    def reason(self) -> str:
        """What must be said of it in one sentence; empty if it is calibrated and agrees."""
        if not self.calibrated:
            return f"{NOT_CALIBRATED}: {self.share.of} of the {LEAST} labels needed"
        if not self.beyond_chance:
            return "Do not believe this judge: its agreement with people may be chance"
        return ""

    def to_json(self) -> dict[str, Any]:
        """Return the agreement as it stands in a report."""
        ends = self.share.ci95
        share = self.share.value
        return {
            "calibrated": self.calibrated,
            "beyond_chance": self.beyond_chance,
            "labels": self.share.of,
            "agreement": None if share is None else round(share, 6),
            "agreement_ci95": None if ends is None else [round(end, 6) for end in ends],
            "kappa": None if self.kappa is None else round(self.kappa, 6),
            "kappa_ci95": None if self.ci95 is None else [round(end, 6) for end in self.ci95],
            "reason": self.reason,
        }


def load_labels(file: Path) -> dict[tuple[str, str], float]:
    """Return the labels of a JSON Lines file by arm and case.

    Raises:
        UsageError: If the file is missing, a line is no label, or one is given twice.
    """
    found: dict[tuple[str, str], float] = {}
    for line in lines(file, "labels"):
        key, label = line.read(_label, "is no label")
        if key in found:
            raise UsageError(f"{line.where} labels the answer of {key[0]} to {key[1]} again")
        found[key] = label
    if not found:
        raise UsageError(f'{file} holds no labels; write {{"id": "q1", "arm": "rag", "label": 1}}')
    return found


def _label(value: Any) -> tuple[tuple[str, str], float]:
    if not isinstance(value, dict) or set(value) != _FIELDS:
        raise ValueError("it is not an object with id, arm and label")
    label = value["label"]
    if not isinstance(label, bool | int | float) or not 0 <= label <= 1:
        raise ValueError(f"its label is {json.dumps(label)[:40]}, not between 0 and 1")
    return (str(value["arm"]), str(value["id"])), float(label)


def measure_agreement(
    scores: Mapping[tuple[str, str], float],
    labels: Labels,
    sources: Mapping[str, str],
    *,
    seed: int = 0,
) -> Agreement:
    """Return how a measure agrees with people on which answers are good.

    Args:
        scores: By arm and case, in [0, 1].
        labels: By people; those of other answers do not count.
        sources: The document of each case.
        seed: Of the bootstrap.
    """
    both = [key for key in scores if key in labels]
    return agreement(
        [scores[key] >= _GOOD for key in both],
        [labels[key] >= _GOOD for key in both],
        [sources[id_] for _, id_ in both],
        seed=seed,
    )


def agreement(
    judged: Sequence[Hashable],
    labelled: Sequence[Hashable],
    sources: Sequence[str],
    *,
    seed: int = 0,
) -> Agreement:
    """Return how a judge agrees with people.

    Args:
        judged: What the judge says of each case.
        labelled: What people say of the same.
        sources: The document of each case.
        seed: Of the bootstrap.
    """
    return Agreement(
        share=Share.among(a == b for a, b in zip(judged, labelled, strict=True)),
        kappa=cohen_kappa(judged, labelled),
        ci95=clustered_ci95(
            lambda weights: cohen_kappa(judged, labelled, weights), sources, samples=1000, seed=seed
        ),
    )


def pair_agreement(
    first: str,
    second: str,
    verdicts: Sequence[PairVerdict],
    labels: Labels,
    *,
    seed: int = 0,
) -> Agreement:
    """Return how a judge's verdicts on two arms agree with people's labels of both."""
    both = [
        (one, labels[first, one.id] - labels[second, one.id])
        for one in verdicts
        if one.winner and (first, one.id) in labels and (second, one.id) in labels
    ]
    return agreement(
        [one.winner for one, _ in both],
        ["first" if gap > 0 else "second" if gap < 0 else "tie" for _, gap in both],
        [one.source for one, _ in both],
        seed=seed,
    )
