"""Do the free measures agree with people? The protocol, on labels made up here."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from ragkit_eval.human import NAMES, RatedPair, find_rated, load_rated
from ragkit_eval.stats.correlation import pearson
from ragkit_eval.validation import embedding_cosine, lexical_measures, validate
from ragkit_ingest.errors import UsageError
from tests.support.hashing import HashingEmbedder

REFERENCE = "Dora Kettleby opened the Boiler Hall in 1951."
GOOD = "It was opened by Kettleby in 1951, the Boiler Hall."
BAD = "Nobody can say."


def entry(id_: int, first: str, second: str, label: int, **changes: Any) -> dict[str, Any]:
    return {
        "instance_id": id_,
        "query": "Who opened the Boiler Hall?",
        "gt_answer": REFERENCE,
        "model1": {"response": first, "critiques": ""},
        "model2": {"response": second},
        "correctness_label": label,
        "completeness_label": label,
        "overall_label": label,
    } | changes


def written(folder: Path, entries: list[dict[str, Any]], name: str = "labels.json") -> Path:
    file = folder / name
    text = json.dumps(entries).encode()
    file.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    return file


def test_the_two_labels_of_a_pair_come_together(tmp_path: Path) -> None:
    entries = [entry(0, GOOD, BAD, -2), entry(0, GOOD, BAD, -1), entry(1, BAD, GOOD, 2)]
    for name in ("a.json", "a.json.gz"):
        first, second = load_rated(written(tmp_path, entries, name))
        assert (first.labels["overall"], second.labels["overall"]) == ((-2, -1), (2,))
        assert (first.first, first.second, first.reference) == (GOOD, BAD, REFERENCE)


def test_the_series_is_of_every_label_beside_second_minus_first(tmp_path: Path) -> None:
    entries = [
        *(entry(0, GOOD, BAD, -2), entry(0, GOOD, BAD, -1)),
        *(entry(1, BAD, GOOD, 2), entry(1, BAD, GOOD, 1, completeness_label=-2)),
        *(entry(2, GOOD, GOOD, 0), entry(2, GOOD, GOOD, 1)),
    ]
    pairs = load_rated(written(tmp_path, entries))
    found = validate(pairs, {"long": lambda answer, _: float(len(answer))}, samples=100)
    gap = float(len(GOOD) - len(BAD))
    by = found.measures[0].by
    deltas = [-gap, -gap, gap, gap, 0.0, 0.0]
    assert by["overall"].pearson == pytest.approx(pearson(deltas, [-2, -1, 2, 1, 0, 1]))
    assert by["completeness"].pearson == pytest.approx(pearson(deltas, [-2, -1, 2, -2, 0, 1]))
    assert (found.pairs, found.labels) == (3, 6)
    assert found.people is not None
    assert found.people["overall"].pearson == pytest.approx(pearson([-2, 2, 0], [-1, 1, 1]))


def test_intervals_keep_the_labels_of_a_question_together(tmp_path: Path) -> None:
    entries = [
        entry(n, *((BAD, GOOD) if (n * 7) % 3 else (GOOD, BAD)), label)
        for n in range(40)
        for label in ((n * 3) % 5 - 2, (n * 3) % 5 - 2)
    ]
    pairs = load_rated(written(tmp_path, entries))
    single = [
        RatedPair(
            id=f"{pair.id}{place}",
            question=pair.question,
            reference=pair.reference,
            first=pair.first,
            second=pair.second,
            labels={name: held[place : place + 1] for name, held in pair.labels.items()},
        )
        for pair in pairs
        for place in (0, 1)
    ]
    measure = {"f1": lexical_measures()["content_f1"]}
    together, apart = (
        validate(held, measure, samples=500).measures[0].by["overall"].pearson_ci95
        for held in (pairs, single)
    )
    assert together is not None
    assert apart is not None
    assert together[1] - together[0] > 1.2 * (apart[1] - apart[0])


def test_every_measure_prefers_the_right_answer_and_says_where_it_cannot(tmp_path: Path) -> None:
    entries = [entry(0, GOOD, BAD, -2), entry(1, BAD, GOOD, 2), entry(2, BAD, BAD, 0)]
    pairs = load_rated(written(tmp_path, entries))
    measures = lexical_measures() | {"embedding_cosine": embedding_cosine(HashingEmbedder())}
    found = validate(pairs, measures, samples=100)
    for measure in found.measures:
        if measure.name == "exact_match":
            assert measure.by["overall"].to_json()["status"] == "does_not_vary"
        else:
            assert (measure.by["overall"].pearson or 0) > 0.9, measure.name
    assert validate(pairs, measures, samples=100).to_json() == found.to_json()
    assert found.people is None  # one label each


def test_a_pair_without_a_value_is_left_out_and_counted(tmp_path: Path) -> None:
    entries = [entry(0, GOOD, BAD, -2), entry(1, BAD, GOOD, 2), entry(2, BAD, GOOD, 2)]
    entries[2]["gt_answer"] = "?!"
    found = validate(load_rated(written(tmp_path, entries)), lexical_measures(), samples=100)
    assert {m.name: m.pairs for m in found.measures}["content_f1"] == 2


@pytest.mark.parametrize(
    "entries",
    [
        [],
        {},
        [3],
        [entry(0, GOOD, BAD, 3)],
        [entry(0, GOOD, BAD, 1, overall_label="1")],
        [entry(0, GOOD, BAD, 1), entry(0, BAD, GOOD, 1)],
        [{key: value for key, value in entry(0, GOOD, BAD, 1).items() if key != "query"}],
    ],
)
def test_another_format_is_refused(tmp_path: Path, entries: Any) -> None:
    with pytest.raises(UsageError, match="not in RAGChecker's format"):
        load_rated(written(tmp_path, entries))


def test_where_to_get_the_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAGKIT_DATA", raising=False)
    with pytest.raises(UsageError, match=r"RAGKIT_DATA is not set; fetch them .*https://raw"):
        find_rated()
    monkeypatch.setenv("RAGKIT_DATA", str(tmp_path))
    with pytest.raises(UsageError, match="holds none of"):
        find_rated()
    written(tmp_path, [], NAMES[2])
    assert find_rated() == tmp_path / NAMES[2]
    (tmp_path / NAMES[0]).write_bytes(b"\x1f\x8bnothing")
    with pytest.raises(UsageError, match=r"cannot be read|not JSON"):
        load_rated(find_rated())
    with pytest.raises(UsageError, match="they come from https"):
        load_rated(tmp_path / "none.json")
