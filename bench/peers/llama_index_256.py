"""LlamaIndex with chunks as long as the model reads, so that no text is left out of the vectors.

`Settings.chunk_size` is its documentation's first answer to "I want to parse my documents into
smaller chunks": https://developers.llamaindex.ai/python/framework/getting_started/faq
"""

from __future__ import annotations

from pathlib import Path

from bench.peers import llama_index
from bench.peers.llama_index import opened

__all__ = ["ingest", "opened"]

_TOKENS = 256
_OVERLAP = 20


def ingest(folder: Path, index: Path, model: Path) -> int:
    """Index a folder of Markdown files and return how many chunks it came to."""
    from llama_index.core import Settings

    Settings.chunk_size, Settings.chunk_overlap = _TOKENS, _OVERLAP
    return llama_index.ingest(folder, index, model)
