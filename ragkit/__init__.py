"""Ask your own documents, and get answers whose every citation can be checked.

from ragkit import Pipeline

rag = Pipeline("my.index")
rag.ingest("docs/")
print(rag.ask("How long is the notice period?").text)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragkit.answer import Answer, Citation, Passage, SearchResult, Sentence
    from ragkit.config import Config
    from ragkit.pipeline import Pipeline
    from ragkit_ingest.errors import RagkitError
    from ragkit_ingest.report import IngestReport
    from ragkit_ingest.source import SourceDocument

__version__ = "0.1.0"
__all__ = [
    "Answer",
    "Citation",
    "Config",
    "IngestReport",
    "Passage",
    "Pipeline",
    "RagkitError",
    "SearchResult",
    "Sentence",
    "SourceDocument",
]

_OWNERS = {
    "Answer": "ragkit.answer",
    "Citation": "ragkit.answer",
    "Config": "ragkit.config",
    "IngestReport": "ragkit_ingest.report",
    "Passage": "ragkit.answer",
    "Pipeline": "ragkit.pipeline",
    "RagkitError": "ragkit_ingest.errors",
    "SearchResult": "ragkit.answer",
    "Sentence": "ragkit.answer",
    "SourceDocument": "ragkit_ingest.source",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import ragkit` costs nothing."""
    if name not in _OWNERS:
        raise AttributeError(f"module 'ragkit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_OWNERS[name]), name)
