"""`ragkit reembed`: move an index to another embedder, or back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.failure import EXIT_GATE
from ragkit.cli.option import EmbedderOption, IndexOption, JsonOption
from ragkit.cli.session import Session, session_of
from ragkit.cli.terminal import Terminal
from ragkit_ingest.errors import UsageError

if TYPE_CHECKING:
    from ragkit.pipeline import Pipeline
    from ragkit.retrieve.retriever import Retriever
    from ragkit_eval.before_after import Change, Overlap, Probe
    from ragkit_ingest.reembed import ReembedReport


def reembed(
    context: typer.Context,
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
    cases: Annotated[
        str | None,
        typer.Option(
            "--cases",
            metavar="FILE|DIR",
            show_default=False,
            help="Compare before the swap on these cases, or on the queries of a BEIR folder whose "
            "corpus is indexed; else on sentences of the documents.",
        ),
    ] = None,
    only_if_better: Annotated[
        bool,
        typer.Option(
            "--only-if-better",
            help="Swap only if nDCG@10 is surely better on the cases, dense or hybrid, and surely "
            "worse in neither; else exit code 4.",
        ),
    ] = False,
    no_swap: Annotated[
        bool,
        typer.Option("--no-swap", help="Make and compare the vectors; keep them for a later swap."),
    ] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Return to the embedder before the last swap.")
    ] = False,
    forget_previous: Annotated[
        bool,
        typer.Option(
            "--forget-previous",
            help="Erase the vectors of every embedder but the one that answers.",
        ),
    ] = False,
) -> None:
    """Build another embedder's vectors beside those that answer, compare, and swap.

    No file is read again, and what was embedded before an interruption is not embedded twice.
    """
    from ragkit.cli.progress import ingest_progress

    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    if rollback or forget_previous:
        if (rollback and forget_previous) or cases or only_if_better or no_swap:
            raise UsageError(
                "--rollback and --forget-previous stand alone: they compare nothing, and neither "
                "goes with the other"
            )
        _back(session, terminal, forget=forget_previous)
        return
    if only_if_better and not cases:
        raise UsageError("--only-if-better needs --cases: without known answers nothing is better")
    comparison = _Comparison(terminal=terminal, cases=cases, only_if_better=only_if_better)
    with _pipeline(session) as rag:
        comparison.prepare(rag)
        with ingest_progress(terminal) as progress:
            report = rag.reembed(
                session.embedder, swap=not no_swap, judge=comparison.judge, progress=progress
            )
    tell(terminal, report, comparison)
    refused = not (report.swapped or report.already or no_swap)
    raise typer.Exit(EXIT_GATE if refused else 0)


class _Comparison:
    """Compares the index before and after, from within the swap."""

    def __init__(self, *, terminal: Terminal, cases: str | None, only_if_better: bool) -> None:
        self._terminal = terminal
        self._only_if_better = only_if_better
        self._probes = probes_of(cases) if cases else []
        self._sentences: list[tuple[int, str]] = []
        self.changes: list[Change] = []
        self.overlaps: list[Overlap] = []
        self.notes: list[str] = []

    def prepare(self, rag: Pipeline) -> None:
        """Choose what is asked where no cases are given."""
        if not self._probes:
            self._sentences = sentences_of(rag)

    def judge(self, before: Retriever | None, after: Retriever) -> bool:
        """Compare; say whether to swap."""
        from ragkit.cli.progress import counting
        from ragkit_eval.before_after import changes, overlaps, scores

        if before is None:
            self.notes.append(
                "the embedder that answered so far is not there any more, so nothing was compared"
            )
            return not self._only_if_better
        with counting(self._terminal, "Comparing") as progress:
            if not self._probes:
                if self._sentences:
                    self.overlaps = overlaps(before, after, self._sentences, progress=progress)
                return True
            old = scores(before, self._probes, progress=progress)
            new = scores(after, self._probes, progress=progress)
        self.changes = changes(old, new, self._probes)
        return not self._only_if_better or self._better()

    def _better(self) -> bool:
        from ragkit_eval.before_after import NDCG

        bounds = [c.contrast.ci95 for c in self.changes if c.measure == NDCG]
        if any(bound is None for bound in bounds):
            self.notes.append("the cases are about too few documents for an interval")
            return False
        known = [bound for bound in bounds if bound is not None]
        gained = any(low > 0 for low, _ in known)
        lost = any(high < 0 for _, high in known)
        return gained and not lost

    def to_json(self) -> dict[str, object] | None:
        """Return the comparison as it stands in `ragkit reembed --json`; None if there is none."""
        if not (self.changes or self.overlaps or self.notes):
            return None
        return {
            "questions": len(self._probes) or len(self._sentences),
            "changes": [change.to_json() for change in self.changes],
            "overlaps": [overlap.to_json() for overlap in self.overlaps],
            "notes": self.notes,
        }


def probes_of(cases: str) -> list[Probe]:
    """Return the questions of a file of cases, or of a folder in BEIR's layout."""
    from ragkit_eval.before_after import case_probes, set_probes
    from ragkit_eval.beir import load
    from ragkit_eval.cases import load_cases

    place = Path(cases)
    return set_probes(load(place)) if place.is_dir() else case_probes(load_cases(place))


_ASKED = 60
_WORDS = 6, 40


def sentences_of(rag: Pipeline) -> list[tuple[int, str]]:
    """Return sentences spread through the live documents, each with its document."""
    import re

    from ragkit_ingest.catalog import schema
    from ragkit_ingest.catalog.reading import Reading

    with schema.translated(rag.folder):
        connection = schema.open_existing(rag.folder)
        try:
            reading = Reading(connection)
            live = reading.live_ids()
            chosen = live[:: max(1, len(live) // _ASKED)][:_ASKED]
            chunks = reading.chunks(chosen)
        finally:
            connection.close()
    found = []
    for id_ in chosen:
        parts = re.split(r"(?<=[.!?])\s+|\n+", chunks[id_].text)
        long = [part for part in parts if _WORDS[0] <= len(part.split()) <= _WORDS[1]]
        if long:
            found.append((chunks[id_].document_id, long[len(long) // 2]))
    return found


def _back(session: Session, terminal: Terminal, *, forget: bool) -> None:
    from ragkit.cli.progress import ingest_progress

    with _pipeline(session) as rag:
        if forget:
            gone = rag.forget_previous()
            if terminal.json:
                terminal.document({"forgotten": gone})
            else:
                terminal.say(f"{gone} vectors of other embedders erased.")
            return
        with ingest_progress(terminal) as progress:
            report = rag.rollback(progress=progress)
    tell(terminal, report, None)


def _pipeline(session: Session) -> Pipeline:
    """Open the pipeline with the embedder that is configured, not with the new one."""
    from dataclasses import replace

    from ragkit.cli.pipeline_of import pipeline_of

    return pipeline_of(replace(session, embedder=None).open())


def tell(terminal: Terminal, report: ReembedReport, comparison: _Comparison | None) -> None:
    """Print what was done, and how it compares."""
    if terminal.json:
        compared = None if comparison is None else comparison.to_json()
        terminal.document(report.to_json() | {"comparison": compared})
        return
    from ragkit.cli.reembed_view import print_changes, print_overlaps, print_reembed

    if comparison is not None:
        if comparison.changes:
            print_changes(terminal, comparison.changes)
        if comparison.overlaps:
            print_overlaps(terminal, comparison.overlaps)
        for note in comparison.notes:
            terminal.say(f"Note: {note}.")
    print_reembed(terminal, report)
