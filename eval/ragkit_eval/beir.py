"""Retrieval sets in the layout of BEIR: what was asked, and which documents are relevant.

    DIR/corpus.jsonl        {"_id", "title", "text"} a line
    DIR/queries.jsonl       {"_id", "text"} a line
    DIR/qrels/test.tsv      query id, document id, grade; a header line

Source: Thakur et al., "BEIR", NeurIPS Datasets and Benchmarks 2021.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ragkit.json_lines import said
from ragkit_ingest.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusDocument:
    """A document of a corpus.

    Attributes:
        id: Unique in the corpus.
        title: May be empty.
        text: May be empty.
    """

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalSet:
    """Queries with their judged documents.

    Attributes:
        name: Of its folder.
        folder: Where it lies.
        queries: Text by id, in the file's order; only those with a relevant document.
        judgements: Query id to document id to grade; above 0 is relevant.
        without: How many judged queries were left out because nothing is relevant to them.
    """

    name: str
    folder: Path
    queries: Mapping[str, str]
    judgements: Mapping[str, Mapping[str, int]]
    without: int = 0

    def documents(self) -> Iterator[CorpusDocument]:
        """Return the corpus, one document at a time.

        Raises:
            UsageError: If a line is not a document; the message names the line.
        """
        return corpus(self.folder / "corpus.jsonl")


def corpus(file: Path) -> Iterator[CorpusDocument]:
    """Yield the documents of a `corpus.jsonl`, one at a time.

    Raises:
        UsageError: If a line is not a document; the message names the line.
    """
    for where, entry in _entries(file):
        yield CorpusDocument(
            id=_text(entry, "_id", where),
            title=str(entry.get("title") or ""),
            text=_text(entry, "text", where),
        )


def load(folder: Path, split: str = "test") -> RetrievalSet:
    """Return the set in a folder; the corpus is read later, as it is needed.

    Raises:
        UsageError: If a file is missing or a line is wrong; the message names the line.
    """
    judgements = _judgements(folder / "qrels" / f"{split}.tsv")
    relevant = {id_ for id_, grades in judgements.items() if max(grades.values()) > 0}
    queries = {
        id_: _text(entry, "text", where)
        for where, entry in _entries(folder / "queries.jsonl")
        if (id_ := _text(entry, "_id", where)) in relevant
    }
    lost = sorted(relevant - queries.keys())
    if lost:
        raise UsageError(
            f"{folder / 'qrels' / f'{split}.tsv'} judges the query {lost[0]!r}, which "
            f"{folder / 'queries.jsonl'} does not hold"
        )
    if not (folder / "corpus.jsonl").is_file():
        raise UsageError(f"there is no {folder / 'corpus.jsonl'}; {_LAYOUT}")
    if not queries:
        raise UsageError(f"no query of {folder} has a relevant document; there is nothing to score")
    return RetrievalSet(
        name=folder.resolve().name,
        folder=folder,
        queries=queries,
        judgements={id_: judgements[id_] for id_ in queries},
        without=len(judgements) - len(relevant),
    )


_LAYOUT = "a BEIR folder holds corpus.jsonl, queries.jsonl and qrels/test.tsv"


def _judgements(file: Path) -> dict[str, dict[str, int]]:
    judgements: dict[str, dict[str, int]] = {}
    for number, line in enumerate(_lines(file), start=1):
        fields = line.rstrip("\n").split("\t")
        if number == 1 and not fields[-1].strip().lstrip("-").isdigit():
            continue  # the header
        try:
            query, document, grade = fields
            judgements.setdefault(query, {})[document] = int(grade)
        except ValueError as exc:
            raise UsageError(
                f"line {number} of {file} is not QUERY, DOCUMENT and GRADE with tabs between them: "
                f"{line.strip()[:60]!r}"
            ) from exc
    if not judgements:
        raise UsageError(f"{file} judges no document; {_LAYOUT}")
    return judgements


def _entries(file: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        where = f"line {number} of {file}"
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as exc:
            raise UsageError(f"{where} is not JSON: {said(exc)}") from exc
        if not isinstance(entry, dict):
            raise UsageError(f"{where} is not an object with named fields")
        yield where, entry


def _lines(file: Path) -> Iterator[str]:
    try:
        with file.open(encoding="utf-8", newline="\n") as lines:
            yield from lines
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{file} cannot be read ({exc}); {_LAYOUT}") from exc


def _text(entry: Mapping[str, object], field: str, where: str) -> str:
    value = entry.get(field)
    if not isinstance(value, str):
        raise UsageError(f"{where} lacks the text field {field!r}")
    return value
