"""Measures of ragas, by their own names: without a model, and with one that is named.

ragas is imported here and nowhere else, when it is first needed, with its telemetry off. Its
prompts go to our own chat models, so that nothing is sent anywhere but to the judge's address.

Source: Es et al., "RAGAS", EACL 2024; the code of ragas 0.4.
"""

from __future__ import annotations

import asyncio
import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ragkit.generate.model import Message
from ragkit_eval.judges.asking import Asking, JudgeStatus, objects, unusable
from ragkit_eval.judges.item import Item
from ragkit_ingest.embed.protocol import Embedder
from ragkit_ingest.errors import MissingExtraError

Cell = float | JudgeStatus
_MOST_TOKENS = 2000
_LIKELY_TOKENS = 250
_STAND_IN = "a statement of a dozen words or so that stands for a real one"


@dataclass(frozen=True, slots=True, kw_only=True)
class RagasMeasure:
    """A measure of ragas.

    Attributes:
        says: What it says, for people.
        needs: What an answer must have, of "answer", "reference", "passages" and "evidence".
        judge: Whether a model must be asked.
    """

    says: str
    needs: tuple[str, ...]
    judge: bool = False


MEASURES: Mapping[str, RagasMeasure] = {
    "exact_match": RagasMeasure(says="the same text", needs=("answer", "reference")),
    "string_present": RagasMeasure(
        says="the accepted answer stands in the answer", needs=("answer", "reference")
    ),
    "non_llm_string_similarity": RagasMeasure(
        says="1 less the normalised Levenshtein distance", needs=("answer", "reference")
    ),
    "bleu_score": RagasMeasure(says="n-grams in common", needs=("answer", "reference")),
    "rouge_score": RagasMeasure(
        says="longest common subsequence, F1", needs=("answer", "reference")
    ),
    "non_llm_context_recall": RagasMeasure(
        says="evidence that is like a passage", needs=("passages", "evidence")
    ),
    "non_llm_context_precision_with_reference": RagasMeasure(
        says="passages that are like evidence, by rank", needs=("passages", "evidence")
    ),
    "faithfulness": RagasMeasure(
        says="statements that the passages support", needs=("answer", "passages"), judge=True
    ),
    "answer_relevancy": RagasMeasure(
        says="likeness of the question that the answer would answer", needs=("answer",), judge=True
    ),
    "factual_correctness": RagasMeasure(
        says="claims in common with the accepted answer, F1",
        needs=("answer", "reference"),
        judge=True,
    ),
    "context_precision": RagasMeasure(
        says="passages that are of use, by rank", needs=("reference", "passages"), judge=True
    ),
    "context_recall": RagasMeasure(
        says="statements of the accepted answer that the passages hold",
        needs=("reference", "passages"),
        judge=True,
    ),
}
"""By ragas' own names; without a model first."""


class Ragas:
    """Measures answers as ragas does.

    Args:
        asking: Asks the judge; None if only measures without a model are wanted.
        embedder: For `answer_relevancy`, in the place of an embedding service.

    Raises:
        MissingExtraError: If ragas, or what its measures need, is not installed.
    """

    def __init__(self, asking: Asking | None, embedder: Callable[[], Embedder]) -> None:
        self._asking = asking
        self._embedder = embedder
        self._ragas = _imported()
        self._made: dict[str, Any] = {}
        self._llm: _Llm | None = None

    def cell(self, name: str, item: Item) -> tuple[Cell, str]:
        """Return a measure of an answer, and the reason where there is none.

        Where several answers are accepted, the best of them counts for a measure without a model,
        and the first for one with.
        """
        missing = lacks(name, item)
        if missing is not None:
            return missing, ""
        measure = MEASURES[name]
        accepted = item.case.answers if not measure.judge else item.case.answers[:1]
        found = [
            self._score(name, item, reference)
            for reference in (accepted if "reference" in measure.needs else ("",))
        ]
        values = [value for value, _ in found if not isinstance(value, JudgeStatus)]
        return (max(values), "") if values else found[0]

    def _score(self, name: str, item: Item, reference: str) -> tuple[Cell, str]:
        metric = self._metric(name)
        given = {
            "user_input": item.case.question,
            "response": item.answer.text,
            "reference": reference,
            "retrieved_contexts": item.passages,
            "reference_contexts": item.quotes,
        }
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = asyncio.run(self._ragas.score(name, metric, given))
        except _NoReplyError as exc:
            return exc.status, exc.reason
        return (value, "") if math.isfinite(value) else (JudgeStatus.NOT_A_NUMBER, "")

    def _metric(self, name: str) -> Any:
        if name not in self._made:
            if MEASURES[name].judge and self._asking is not None:
                self._llm = self._llm or self._ragas.llm(self._asking)
            self._made[name] = self._ragas.metric(name, self._llm, self._embedder)
        return self._made[name]


def lacks(name: str, item: Item) -> JudgeStatus | None:
    """Return why an answer cannot be measured; None if it can."""
    needs = MEASURES[name].needs
    if item.answer.failure:
        return JudgeStatus.NO_ANSWER
    if "answer" in needs and (item.row.abstained or not item.answer.text.strip()):
        return JudgeStatus.ABSTAINED
    if {"reference", "evidence"} & set(needs) and not item.case.answerable:
        return JudgeStatus.UNANSWERABLE
    if "passages" in needs and not item.passages:
        return JudgeStatus.NO_PASSAGES
    if "evidence" in needs and not item.quotes:
        return JudgeStatus.NO_EVIDENCE
    return None


