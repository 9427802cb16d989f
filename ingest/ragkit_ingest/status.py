"""What an index holds, for people and for `ragkit status`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentStatus:
    """One file that the index knows, or one attachment.

    Attributes:
        path: As the index shows it.
        state: "indexed"; "stale" (an older revision answers, the newest failed); "failed";
            "no_text".
        format: The parser's name; empty if it never parsed.
        title: The document's title.
        pages: How many; 0 for formats without pages.
        chunks: How many.
        characters: Length of the stored text.
        reason: Why it failed or what could not be read; empty if all is well.
        indexed_at: When its text became searchable, ISO 8601 in UTC; empty if never.
        attempts: How often in a row it failed; 0 if all is well.
        next_try: From when on a sync tries it again unchanged, ISO 8601 in UTC; empty if all is
            well.
    """

    path: str
    state: str
    format: str = ""
    title: str = ""
    pages: int = 0
    chunks: int = 0
    characters: int = 0
    reason: str = ""
    indexed_at: str = ""
    attempts: int = 0
    next_try: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceStatus:
    """The vectors of one embedder.

    Attributes:
        role: "live" (they answer), "previous" (a rollback returns to them), or "pending" (being
            built, or built and not taken).
        embedder: Name of the embedder.
        chosen_by: The name that chooses it; empty if it was given as an object.
        fingerprint: Digest of its fingerprint.
        dimension: Length of a vector.
        vectors: How many are stored.
        texts: Of how many there must be one, were they to answer now. Documents that were added
            since they answered are not looked at before.
    """

    role: str
    embedder: str
    chosen_by: str
    fingerprint: str
    dimension: int
    vectors: int
    texts: int

    def to_json(self) -> dict[str, object]:
        """Return the space as it stands in `ragkit status --json`."""
        return {
            "role": self.role,
            "embedder": self.embedder,
            "chosen_by": self.chosen_by,
            "fingerprint": self.fingerprint,
            "dimension": self.dimension,
            "vectors": self.vectors,
            "texts": self.texts,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexStatus:
    """What an index holds.

    Attributes:
        index: Absolute path of the index folder.
        generation: The live generation; 0 for an empty index.
        embedder: Name of the embedder; empty for an empty index.
        fingerprint: Digest of the embedder's fingerprint.
        store: Name of the vector store.
        roots: Folders and files that were ingested, absolute.
        documents: By path.
        chunks: How many are searchable.
        size_bytes: Disk space of the whole index folder.
        sources: Names of the sources of documents that are no files.
        spaces: The vectors that are kept, by role; those that answer first.
    """

    index: str
    generation: int
    embedder: str
    fingerprint: str
    store: str
    roots: tuple[str, ...]
    documents: tuple[DocumentStatus, ...]
    chunks: int
    size_bytes: int
    sources: tuple[str, ...] = ()
    spaces: tuple[SpaceStatus, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the status in the shape of `ragkit status --json`."""
        states = [document.state for document in self.documents]
        return {
            "index": self.index,
            "generation": self.generation,
            "embedder": self.embedder,
            "fingerprint": self.fingerprint,
            "store": self.store,
            "roots": list(self.roots),
            "sources": list(self.sources),
            "spaces": [space.to_json() for space in self.spaces],
            "chunks": self.chunks,
            "size_bytes": self.size_bytes,
            "counts": {state: states.count(state) for state in sorted(set(states))},
            "documents": [
                {
                    "path": d.path,
                    "state": d.state,
                    "format": d.format,
                    "title": d.title,
                    "pages": d.pages,
                    "chunks": d.chunks,
                    "characters": d.characters,
                    "reason": d.reason,
                    "indexed_at": d.indexed_at,
                    "attempts": d.attempts,
                    "next_try": d.next_try,
                }
                for d in self.documents
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredText:
    """A stretch of a document's stored text.

    Attributes:
        path: As the index shows it.
        text: The stored text from start to end.
        start: Offset of its first character.
        end: Offset after its last character.
        page: Number of the page on which it starts; None for formats without pages.
        page_label: What that page is called, such as `"iv"` or `"Prices!A2:F51"`; empty if there
            is none.
        pages: (number, label, start, end) of every page that the stretch touches.
        length: Characters in the whole document.
    """

    path: str
    text: str
    start: int
    end: int
    page: int | None
    page_label: str = ""
    pages: tuple[tuple[int, str, int, int], ...] = field(default=())
    length: int = 0

    def to_json(self) -> dict[str, object]:
        """Return the text in the shape of `ragkit show --json`."""
        return {
            "path": self.path,
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "page": self.page,
            "page_label": self.page_label,
            "pages": [
                {"number": number, "label": label, "start": start, "end": end}
                for number, label, start, end in self.pages
            ],
            "length": self.length,
        }
