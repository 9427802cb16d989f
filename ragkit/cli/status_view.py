"""How the state of an index looks to a person."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from ragkit.cli.report_view import readable_moment
from ragkit.cli.terminal import Terminal, one_line
from ragkit_ingest.status import DocumentStatus, IndexStatus

_STYLES = {"indexed": "green", "stale": "yellow", "no_text": "yellow", "failed": "red"}


def print_status(terminal: Terminal, held: IndexStatus, *, listed: int | None) -> None:
    """Print the summary, at most `listed` documents, and every problem."""
    _print_summary(terminal, held)
    if held.documents:
        terminal.say()
        _print_documents(terminal, held.documents[:listed])
        if listed is not None and len(held.documents) > listed:
            terminal.say(f"and {len(held.documents) - listed} more; --all lists them")
    _print_problems(terminal, held)


def readable_size(size_bytes: int) -> str:
    """Return a size as people write it, such as `1.5 MB`."""
    size = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _print_summary(terminal: Terminal, held: IndexStatus) -> None:
    states = [document.state for document in held.documents]
    counts = ", ".join(
        f"{states.count(state)} {state.replace('_', ' ')}" for state in dict.fromkeys(states)
    )
    rows = [
        ("Index", held.index),
        ("Sources", ", ".join([*held.roots, *held.sources]) or "none yet"),
        ("Documents", f"{len(held.documents)} ({counts})" if counts else "0"),
        ("Chunks", str(held.chunks)),
        ("Embedder", held.embedder or "none yet"),
        ("Store", f"{held.store or 'none yet'}, generation {held.generation}"),
        ("Size", readable_size(held.size_bytes)),
    ]
    for space in held.spaces:
        if space.role != "live":
            label = "Kept" if space.role == "previous" else "Pending"
            made = f"{space.embedder}, {space.vectors} vectors for {space.texts} texts"
            rows.append((label, made))
    for name, value in rows:
        line = Text().append(f"{name:<11}", style="bold").append(one_line(value))
        terminal.say(line, hang=11)


def _print_documents(terminal: Terminal, documents: tuple[DocumentStatus, ...]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("document", overflow="fold")
    for name in ("state", "format"):
        table.add_column(name, no_wrap=True)
    for name in ("pages", "chunks"):
        table.add_column(name, justify="right", no_wrap=True)
    for document in documents:
        table.add_row(
            Text(one_line(document.path)),
            Text(document.state.replace("_", " "), style=_STYLES.get(document.state, "")),
            Text(one_line(document.format)),
            str(document.pages or ""),
            str(document.chunks),
        )
    terminal.out.print(table)


def _print_problems(terminal: Terminal, held: IndexStatus) -> None:
    problems = [document for document in held.documents if document.reason]
    if not problems:
        return
    terminal.title(f"Worth knowing: {len(problems)}")
    for document in problems:
        line = Text("  ").append(one_line(document.path), style="bold")
        line.append(f"  {document.state.replace('_', ' ')}: {one_line(document.reason)}")
        if document.attempts > 1:
            when = readable_moment(document.next_try)
            line.append(f" (failed {document.attempts} times, next try after {when})", style="dim")
        terminal.say(line, hang=4)
