"""One measurement of `bench.scale` in a process of its own; prints JSON.

python -m bench.scale_run stage INDEX SAMPLE CHUNKS      documents and vectors, as a killed sync
leaves them
python -m bench.scale_run publish INDEX                  a sync that takes them up
python -m bench.scale_run change INDEX                   a sync that edits one document
python -m bench.scale_run idle INDEX                     a sync that finds nothing to do
python -m bench.scale_run cold INDEX SAMPLE CHUNKS       open, and search once
python -m bench.scale_run warm INDEX SAMPLE CHUNKS       many searches of each kind
python -m bench.scale_run recall INDEX SAMPLE CHUNKS     the vector store against the oracle
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from bench.cheap import CheapEmbedder
from bench.synthetic import GROUPS, documents, questions
from ragkit.retrieve.retriever import Retriever
from ragkit_ingest import lexical
from ragkit_ingest.catalog import schema
from ragkit_ingest.catalog.rows import text_key
from ragkit_ingest.catalog.space import Spaces
from ragkit_ingest.catalog.staging import Seen, Staging
from ragkit_ingest.content import Content
from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.index import Index
from ragkit_ingest.records import Chunk, Document
from ragkit_ingest.source import RECIPE, SourceDocument
from ragkit_ingest.split import SplitSettings
from ragkit_ingest.store.chroma import ChromaStore
from ragkit_ingest.store.exact import ExactSearcher
from ragkit_ingest.sync import SyncSettings, sync_documents

_SOURCE = "synthetic"
_QUESTIONS = 200
_ORACLE_QUESTIONS = 100
_AT_ONCE = 50_000
_TRANSACTION = 500


class QuestionEmbedder(CheapEmbedder):
    """Reads a question with the packaged model, for the time it takes, and gives a set vector."""

    def __init__(self, vectors: dict[str, Vectors]) -> None:
        super().__init__()
        self._vectors = vectors
        self._model = MiniLM()

    def embed_query(self, text: str) -> Vectors:
        """Return the vector that belongs to the question."""
        self._model.embed_query(text)
        return self._vectors[text]


def opened(index: str, asked: Sequence[tuple[str, Vectors]] = ()) -> Index:
    """Open the index; for searching if questions are given."""
    embedder = QuestionEmbedder(dict(asked)) if asked else CheapEmbedder()
    return Index(Path(index), embedder=embedder, store=ChromaStore(), create=not asked)


def stage(index: str, sample: str, chunks: str) -> dict[str, Any]:
    """Write documents, their chunks and vectors as staged ones."""
    made = documents(np.load(sample), int(chunks))
    recipe = f"{RECIPE} words/{lexical.VERSION} {SplitSettings().to_json()}"
    with closing(opened(index)), closing(schema.open_existing(Path(index))) as connection:
        staging = Staging(connection)
        space = Spaces(connection).register(CheapEmbedder().fingerprint)
        root = staging.add_source(_SOURCE)
        connection.execute("BEGIN IMMEDIATE")
        for document in made:
            text = "\n".join(document.texts)
            seen = Seen(
                root_id=root.id,
                name=f"document-{document.number}",
                path=f"{_SOURCE}/document-{document.number}",
                size=len(text),
                mtime_ns=0,
                sha256=f"{document.number:064x}",
                recipe=recipe,
            )
            staging.stage(seen, _content(document.number, document.texts, text))
            keys = [text_key(one) for one in document.texts]
            staging.add_vectors(space, keys, document.vectors, document.sentences)
            if document.number % _TRANSACTION == 0:
                connection.execute("COMMIT")
                connection.execute("BEGIN IMMEDIATE")
        connection.execute("COMMIT")
    return {}


def publish(index: str) -> dict[str, Any]:
    """Take up what is staged."""
    return _synced(index, [])


def change(index: str) -> dict[str, Any]:
    """Edit one document in the middle."""
    with closing(opened(index)) as held, held.reader() as reading:
        paths = [facts.path for facts in reading.facts()]
        before = reading.generation()
    name = paths[len(paths) // 2].removeprefix(f"{_SOURCE}/")
    text = "It was edited; the kettle costs three euro. " * 200
    edited = SourceDocument(id=name, text=text, metadata={"group": 1, "half": 1})
    found = _synced(index, [edited])
    with closing(opened(index)) as held, held.reader() as reading:
        after = reading.generation()
    assert before is not None
    assert after is not None
    old = {shard.folder for shard in before.shards}
    return found | {
        "shards": len(after.shards),
        "built": len({shard.folder for shard in after.shards} - old),
    }


def idle(index: str) -> dict[str, Any]:
    """Sync without a change."""
    return _synced(index, [])


def _synced(index: str, edited: Sequence[SourceDocument]) -> dict[str, Any]:
    with closing(opened(index)) as held:
        report = sync_documents(held, _SOURCE, edited, SyncSettings(), partial=True)
        return {"chunks": report.chunks.total, "seconds": report.seconds}


def cold(index: str, sample: str, chunks: str) -> dict[str, Any]:
    """Search once; what the process costs is measured from outside."""
    asked = questions(np.load(sample), int(chunks), 3)
    with closing(opened(index, asked)) as held:
        hits = Retriever(held).search(asked[2][0]).hits
    return {"hits": len(hits)}


def warm(index: str, sample: str, chunks: str) -> dict[str, Any]:
    """Search many times, each question once for each kind of search."""
    asked = questions(np.load(sample), int(chunks), _QUESTIONS)
    with closing(opened(index, asked)) as held:
        retriever = Retriever(held)
        retriever.search(asked[0][0])
        kinds: dict[str, Callable[[int, str], object]] = {
            "dense": lambda _, text: retriever.search(text, mode="dense"),
            "lexical": lambda _, text: retriever.search(text, mode="lexical"),
            "hybrid": lambda _, text: retriever.search(text),
            "hybrid, 5 % by a filter": lambda number, text: retriever.search(
                text, where={"group": str(number % GROUPS)}
            ),
            "hybrid, 50 % by a filter": lambda number, text: retriever.search(
                text, where={"half": str(number % 2)}
            ),
        }
        return {kind: _timed(call, [text for text, _ in asked]) for kind, call in kinds.items()}


def _timed(call: Callable[[int, str], Any], texts: Sequence[str]) -> dict[str, float]:
    wall, cpu = [], []
    for number, text in enumerate(texts):
        began, used = time.perf_counter(), time.process_time()
        found = call(number, text)
        if found.mode != "lexical" and len(found.hits) != 10:
            raise SystemExit(f"{text!r} gave fewer than ten hits")
        wall.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - used) * 1000)
    return {
        "p50_ms": float(np.percentile(wall, 50)),
        "p95_ms": float(np.percentile(wall, 95)),
        "cpu_p50_ms": float(np.percentile(cpu, 50)),
        "cpu_p95_ms": float(np.percentile(cpu, 95)),
    }


def recall(index: str, sample: str, chunks: str) -> dict[str, Any]:
    """Compare the first ten, and the first 200, with those of the exact store's searcher."""
    asked = [vector for _, vector in questions(np.load(sample), int(chunks), _ORACLE_QUESTIONS)]
    with closing(Index(Path(index), embedder=CheapEmbedder(), store=ChromaStore())) as held:
        held.dense(asked[0], 1)
        with held.reader() as reading:
            wanted = _oracle(reading, asked, 200)
        shares = {}
        for k in (10, 200):
            found = [{id_ for id_, _ in held.dense(vector, k)} for vector in asked]
            pairs = zip(found, wanted, strict=True)
            shares[f"recall@{k}"] = float(np.mean([len(f & set(w[:k])) / k for f, w in pairs]))
        return shares


