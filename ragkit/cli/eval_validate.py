"""`ragkit eval validate-metrics`: do the free measures agree with people?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.option import EmbedderOption, Half, JsonOption
from ragkit.cli.session import session_of
from ragkit.cli.terminal import Terminal

if TYPE_CHECKING:
    from ragkit_eval.validation import Validation


def validate(
    context: typer.Context,
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]",
            show_default=False,
            help="RAGChecker's human labels. Default: as found in the folder $RAGKIT_DATA.",
        ),
    ] = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
    half: Annotated[
        Half,
        typer.Option("--half", help="Every second question: even from the first, odd the others."),
    ] = Half.ALL,
    lexical: Annotated[
        bool, typer.Option("--lexical", help="Only the measures that need no embedder.")
    ] = False,
) -> None:
    """Correlate the measures with what people said of 280 pairs of answers.

    Needs no index. The labels are RAGChecker's (Amazon, Apache-2.0); where they are missing, the
    message says where to get them.
    """
    from ragkit.cli.progress import counting
    from ragkit_eval.human import find_rated, load_rated
    from ragkit_eval.validation import embedding_cosine, lexical_measures
    from ragkit_eval.validation import validate as validated

    session = session_of(context, index=None, json=json, embedder=embedder)
    terminal = session.terminal()
    labels = Path(file) if file else find_rated()
    pairs = load_rated(labels)
    pairs = pairs if half is Half.ALL else pairs[half is Half.ODD :: 2]
    measures = lexical_measures()
    with counting(terminal, "Correlating") as progress:
        if lexical:
            found = validated(pairs, measures, progress=progress)
        else:
            with session.open() as rag:
                measures["embedding_cosine"] = embedding_cosine(rag.embedder)
                found = validated(pairs, measures, progress=progress)
    if terminal.json:
        terminal.document({"file": str(labels), "half": half.value, **found.to_json()})
    else:
        _print(terminal, found)


def _print(terminal: Terminal, found: Validation) -> None:
    from rich import box
    from rich.table import Table

    from ragkit_eval.human import DIMENSIONS
    from ragkit_eval.validation import PUBLISHED

    terminal.say(
        f"{found.pairs} pairs of answers, {found.labels} labels by people: correlation (Pearson; "
        "of ranks, Spearman) with what they said overall, of correctness and of completeness"
    )
    terminal.say()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    table.add_column("measure", no_wrap=True)
    for name in ("overall", "95 % interval", "ranks", *DIMENSIONS[1:]):
        table.add_column(name, justify="right", no_wrap=True)
    rows = [(measure.name, measure.by) for measure in found.measures]
    if found.people is not None:
        rows.append(("one person, another", found.people))
    for name, by in rows:
        overall = by["overall"]
        table.add_row(
            name,
            _value(overall.pearson),
            _range(overall.pearson_ci95),
            _value(overall.spearman),
            *(_value(by[dimension].pearson) for dimension in DIMENSIONS[1:]),
        )
    terminal.out.print(table)
    terminal.say()
    published = ", ".join(f"{name} {value:.3f}" for name, value in PUBLISHED.items())
    terminal.say(f"Published on all these labels, overall, Pearson: {published}.")


def _value(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _range(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f"{ends[0]:.2f} to {ends[1]:.2f}"
