"""`ragkit status`: what is indexed, and what failed and why."""

from __future__ import annotations

from typing import Any

import pytest

from ragkit.cli.status_view import readable_size
from ragkit_ingest.status import DocumentStatus


def test_status_names_the_index_its_documents_and_what_failed(ragkit: Any) -> None:
    result = ragkit("status")
    assert result.code == 0
    for words in (
        "Index      /data/.ragkit",
        "Documents  2 (1 indexed, 1 failed)",
        "Embedder   all-MiniLM-L6-v2",
        "Size       1.5 MB",
        "contracts/work.pdf",
        "broken.pdf  failed: it is not a PDF",
    ):
        assert words in result.out


def test_many_documents_are_cut_unless_all_are_asked_for(
    ragkit: Any, pipeline: Any, make: Any
) -> None:
    documents = tuple(DocumentStatus(path=f"{i:03}.md", state="indexed") for i in range(60))
    pipeline.held = make.status(documents=documents)
    short, full = ragkit("status").out, ragkit("status", "--all").out
    assert "049.md" in short
    assert "050.md" not in short
    assert "and 10 more; --all lists them" in short
    assert "059.md" in full


def test_an_empty_index(ragkit: Any, pipeline: Any, make: Any) -> None:
    pipeline.held = make.status(
        documents=(), roots=(), embedder="", store="", generation=0, chunks=0
    )
    result = ragkit("status")
    assert result.code == 0
    assert "Documents  0" in result.out


def test_json(ragkit: Any) -> None:
    result = ragkit("status", "--json")
    assert result.json["counts"] == {"failed": 1, "indexed": 1}


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2_000_000_000, "2.0 GB")],
)
def test_sizes_read_as_people_write_them(size: int, text: str) -> None:
    assert readable_size(size) == text
