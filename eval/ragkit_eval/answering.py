"""Has every arm answer every case; those that retrieve alike are shown the same passages."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import ragkit.config
from ragkit.answer import Passage
from ragkit.config import Config
from ragkit.generate.chat import ChatGenerator, ChatSettings
from ragkit.generate.model import ChatModel
from ragkit.generate.name import EXTRACTIVE
from ragkit.generate.protocol import Draft, GenerationRequest, Generator
from ragkit.looked import Looked
from ragkit.pipeline import ABSTENTION, Pipeline, generator_settings
from ragkit.retrieve.retriever import passage_of
from ragkit.template import Template, load
from ragkit_eval.arms import RETRIEVAL, Arm
from ragkit_eval.cache import AnswerCache, key_of
from ragkit_eval.cases import Case, Evidence
from ragkit_eval.match import holds_quote
from ragkit_eval.recorded import Recorded, SaidSentence, recorded
from ragkit_ingest.errors import ConfigError, GeneratorError, MissingExtraError, UsageError

CLOSED_BOOK = Template(
    version="closed-book-1",
    texts={
        "refusal": ABSTENTION,
        "system": "Answer the question in one to five short sentences, in the language of the "
        "question. If you do not know the answer, write exactly this and nothing else: $refusal\n"
        "$persona",
        "persona": "Voice: write as described here: $persona",
        "user": "Question: $question",
    },
)
"""The prompt of arms that are shown no passages."""
_VERSION = 2  # raised whenever the same arm, case and index may give another answer
_WEIGHTS = ("weights.json", "support.json", "short_answer.json", "reader.safetensors")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweringSettings:
    """How the arms are asked.

    Attributes:
        seed: Given to models that take one.
        repeats: How often each question is asked again, to see whether the answer stays; 0 or
            more.
    """

    seed: int = 0
    repeats: int = 0

    def __post_init__(self) -> None:
        if self.repeats < 0:
            raise UsageError(f"repeats must be 0 or more, not {self.repeats}")


class Answering:
    """Asks arms. Models are loaded once, whatever the number of arms that use them.

    Args:
        rag: The pipeline on the index that the cases are about.
        cache: Where answers are kept.
        settings: How they are asked.
    """

    def __init__(
        self, rag: Pipeline, cache: AnswerCache, settings: AnsweringSettings | None = None
    ) -> None:
        self._rag = rag
        self._cache = cache
        self._settings = settings or AnsweringSettings()
        self._models: dict[str, ChatModel] = {}
        self._pipelines: dict[str, Pipeline] = {}
        self._looked: dict[str, Looked] = {}

    def close(self) -> None:
        """Release the models and pipelines that were opened here."""
        for pipeline in self._pipelines.values():
            if pipeline is not self._rag:
                pipeline.close()
        self._pipelines.clear()
        self._models.clear()

    def answers(
        self,
        arms: Sequence[Arm],
        cases: Sequence[Case],
        progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[Recorded]:
        """Yield each arm's answer to each case, the arms of a case together.

        An arm that fails on a case is recorded with why, and the others go on.

        Raises:
            ConfigError: If an arm's settings are wrong.
            IndexStateError: If the index cannot be read.
        """
        ready = [arm for arm in arms if not arm.missing]
        for arm in ready:
            self._pipeline(arm)  # a wrong setting is told before anything is paid for
        done, total = 0, sum(asks(arm, case) for arm in ready for case in cases)
        for case in cases:
            self._looked.clear()
            for arm in (arm for arm in ready if asks(arm, case)):
                yield self._answered(arm, case)
                done += 1
                if progress is not None:
                    progress(done, total)

    @cached_property
    def index_digest(self) -> str:
        """What the index holds: SHA-256 over its embedder and every path and text."""
        index = self._rag.index
        whole = hashlib.sha256(index.embedder.fingerprint.digest.encode())
        for fact in index.facts():
            document = index.document(fact.id)
            if document is not None:
                for text in (document.path, document.text):
                    whole.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
        return whole.hexdigest()

    def reindexed(self) -> None:
        """Forget what was known of the index; call it after a sync."""
        self.__dict__.pop("index_digest", None)

    @cached_property
    def _code(self) -> str:
        """What ragkit itself brings to an answer: the weights of its models."""
        folder = Path(ragkit.config.__file__).parent
        whole = hashlib.sha256(str(_VERSION).encode())
        for name in _WEIGHTS:
            whole.update((folder / name).read_bytes())
        return whole.hexdigest()

    def described(self, arm: Arm) -> dict[str, Any]:
        """Return everything that decides what an arm answers, apart from the question."""
        config = self._config(arm)
        retrieves = arm.passages == "retrieved"
        written = {} if self._name(arm) == EXTRACTIVE else _writing(config, arm)
        return {
            **arm.to_json(),
            "generator": self._name(arm),
            "retrieval": {"k": config.k, "mode": config.mode, **_retrieval(config)}
            if retrieves
            else {},
            "generation": written,
            "min_confidence": config.min_confidence,
        }

    def _answered(self, arm: Arm, case: Case) -> Recorded:
        keyed: dict[str, Any] = {"arm": self.described(arm) | {"name": ""}, "code": self._code}
        keyed |= {"question": case.question, "repeats": self._settings.repeats}
        if arm.passages == "gold":
            keyed["evidence"] = [evidence.to_json() for evidence in case.evidence]
            keyed["gold"] = list(case.gold)
        if arm.passages == "none":
            return self._cached(arm, case, keyed, None)
        by_index = key_of(keyed | {"index": self.index_digest})
        held = self._cache.get(by_index)
        if held is not None:
            return replace(held, arm=arm.name, id=case.id)
        try:
            looked = self._look(arm, case)
        except (ConfigError, MissingExtraError):
            raise
        except (UsageError, GeneratorError) as exc:
            return Recorded(arm=arm.name, id=case.id, text="", failure=str(exc))
        passages = [
            [p.path, p.start, p.end, hashlib.sha256(p.text.encode()).hexdigest()]
            for p in looked.request.passages
        ]
        keyed |= {"passages": passages, "confidence": round(looked.confidence, 9)}
        answer = self._cached(arm, case, keyed, looked)
        self._cache.put(by_index, answer)
        return answer

    def _cached(
        self, arm: Arm, case: Case, keyed: Mapping[str, Any], looked: Looked | None
    ) -> Recorded:
        key = key_of(keyed)
        held = self._cache.get(key)
        if held is not None:
            return replace(held, arm=arm.name, id=case.id)
        try:
            first, *again = (
                self._asked(arm, case, looked) for _ in range(1 + self._settings.repeats)
            )
        except (ConfigError, MissingExtraError):
            raise
        except (UsageError, GeneratorError) as exc:
            return Recorded(arm=arm.name, id=case.id, text="", failure=str(exc))
        answer = replace(first, repeats=tuple(other.text for other in again))
        self._cache.put(key, answer)
        return answer

    def _asked(self, arm: Arm, case: Case, looked: Looked | None) -> Recorded:
        generator = self._generator(arm)
        if looked is None:
            return _closed_book(arm, case, generator)
        answer = self._pipeline(arm).answer_from(looked, generator)
        return recorded(answer, arm=arm.name, id=case.id)

    def _look(self, arm: Arm, case: Case) -> Looked:
        """Return what the arm answers from; looked up once for all arms that retrieve alike."""
        name = "gold" if arm.passages == "gold" else key_of(arm.retrieval)
        if name not in self._looked:
            pipeline = self._pipeline(arm)
            given = gold_passages(pipeline, case) if arm.passages == "gold" else None
            self._looked[name] = pipeline.look(case.question, passages=given)
        return self._looked[name]

    def _config(self, arm: Arm) -> Config:
        values = {"generator_seed": self._settings.seed, **arm.settings}
        held = {field.name: getattr(self._rag.config, field.name) for field in fields(Config)}
        return Config.from_values(
            held | {"persona": arm.persona} | values, source=f"the arm {arm.name}"
        )

    def _pipeline(self, arm: Arm) -> Pipeline:
        config = self._config(arm)
        if not arm.retrieval:
            return self._rag
        key = key_of(arm.retrieval)
        if key not in self._pipelines:
            self._pipelines[key] = Pipeline(
                self._rag.folder,
                config=config,
                embedder=self._rag.embedder,
                store=self._rag.index.store,
            )
        return self._pipelines[key]

    def _name(self, arm: Arm) -> str:
        return arm.generator or self._rag.generator.name

    def _generator(self, arm: Arm) -> Generator:
        name = self._name(arm)
        if name == EXTRACTIVE:
            from ragkit.generate.extractive import ExtractiveGenerator

            return ExtractiveGenerator()
        config = self._config(arm)
        settings = generator_settings(config, self._rag.folder)
        return ChatGenerator(
            self._model(name, config),
            replace_persona(settings.chat, arm.persona),
            template=CLOSED_BOOK if arm.passages == "none" else load("answer", config.prompts),
        )

    def _model(self, name: str, config: Config) -> ChatModel:
        from ragkit.generate.selection import chat_model

        configured = self._rag.chat_model
        if configured is not None and configured.name == name:
            return configured
        key = key_of({"name": name, **_writing(config, None)})
        if key not in self._models:
            self._models[key] = chat_model(name, generator_settings(config, self._rag.folder))
        return self._models[key]


def asks(arm: Arm, case: Case) -> bool:
    """Return whether an arm can be asked: one with gold passages needs a case that has some."""
    return arm.passages != "gold" or bool(case.evidence or case.gold)


def located(cases: Sequence[Case], rag: Pipeline) -> list[Case]:
    """Return the cases with the offsets of their evidence, where it is stored word for word."""
    texts: dict[str, str] = {}

    def found(evidence: Evidence) -> Evidence:
        if evidence.start is not None:
            return evidence
        if evidence.path not in texts:
            try:
                texts[evidence.path] = rag.show(evidence.path).text
            except UsageError:
                texts[evidence.path] = ""
        words = r"\s+".join(map(re.escape, evidence.quote.split()))
        match = re.search(words, texts[evidence.path]) if words else None
        if match is None:
            return evidence
        return replace(evidence, start=match.start(), end=match.end())

    return [replace(case, evidence=tuple(map(found, case.evidence))) for case in cases]


def replace_persona(settings: ChatSettings, persona: str) -> ChatSettings:
    """Return the settings with another persona."""
    return replace(settings, prompt=replace(settings.prompt, persona=persona))


def gold_passages(rag: Pipeline, case: Case) -> list[Passage]:
    """Return the index's chunks that hold a case's evidence, in the order of the evidence.

    Of a document that is gold as a whole, all chunks are returned, at most the configured k.

    Raises:
        UsageError: If the index does not hold a document that the case names.
    """
    index = rag.index
    wanted: list[tuple[str, Evidence | None]] = [(e.path, e) for e in case.evidence]
    wanted = wanted or [(path, None) for path in case.gold]
    found: dict[int, Passage] = {}
    for path, evidence in wanted:
        document = index.find_document(path)
        with index.reader() as reading:
            chunks = reading.chunks(reading.chunk_ids([document.id]))
        for chunk in chunks.values():
            inside = (
                evidence is None
                or (
                    evidence.start is not None
                    and evidence.end is not None
                    and chunk.start < evidence.end
                    and evidence.start < chunk.end
                )
                or (evidence.start is None and holds_quote(chunk.text, evidence.quote))
            )
            if inside:
                found.setdefault(chunk.id, passage_of(chunk, rank=len(found) + 1, score=0.0))
    return list(found.values())[: rag.config.k]


def _closed_book(arm: Arm, case: Case, generator: Generator) -> Recorded:
    started = time.perf_counter()
    draft = Draft(sentences=())
    for event in generator.generate(GenerationRequest(question=case.question, passages=())):
        if isinstance(event, Draft):
            draft = event
    text = "\n".join(sentence.text for sentence in draft.sentences)
    return Recorded(
        arm=arm.name,
        id=case.id,
        text=text or ABSTENTION,
        abstained=not text,
        sentences=tuple(SaidSentence(text=sentence.text) for sentence in draft.sentences),
        prompt_tokens=draft.prompt_tokens,
        completion_tokens=draft.completion_tokens,
        cost=draft.cost,
        estimated=draft.estimated,
        model=draft.model,
        latency_ms={"total": (time.perf_counter() - started) * 1000},
    )


def _retrieval(config: Config) -> dict[str, Any]:
    return {name: getattr(config, name) for name in RETRIEVAL}


def _writing(config: Config, arm: Arm | None) -> dict[str, Any]:
    """Return the settings that decide what a chat model writes."""
    names = (
        *("generator_url", "generator_temperature", "generator_seed", "max_answer_tokens"),
        *("generator_context_tokens", "generator_per_document", "unsupported"),
        *("generator_price_in", "generator_price_out"),
    )
    held = {name: getattr(config, name) for name in names}
    if arm is not None:
        closed = arm.passages == "none"
        texts = CLOSED_BOOK if closed else load("answer", config.prompts)
        held["prompt"] = key_of({"version": texts.version, "texts": dict(texts.texts)})
    return held
