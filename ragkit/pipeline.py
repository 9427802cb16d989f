"""The Pipeline: ingest, search, ask. What an application imports, and all that the CLI uses."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Literal, TypeVar, overload

from ragkit.abstain import confidence
from ragkit.answer import Answer, Passage, SearchResult, Sentence, Usage
from ragkit.audit import AuditFile, Made, record, text_digest
from ragkit.citations import verify
from ragkit.config import Config
from ragkit.disagreement import Disagreement
from ragkit.edge.extra import extra
from ragkit.evidence import Candidate, read, reordered, weigh
from ragkit.followup import standalone
from ragkit.generate.name import check_name as check_generator
from ragkit.generate.protocol import (
    Draft,
    GenerationRequest,
    Generator,
    TextDelta,
    Turn,
)
from ragkit.inert import LEFT_OUT, InertStream, addresses
from ragkit.logistic import Logistic
from ragkit.looked import Looked
from ragkit.question import Question, analyse
from ragkit.reader import packaged_reader
from ragkit.remembered import Remembered, remembered
from ragkit.retrieve.filters import Where
from ragkit.retrieve.retriever import RetrievalSettings, Retriever
from ragkit.settle import settle
from ragkit.short_answer import short_answer
from ragkit.support import Judge
from ragkit_ingest.catalog import schema
from ragkit_ingest.embed import selection
from ragkit_ingest.embed.protocol import Closable, TokenEmbedder
from ragkit_ingest.embed.selection import EmbedderSettings, check_name, chunk_limit, select
from ragkit_ingest.errors import (
    ConfigError,
    EmbedderError,
    EmbedderMismatchError,
    IndexStateError,
    StorageError,
    UsageError,
)
from ragkit_ingest.index import Index
from ragkit_ingest.lexical import content_words
from ragkit_ingest.plan import SyncPlan
from ragkit_ingest.report import IngestReport, ProgressCallback
from ragkit_ingest.split import CHUNK_TOKENS, SplitSettings
from ragkit_ingest.status import IndexStatus, StoredText

if TYPE_CHECKING:
    from ragkit.edge.langchain import RagkitRetriever as LangChainRetriever
    from ragkit.edge.llama_index import RagkitQueryEngine as LlamaIndexQueryEngine
    from ragkit.edge.llama_index import RagkitRetriever as LlamaIndexRetriever
    from ragkit.generate.llama_index import LLM
    from ragkit.generate.model import ChatModel
    from ragkit.generate.selection import GeneratorSettings
    from ragkit.rerank.protocol import Reranker
    from ragkit_ingest.embed.protocol import Embedder
    from ragkit_ingest.purge import PurgeReport
    from ragkit_ingest.reembed import ReembedReport
    from ragkit_ingest.source import SourceDocument, SourceItem
    from ragkit_ingest.store.protocol import VectorStore
    from ragkit_ingest.sync import SyncSettings
    from ragkit_ingest.verify import VerifyReport
    from ragkit_ingest.watch import SyncFailure, WatchSettings

ABSTENTION = "The documents do not say."
_POOL = 20
_TYPED = 1000
_SHOWN_EVIDENCE = 5
_Found = TypeVar("_Found")

SwapJudge = Callable[[Retriever | None, Retriever], bool]
"""Compares the search as it is, if its embedder is to be had, with the search as it would be."""


class Pipeline:
    """Answers questions over an index of documents.

    The index is opened at the first use, and created by the first `ingest`. With the defaults
    no network connection is opened. May be shared between threads.

    Args:
        index: The index folder.
        config: Settings; by default those of `ragkit.toml` in the working folder, if it exists.
        embedder: Turns texts into vectors: an `Embedder`, or the name of one ("minilm",
            "st:PATH-OR-NAME", "endpoint:MODEL"); by default the configured one, else the one that
            made the index, which is followed when another process swaps it.
        generator: Writes answers: a `Generator`, a `ChatModel`, an LLM of LlamaIndex, or a name
            ("extractive", "openai:MODEL", "local:PATH", "local:PATH+ADAPTER"); by default the
            configured one.
        reranker: Orders the first candidates anew: a `Reranker`, or the folder or hub name of a
            cross-encoder; by default the configured one, if any.
        store: Holds the vectors; by default Chroma.
    """

    def __init__(
        self,
        index: str | os.PathLike[str] = ".ragkit",
        *,
        config: Config | None = None,
        embedder: Embedder | str | None = None,
        generator: Generator | ChatModel | LLM | str | None = None,
        reranker: Reranker | str | None = None,
        store: VectorStore | None = None,
    ) -> None:
        self.folder = Path(os.path.abspath(Path(index).expanduser()))  # noqa: PTH100 - keeps links
        self.config = config or Config.load()
        name = embedder if isinstance(embedder, str) else ""
        if embedder is None:
            name = self.config.embedder
        if name or isinstance(embedder, str):
            check_name(name)
        self._embedder_name = name  # empty: the one that made the index, whichever that is
        self._follows = embedder is None and not name
        self._chosen_name = ""
        self._left: list[Index] = []  # open indexes of embedders that were swapped
        self._embedder: Embedder | None = None if isinstance(embedder, str) else embedder
        self._selected: Closable | None = None
        self._store = store
        self._generator_given = self.config.generator if generator is None else generator
        if isinstance(self._generator_given, str):
            check_generator(self._generator_given)
        self._generator: Generator | None = None
        self._reranker = self.config.reranker if reranker is None else reranker
        self._index: Index | None = None
        self._opening = Lock()
        self._audit = AuditFile(self.config.audit) if self.config.audit else None
        self._memory: Remembered | None = None
        self._typed: dict[tuple[str, tuple[Turn, ...]], str] = {}

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release files and memory; the pipeline opens the index again if it is used again."""
        with self._opening:
            for index in [*self._left, *([] if self._index is None else [self._index])]:
                index.close()
            self._left, self._index = [], None
            self._memory = None
            if self._selected is not None:
                self._selected.close()
            if self._generator is not None and self._generator is not self._generator_given:
                _release(self._generator, self._generator_given)

    # -- ingest ------------------------------------------------------------------------------

    @overload
    def ingest(
        self,
        *paths: str | os.PathLike[str],
        dry_run: Literal[False] = False,
        checksum: bool = False,
        allow_mass_delete: bool = False,
        passwords: Sequence[str] = (),
        retry: bool = False,
        ocr: bool | None = None,
        progress: ProgressCallback | None = None,
    ) -> IngestReport: ...

    @overload
    def ingest(
        self,
        *paths: str | os.PathLike[str],
        dry_run: Literal[True],
        checksum: bool = False,
        allow_mass_delete: bool = False,
        passwords: Sequence[str] = (),
        retry: bool = False,
        ocr: bool | None = None,
        progress: ProgressCallback | None = None,
    ) -> SyncPlan: ...

    def ingest(
        self,
        *paths: str | os.PathLike[str],
        dry_run: bool = False,
        checksum: bool = False,
        allow_mass_delete: bool = False,
        passwords: Sequence[str] = (),
        retry: bool = False,
        ocr: bool | None = None,
        progress: ProgressCallback | None = None,
    ) -> IngestReport | SyncPlan:
        """Bring the index in line with files and folders: adds, edits and removals.

        Args:
            *paths: Files and folders; with none, every folder that was ingested before.
            dry_run: Only return the plan; nothing is written.
            checksum: Hash every file, even if its size and time stamp are the same.
            allow_mass_delete: Let more than half of the known files go.
            passwords: Tried in order on encrypted files; with any, no failed file rests.
            retry: Try files that failed before at once, however often they did.
            ocr: Whether images, and pages that are images, are read with OCR; by default as
                configured.
            progress: Called as the work goes on.

        Returns:
            What was done to every file; with `dry_run` what would be done.

        Raises:
            UsageError: If a path does not exist, or OCR is wanted and not installed.
            NothingToIngestError: If there is no file to read.
            IndexStateError: If the index is locked, damaged, foreign or of another embedder.
            StorageError: If the disk is full, read-only or failing.
        """
        from ragkit_ingest.discover import resolve
        from ragkit_ingest.sync import plan_sync, sync

        resolved = [resolve(path) for path in paths]
        self._follow_swap()
        settings = self._sync_settings(checksum, allow_mass_delete, passwords, retry=retry, ocr=ocr)
        if not dry_run:
            return sync(self._opened(create=True), resolved, settings, progress)
        if (self.folder / schema.FILE_NAME).exists():
            return plan_sync(self._opened(), resolved, settings)
        schema.check_ours_or_empty(self.folder)
        with tempfile.TemporaryDirectory() as folder:
            index = self._open(Path(folder) / "index", create=True)
            try:
                return plan_sync(index, resolved, settings)
            finally:
                index.close()

    def ingest_documents(
        self,
        documents: Iterable[SourceItem | SourceDocument],
        *,
        source: str,
        partial: bool = False,
        allow_mass_delete: bool = False,
        progress: ProgressCallback | None = None,
    ) -> IngestReport:
        """Bring the index in line with documents that are no files, synced by id.

        A document with a new id is added, one whose text or metadata changed is read again, an
        unchanged one costs nothing, and one of the same source that is not given any more is
        removed. It is shown as `source/id`. The text is taken as it is, without the metadata that
        LlamaIndex's templates would put before it.

        Args:
            documents: From any LlamaIndex reader, or `SourceDocument`s. May be a generator: memory
                holds one at a time. Ids must stay the same from one call to the next; a reader
                that is given no ids makes up new ones each time.
            source: What the documents belong to, such as "tickets".
            partial: Only add and update; documents that are not given stay.
            allow_mass_delete: Let more than half of the source's known documents go.
            progress: Called as the work goes on.

        Returns:
            What was done to every document.

        Raises:
            UsageError: If the name, an id, a text or metadata cannot be used, or an id comes twice.
            NothingToIngestError: If there is no document, and none was known.
            MassDeletionError: If more than half of the known documents, or all, are not given.
            IndexStateError: If the index is locked, damaged, foreign or of another embedder.
            StorageError: If the disk is full, read-only or failing.
            Exception: Whatever `documents` raises; nothing was changed then.
        """
        from ragkit_ingest.sync import sync_documents

        self._follow_swap()
        settings = self._sync_settings(allow_mass_delete=allow_mass_delete)
        index = self._opened(create=True)
        return sync_documents(index, source, documents, settings, progress, partial=partial)

    def watch(
        self,
        *paths: str | os.PathLike[str],
        checksum: bool = False,
        allow_mass_delete: bool = False,
        passwords: Sequence[str] = (),
        watching: WatchSettings | None = None,
        stop: Event | None = None,
        progress: ProgressCallback | None = None,
    ) -> Iterator[IngestReport | SyncFailure]:
        """Ingest, then follow the files and folders: sync whenever changes have settled.

        Other processes may write to the index between the syncs.

        Args:
            *paths: Files and folders; with none, what was ingested before.
            checksum: Hash every file, even if its size and time stamp are the same.
            allow_mass_delete: Let more than half of the known files go in the first sync; later
                ones refuse it always.
            passwords: Tried in order on encrypted files.
            watching: When to sync.
            stop: Ends the iterator once it is set; closing the iterator does so as well.
            progress: Called as the work goes on.

        Returns:
            An iterator that yields the report of the first sync, then of each sync that changed
            something. Where a sync failed (the index locked, the disk full, a folder gone, a mass
            deletion) it yields a `SyncFailure` once, and tries again.

        Raises:
            UsageError: If a path does not exist.
            NothingToIngestError: If no path is given and none was ingested before.
            IndexStateError: If the index is damaged, foreign, gone or of another embedder.
        """
        from ragkit_ingest.discover import resolve
        from ragkit_ingest.watch import watch

        resolved = [resolve(path) for path in paths]
        settings = self._sync_settings(checksum, allow_mass_delete, passwords)
        index = self._opened(create=bool(resolved))
        return watch(index, resolved, settings, watching, progress, stop=stop)

    def _sync_settings(
        self,
        checksum: bool = False,
        allow_mass_delete: bool = False,
        passwords: Sequence[str] = (),
        *,
        retry: bool = False,
        ocr: bool | None = None,
    ) -> SyncSettings:
        from ragkit_ingest.sync import SyncSettings

        return SyncSettings(
            split=self._split_settings(),
            workers=self.config.workers,
            checksum=checksum,
            allow_mass_delete=allow_mass_delete,
            passwords=tuple(passwords),
            retry=retry,
            ocr={"auto": None, "on": True, "off": False}[self.config.ocr] if ocr is None else ocr,
        )

    def _split_settings(self, embedder: Embedder | None = None) -> SplitSettings:
        """Return how long chunks may be, for an embedder; by default the one in use.

        Raises:
            ConfigError: If longer chunks were asked for than the embedder reads.
        """
        embedder = self._opened_embedder() if embedder is None else embedder
        limit, wanted = chunk_limit(embedder), self.config.chunk_tokens
        if wanted > limit and wanted != CHUNK_TOKENS:
            raise ConfigError(
                f"chunk_tokens is {wanted}, but the embedder {embedder.fingerprint.name} reads "
                f"{limit} tokens of a chunk; set chunk_tokens to {limit} or less"
            )
        chunk = min(wanted, limit)
        return SplitSettings(
            chunk_tokens=chunk,
            header_tokens=min(self.config.header_tokens, chunk // 2),
            piece_tokens=self.config.piece_tokens,
        )

    # -- search and ask ----------------------------------------------------------------------

    def search(
        self, query: str, *, mode: str | None = None, k: int = 10, where: Where | None = None
    ) -> SearchResult:
        """Return at most k passages, best first.

        Args:
            query: Up to 4,000 characters.
            mode: "hybrid", "dense" or "lexical"; by default the configured one.
            k: How many, 1 or more.
            where: Conditions on the documents, such as `{"format": "pdf"}`.

        Raises:
            NoIndexError: If nothing was ingested yet.
            UsageError: If an argument is out of range.
            RerankerError: If the reranker fails.
        """
        mode = self.config.mode if mode is None else mode
        return self._following(lambda: self._retriever().search(query, mode=mode, k=k, where=where))

    def ask(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Where | None = None,
        history: Sequence[Turn] = (),
    ) -> Answer:
        """Return one answer with verified citations, or an abstention.

        Args:
            question: Up to 4,000 characters.
            k: Passages to look at; by default the configured number.
            where: Conditions on the documents.
            history: Earlier turns of a conversation, oldest first.

        Raises:
            NoIndexError: If nothing was ingested yet.
            UsageError: If an argument is out of range.
            GeneratorError: If the generator fails.
            RerankerError: If the reranker fails.
            StorageError: If a record of the answer is wanted (`audit`) and cannot be written; the
                answer is not given then.
        """
        *_, answer = self.stream(question, k=k, where=where, history=history)
        if not isinstance(answer, Answer):  # pragma: no cover - `stream` ends with an Answer
            raise TypeError(f"the last event was {answer!r}")
        return answer

    def stream(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Where | None = None,
        history: Sequence[Turn] = (),
    ) -> Iterator[str | Answer]:
        """Yield pieces of text as they are written, then the finished Answer.

        Arguments and errors are those of `ask`. The pieces are the draft; only the Answer is
        verified, and it may withhold what was drafted. Like the Answer they are inert: images,
        links and HTML are broken up. Where the evidence is too weak the generator is not asked at
        all, so nothing is drafted.
        """
        begun = self._begin(question, k, where, history)
        draft = Draft(sentences=())
        if begun.sure >= self.config.min_confidence:
            shown = begun.shown()
            for event in begun.generator.generate(begun.request):
                if isinstance(event, TextDelta):
                    for text in shown.pieces(event.text):
                        yield text
                else:
                    draft = event
            for text in shown.pieces(None):
                yield text
        yield self._end(begun, draft)

    async def aask(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Where | None = None,
        history: Sequence[Turn] = (),
    ) -> Answer:
        """Return what `ask` returns, without blocking the event loop.

        Cancelling the task ends the writing: the request to an endpoint is aborted, a local model
        stops.
        """
        events = self.astream(question, k=k, where=where, history=history)
        answer = [event async for event in events][-1]
        if not isinstance(answer, Answer):  # pragma: no cover - `astream` ends with an Answer
            raise TypeError(f"the last event was {answer!r}")
        return answer

    async def astream(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Where | None = None,
        history: Sequence[Turn] = (),
    ) -> AsyncIterator[str | Answer]:
        """Yield what `stream` yields, without blocking the event loop.

        Cancelling the task, or closing the iterator, ends the writing as with `aask`.
        """
        import asyncio

        from ragkit.generate.relay import agenerated

        begun = await asyncio.to_thread(self._begin, question, k, where, history)
        draft = Draft(sentences=())
        if begun.sure >= self.config.min_confidence:
            shown = begun.shown()
            async with aclosing(agenerated(begun.generator, begun.request)) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        for text in shown.pieces(event.text):
                            yield text
                    else:
                        draft = event
            for text in shown.pieces(None):
                yield text
        yield await asyncio.to_thread(self._end, begun, draft)

    def look(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Where | None = None,
        passages: Sequence[Passage] | None = None,
    ) -> Looked:
        """Return what `ask` would answer a question from, without answering it.

        Args:
            question: Up to 4,000 characters.
            k: Passages to look at; by default the configured number.
            where: Conditions on the documents.
            passages: Answer from exactly these instead of searching.

        Raises:
            NoIndexError: If nothing was ingested yet.
            UsageError: If an argument is out of range.
            RerankerError: If the reranker fails.
        """
        started = time.perf_counter()
        found: Sequence[Passage]
        disagreements: Sequence[Disagreement] = ()
        if passages is None:
            wanted = self.config.k if k is None else k
            found, evidence, sure, disagreements = self._following(
                lambda: self._look(question, wanted, where)
            )
        else:
            found, evidence, sure = self._weighed_as_given(question, passages)
        return Looked(
            request=GenerationRequest(
                question=question,
                passages=found,
                evidence=evidence,
                disagreements=tuple(disagreements),
            ),
            confidence=sure,
            retrieve_ms=(time.perf_counter() - started) * 1000,
        )

    def answer_from(self, looked: Looked, generator: Generator) -> Answer:
        """Return the answer that a generator gives from what `look` found, verified as by `ask`.

        Raises:
            GeneratorError: If the generator fails.
        """
        now = time.perf_counter()
        begun = _Begun(
            request=looked.request,
            generator=generator,
            sure=looked.confidence,
            started=now - looked.retrieve_ms / 1000,
            retrieved=now,
        )
        draft = Draft(sentences=())
        if begun.sure >= self.config.min_confidence:
            for event in generator.generate(looked.request):
                if isinstance(event, Draft):
                    draft = event
        return self._end(begun, draft)

    # -- in other frameworks ------------------------------------------------------------------

    def as_retriever(
        self, *, k: int = 10, mode: str | None = None, where: Where | None = None
    ) -> LlamaIndexRetriever:
        """Return a retriever of LlamaIndex over the index; arguments are those of `search`.

        Raises:
            MissingExtraError: If LlamaIndex is not installed.
        """
        with extra("a retriever for LlamaIndex", "llama-index", "llama_index"):
            from ragkit.edge.llama_index import RagkitRetriever
        return RagkitRetriever(self, k=k, mode=mode, where=where)

    def as_query_engine(
        self, *, k: int | None = None, where: Where | None = None
    ) -> LlamaIndexQueryEngine:
        """Return a query engine of LlamaIndex that answers as `ask` does.

        Raises:
            MissingExtraError: If LlamaIndex is not installed.
        """
        with extra("a query engine for LlamaIndex", "llama-index", "llama_index"):
            from ragkit.edge.llama_index import RagkitQueryEngine
        return RagkitQueryEngine(self, k=k, where=where)

    def as_langchain_retriever(
        self, *, k: int = 10, mode: str | None = None, where: Where | None = None
    ) -> LangChainRetriever:
        """Return a retriever of LangChain over the index; arguments are those of `search`.

        Raises:
            MissingExtraError: If LangChain's core is not installed.
        """
        with extra("a retriever for LangChain", "langchain", "langchain_core"):
            from ragkit.edge.langchain import RagkitRetriever
        return RagkitRetriever(rag=self, k=k, mode=mode, where=dict(where) if where else None)

    # -- look --------------------------------------------------------------------------------

    @property
    def index(self) -> Index:
        """The open index, to be read.

        Raises:
            NoIndexError: If nothing was ingested yet.
        """
        return self._opened()

    def show(self, path: str, *, span: tuple[int, int] | None = None) -> StoredText:
        """Return a document's stored text, or the stretch of it at `span` (start, end).

        Raises:
            UsageError: If there is no such document, or the span is not within it.
        """
        return self._opened().show(path, span)

    def status(self) -> IndexStatus:
        """Return what is indexed and what failed."""
        return self._opened().status()

    @property
    def embedder(self) -> Embedder:
        """The embedder in use; the index need not exist.

        Raises:
            ConfigError: If what is configured is no embedder.
            EmbedderError: If its model is not there.
        """
        return self._opened_embedder()

    @property
    def generator(self) -> Generator:
        """The generator in use; the index need not exist.

        Raises:
            ConfigError: If what is configured is no generator, or its address or folder is missing.
        """
        return self._opened_generator()

    @property
    def chat_model(self) -> ChatModel | None:
        """The chat model behind the generator in use; None if there is none."""
        from ragkit.generate.chat import ChatGenerator

        generator = self._opened_generator()
        return generator.model if isinstance(generator, ChatGenerator) else None

    def standalone(self, text: str, history: Sequence[Turn]) -> str:
        """Return a follow-up as a question that stands on its own.

        The chat model rewrites it, if one is the generator; otherwise rules do.

        Args:
            text: As typed.
            history: Earlier turns, oldest first.
        """
        question = self._standalone(text, history)
        if self._audit is not None and question != text:
            self._typed[question, tuple(history)] = text  # until its answer is recorded
        return question

    def _standalone(self, text: str, history: Sequence[Turn]) -> str:
        model = self.chat_model
        if model is None:
            return standalone(text, history)
        from ragkit.retrieve.rewriting import followup
        from ragkit.template import load

        return followup(text, history, model, load("followup", self.config.prompts))

    # -- keep --------------------------------------------------------------------------------

    def verify(self) -> VerifyReport:
        """Look for damage in the index, and mend what can be mended.

        Returns:
            What was damaged, what is mended, and what could not be.

        Raises:
            NoIndexError: If nothing was ingested yet.
            IndexStateError: If the index is locked, or too damaged to be read.
            StorageError: If the disk is full, read-only or failing.
        """
        from ragkit_ingest.verify import verify

        return verify(self._opened())

    def purge(self) -> PurgeReport:
        """Erase from the index's files what deleted documents left there.

        Raises:
            NoIndexError: If nothing was ingested yet.
            IndexStateError: If the index is locked or damaged.
            StorageError: If the disk is full or read-only, or a reader holds an older state.
        """
        from ragkit_ingest.purge import purge

        return purge(self._opened())

    # -- another embedder --------------------------------------------------------------------

    def reembed(
        self,
        embedder: Embedder | str | None = None,
        *,
        swap: bool = True,
        judge: SwapJudge | None = None,
        progress: ProgressCallback | None = None,
    ) -> ReembedReport:
        """Build another embedder's vectors from the stored texts, then let them answer.

        No file is read. Until the swap, one transaction, the index answers as before; killed or
        failed, the next call goes on, and embeds nothing twice. Documents that the embedder counts
        otherwise are cut anew from their stored text.

        Args:
            embedder: An `Embedder`, or the name of one; by default the configured one.
            swap: Whether it is to answer; else its vectors are only made and kept.
            judge: Compares the search as it is (None if its embedder cannot be had any more) with
                the search as it would be, and says whether to swap.
            progress: Called as the work goes on.

        Raises:
            UsageError: If no embedder is named.
            NoIndexError: If nothing was ingested yet.
            EmbedderError: If the embedder is not there or fails.
            IndexStateError: If the index is locked or damaged.
            StorageError: If the disk is full, read-only or failing.
        """
        from ragkit_ingest.reembed import ReembedSettings, reembed

        wanted = embedder if embedder is not None else self._embedder_name
        if not wanted:
            raise UsageError(
                "no embedder is named; give one, such as st:PATH for a sentence-transformers model"
            )
        name = selection.absolute(wanted) if isinstance(wanted, str) else ""
        made = self._select(wanted) if isinstance(wanted, str) else wanted
        settings = ReembedSettings(split=self._split_settings(made), name=name, swap=swap)

        def decide(after: Index) -> bool:
            assert judge is not None
            before = self._answering()
            try:
                old = None if before is None else self._retriever(before)
                return judge(old, self._retriever(after))
            finally:
                if before is not None:
                    before.close()

        deciding = None if judge is None else decide
        report = reembed(self.folder, made, self._opened_store(), settings, deciding, progress)
        if report.swapped:
            self._move(made, name)
        return report

    def rollback(self, *, progress: ProgressCallback | None = None) -> ReembedReport:
        """Let the embedder answer again that did before the last swap.

        Nothing is embedded but texts that were added since. A second rollback returns.

        Raises:
            UsageError: If no former embedder's vectors are kept, or it was given as an object.
            EmbedderMismatchError: If the model behind its name is another now.
            EmbedderError: If its model is not there.
            IndexStateError: If the index is locked, damaged or empty.
            StorageError: If the disk is full, read-only or failing.
        """
        from ragkit_ingest.reembed import ReembedSettings, rollback, spaces

        _, previous = spaces(self.folder)
        name = previous.embedder if previous is not None else ""
        if previous is not None and not name:
            raise UsageError(
                f"the embedder {previous.fingerprint.name} was given as an object, so it cannot be "
                "chosen by name; give it again: rag.reembed(embedder) embeds nothing twice"
            )
        made = self._select(name or selection.PACKAGED)
        settings = ReembedSettings(split=self._split_settings(made), name=name)
        report = rollback(self.folder, made, self._opened_store(), settings, progress)
        self._move(made, name)
        return report

    def forget_previous(self) -> int:
        """Erase the vectors of every embedder but the one that answers; return how many went.

        Raises:
            IndexStateError: If the index is locked, damaged or empty.
            StorageError: If the disk is full, read-only or failing.
        """
        from ragkit_ingest.reembed import forget_previous

        return forget_previous(self.folder)

    def _answering(self) -> Index | None:
        """Open the index with the embedder that made it; None if that cannot be had."""
        from ragkit_ingest.reembed import spaces

        live, _ = spaces(self.folder)
        if live is None:
            return None
        for choose in (self._opened_embedder, lambda: self._select(live.embedder)):
            try:
                embedder = choose()
                if embedder.fingerprint.digest == live.fingerprint.digest:
                    return self._open(self.folder, embedder=embedder)
            except (ConfigError, EmbedderError):
                continue
        return None

    def _move(self, embedder: Embedder, name: str) -> None:
        """Use another embedder from now on."""
        with self._opening:
            self._leave()
            self._embedder, self._chosen_name = embedder, name
            self._follows = self._follows and bool(name)
            if not self._follows:
                self._embedder_name = name

    def _leave(self) -> None:
        if self._index is not None:
            self._left.append(self._index)  # another thread may be searching it
        self._index, self._memory = None, None

    def _follow_swap(self) -> bool:
        """Move to the embedder that another process has let answer; return whether there is one.

        One that was named here is not left.
        """
        if not self._follows or self._index is None:
            return False
        try:
            self._index.check_embedder()
        except EmbedderMismatchError:
            with self._opening:
                self._leave()
                self._embedder = None
            return True
        return False

    def _following(self, look: Callable[[], _Found]) -> _Found:
        """Look something up; once more if the embedder was swapped by another process."""
        try:
            return look()
        except EmbedderMismatchError:
            if not self._follow_swap():
                raise
        return look()

    # -- parts -------------------------------------------------------------------------------

    def _begin(
        self, question: str, k: int | None, where: Where | None, history: Sequence[Turn]
    ) -> _Begun:
        """Return what an answer is made of, up to the generator."""
        if self._audit is not None:
            self._audit.check()
        generator = self._opened_generator()
        started = time.perf_counter()
        wanted = self.config.k if k is None else k
        passages, evidence, sure, disagreements = self._following(
            lambda: self._look(question, wanted, where)
        )
        request = GenerationRequest(
            question=question,
            passages=passages,
            history=history,
            evidence=evidence,
            disagreements=disagreements,
        )
        return _Begun(
            request=request,
            generator=generator,
            sure=sure,
            started=started,
            retrieved=time.perf_counter(),
        )

    def _end(self, begun: _Begun, draft: Draft) -> Answer:
        times = (begun.started, begun.retrieved, time.perf_counter())
        answer = self._answer(begun.request, draft, begun.generator.name, begun.sure, times)
        request = begun.request
        answer = replace(
            answer,
            min_confidence=self.config.min_confidence,
            evidence=tuple(candidate.weighed for candidate in request.evidence[:_SHOWN_EVIDENCE]),
            disagreements=tuple(d for d in request.disagreements if _is_shown(d, answer)),
        )
        if self._audit is not None:
            self._audit.append(record(answer, self._made(begun)))
        return answer

    def _made(self, begun: _Begun) -> Made:
        """Return what an answer's record tells beside the answer."""
        index, request = self._opened(), begun.request
        ids = dict.fromkeys(passage.document_id for passage in request.passages)
        documents = {id_: index.document(id_) for id_ in ids}
        typed = self._typed.pop((request.question, tuple(request.history)), "")
        if len(self._typed) > _TYPED:  # of questions that failed
            self._typed.clear()
        return Made(
            config=self.config,
            embedder_digest=index.embedder.fingerprint.digest,
            documents={id_: text_digest(found.text) for id_, found in documents.items() if found},
            typed=typed,
            history=request.history,
            destination=getattr(self.chat_model, "destination", ""),
            prompt_sha256=getattr(begun.generator, "prompt_sha256", ""),
        )

    def _answer(
        self,
        request: GenerationRequest,
        draft: Draft,
        generator: str,
        sure: float,
        times: tuple[float, float, float],
    ) -> Answer:
        started, retrieved, generated = times
        index = self._opened()
        verified = verify(
            draft.sentences,
            index.document,
            request.passages,
            Judge(index.embedder),
            unsupported=self.config.unsupported,
        )
        abstained = sure < self.config.min_confidence or not any(
            sentence.supported for sentence in verified.sentences
        )
        short = (
            None
            if abstained
            else short_answer(
                request.question, verified.citations, request.evidence, self._remembered()
            )
        )
        with index.reader() as reading:
            generation = reading.generation()
        finished = time.perf_counter()
        return Answer(
            question=request.question,
            text=ABSTENTION
            if abstained
            else "\n".join(sentence.text for sentence in verified.sentences),
            abstained=abstained,
            confidence=sure,
            sentences=() if abstained else verified.sentences,
            citations=() if abstained else verified.citations,
            short_answer=short,
            passages=tuple(request.passages),
            generator=generator,
            generation=generation.id if generation else 0,
            embedder=index.embedder.fingerprint.name,
            timing_ms={
                "retrieve": (retrieved - started) * 1000,
                "generate": (generated - retrieved) * 1000,
                "verify": (finished - generated) * 1000,
                "total": (finished - started) * 1000,
            },
            usage=_usage(draft),
            warnings=(*draft.warnings, *_left_out(verified.sentences)),
        )

    def weighed(
        self,
        question: str,
        pool: int,
        *,
        where: Where | None = None,
        model: Logistic | None = None,
    ) -> tuple[Sequence[Passage], list[Candidate], Mapping[str, float]]:
        """Return passages by the search's order, their sentences by score, and word weights.

        What `ask` decides on; public for those who fit or examine the models.

        Args:
            question: Up to 4,000 characters.
            pool: How many passages, 1 or more.
            where: Conditions on the documents.
            model: Scores the sentences, which are then not read; by default the packaged ones.
        """
        if model is None and isinstance(self._remembered(), TokenEmbedder):
            packaged_reader().prepare()  # loaded while the question is searched for
        retriever = self._retriever()
        mode = self.config.mode
        found = retriever.search(
            question, mode=mode, k=pool, where=where, expand=False, distinct=True
        )
        hits = self._also_worded(question, found.hits, pool, where)
        passages = retriever.with_blocks(hits)
        word_weights = self._word_weights(question)
        asked = analyse(question)
        if model is None:
            ranked = self._read(asked, passages, word_weights)
        else:
            ranked = weigh(asked, passages, word_weights, self._remembered(), model)
        return passages, ranked, word_weights

    def _read(
        self, asked: Question, passages: Sequence[Passage], word_weights: Mapping[str, float]
    ) -> list[Candidate]:
        """Return the sentences weighed, and the best of them read, best first."""
        embedder = self._remembered()
        ranked = weigh(asked, passages, word_weights, embedder)
        if not isinstance(embedder, TokenEmbedder):
            return ranked
        return read(asked, ranked, packaged_reader())

    def _also_worded(
        self, question: str, hits: Sequence[Passage], pool: int, where: Where | None
    ) -> Sequence[Passage]:
        """Return the hits, fused with those of other wordings if that is configured."""
        kind = self.config.query_rewriting
        if not kind:
            return hits
        from ragkit.retrieve.rewriting import KINDS, fused, wordings
        from ragkit.template import load

        model = self.chat_model
        if model is None:
            raise ConfigError(
                f"query_rewriting is {kind!r}, but the generator {self.generator.name} is no chat "
                "model; set generator to openai:MODEL or local:PATH"
            )
        retriever = self._retriever()
        others = [
            retriever.search(
                text, mode=self.config.mode, k=pool, where=where, expand=False, distinct=True
            ).hits
            for text in wordings(question, kind, model, load(KINDS[kind], self.config.prompts))
        ]
        return fused([hits, *others], pool)

    def _look(
        self, question: str, k: int, where: Where | None
    ) -> tuple[list[Passage], list[Candidate], float, tuple[Disagreement, ...]]:
        """Return the k passages to answer from, their sentences weighed, and the confidence.

        Last come the disagreements that were settled: the newer sentence stands first.

        More passages are found than are shown: those whose sentences answer best move up. They
        are weighed as they were found, and only then expanded.
        """
        if k < 1:
            raise UsageError(f"k must be 1 or more, not {k}")
        passages, ranked, word_weights = self.weighed(question, max(k, _POOL), where=where)
        sure = confidence(analyse(question), passages, ranked, word_weights, self._remembered())
        settled = settle(analyse(question), ranked, self._opened().document)
        ranked = settled.evidence
        order = reordered(passages, ranked)
        if self.config.expand:
            retriever = self._retriever()
            order = list(retriever.with_blocks(retriever.expanded(order, k)))
        shown = [replace(passage, rank=rank) for rank, passage in enumerate(order[:k], start=1)]
        return shown, list(_within(ranked, shown)), sure, settled.disagreements

    def _weighed_as_given(
        self, question: str, passages: Sequence[Passage]
    ) -> tuple[Sequence[Passage], list[Candidate], float]:
        """Return passages in their order, their sentences weighed, and the confidence."""
        if not passages:
            return (), [], 0.0
        given = self._retriever().with_blocks(passages)
        word_weights, asked = self._word_weights(question), analyse(question)
        ranked = self._read(asked, given, word_weights)
        sure = confidence(asked, given, ranked, word_weights, self._remembered())
        return given, ranked, sure

    def _word_weights(self, question: str) -> Mapping[str, float]:
        """Return the inverse document frequency of the question's content words."""
        words = list(dict.fromkeys(content_words(question)))
        index = self._opened()
        with index.reader() as reading:
            generation = reading.generation()
            counts = index.frequencies(words)
        total = generation.chunks if generation else 0
        return {
            word: math.log((total - count + 0.5) / (count + 0.5) + 1.0)
            for word, count in counts.items()
        }

    def _retriever(self, index: Index | None = None) -> Retriever:
        settings = RetrievalSettings(
            depth=self.config.depth,
            fusion=self.config.fusion,
            dense_weight=self.config.dense_weight,
            feedback=self.config.feedback,
            feedback_weight=self.config.feedback_weight,
            sentence_weight=self.config.sentence_weight,
            per_document=self.config.per_document,
            diversity=self.config.diversity,
            rerank_depth=self.config.rerank_depth,
            expand=self.config.expand,
        )
        return Retriever(index or self._opened(), settings, self._opened_reranker())

    def _opened_reranker(self) -> Reranker | None:
        if not isinstance(self._reranker, str):
            return self._reranker
        if not self._reranker:
            return None
        with self._opening:
            if isinstance(self._reranker, str):
                from ragkit.rerank.cross_encoder import CrossEncoderReranker

                self._reranker = CrossEncoderReranker(self._reranker)
            return self._reranker

    def _opened_generator(self) -> Generator:
        with self._opening:
            if self._generator is None:
                from ragkit.generate.selection import select as made

                self._generator = made(
                    self._generator_given, generator_settings(self.config, self.folder)
                )
            return self._generator

    def _opened(self, *, create: bool = False) -> Index:
        with self._opening:
            if self._index is None:
                self._index = self._open(self.folder, create=create)
            return self._index

    def _open(
        self, folder: Path, *, create: bool = False, embedder: Embedder | None = None
    ) -> Index:
        embedder = self._opened_embedder() if embedder is None else embedder
        return Index(
            folder,
            embedder=embedder,
            store=self._opened_store(),
            create=create,
            embedder_name=self._chosen_name,
        )

    def _opened_embedder(self) -> Embedder:
        if self._embedder is None:
            name = self._embedder_name or self._named_by_index() or selection.PACKAGED
            selected = self._select(name)
            self._embedder, self._chosen_name = selected, selection.absolute(name)
            # What was given by the caller is the caller's to close.
            self._selected = selected if isinstance(selected, Closable) else None
        return self._embedder

    def _remembered(self) -> Remembered:
        """Return the embedder of the index with a memory of sentences."""
        with self._opening:
            if self._memory is None:
                self._memory = remembered(self._opened_embedder())
            return self._memory

    def _named_by_index(self) -> str:
        """Return the name of the embedder that made the index; empty if none is known."""
        from ragkit_ingest.reembed import spaces

        try:
            live, _ = spaces(self.folder)
        except (IndexStateError, StorageError):  # said when the index is opened
            return ""
        return live.embedder if live is not None else ""

    def _select(self, name: str) -> Embedder:
        """Return the embedder of that name, with the settings of the configuration."""
        config = self.config
        return select(
            EmbedderSettings(
                embedder=name,
                url=config.embedder_url,
                key_env=config.embedder_key_env,
                dimensions=config.embedder_dimensions,
                max_tokens=config.embedder_max_tokens,
                query_prefix=config.embedder_query_prefix,
                document_prefix=config.embedder_document_prefix,
            )
        )

    def _opened_store(self) -> VectorStore:
        if self._store is None:
            from ragkit_ingest.store.chroma import ChromaStore

            self._store = ChromaStore()
        return self._store


def _within(ranked: Sequence[Candidate], shown: Sequence[Passage]) -> Iterator[Candidate]:
    """Yield the candidates that stand in a passage that is shown, as part of that one."""
    for candidate in ranked:
        found = candidate.passage
        for passage in shown:
            if (
                passage.document_id == found.document_id
                and passage.start <= found.start
                and found.end <= passage.end
            ):
                yield replace(candidate, passage=passage)
                break


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A question that was looked up, before anything is generated."""

    request: GenerationRequest
    generator: Generator
    sure: float
    started: float
    retrieved: float

    def shown(self) -> InertStream:
        """Return what makes the draft harmless as it is written."""
        return InertStream(addresses(passage.text for passage in self.request.passages))


def _left_out(sentences: Sequence[Sentence]) -> Iterator[str]:
    count = sum(sentence.text.count(LEFT_OUT) for sentence in sentences)
    if count:
        links = "a link" if count == 1 else f"{count} links"
        yield f"{links} that the model wrote and no passage holds was left out"


def _is_shown(found: Disagreement, answer: Answer) -> bool:
    """Return whether the answer rests on a statement that another one disagrees with."""
    return any(found.mark(c.path, c.start, c.end) for c in answer.citations)


def _usage(draft: Draft) -> Usage:
    return Usage(
        prompt_tokens=draft.prompt_tokens,
        completion_tokens=draft.completion_tokens,
        cost=draft.cost,
        estimated=draft.estimated,
        model=draft.model,
        finish_reason=draft.finish_reason,
        prompt_version=draft.prompt_version,
    )


def generator_settings(config: Config, index: Path | None = None) -> GeneratorSettings:
    """Return how a generator is made, from a pipeline's settings and the folder of its index."""
    from ragkit.generate.chat import ChatSettings
    from ragkit.generate.selection import GeneratorSettings
    from ragkit.prompt import PromptSettings
    from ragkit.tune.adapter import adapters_folder

    return GeneratorSettings(
        url=config.generator_url,
        key_env=config.generator_key_env,
        context_tokens=config.generator_context_tokens,
        temperature=config.generator_temperature,
        seed=config.generator_seed,
        timeout_s=config.generator_timeout_s,
        total_s=config.generator_total_s,
        prompts=config.prompts,
        adapters=str(adapters_folder(index)) if index is not None else "",
        chat=ChatSettings(
            max_answer_tokens=config.max_answer_tokens,
            context_tokens=config.generator_context_tokens,
            price_in=config.generator_price_in,
            price_out=config.generator_price_out,
            prompt=PromptSettings(
                persona=config.persona, per_document=config.generator_per_document
            ),
        ),
    )


def _release(generator: Generator, given: object) -> None:
    """Close a generator that was made here, but not a model that the caller gave."""
    if isinstance(generator, Closable) and getattr(generator, "model", None) is not given:
        generator.close()