def _oracle(reading: Any, asked: Sequence[Vectors], k: int) -> list[list[int]]:
    """Return the ids of the k nearest to each question, the nearest first."""
    generation, ids = reading.generation(), reading.live_ids()
    best: list[list[tuple[int, float]]] = [[] for _ in asked]
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        stored = reading.vectors(generation.space_id, some, generation.fingerprint.dimension)
        searcher = ExactSearcher(np.asarray(some, np.int64), stored)
        for number, vector in enumerate(asked):
            both = best[number] + searcher.query(vector, k)
            best[number] = sorted(both, key=lambda hit: (-hit[1], hit[0]))[:k]
    return [[id_ for id_, _ in found] for found in best]


def _content(number: int, texts: Sequence[str], text: str) -> Content:
    chunks, start = [], 0
    for ordinal, one in enumerate(texts):
        end = start + len(one)
        chunks.append(Chunk(ordinal=ordinal, start=start, end=end, text=one, tokens=200))
        start = end + 1
    metadata = {"group": number % GROUPS, "half": number % 2}
    document = Document(text=text, format="document", metadata=metadata)
    return Content(document=document, chunks=tuple(chunks), named=False)


if __name__ == "__main__":
    run = {f.__name__: f for f in (stage, publish, change, idle, cold, warm, recall)}
    print(json.dumps(run[sys.argv[1]](*sys.argv[2:])))
