"""Documents that come from elsewhere than files: a database, an interface, the web.

A *source* is a named set of documents, each with an id of its own. What any LlamaIndex reader
gives fits, as does `SourceDocument`; LlamaIndex itself is not needed here.

Reading a source may be slow and may fail halfway, so all of it is written to a spool before the
index is touched: memory holds one document at a time, and a few bytes for each.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

import numpy as np

from ragkit_ingest.catalog import schema
from ragkit_ingest.errors import ParserLimitError, UsageError
from ragkit_ingest.parse.builder import DocumentBuilder, clean, fold_space
from ragkit_ingest.parse.text import add_plain_text
from ragkit_ingest.records import Document, MetadataValue

FORMAT = "document"
RECIPE = f"{FORMAT}/1"
"""Its number is raised whenever the same text and metadata would give another Document."""
LONGEST_ID = 2_000
"""Characters of an id."""
LONGEST_SOURCE = 100
"""Characters of a source's name."""
LONGEST_TEXT = 64 << 20
"""Characters of a text; a longer one is a failure of its document alone."""
_SHOWN_ID = 200
_DEEPEST = 8


class SourceItem(Protocol):
    """What `llama_index.core.schema.Document` has, as far as it is used here."""

    @property
    def text(self) -> str:
        """The raw text, without metadata."""
        ...

    id_: str
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDocument:
    """A document of a source, for those who do without LlamaIndex.

    Attributes:
        id: Which document it is: the same id with another text is an edit of the same document.
            1 to 2,000 characters.
        text: Its text, as it is to be cited. Empty: it is listed as without text.
        metadata: What `--where` may ask of it; `title`, if it is there, is the document's title.
            Strings, numbers, truth values, dates; a mapping becomes `outer.inner` keys, a list
            one string.
    """

    id: str
    text: str
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooled:
    """A document on the spool.

    Attributes:
        id: Its id.
        sha256: Of its text and metadata, in hexadecimal.
        size: Bytes of its text in UTF-8.
        offset: Where it is on the spool.
    """

    id: str
    sha256: str
    size: int
    offset: int


class Spool:
    """All documents of a source, checked, on disk; the file is gone when it is closed.

    Args:
        folder: Where the file is made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._items: dict[str, Spooled] = {}
        with schema.translated(folder):  # a file without a name, which no crash leaves behind
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed in __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # what could not be written to a full disk is not needed
            self._file.close()

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Spooled]:
        return iter(self._items.values())

    def fill(self, documents: Iterable[SourceItem | SourceDocument]) -> None:
        """Write all documents.

        Raises:
            UsageError: If one has no usable id, text or metadata, or an id comes twice.
            StorageError: If the spool cannot be written.
            Exception: Whatever the iterable itself raises.
        """
        if isinstance(documents, (str, bytes, Mapping)) or not isinstance(documents, Iterable):
            raise UsageError(
                f"ingest_documents takes a list or another iterable of documents, not "
                f"{type(documents).__name__}; nothing was changed"
            )
        for place, item in enumerate(documents, start=1):
            self._add(item, place)

    def _add(self, item: object, place: int) -> None:
        id_ = _id_of(item, place)
        if id_ in self._items:
            raise UsageError(
                f"two documents have the id {_quoted(id_)}; the ids of a source tell its documents "
                "apart: nothing was changed"
            )
        text, metadata = _text_of(item, id_), _metadata_of(item, id_)
        record = json.dumps([text, metadata], sort_keys=True).encode("ascii")
        with schema.translated(self._folder):
            offset = self._file.seek(0, 2)
            self._file.write(len(record).to_bytes(8, "big") + record)
        self._items[id_] = Spooled(
            id=id_,
            sha256=hashlib.sha256(record).hexdigest(),
            size=len(text.encode("utf-8", "surrogatepass")),
            offset=offset,
        )

    def document(self, id_: str) -> Document:
        """Return a document of the spool.

        Raises:
            ParserLimitError: If its text is too long.
        """
        spooled = self._items[id_]
        with schema.translated(self._folder):
            self._file.seek(spooled.offset)
            length = int.from_bytes(self._file.read(8), "big")
            text, metadata = json.loads(self._file.read(length))
        if len(text) > LONGEST_TEXT:
            raise ParserLimitError(
                f"the text has {len(text):,} characters; the limit is {LONGEST_TEXT:,}"
            )
        return _document(text, metadata)


def check_name(source: str) -> str:
    """Return the name of a source.

    Raises:
        UsageError: If it is empty, too long, or holds a slash or a control character.
    """
    if not isinstance(source, str) or not source.strip():
        raise UsageError(f"a source needs a name, such as 'tickets', not {source!r}")
    if len(source) > LONGEST_SOURCE or "/" in source or not source.isprintable():
        raise UsageError(
            f"the source name {_quoted(source)} cannot be used: it stands before the ids of its "
            f"documents, and holds at most {LONGEST_SOURCE} characters, no slash and nothing "
            "invisible"
        )
    return source


def shown_id(id_: str) -> str:
    """Return how an id is shown: control characters spelt out, a long one cut and numbered."""
    plain = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in id_
    )
    if len(plain) <= _SHOWN_ID:
        return plain
    return f"{plain[:_SHOWN_ID]}...{hashlib.sha256(id_.encode()).hexdigest()[:12]}"


def _document(text: str, metadata: dict[str, MetadataValue]) -> Document:
    builder = DocumentBuilder(FORMAT)
    add_plain_text(builder, text)
    title = metadata.get("title")
    builder.title = title if isinstance(title, str) else builder.first_heading()
    return builder.build(metadata)


def _id_of(item: object, place: int) -> str:
    for name in ("id_", "id"):  # LlamaIndex's name, then ours
        if hasattr(item, name):
            id_ = getattr(item, name)
            break
    else:
        raise UsageError(
            f"item {place} is {_kind(item)}, which has no id; give documents of a LlamaIndex "
            "reader or SourceDocument(id=..., text=...): nothing was changed"
        )
    if isinstance(id_, int) and not isinstance(id_, bool):
        id_ = str(id_)
    if not isinstance(id_, str) or not id_.strip() or len(id_) > LONGEST_ID:
        raise UsageError(
            f"item {place} has the id {_quoted(id_)}; an id is a text of 1 to {LONGEST_ID:,} "
            "characters or a whole number: nothing was changed"
        )
    try:
        id_.encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"the id {_quoted(id_)} of item {place} holds half a character; correct it: nothing "
            "was changed"
        ) from None
    return id_


def _text_of(item: object, id_: str) -> str:
    """Return the raw text; LlamaIndex's templates would put the metadata into it."""
    text = getattr(item, "text", None)
    if text is None:  # a Node, whose text is a resource, or nothing but an image
        text = getattr(getattr(item, "text_resource", None), "text", None)
    if text is None:
        return ""
    if not isinstance(text, str):
        raise UsageError(
            f"the text of the document {_quoted(id_)} is {_kind(text)}, not a str: nothing was "
            "changed"
        )
    return text


