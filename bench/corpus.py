"""The texts that are embedded: chunks, as an ingest would make them, with their headers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ragkit_ingest.discover import Found, walk
from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.errors import SourceError
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.registry import ParserRegistry
from ragkit_ingest.parse.worker import ParserPool
from ragkit_ingest.split import SplitSettings, split

ROOT = Path(__file__).resolve().parents[1]
COMPANY = ROOT / "examples" / "company"
QUESTIONS = ROOT / "examples" / "questions.jsonl"

_CHUNKS_A_FILE = 4


def readable_files(folder: Path) -> list[Found]:
    """Return the files beneath a folder that ragkit has a parser for, by name."""
    registry = ParserRegistry()
    found = (item for item in walk(folder) if isinstance(item, Found))
    return [item for item in found if registry.parser_for(item.path) is not None]


def chunk_texts(folder: Path, limit: int) -> list[str]:
    """Return the texts of a folder's chunks, evenly spaced over its files.

    Args:
        folder: Of documents.
        limit: How many texts at most; files are left out evenly where there are many.
    """
    files = readable_files(folder)
    stride = max(1, _CHUNKS_A_FILE * len(files) // limit)
    texts = list(_chunks([file.path for file in files[::stride]]))
    return texts if len(texts) <= limit else [texts[i * len(texts) // limit] for i in range(limit)]


def questions() -> list[str]:
    """Return the example company's questions, in the order of their file."""
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines]


def an_answerable_question() -> str:
    """Return the first example question that the documents answer."""
    for line in QUESTIONS.read_text(encoding="utf-8").splitlines():
        case: dict[str, object] = json.loads(line)
        if case["answerable"]:
            return str(case["question"])
    raise ValueError(f"{QUESTIONS.name} has no answerable question")


def _chunks(paths: Sequence[Path]) -> Iterator[str]:
    embedder, settings = MiniLM(), SplitSettings()
    sources = [(number, Source(path=path)) for number, path in enumerate(paths)]
    with ParserPool(workers=2) as pool:
        outcomes = dict(pool.parse_all(sources))
    for number in sorted(outcomes):
        document = outcomes[number]
        if not isinstance(document, SourceError):
            chunks = split(document, embedder.count_tokens, settings)
            yield from (chunk.embedded_text for chunk in chunks)
