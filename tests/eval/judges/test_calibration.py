"""A judge beside people: agreement by hand, and no calibration without labels enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit_eval.judges.calibration import load_labels, measure_agreement, pair_agreement
from ragkit_eval.judges.pairwise import PairVerdict
from ragkit_ingest.errors import UsageError

IDS = [f"q{n}" for n in range(40)]
SOURCES = {id_: f"{id_}.md" for id_ in IDS}


def test_a_measure_that_agrees() -> None:
    scores = {("a", id_): float(n % 2) for n, id_ in enumerate(IDS)}
    labels = {("a", id_): 0.9 * (n % 2) for n, id_ in enumerate(IDS[:30])} | {("b", "q1"): 1.0}
    found = measure_agreement(scores, labels, SOURCES)
    assert (found.share.hits, found.share.of, found.kappa) == (30, 30, 1.0)
    assert found.calibrated
    assert found.beyond_chance
    assert found.reason == ""


def test_too_few_labels_are_no_calibration() -> None:
    scores = {("a", id_): float(n % 2) for n, id_ in enumerate(IDS)}
    labels = {("a", id_): float(n % 2) for n, id_ in enumerate(IDS[:29])}
    found = measure_agreement(scores, labels, SOURCES)
    assert not found.calibrated
    assert "NOT CALIBRATED" in found.reason
    assert "29 of the 30 labels" in found.reason
    none = measure_agreement(scores, {}, SOURCES)
    assert (none.to_json()["kappa"], none.to_json()["agreement"]) == (None, None)
    assert not none.calibrated


def test_labels_enough_do_not_make_a_judge_right() -> None:
    scores = {("a", id_): float(n % 2) for n, id_ in enumerate(IDS)}
    labels = {("a", id_): float(n % 4 > 1) for n, id_ in enumerate(IDS)}
    found = measure_agreement(scores, labels, SOURCES)
    assert found.kappa == pytest.approx(0.0)
    assert found.calibrated
    assert "may be chance" in found.reason


def test_a_pair_is_compared_by_which_label_is_higher() -> None:
    winners = ["first", "second", "tie", None] * 10
    verdicts = [
        PairVerdict(id=id_, source=SOURCES[id_], winner=winner)
        for id_, winner in zip(IDS, winners, strict=True)
    ]
    points = {"first": (1.0, 0.0), "second": (0.2, 0.8), "tie": (0.5, 0.5), None: (1.0, 0.0)}
    labels = {}
    for id_, winner in zip(IDS, winners, strict=True):
        labels["a", id_], labels["b", id_] = points[winner]
    found = pair_agreement("a", "b", verdicts, labels)
    assert (found.share.hits, found.share.of, found.kappa) == (30, 30, 1.0)
    turned = pair_agreement("b", "a", verdicts, labels)
    assert (turned.share.hits, turned.share.of) == (10, 30)  # only the ties stay
    del labels["b", "q0"]
    assert pair_agreement("a", "b", verdicts, labels).share.of == 29


def test_labels_are_read(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text(
        '{"id": "q1", "arm": "a", "label": true}\n\n{"id": "q1", "arm": "b", "label": 0.25}\n'
    )
    assert load_labels(file) == {("a", "q1"): 1.0, ("b", "q1"): 0.25}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no labels"),
        ("[1]", "line 1 of .* is not an object with id"),
        ('{"id": "q", "arm": "a"}', "is not an object with id"),
        ('{"id": "q", "arm": "a", "label": 2}', "its label is 2, not between 0 and 1"),
        ('{"id": "q", "arm": "a", "label": "good"}', 'its label is "good"'),
        ('{"id": "q", "arm": "a", "label": NaN}', "its label is NaN"),
        ("{", "is no label"),
        ('{"id": "q", "arm": "a", "label": 1}\n' * 2, "line 2 of .* again"),
    ],
)
def test_wrong_labels_are_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        load_labels(file)
    with pytest.raises(UsageError, match="cannot be read"):
        load_labels(tmp_path / "none.jsonl")
