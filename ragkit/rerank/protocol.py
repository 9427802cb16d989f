"""What a reranker is: a question and some passages in, one score a passage out.

A reranker only scores. The order, ties and what is not scored are decided afterwards, the same
way for every reranker, by `ragkit.retrieve.retriever`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from ragkit.answer import Passage
from ragkit_ingest.errors import RerankerError


class Reranker(Protocol):
    """Scores passages by how well they answer a question.

    May be called from several threads at once.
    """

    @property
    def name(self) -> str:
        """What error messages call it, such as the folder of its model."""
        ...

    def scores(self, question: str, passages: Sequence[Passage]) -> Sequence[float]:
        """Return one finite score a passage, in their order; higher is better, on any scale.

        Args:
            question: As asked, up to 4,000 characters.
            passages: In the order in which they were found; may be none.

        Raises:
            RerankerError: If the model fails.
        """
        ...


def checked_scores(
    reranker: Reranker, question: str, passages: Sequence[Passage]
) -> tuple[float, ...]:
    """Return a reranker's scores after making sure that they can be sorted.

    Raises:
        RerankerError: If there is not one score a passage, or one is not a finite number.
    """
    if not passages:
        return ()
    given = reranker.scores(question, passages)
    try:
        scores = tuple(float(score) for score in given)
    except (TypeError, ValueError) as exc:
        raise RerankerError(
            f"the reranker {reranker.name} gave something other than one number a passage ({exc}); "
            "use another one, or search without a reranker"
        ) from exc
    if len(scores) != len(passages):
        raise RerankerError(
            f"the reranker {reranker.name} gave {len(scores)} scores for {len(passages)} passages; "
            "it must give one each, in their order"
        )
    wrong = next((place for place, score in enumerate(scores) if not math.isfinite(score)), None)
    if wrong is not None:
        raise RerankerError(
            f"the reranker {reranker.name} gave {scores[wrong]} as the score of "
            f"{passages[wrong].path} at {passages[wrong].start}, which cannot be ranked; use "
            "another one, or search without a reranker"
        )
    return scores
