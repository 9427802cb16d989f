"""What is read from another tool's format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ragkit_eval.cases import Case, write_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Cases with the documents that came with them.

    Attributes:
        cases: In the file's order.
        documents: Text by file name; empty if the format holds none.
        skipped: How many entries could not become a case.
    """

    cases: tuple[Case, ...]
    documents: Mapping[str, str] = field(default_factory=dict)
    skipped: int = 0


def save_documents(imported: Imported, folder: Path) -> int:
    """Write the documents into a folder, and return how many there are.

    Raises:
        UsageError: If one cannot be written.
    """
    for name, text in imported.documents.items():
        write_whole(folder / name, text)
    return len(imported.documents)


def file_name(label: str, number: int) -> str:
    """Return a name for a document that is safe on any disk and unlike all others."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-").lower()[:60] or "document"
    return f"{plain}-{number:05d}.txt"