class _NoReplyError(Exception):
    def __init__(self, status: JudgeStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


_Llm = Any
"""A subclass of ragas' own base class, made once that is imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Imported:
    """What was imported of ragas."""

    collections: Any
    legacy: Any
    sample: Any
    base_llm: Any
    base_embedding: Any

    def metric(self, name: str, llm: Any, embedder: Callable[[], Embedder]) -> Any:
        new = self.collections
        makers: dict[str, Callable[[], Any]] = {
            "exact_match": new.ExactMatch,
            "string_present": new.StringPresence,
            "non_llm_string_similarity": new.NonLLMStringSimilarity,
            "bleu_score": new.BleuScore,
            "rouge_score": new.RougeScore,
            "non_llm_context_recall": self.legacy.NonLLMContextRecall,
            "non_llm_context_precision_with_reference": (
                self.legacy.NonLLMContextPrecisionWithReference
            ),
            "faithfulness": lambda: new.Faithfulness(llm=llm),
            # Asked once: at temperature 0 the same prompt gets the same reply.
            "answer_relevancy": lambda: new.AnswerRelevancy(
                llm=llm, embeddings=self.embeddings(embedder()), strictness=1
            ),
            "factual_correctness": lambda: new.FactualCorrectness(llm=llm),
            "context_precision": lambda: new.ContextPrecision(llm=llm),
            "context_recall": lambda: new.ContextRecall(llm=llm),
        }
        return makers[name]()

    async def score(self, name: str, metric: Any, given: Mapping[str, Any]) -> float:
        if name.startswith("non_llm_context"):
            names = ("retrieved_contexts", "reference_contexts")
            sample = self.sample(**{key: given[key] for key in names})
            return float(await metric.single_turn_ascore(sample))
        wanted = metric.ascore.__code__.co_varnames[1 : metric.ascore.__code__.co_argcount]
        result = await metric.ascore(**{key: given[key] for key in wanted})
        return float(result.value)

    def llm(self, asking: Asking) -> Any:
        class Llm(self.base_llm):  # type: ignore[misc, name-defined]
            def generate(self, prompt: str, response_model: Any) -> Any:
                return _structured(asking, prompt, response_model)

            async def agenerate(self, prompt: str, response_model: Any) -> Any:
                return _structured(asking, prompt, response_model)

        return Llm()

    def embeddings(self, embedder: Embedder) -> Any:
        class Embeddings(self.base_embedding):  # type: ignore[misc, name-defined]
            def embed_text(self, text: str, **_: Any) -> list[float]:
                return [float(value) for value in embedder.embed_query(text)]

            async def aembed_text(self, text: str, **_: Any) -> list[float]:
                return self.embed_text(text)

        return Embeddings()


def _structured(asking: Asking, prompt: str, response_model: Any) -> Any:
    """Return what the judge says as an object of ragas.

    Raises:
        _NoReplyError: If it says nothing of that form.
    """
    reply = asking.ask(
        (Message(role="user", content=prompt),),
        max_tokens=_MOST_TOKENS,
        likely_tokens=_LIKELY_TOKENS,
    )
    if reply.status is not None:
        raise _NoReplyError(reply.status, reply.reason or reply.text[:200])
    if asking.dry and not reply.text:
        return _stand_in(response_model)
    from pydantic import ValidationError

    for found in objects(reply.text):
        try:
            return response_model.model_validate(found)
        except ValidationError:
            continue
    raise _NoReplyError(unusable(reply.text), reply.text[:200])


def _stand_in(kind: Any) -> Any:
    """Return an object of a shape that a real reply might have, to count what follows from it."""
    if hasattr(kind, "model_fields"):
        return kind(
            **{name: _stand_in(field.annotation) for name, field in kind.model_fields.items()}
        )
    arguments: Sequence[Any] = getattr(kind, "__args__", ())
    if getattr(kind, "__origin__", None) is list:
        return [_stand_in(arguments[0])] * 2
    return {bool: True, int: 1, float: 1.0}.get(kind, _STAND_IN)


def _imported() -> _Imported:
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import rapidfuzz  # type: ignore[import-not-found]  # noqa: F401
            import rouge_score  # type: ignore[import-not-found]  # noqa: F401
            import sacrebleu  # type: ignore[import-not-found]  # noqa: F401
            from ragas import metrics as legacy  # type: ignore[import-not-found]
            from ragas.dataset_schema import (  # type: ignore[import-not-found]
                SingleTurnSample,
            )
            from ragas.embeddings.base import (  # type: ignore[import-not-found]
                BaseRagasEmbedding,
            )
            from ragas.llms.base import InstructorBaseRagasLLM  # type: ignore[import-not-found]
            from ragas.metrics import collections  # type: ignore[import-not-found]

            return _Imported(
                collections=collections,
                legacy=legacy,
                sample=SingleTurnSample,
                base_llm=InstructorBaseRagasLLM,
                base_embedding=BaseRagasEmbedding,
            )
    except ImportError as exc:
        raise MissingExtraError(f"measuring as ragas does ({exc})", "eval") from exc
