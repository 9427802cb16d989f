"""A pipeline that answers from memory, and a way to run commands against it."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Self

import pytest

from ragkit.answer import Answer, Citation, Passage, SearchResult, Sentence
from ragkit.cli.main import run
from ragkit.cli.session import Session
from ragkit.generate.extractive import ExtractiveGenerator
from ragkit.generate.protocol import Generator, Turn
from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.embed.protocol import Embedder
from ragkit_ingest.errors import UsageError
from ragkit_ingest.purge import PurgeReport
from ragkit_ingest.report import (
    ChunkCounts,
    Failure,
    FileCounts,
    IngestReport,
    Progress,
    ProgressCallback,
)
from ragkit_ingest.source import SourceDocument
from ragkit_ingest.status import DocumentStatus, IndexStatus, StoredText
from ragkit_ingest.verify import VerifyReport

TEXT = "Leave.\nThe notice period is three months. It is two weeks during probation."
QUOTE = "The notice period is three months."


def citation(**changes: Any) -> Citation:
    values: dict[str, Any] = {
        "n": 1,
        "path": "contracts/work.pdf",
        "page": 4,
        "start": 7,
        "end": 7 + len(QUOTE),
        "quote": QUOTE,
        "verified": True,
    }
    return Citation(**values | changes)


def passage(**changes: Any) -> Passage:
    values: dict[str, Any] = {
        "rank": 1,
        "chunk_id": 11,
        "document_id": 3,
        "path": "contracts/work.pdf",
        "title": "Work",
        "headings": ("Terms", "Notice"),
        "page": 4,
        "start": 7,
        "end": len(TEXT),
        "text": TEXT[7:],
        "score": 0.875,
        "dense_rank": 1,
        "lexical_rank": 2,
    }
    return Passage(**values | changes)


def answer(question: str = "How long is the notice period?", **changes: Any) -> Answer:
    values: dict[str, Any] = {
        "question": question,
        "text": QUOTE,
        "abstained": False,
        "confidence": 0.91,
        "sentences": (Sentence(text=QUOTE, citations=(1,), supported=True),),
        "citations": (citation(),),
        "passages": (passage(),),
        "generator": "extractive",
        "generation": 1,
        "embedder": "fake",
    }
    return Answer(**values | changes)


def abstention(question: str = "Is there a gym?") -> Answer:
    return answer(
        question,
        text="The documents do not say.",
        abstained=True,
        confidence=0.05,
        sentences=(),
        citations=(),
    )


def report(**changes: Any) -> IngestReport:
    values: dict[str, Any] = {
        "files": FileCounts(indexed=2, unchanged=1),
        "chunks": ChunkCounts(added=5, total=9),
        "embedded": 5,
        "seconds": 1.25,
        "generation": 1,
    }
    return IngestReport(**values | changes)


def failing_report() -> IngestReport:
    return report(
        files=FileCounts(indexed=1, failed=1, no_text=1),
        failures=(Failure(path="broken.pdf", reason="it is not a PDF", retry=False),),
        no_text=("scan.pdf",),
        skipped=(("photo.jpg", "no parser reads .jpg"),),
    )


def index_status(**changes: Any) -> IndexStatus:
    values: dict[str, Any] = {
        "index": "/data/.ragkit",
        "generation": 2,
        "embedder": "all-MiniLM-L6-v2",
        "fingerprint": "ab12",
        "store": "chroma",
        "roots": ("/data/docs",),
        "documents": (
            DocumentStatus(
                path="contracts/work.pdf", state="indexed", format="pdf", pages=9, chunks=12
            ),
            DocumentStatus(path="broken.pdf", state="failed", reason="it is not a PDF"),
        ),
        "chunks": 12,
        "size_bytes": 1_500_000,
    }
    return IndexStatus(**values | changes)


@dataclass(frozen=True)
class FakePlan:
    added: tuple[str, ...] = ("new.md",)
    edited: tuple[str, ...] = ("edited.md",)
    moved: tuple[tuple[str, str], ...] = (("old.md", "moved.md"),)
    removed: tuple[str, ...] = ("gone.md",)
    unchanged: tuple[str, ...] = ("same.md", "same2.md")
    retry: tuple[str, ...] = ()
    waiting: tuple[tuple[str, str], ...] = (("locked.pdf", "2027-01-15T08:01:00+00:00"),)
    skipped: tuple[str, ...] = ("photo.jpg",)

    def to_json(self) -> dict[str, object]:
        return {"added": list(self.added), "removed": list(self.removed)}


@dataclass
class FakePipeline:
    """Returns what it was given, raises where it was given an error, and remembers the calls."""

    answers: dict[str, Answer | BaseException] = field(default_factory=dict)
    found: SearchResult | None = None
    ingested: IngestReport | BaseException = field(default_factory=report)
    held: IndexStatus | BaseException = field(default_factory=index_status)
    verified: VerifyReport = field(default_factory=VerifyReport)
    text: str = TEXT
    pages: tuple[tuple[int, str, int, int], ...] = ()
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    opened: list[tuple[str, str | None]] = field(default_factory=list)
    embedders: list[str | None] = field(default_factory=list)
    urls: list[str | None] = field(default_factory=list)
    thresholds: list[float | None] = field(default_factory=list)
    audits: list[str | None] = field(default_factory=list)
    writer: Generator = field(default_factory=ExtractiveGenerator)
    fails: BaseException | None = None
    watched: Sequence[Any] = ()

    def open(
        self,
        index: str,
        *,
        generator: str | None = None,
        embedder: str | None = None,
        generator_url: str | None = None,
        min_confidence: float | None = None,
        audit: str | None = None,
    ) -> Self:
        self.audits.append(audit)
        self.opened.append((index, generator))
        self.thresholds.append(min_confidence)
        self.urls.append(generator_url)
        self.embedders.append(embedder)
        return self

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
    ) -> Any:
        self._note(
            "ingest",
            paths=paths,
            dry_run=dry_run,
            checksum=checksum,
            allow_mass_delete=allow_mass_delete,
            passwords=list(passwords),
            retry=retry,
            ocr=ocr,
            progress=progress is not None,
        )
        if progress is not None:
            progress(Progress(stage="parse", done=1, total=2, path="a.md"))
        return FakePlan() if dry_run else _raised(self.ingested)

    def ingest_documents(
        self,
        documents: Iterable[SourceDocument],
        *,
        source: str,
        allow_mass_delete: bool = False,
        progress: ProgressCallback | None = None,
    ) -> IngestReport:
        self._note("ingest_documents", documents=list(documents), source=source)
        found = _raised(self.ingested)
        assert isinstance(found, IngestReport)
        return found

    def watch(
        self,
        *paths: str | os.PathLike[str],
        checksum: bool = False,
        allow_mass_delete: bool = False,
        passwords: Sequence[str] = (),
        progress: ProgressCallback | None = None,
    ) -> Iterator[Any]:
        self._note(
            "watch",
            paths=paths,
            checksum=checksum,
            allow_mass_delete=allow_mass_delete,
            passwords=list(passwords),
        )
        for event in self.watched:
            if isinstance(event, BaseException):
                raise event
            yield event

    def search(
        self,
        query: str,
        *,
        mode: str = "hybrid",
        k: int = 10,
        where: Mapping[str, str] | None = None,
    ) -> SearchResult:
        self._note("search", query=query, mode=mode, k=k, where=where)
        found = SearchResult(query=query, mode=mode, hits=(passage(),))
        return found if self.found is None else self.found

    def ask(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, str] | None = None,
        history: Sequence[Turn] = (),
    ) -> Answer:
        self._note("ask", question=question, k=k, where=where, history=tuple(history))
        if len(question) > 4000:
            raise UsageError(f"a question holds at most 4,000 characters, not {len(question):,}")
        known = _raised(self.answers.get(question, answer(question)))
        assert isinstance(known, Answer)
        return known

    def stream(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, str] | None = None,
        history: Sequence[Turn] = (),
    ) -> Iterator[str | Answer]:
        whole = self.ask(question, k=k, where=where, history=history)
        yield from whole.text.split(" ")
        yield whole

    def show(self, path: str, *, span: tuple[int, int] | None = None) -> StoredText:
        self._note("show", path=path, span=span)
        start, end = span or (0, len(self.text))
        return StoredText(
            path=path,
            text=self.text[start:end],
            start=start,
            end=end,
            page=4,
            pages=self.pages,
            length=len(self.text),
        )

    def status(self) -> IndexStatus:
        self._note("status")
        held = _raised(self.held)
        assert isinstance(held, IndexStatus)
        return held

    @property
    def embedder(self) -> Embedder:
        return MiniLM()

    @property
    def generator(self) -> Generator:
        return self.writer

    def verify(self) -> VerifyReport:
        self._note("verify")
        return self.verified

    def purge(self) -> PurgeReport:
        self._note("purge")
        return PurgeReport(size_before=2_000, size_after=1_000, generation=3)

    def close(self) -> None:
        self._note("close")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def last(self, name: str) -> dict[str, Any]:
        return [arguments for call, arguments in self.calls if call == name][-1]

    def _note(self, call: str, **arguments: Any) -> None:
        self.calls.append((call, arguments))
        if self.fails is not None and call != "close":
            raise self.fails


def _raised(value: Any) -> Any:
    if isinstance(value, BaseException):
        raise value
    return value


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Result]


@pytest.fixture
def pipeline() -> FakePipeline:
    return FakePipeline()


@pytest.fixture
def ragkit(
    pipeline: FakePipeline,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run one command line in this process, with the fake behind it."""
    for name in ("RAGKIT_INDEX", "RAGKIT_DEBUG", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")

    def invoke(*arguments: str, stdin: str = "") -> Result:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = run(arguments, opener=pipeline.open)
        captured = capsys.readouterr()
        return Result(code=code, out=captured.out, err=captured.err)

    return invoke


@pytest.fixture
def make() -> SimpleNamespace:
    """Records to answer with: `make.answer(...)`, `make.citation(...)` and so on."""
    return SimpleNamespace(
        answer=answer,
        abstention=abstention,
        citation=citation,
        passage=passage,
        report=report,
        failing_report=failing_report,
        status=index_status,
        text=TEXT,
        quote=QUOTE,
    )


@pytest.fixture
def make_session(pipeline: FakePipeline) -> Callable[[], Session]:
    """Sessions that open the fake."""
    return lambda: Session(opener=pipeline.open, index_option="an-index")
