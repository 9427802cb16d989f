"""What an answer is made from, before anything writes it."""

from __future__ import annotations

from dataclasses import dataclass

from ragkit.generate.protocol import GenerationRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was found for a question.

    Attributes:
        request: The question, its passages and their sentences, as a generator is given them.
        confidence: Probability that the documents hold the answer, in [0, 1].
        retrieve_ms: How long finding it took.
    """

    request: GenerationRequest
    confidence: float
    retrieve_ms: float = 0.0
