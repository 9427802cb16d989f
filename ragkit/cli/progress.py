"""A progress bar on a terminal, and silence everywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ragkit.cli.terminal import Terminal, one_line
from ragkit_ingest.report import Progress, ProgressCallback

_STAGES = {
    "scan": "Looking for files",
    "parse": "Reading",
    "split": "Splitting",
    "embed": "Embedding",
    "publish": "Publishing",
}


@contextmanager
def ingest_progress(terminal: Terminal) -> Iterator[ProgressCallback | None]:
    """Yield a callback that moves a bar on stderr; None when stderr is not a terminal."""
    if not terminal.err.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<17}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[path]}", markup=False),
    )
    with Bars(*columns, console=terminal.err, transient=True) as bars:
        tasks = {
            stage: bars.add_task(label, total=None, visible=False, path="")
            for stage, label in _STAGES.items()
        }

        def show(progress: Progress) -> None:
            task = tasks.get(progress.stage)
            if task is not None:
                bars.update(
                    task,
                    completed=progress.done,
                    total=progress.total or None,
                    path=one_line(progress.path)[-40:],
                    visible=True,
                )

        yield show


@contextmanager
def counting(terminal: Terminal, label: str) -> Iterator[Callable[[int, int], None] | None]:
    """Yield a callback (done, total) that moves a bar on stderr; None if that is no terminal."""
    if not terminal.err.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    label_column = TextColumn("{task.description}", markup=False)
    columns = (label_column, BarColumn(bar_width=30), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=terminal.err, transient=True) as bars:
        task = bars.add_task(label, total=None)

        def show(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        yield show
