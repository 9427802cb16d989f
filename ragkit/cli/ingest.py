"""`ragkit ingest`: sync files into the index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.failure import EXIT_SOME_FILES_FAILED
from ragkit.cli.option import EmbedderOption, IndexOption, JsonOption, clean_argument
from ragkit.cli.progress import ingest_progress
from ragkit.cli.session import Rag, session_of
from ragkit.cli.terminal import Terminal
from ragkit_ingest.errors import UsageError
from ragkit_ingest.report import IngestReport, ProgressCallback

if TYPE_CHECKING:
    from ragkit_ingest.plan import SyncPlan
    from ragkit_ingest.watch import SyncFailure


def ingest(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            help="Files and folders to index. Without any, those that were indexed before.",
        ),
    ] = None,
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done, and do nothing.")
    ] = False,
    checksum: Annotated[
        bool,
        typer.Option("--checksum", help="Compare contents, also of files with an old date."),
    ] = False,
    allow_mass_delete: Annotated[
        bool,
        typer.Option(
            "--allow-mass-delete", help="Go on if more than half of the documents are gone."
        ),
    ] = False,
    password_file: Annotated[
        Path | None,
        typer.Option(
            "--password-file",
            metavar="FILE",
            show_default=False,
            help="Passwords for encrypted files, one a line.",
        ),
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Try failed files at once, however often they failed.")
    ] = False,
    ocr: Annotated[
        bool | None,
        typer.Option(
            "--ocr/--no-ocr",
            show_default=False,
            help="Read images and scanned pages with Tesseract. Default: as before.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 also if a file holds no text.")
    ] = False,
    purge: Annotated[
        bool,
        typer.Option(
            "--purge", help="Also erase what deleted documents left in the files of the index."
        ),
    ] = False,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Then follow the files: sync as they change, until Ctrl-C."),
    ] = False,
) -> None:
    """Sync files and folders into the index: what is new, edited, moved or gone."""
    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    wanted = _Wanted(
        paths=[clean_argument(path) for path in paths or ()],
        checksum=checksum,
        allow_mass_delete=allow_mass_delete,
        passwords=_read_passwords(password_file),
        retry=retry,
        ocr=ocr,
    )
    if watch and dry_run:
        raise UsageError("--watch and --dry-run cannot go together; a plan is printed once")
    if watch:
        from ragkit.cli.watch import follow

        with session.open() as rag:
            follow(terminal, partial(wanted.watch, rag))
        return
    with session.open() as rag, ingest_progress(terminal) as progress:
        if not wanted.paths:
            rag.status()  # without an index there is nothing that was indexed before
        outcome = wanted.plan(rag) if dry_run else wanted.sync(rag, progress)
        purged = rag.purge() if purge and not dry_run else None
    if terminal.json:
        extra = {"purged": purged.to_json()} if purged else {}
        terminal.document(outcome.to_json() | extra)
    else:
        from ragkit.cli.report_view import print_outcome

        print_outcome(terminal, outcome)
        if purged:
            terminal.say("Erased from the index's files: whatever is not indexed any more.")
    if isinstance(outcome, IngestReport):
        raise typer.Exit(exit_code(outcome, strict=strict))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What was asked for; the same for a sync and for its plan."""

    paths: Sequence[str]
    checksum: bool
    allow_mass_delete: bool
    passwords: Sequence[str]
    retry: bool
    ocr: bool | None

    def sync(self, rag: Rag, progress: ProgressCallback | None) -> IngestReport:
        return rag.ingest(
            *self.paths,
            checksum=self.checksum,
            allow_mass_delete=self.allow_mass_delete,
            passwords=self.passwords,
            retry=self.retry,
            ocr=self.ocr,
            progress=progress,
        )

    def watch(
        self, rag: Rag, progress: ProgressCallback | None
    ) -> Iterator[IngestReport | SyncFailure]:
        return rag.watch(
            *self.paths,
            checksum=self.checksum,
            allow_mass_delete=self.allow_mass_delete,
            passwords=self.passwords,
            progress=progress,
        )

    def plan(self, rag: Rag) -> SyncPlan:
        return rag.ingest(
            *self.paths,
            dry_run=True,
            checksum=self.checksum,
            allow_mass_delete=self.allow_mass_delete,
            passwords=self.passwords,
            retry=self.retry,
            ocr=self.ocr,
        )


def exit_code(report: IngestReport, *, strict: bool = False) -> int:
    """Return 3 if a file failed, or with `strict` holds no text; else 0."""
    incomplete = report.files.failed or (strict and report.files.no_text)
    return EXIT_SOME_FILES_FAILED if incomplete else 0


def sync(rag: Rag, terminal: Terminal, paths: list[str]) -> IngestReport:
    """Sync the paths with a progress bar, for the commands that ingest first."""
    with ingest_progress(terminal) as progress:
        return rag.ingest(*map(clean_argument, paths), progress=progress)


def _read_passwords(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"--password-file {path} cannot be read: {exc}") from exc
    return [line for line in lines if line]
