"""Jupyter notebooks: the Markdown and the code; outputs are left out."""

from __future__ import annotations

import json
from typing import Any

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder
from ragkit_ingest.parse.encoding import decode
from ragkit_ingest.parse.file import read_bytes
from ragkit_ingest.parse.markdown import add_markdown
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.records import BlockKind, Document


class NotebookParser:
    """Reads notebooks of format 3 and 4."""

    name = "notebook"
    version = 1
    suffixes = frozenset({".ipynb"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            BrokenFileError: If the file is not a notebook.
        """
        decoded = decode(read_bytes(source.path))
        builder = DocumentBuilder("notebook")
        try:
            notebook = json.loads(decoded.text)
            for cell in _cells(notebook):
                _add_cell(builder, cell)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as exc:
            raise BrokenFileError(f"this is not a notebook: {exc}") from exc
        return builder.build()


def _cells(notebook: Any) -> list[Any]:
    if "cells" in notebook:
        return list(notebook["cells"])
    return [cell for sheet in notebook["worksheets"] for cell in sheet["cells"]]


def _add_cell(builder: DocumentBuilder, cell: Any) -> None:
    source = cell.get("source", cell.get("input", ""))
    text = source if isinstance(source, str) else "".join(source)
    if cell.get("cell_type") == "code":
        builder.add(BlockKind.CODE, text, verbatim=True)
    elif cell.get("cell_type") in {"markdown", "heading"}:
        add_markdown(builder, text)
