"""What every command shares: which index, whether JSON is wanted, and how a pipeline is opened."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol, Self, overload

from ragkit.cli.terminal import Terminal
from ragkit_ingest.errors import UsageError

if TYPE_CHECKING:
    import typer

    from ragkit.answer import Answer, SearchResult
    from ragkit.generate.protocol import Generator, Turn
    from ragkit_ingest.embed.protocol import Embedder
    from ragkit_ingest.plan import SyncPlan
    from ragkit_ingest.purge import PurgeReport
    from ragkit_ingest.report import IngestReport, ProgressCallback
    from ragkit_ingest.source import SourceDocument
    from ragkit_ingest.status import IndexStatus, StoredText
    from ragkit_ingest.verify import VerifyReport
    from ragkit_ingest.watch import SyncFailure

DEFAULT_INDEX = ".ragkit"


class Rag(Protocol):
    """As much of `ragkit.pipeline.Pipeline` as the commands use, which see."""

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

    def ingest_documents(
        self,
        documents: Iterable[SourceDocument],
        *,
        source: str,
        allow_mass_delete: bool = False,
        progress: ProgressCallback | None = None,
    ) -> IngestReport:
        """Index documents that are no files."""
        ...

    def watch(
        self,
        *paths: str | os.PathLike[str],
        checksum: bool = False,
        allow_mass_delete: bool = False,
        passwords: Sequence[str] = (),
        progress: ProgressCallback | None = None,
    ) -> Iterator[IngestReport | SyncFailure]:
        """Sync, then follow the paths."""
        ...

    def search(
        self,
        query: str,
        *,
        mode: str = "hybrid",
        k: int = 10,
        where: Mapping[str, str] | None = None,
    ) -> SearchResult:
        """Find passages."""
        ...

    def ask(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, str] | None = None,
        history: Sequence[Turn] = (),
    ) -> Answer:
        """Answer a question."""
        ...

    def stream(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, str] | None = None,
        history: Sequence[Turn] = (),
    ) -> Iterator[str | Answer]:
        """Yield an answer's text in pieces, then the answer."""
        ...

    def show(self, path: str, *, span: tuple[int, int] | None = None) -> StoredText:
        """Return a document's stored text."""
        ...

    def status(self) -> IndexStatus:
        """Return what the index holds."""
        ...

    @property
    def embedder(self) -> Embedder:
        """The embedder in use."""
        ...

    @property
    def generator(self) -> Generator:
        """The generator in use."""
        ...

    def verify(self) -> VerifyReport:
        """Look for damage, and mend it."""
        ...

    def purge(self) -> PurgeReport:
        """Erase what deleted documents left in the files."""
        ...

    def close(self) -> None:
        """Release the index."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


class OpenPipeline(Protocol):
    """Opens a pipeline on an index folder."""

    def __call__(
        self,
        index: str,
        *,
        generator: str | None = None,
        embedder: str | None = None,
        generator_url: str | None = None,
        min_confidence: float | None = None,
        audit: str | None = None,
    ) -> Rag:
        """Return the pipeline; `generator` and `embedder` are names, None for the configured."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One run of the command line.

    Attributes:
        opener: How a pipeline is opened.
        index_option: The value of `--index`; None if it was not given.
        json: Whether `--json` was given, before or after the command.
        embedder: The value of `--embedder`; None if it was not given.
    """

    opener: OpenPipeline
    index_option: str | None = None
    json: bool = False
    embedder: str | None = None

    def given(self, *, index: str | None, json: bool, embedder: str | None = None) -> Session:
        """Return the session with what stands after the command; it wins over what is before."""
        if index is not None and not index.strip():
            raise UsageError("--index is empty; give the folder of an index, such as .ragkit")
        return replace(
            self,
            index_option=index if index is not None else self.index_option,
            json=json or self.json,
            embedder=embedder if embedder is not None else self.embedder,
        )

    @property
    def index(self) -> str:
        """The index folder: `--index`, else `$RAGKIT_INDEX`, else `.ragkit`."""
        return self.index_option or os.environ.get("RAGKIT_INDEX") or DEFAULT_INDEX

    def terminal(self) -> Terminal:
        """Return the streams to write to."""
        return Terminal(json=self.json)

    def open(
        self,
        *,
        index: str | None = None,
        generator: str | None = None,
        generator_url: str | None = None,
        min_confidence: float | None = None,
        audit: str | None = None,
    ) -> Rag:
        """Open the pipeline on the index."""
        return self.opener(
            index or self.index,
            generator=generator,
            embedder=self.embedder,
            generator_url=generator_url,
            min_confidence=min_confidence,
            audit=audit,
        )


def open_pipeline(
    index: str,
    *,
    generator: str | None = None,
    embedder: str | None = None,
    generator_url: str | None = None,
    min_confidence: float | None = None,
    audit: str | None = None,
) -> Rag:
    """Open the real pipeline; everything heavy is imported here."""
    from ragkit.config import Config
    from ragkit.pipeline import Pipeline

    config = Config.load()
    if generator_url is not None:
        config = replace(config, generator_url=generator_url)
    if min_confidence is not None:
        config = replace(config, min_confidence=min_confidence)
    if audit is not None:
        config = replace(config, audit=audit)
    return Pipeline(index, config=config, generator=generator, embedder=embedder)


def session_of(
    context: typer.Context, *, index: str | None, json: bool, embedder: str | None = None
) -> Session:
    """Return the session of a running command with the command's own options."""
    session = context.find_object(Session)
    if session is None:
        session = Session(opener=open_pipeline)
    return session.given(index=index, json=json, embedder=embedder)