def _metadata_of(item: object, id_: str) -> dict[str, MetadataValue]:
    metadata = getattr(item, "metadata", None) or {}
    if not isinstance(metadata, Mapping):
        raise UsageError(
            f"the metadata of the document {_quoted(id_)} is {_kind(metadata)}, not a mapping: "
            "nothing was changed"
        )
    flat: dict[str, MetadataValue] = {}
    for key, value in _flattened(metadata, "", id_, 1):
        if key in flat:
            raise UsageError(
                f"the metadata of the document {_quoted(id_)} gives the field {key!r} twice, "
                "since fields are told apart in lower case: nothing was changed"
            )
        flat[key] = value
    return flat


def _flattened(
    metadata: Mapping[object, object], prefix: str, id_: str, depth: int
) -> Iterator[tuple[str, MetadataValue]]:
    for name, value in metadata.items():
        own = fold_space(clean(str(name))).lower() if isinstance(name, (str, int)) else ""
        key = f"{prefix}{own}"
        if not own or depth > _DEEPEST:
            raise UsageError(
                f"the metadata of the document {_quoted(id_)} has the field {_quoted(name)}"
                f"{f' in {prefix[:-1]}' if prefix else ''}; a field needs a name, and at most "
                f"{_DEEPEST} levels: nothing was changed"
            )
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{key}.", id_, depth + 1)
            continue
        if isinstance(value, (list, tuple, set, frozenset)):
            members = [_plain(member, key, id_) for member in value]
            texts = [str(member) for member in members if member is not None]
            ordered = sorted(texts) if isinstance(value, (set, frozenset)) else texts
            plain_value: MetadataValue | None = ", ".join(ordered) or None
        else:
            plain_value = _plain(value, key, id_)
        if plain_value is not None:
            yield key, plain_value


def _plain(value: object, key: str, id_: str) -> MetadataValue | None:
    """Return a value as it is stored; None for one that says nothing (None, NaN)."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, (str, UUID, Path)):
        return fold_space(clean(str(value)))
    raise UsageError(
        f"the field {key!r} of the document {_quoted(id_)} holds {_kind(value)}, which cannot be "
        "filtered by; give a text, a number, a truth value or a date, or leave it out: nothing "
        "was changed"
    )


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text):,} characters)"
