"""`ragkit eval import`: cases from the formats of other tools."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ragkit.cli.option import JsonOption
from ragkit.cli.session import session_of


class Format(StrEnum):
    """Whose format a file is in."""

    BEIR = "beir"
    SQUAD = "squad"
    RAGAS = "ragas"


def import_cases(
    context: typer.Context,
    source: Annotated[Format, typer.Argument(metavar="FORMAT", help="beir, squad or ragas.")],
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A file; of beir the folder of a set.")
    ],
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="The cases, as JSON Lines.")],
    json: JsonOption = False,
    corpus: Annotated[
        str | None,
        typer.Option(
            "--corpus",
            metavar="DIR",
            show_default=False,
            help="Write the documents of the file, one text file each, to be ingested.",
        ),
    ] = None,
) -> None:
    """Turn questions of another tool's format into cases."""
    from ragkit_eval.cases import digest, save_cases
    from ragkit_eval.imports.beir import read_beir
    from ragkit_eval.imports.imported import save_documents
    from ragkit_eval.imports.ragas import read_ragas
    from ragkit_eval.imports.squad import read_squad

    terminal = session_of(context, index=None, json=json).terminal()
    read = {"beir": read_beir, "squad": read_squad, "ragas": read_ragas}[source.value]
    imported = read(Path(file))
    save_cases(imported.cases, Path(out))
    documents = save_documents(imported, Path(corpus)) if corpus else 0
    if terminal.json:
        terminal.document(
            {
                "out": out,
                "digest": digest(imported.cases),
                "cases": len(imported.cases),
                "skipped": imported.skipped,
                "documents": documents,
            }
        )
        return
    terminal.say(f"{len(imported.cases)} cases in {out}, {imported.skipped} entries left out")
    if corpus:
        terminal.say(f"{documents} documents in {corpus}; next: ragkit ingest {corpus}")
