"""The curve that a report holds is the whole one, thinned."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from ragkit_eval.metrics.risk_coverage import curve
from ragkit_eval.recorded import Recorded
from ragkit_eval.score import entailment, score
from ragkit_eval.summary import risk_coverage
from tests.support.report import cases


def held(count: int, *, confident: bool = True) -> tuple[list[list[float]], list[bool]]:
    asked = [case for case in cases(count * 2, documents=50) if case.answerable][:count]
    chance = Random(3)
    right = [chance.random() < 0.7 for _ in asked]
    answers = [
        Recorded(
            arm="a",
            id=case.id,
            text=case.answers[0] if good else "never",
            abstained=False,
            confidence=chance.random() if confident else None,
        )
        for case, good in zip(asked, right, strict=True)
    ]
    rows = score(asked, answers, entails=entailment("verbatim"))
    points = risk_coverage(rows)
    whole = curve([row.answer.confidence or 0.0 for row in rows], right) if confident else []
    return points, [[round(share, 4) for share in point] in points for point in whole]


def test_a_short_curve_is_whole() -> None:
    points, kept = held(40)
    assert len(points) == 40
    assert all(kept)


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    points, kept = held(300)
    assert len(points) == 100
    assert sum(kept) >= 100
    assert kept[0]
    assert points[-1][0] == 1.0
    assert points == sorted(points, key=lambda point: point[0])
    steps = [after[0] - before[0] for before, after in pairwise(points)]
    assert max(steps) == pytest.approx(0.0133, abs=1e-3)


def test_without_confidence_there_is_none() -> None:
    assert held(10, confident=False)[0] == []
