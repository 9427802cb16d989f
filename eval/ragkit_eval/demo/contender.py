"""The arms of the experiment: which model answers, and what it is shown."""

from __future__ import annotations

from dataclasses import dataclass

BASE = "base"
TONE, TONE_MIXED = "tone", "tone_mixed"
FACTS, FACTS_PARAPHRASED = "facts", "facts_paraphrased"
MODELS = {
    BASE: "as pretrained",
    TONE: "tuned on samples of the house voice, none with passages",
    TONE_MIXED: "tuned on as many samples: plain, with passages, and refusals",
    FACTS: "tuned on the documents' own sentences",
    FACTS_PARAPHRASED: "tuned on the documents' facts in five phrasings",
}
"""The models of a trial, and how each was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """An arm.

    Attributes:
        name: As in the report.
        model: One of `MODELS`.
        retrieves: Whether it is shown the passages that were retrieved.
        persona: Whether the house voice is described in the prompt.
    """

    name: str
    model: str
    retrieves: bool = False
    persona: bool = False


CONTENDERS = (
    Contender(name="no_retrieval", model=BASE),
    Contender(name="persona", model=BASE, persona=True),
    Contender(name="rag", model=BASE, retrieves=True),
    Contender(name="rag_persona", model=BASE, retrieves=True, persona=True),
    Contender(name="tone_tuned", model=TONE),
    Contender(name="tone_tuned_mixed", model=TONE_MIXED),
    Contender(name="rag_tone_tuned", model=TONE, retrieves=True),
    Contender(name="rag_tone_tuned_mixed", model=TONE_MIXED, retrieves=True),
    Contender(name="fact_tuned", model=FACTS),
    Contender(name="fact_tuned_paraphrased", model=FACTS_PARAPHRASED),
    Contender(name="rag_fact_tuned", model=FACTS_PARAPHRASED, retrieves=True),
)
"""All arms, in the order of the report."""
