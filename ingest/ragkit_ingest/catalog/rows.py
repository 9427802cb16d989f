"""How records are written into the catalog's columns, and read back.

Spans are stored as compact JSON lists, vectors as little-endian float32, those of sentences as
float16.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ragkit_ingest.embed.protocol import Fingerprint, Vectors
from ragkit_ingest.errors import DamagedIndexError
from ragkit_ingest.records import Block, BlockKind, MetadataValue, Page

_KINDS = {kind: kind.value for kind in BlockKind}


def text_key(embedded_text: str) -> bytes:
    """Return the key of a text's vector: the first 16 bytes of its SHA-256."""
    return hashlib.sha256(embedded_text.encode("utf-8", "surrogatepass")).digest()[:16]


def dump_blocks(blocks: Sequence[Block]) -> str:
    """Write blocks as JSON: [kind, start, end, level] each."""
    return _dump([[_KINDS[b.kind], b.start, b.end, b.level] for b in blocks])


def load_blocks(column: str) -> tuple[Block, ...]:
    """Read what `dump_blocks` wrote."""
    with _intact("blocks"):
        return tuple(
            Block(kind=BlockKind(kind), start=start, end=end, level=level)
            for kind, start, end, level in json.loads(column)
        )


def dump_pages(pages: Sequence[Page]) -> str:
    """Write pages as JSON: [number, start, end, label] each."""
    return _dump([[p.number, p.start, p.end, p.label] for p in pages])


def load_pages(column: str) -> tuple[Page, ...]:
    """Read what `dump_pages` wrote."""
    with _intact("pages"):
        return tuple(
            Page(number=number, start=start, end=end, label=label)
            for number, start, end, label in json.loads(column)
        )


def dump_metadata(metadata: Mapping[str, MetadataValue]) -> str:
    """Write metadata as JSON with sorted keys."""
    return json.dumps(dict(metadata), sort_keys=True, ensure_ascii=False)


def load_metadata(column: str) -> dict[str, MetadataValue]:
    """Read what `dump_metadata` wrote."""
    with _intact("metadata"):
        loaded: dict[str, MetadataValue] = dict(json.loads(column))
        return loaded


def load_all_metadata(columns: Sequence[str]) -> list[dict[str, MetadataValue]]:
    """Read many columns of `dump_metadata` at once: equal keys share their memory."""
    with _intact("metadata"):
        loaded = [dict(item) for item in json.loads(f"[{','.join(columns)}]")]
        if len(loaded) != len(columns):
            raise ValueError(f"{len(columns)} entries hold {len(loaded)} objects")
        return loaded


def dump_texts(texts: Sequence[str]) -> str:
    """Write strings as a JSON list."""
    return _dump(list(texts))


def load_texts(column: str) -> tuple[str, ...]:
    """Read what `dump_texts` wrote."""
    with _intact("texts"):
        return tuple(str(text) for text in json.loads(column))


def load_fingerprint(column: str) -> Fingerprint:
    """Read what `Fingerprint.to_json` wrote."""
    with _intact("embedder"):
        return Fingerprint.from_json(column)


def dump_vector(vector: Vectors) -> bytes:
    """Write a vector as little-endian float32."""
    return vector.astype("<f4", copy=False).tobytes()


def load_vectors(columns: Sequence[bytes], dimension: int) -> Vectors:
    """Read vectors, one a row; shape (len(columns), dimension)."""
    with _intact("vectors"):
        flat = np.frombuffer(b"".join(columns), dtype="<f4").astype(np.float32, copy=False)
        return flat.reshape(len(columns), dimension)


def dump_sentences(vectors: Vectors) -> bytes:
    """Write the vectors of a text's sentences as little-endian float16: cosines keep 3 digits."""
    return vectors.astype("<f2").tobytes()


def load_sentences(column: bytes, dimension: int) -> Vectors:
    """Read the vectors of a text's sentences, shape (sentences, dimension)."""
    with _intact("vectors of sentences"):
        flat = np.frombuffer(column, dtype="<f2").astype(np.float32)
        return flat.reshape(-1, dimension)


@contextmanager
def _intact(what: str) -> Iterator[None]:
    """SQLite keeps no checksums: what a failing disk altered shows when it is read as a record."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise DamagedIndexError(
            f"the catalog holds {what} that cannot be read ({exc}); restore the index from a "
            "backup, or move its folder away and ingest again"
        ) from exc


def _dump(value: list[Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
