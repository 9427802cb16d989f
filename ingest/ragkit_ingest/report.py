"""What an ingest did: every file accounted for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A file, or an attachment, that could not be indexed, or not as it is now.

    Attributes:
        path: As the index shows it.
        reason: One sentence.
        retry: Whether it is tried again even if the file does not change.
        tried: Whether it was tried now; if not, it rests after earlier failures.
        attempts: How often in a row it failed.
        next_try: From when on the next sync tries it again, ISO 8601 in UTC; a file that
            changes, or that is named, does not wait for it.
    """

    path: str
    reason: str
    retry: bool
    tried: bool = True
    attempts: int = 1
    next_try: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCounts:
    """How many files ended how; each file counts once.

    Attributes:
        indexed: New or edited, and now searchable.
        unchanged: Already indexed as they are.
        moved: Found again under another name, and only renamed in the index.
        removed: Gone from the folder, and from the index.
        failed: Could not be read, now or when they were last tried; listed by name and reason.
            Attachments count.
        no_text: Readable, but without text (a scan, an empty file). Attachments count.
        skipped: Of a format that is not read, or left out by a rule; what one rule leaves out
            counts once.
        attachments: Files within these files, such as a mail's attachments, that were read anew
            and are now searchable.
    """

    indexed: int = 0
    unchanged: int = 0
    moved: int = 0
    removed: int = 0
    failed: int = 0
    no_text: int = 0
    skipped: int = 0
    attachments: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkCounts:
    """How the number of chunks changed."""

    added: int = 0
    removed: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What an ingest did.

    Attributes:
        files: How many files ended how.
        chunks: How the number of chunks changed.
        failures: One for each failed file, by path.
        no_text: Paths of the files without text.
        skipped: Path and reason of the files that were passed over.
        embedded: Texts that the embedder read; cached vectors do not count.
        seconds: Wall time.
        generation: The generation that is live now; 0 for an empty index.
    """

    files: FileCounts = field(default_factory=FileCounts)
    chunks: ChunkCounts = field(default_factory=ChunkCounts)
    failures: tuple[Failure, ...] = ()
    no_text: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    embedded: int = 0
    seconds: float = 0.0
    generation: int = 0

    def to_json(self) -> dict[str, object]:
        """Return the report in the shape of `ragkit ingest --json`."""
        files, chunks = self.files, self.chunks
        return {
            "files": {
                "indexed": files.indexed,
                "unchanged": files.unchanged,
                "moved": files.moved,
                "removed": files.removed,
                "failed": files.failed,
                "no_text": files.no_text,
                "skipped": files.skipped,
                "attachments": files.attachments,
            },
            "chunks": {"added": chunks.added, "removed": chunks.removed, "total": chunks.total},
            "failures": [
                {
                    "path": f.path,
                    "reason": f.reason,
                    "retry": f.retry,
                    "tried": f.tried,
                    "attempts": f.attempts,
                    "next_try": f.next_try,
                }
                for f in self.failures
            ],
            "no_text": list(self.no_text),
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
            "embedded": self.embedded,
            "seconds": round(self.seconds, 3),
            "generation": self.generation,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an ingest has come, for a progress bar.

    Attributes:
        stage: "scan", "parse", "split", "embed" or "publish".
        done: Units finished.
        total: Units in all; 0 while unknown.
        path: The file just finished, if there is one.
    """

    stage: str
    done: int
    total: int
    path: str = ""


ProgressCallback = Callable[[Progress], None]
