"""One suite that every reranker passes, and what is refused of one that does not."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from ragkit.answer import Passage
from ragkit.rerank.cross_encoder import CrossEncoderReranker
from ragkit.rerank.protocol import Reranker, checked_scores
from ragkit_ingest.errors import RerankerError
from tests.support import tiny_cross_encoder
from tests.support.passage import passage
from tests.support.rerankers import FakeReranker

QUESTION = "what costs a kettle?"
PASSAGES = [
    passage("The kettle costs two euro."),
    passage("x", title="Lamp", headings=("Costs",)),
    passage("notice period " * 400, document=2),
    passage("\u4f60\u597d \ud7ff"),
    passage("Three lamps."),
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> CrossEncoderReranker:
    return CrossEncoderReranker(tiny_cross_encoder.make(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(params=["cross_encoder", "fake"])
def reranker(request: pytest.FixtureRequest, tiny: CrossEncoderReranker) -> Reranker:
    return FakeReranker(lambda _, p: float(len(p.text))) if request.param == "fake" else tiny


def test_it_has_a_name(reranker: Reranker) -> None:
    assert reranker.name.strip()


def test_there_is_one_finite_score_a_passage(reranker: Reranker) -> None:
    assert len(checked_scores(reranker, QUESTION, PASSAGES)) == len(PASSAGES)
    assert checked_scores(reranker, QUESTION, []) == ()
    assert list(reranker.scores(QUESTION, [])) == []


def test_a_score_depends_on_question_and_passage_alone(reranker: Reranker) -> None:
    together = checked_scores(reranker, QUESTION, PASSAGES)
    alone = [checked_scores(reranker, QUESTION, [one])[0] for one in PASSAGES]
    backwards = checked_scores(reranker, QUESTION, PASSAGES[::-1])
    assert together == pytest.approx(alone, abs=1e-4)
    assert backwards[::-1] == pytest.approx(together, abs=1e-4)


def test_odd_and_long_questions_are_read(reranker: Reranker) -> None:
    for question in ("?", "x" * 4000, "word " * 800, "\x00"):
        assert len(checked_scores(reranker, question, PASSAGES)) == len(PASSAGES)


def test_threads_may_share_it(reranker: Reranker) -> None:
    wanted = checked_scores(reranker, QUESTION, PASSAGES)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: checked_scores(reranker, QUESTION, PASSAGES), range(8)))
    assert all(scores == pytest.approx(wanted, abs=1e-4) for scores in found)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_scores_that_cannot_be_ranked_are_refused(wrong: float) -> None:
    fake = FakeReranker(lambda place, _: wrong if place == 2 else 0.5)
    with pytest.raises(RerankerError, match=rf"the reranker fake gave {wrong} .* 2.md at 0"):
        checked_scores(fake, QUESTION, PASSAGES)


class Broken:
    name = "broken"

    def __init__(self, given: object) -> None:
        self._given = given

    def scores(self, question: str, passages: Sequence[Passage]) -> Sequence[float]:
        return self._given  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1.0], "gave 1 scores for 5 passages"),
        ([1.0] * 6, "gave 6 scores for 5 passages"),
        (None, "something other than one number a passage"),
        ([[1.0, 2.0]] * 5, "something other than one number a passage"),
        (["high"] * 5, "something other than one number a passage"),
    ],
)
def test_answers_of_another_shape_are_refused(given: object, message: str) -> None:
    with pytest.raises(RerankerError, match=message):
        checked_scores(Broken(given), QUESTION, PASSAGES)
