"""Two searches on the same questions, and what the gate makes of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ragkit.answer import SearchResult
from ragkit_eval.before_after import (
    HIT,
    NDCG,
    Change,
    Probe,
    case_probes,
    changes,
    overlaps,
    rank_scores,
    scores,
)
from ragkit_eval.cases import Case, Evidence
from ragkit_eval.embedder_gate import verdict
from ragkit_eval.embedder_sets import parts
from ragkit_eval.stats.paired import contrast
from ragkit_ingest.catalog.reading import DocumentFacts
from ragkit_ingest.errors import UsageError
from tests.support.passage import passage


class Search:
    """Finds the same documents, in this order, whatever is asked."""

    def __init__(self, *paths: str) -> None:
        self.paths = paths

    def search(self, query: str, *, mode: str, k: int) -> SearchResult:
        hits = [
            passage(f"The text of {path}.", path=path, document=int(path), rank=rank)
            for rank, path in enumerate(self.paths[:k], start=1)
        ]
        return SearchResult(query=query, mode=mode, hits=tuple(hits))


def case(number: int) -> Case:
    evidence = Evidence(path=str(number), quote=f"The text of {number}.")
    return Case(
        id=str(number), question="q?", answers=("x",), answerable=True, evidence=(evidence,)
    )


def test_a_rank_is_worth_what_it_is() -> None:
    assert rank_scores(1) == {HIT: 1.0, NDCG: 1.0}
    assert rank_scores(3) == {HIT: 1.0, NDCG: 0.5}
    assert rank_scores(7)[HIT] == 0.0
    assert rank_scores(11) == rank_scores(None) == {HIT: 0.0, NDCG: 0.0}


def test_searches_are_compared_case_by_case() -> None:
    probes = case_probes([case(n) for n in range(6)])
    old = scores(Search("0", "1", "2", "3", "4", "5"), probes)
    new = scores(Search("5", "4", "3", "2", "1", "0"), probes)
    found = {(c.mode, c.measure): c for c in changes(old, new, probes)}
    assert set(found) == {(m, n) for m in ("dense", "hybrid") for n in (HIT, NDCG)}
    change = found["dense", NDCG]
    assert change.before == pytest.approx(change.after)
    assert change.contrast.difference == pytest.approx(0.0)
    assert change.contrast.ci95 is not None
    assert change.contrast.ci95[0] < 0 < change.contrast.ci95[1]


def test_cases_without_evidence_cannot_be_scored() -> None:
    with pytest.raises(UsageError, match="none of the cases says where"):
        case_probes([Case(id="1", question="q?", answers=(), answerable=False)])


def test_overlap_without_known_answers() -> None:
    (dense, _) = overlaps(Search("1", "2", "3"), Search("3", "4", "2"), [(1, "a"), (4, "b")])
    assert dense.overlap == pytest.approx(2 / 3)
    assert (dense.found_before, dense.found_after) == (0.5, 0.5)


def change(mode: str, differences: Sequence[float], before: float = 0.5) -> Change:
    olds = [before] * len(differences)
    news = [before + one for one in differences]
    return Change(
        mode=mode,
        measure=NDCG,
        before=before,
        after=sum(news) / len(news),
        contrast=contrast(news, olds, list(range(len(news)))),
    )


BETTER = change("dense", [0.2, 0.3, 0.1, 0.2, 0.3] * 6)
SAME = change("hybrid", [0.0] * 30)
UNSURE = change("dense", [0.3, -0.3, 0.2, -0.25, 0.1] * 6)
WORSE = change("hybrid", [-0.1, -0.2, 0.0, -0.1, -0.2] * 6)
FEW = change("dense", [0.2, 0.3])


def test_the_gate_promotes_what_is_surely_better_and_surely_harmless() -> None:
    assert verdict([BETTER, SAME], [SAME]).promoted
    assert verdict([BETTER], []).promoted


@pytest.mark.parametrize(
    ("held_out", "general", "why"),
    [
        ([SAME], [SAME], "no search is surely better"),
        ([UNSURE], [SAME], "no search is surely better"),
        ([BETTER, WORSE], [SAME], "hybrid search may lose"),
        ([BETTER, SAME], [WORSE], "on the general questions"),
        ([FEW], [], "too few documents for an interval"),
        ([], [], "there is no held-out question"),
    ],
)
def test_the_gate_says_why_not(held_out: list[Change], general: list[Change], why: str) -> None:
    found = verdict(held_out, general)
    assert not found.promoted
    assert any(why in reason for reason in found.reasons)


def test_documents_are_divided_the_same_way_each_time() -> None:
    facts = [DocumentFacts(id=n, path=f"{n}.md", format="x", metadata={}) for n in range(400)]
    found = parts(facts, held_out=True)
    assert found == parts(list(reversed(facts)), held_out=True)
    assert not found.development & found.held_out
    assert 30 < len(found.development) < 90
    assert 60 < len(found.held_out) < 140
    assert parts(facts, held_out=False).held_out == frozenset()
    assert parts(facts, held_out=True, seed=1) != found


def test_a_probe_is_what_it_says() -> None:
    probe = Probe(id="a", text="t", source="s", score=lambda _: {HIT: 1.0})
    assert scores(Search("1"), [probe], ("dense",)) == {("dense", HIT): [1.0]}
