"""Everything that an index holds, without the numbers that differ from one index to the next."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ragkit_ingest.embed.protocol import Embedder
from ragkit_ingest.index import Index
from ragkit_ingest.published import scan_folder, vectors_folder
from ragkit_ingest.store.protocol import VectorStore
from ragkit_ingest.store.scan import open_scan

Row = tuple[Any, ...]
_SAME = 0.9995  # cosine of two vectors of one text


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What an index holds.

    Attributes:
        chunks: (path, ordinal, page, span, headings, text, vector) of every live chunk.
        published: (path, ordinal, vector) of every vector that a search would look at.
        scanned: Vectors and words that are scanned; see `_scanned`.
        words: (path, ordinal, title, headings, text) of the full-text index.
        documents: (path, format, title, text, blocks, pages, metadata).
        files: (path, state, reason, number of chunks).
        strays: How many rows and folders belong to nothing, by kind.
        stored: Keys of all vectors that the catalog holds.
    """

    chunks: Counter[Row]
    published: Counter[Row]
    scanned: Counter[Row]
    words: Counter[Row]
    documents: Counter[Row]
    files: Counter[Row]
    strays: dict[str, int]
    stored: frozenset[bytes]

    def parts(self) -> tuple[Counter[Row], ...]:
        """Return what must be the same in two indexes of one folder."""
        return (self.chunks, self.published, self.scanned, self.words, self.documents, self.files)

    def visible(self) -> tuple[Counter[Row], ...]:
        """Return what a reader sees; a file that failed is noted before the publication."""
        return (self.chunks, self.published, self.scanned, self.words, self.documents)

    def near(self, other: State) -> State:
        """Return this state with vectors of the other where they are the same but for rounding.

        A model's vectors depend a little on which texts were embedded together.
        """
        return replace(
            self,
            chunks=_near(self.chunks, other.chunks),
            published=_near(self.published, other.published),
            scanned=_near(self.scanned, other.scanned),
        )

    @property
    def empty(self) -> bool:
        """Whether nothing can be found in it."""
        return not any(self.visible())


def _near(rows: Counter[Row], others: Counter[Row]) -> Counter[Row]:
    theirs = {row[:-1]: row[-1] for row in others}
    return Counter(
        (*row[:-1], theirs[row[:-1]])
        if row[-1] and row[:-1] in theirs and _cosine(row[-1], theirs[row[:-1]]) > _SAME
        else row
        for row in rows.elements()
    )


def _cosine(one: bytes, other: bytes) -> float:
    return float(np.frombuffer(one, "<f4") @ np.frombuffer(other, "<f4"))


def observe(folder: Path, embedder: Embedder, store: VectorStore) -> State:
    """Read everything in an index, opened anew.

    Raises:
        RagkitError: If the index or its published vectors are damaged.
    """
    index = Index(folder, embedder=embedder, store=store)
    with closing(index), index.reader() as reading:
        generation = reading.generation()
        live = reading.live_ids()
        db = index.connection
        space = generation.space_id if generation else 0
        dimension = embedder.fingerprint.dimension
        vectors = reading.vectors(space, live, dimension) if live else np.zeros((0, 1), np.float32)
        stored = reading.chunks(live)
        ordinals = dict(db.execute("SELECT id, ordinal FROM chunks"))
        places = {id_: (stored[id_].path, ordinals[id_]) for id_ in live}
        documents = [reading.document(facts.id) for facts in reading.facts()]
        return State(
            chunks=Counter(
                (
                    *places[id_],
                    stored[id_].page,
                    (stored[id_].start, stored[id_].end),
                    stored[id_].headings,
                    stored[id_].text,
                    vector.tobytes(),
                )
                for id_, vector in zip(live, vectors, strict=True)
            ),
            published=_published(index, places),
            scanned=_scanned(index, places),
            words=Counter(
                (*places.get(row[0], ("(nothing)", row[0])), *row[1:])
                for row in db.execute("SELECT rowid, title, headings, body FROM words")
            ),
            documents=Counter(
                (d.path, d.format, d.title, d.text, d.blocks, d.pages, tuple(d.metadata.items()))
                for d in documents
                if d is not None
            ),
            files=Counter((d.path, d.state, d.reason, d.chunks) for d in reading.statuses()),
            strays=_strays(index),
            stored=frozenset(row[0] for row in db.execute("SELECT text_key FROM vectors")),
        )


def _published(index: Index, places: dict[int, tuple[str, int]]) -> Counter[Row]:
    generation = index.reading.generation()
    if generation is None:
        return Counter()
    found: Counter[Row] = Counter()
    for shard in generation.shards:
        folder = index.generations / shard.folder
        with closing(index.store.open(vectors_folder(folder))) as searcher:
            ids = sorted(searcher.ids())
            vectors = searcher.vectors(ids)
        found.update(
            (*places.get(id_, ("(nothing)", id_)), vector.tobytes())
            for id_, vector in zip(ids, vectors, strict=True)
        )
    return found


def _scanned(index: Index, places: dict[int, tuple[str, int]]) -> Counter[Row]:
    """Return (path, ordinal, document is right, length, vector) and (path, ordinal, word, counts).

    A row of vectors ends in the vector, like those of the published ones.
    """
    generation = index.reading.generation()
    found: Counter[Row] = Counter()
    for shard in generation.shards if generation else ():
        if not shard.scanned:
            continue
        scan = open_scan(scan_folder(index.generations / shard.folder))
        owners = index.reading.owners(scan.ids.tolist())
        chunks = [places.get(id_, ("(nothing)", id_)) for id_ in scan.ids.tolist()]
        for row, place in enumerate(chunks):
            right = owners.get(int(scan.ids[row])) == int(scan.documents[row])
            length = int(scan.postings.lengths[row])
            found[*place, right, length, scan.vectors[row].tobytes()] += 1
        starts = scan.postings.starts.tolist()
        for number, word in enumerate(scan.postings.vocabulary()):
            for at in range(starts[number], starts[number + 1]):
                place = chunks[int(scan.postings.rows[at])]
                found[*place, word, *scan.postings.counts[at].tolist(), b""] += 1
    return found


def _strays(index: Index) -> dict[str, int]:
    queries = {
        "staged": "SELECT count(*) FROM revisions WHERE state = 'staged'",
        "vectors": "SELECT count(*) FROM vectors"
        " WHERE text_key NOT IN (SELECT text_key FROM chunks)",
        "chunks": "SELECT count(*) FROM chunks WHERE revision_id NOT IN (SELECT id FROM revisions)",
        "words": "SELECT count(*) FROM words WHERE rowid NOT IN (SELECT id FROM chunks)",
    }
    counts = {
        name: int(index.connection.execute(query).fetchone()[0]) for name, query in queries.items()
    }
    recent = index.connection.execute(
        "SELECT folder FROM shards WHERE generation_id IN"
        " (SELECT id FROM generations ORDER BY id DESC LIMIT 2)"
    ).fetchall()
    held = {path.name for path in index.generations.iterdir()} if recent else set()
    counts["folders"] = len(held - {folder for (folder,) in recent})
    return {name: count for name, count in counts.items() if count}
