"""What all systems read and are asked: Markdown pages, questions, and a judged set as files."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ragkit_eval.beir import load

_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_WORDS = range(2, 13)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Documents as files, with queries whose relevant documents are known.

    Attributes:
        name: Of the set.
        folder: Holds one `ID.md` a document.
        queries: Text by id.
        judgements: Query id to document id to grade.
        documents: How many there are.
    """

    name: str
    folder: Path
    queries: dict[str, str]
    judgements: dict[str, dict[str, int]]
    documents: int


def pages(corpus: Path, folder: Path, count: int) -> list[Path]:
    """Copy the first Markdown files beneath a folder, by path, and return the copies.

    Args:
        corpus: Where they are looked for; hidden folders and empty files are left out.
        folder: Where they go, in the same folders as they stood.
        count: At most.
    """
    copies = []
    for file in sorted(corpus.rglob("*.md")):
        inside = file.relative_to(corpus)
        if any(part.startswith(".") for part in inside.parts) or not file.stat().st_size:
            continue
        copy = folder / inside
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        copies.append(copy)
        if len(copies) == count:
            break
    return copies


def questions(files: Sequence[Path], count: int) -> list[str]:
    """Return questions after the headings of Markdown files, evenly spaced, each once.

    A heading that is a question stays as it is. Headings of one word or more than twelve are left
    out.
    """
    found: dict[str, None] = {}
    for file in files:
        for heading in _HEADING.findall(file.read_text(encoding="utf-8", errors="replace")):
            plain = _LINK.sub(r"\1", heading).strip(" *_`")
            if len(plain.split()) in _WORDS:
                asked = plain if plain.endswith("?") else f"What is said about {plain}?"
                found.setdefault(asked)
    every = list(found)
    return every if len(every) <= count else [every[i * len(every) // count] for i in range(count)]


def judged(source: Path, folder: Path, documents: int) -> Judged:
    """Write a set in BEIR's layout as Markdown files: all judged documents, then others by chance.

    Args:
        source: The set.
        folder: Where the files go.
        documents: At most, but never fewer than are judged.
    """
    found = load(source)
    wanted = {id_ for grades in found.judgements.values() for id_ in grades}
    every = {document.id: document for document in found.documents()}
    others = sorted(every.keys() - wanted)
    random.Random(0).shuffle(others)  # noqa: S311 - the same choice each time
    chosen = sorted(wanted & every.keys()) + others[: max(0, documents - len(wanted))]
    folder.mkdir(parents=True, exist_ok=True)
    for id_ in chosen:
        text = f"# {every[id_].title}\n\n{every[id_].text}\n"
        (folder / f"{id_}.md").write_text(text, encoding="utf-8")
    return Judged(
        name=found.name,
        folder=folder,
        queries={id_: found.queries[id_] for id_ in found.judgements},
        judgements={id_: dict(grades) for id_, grades in found.judgements.items()},
        documents=len(chosen),
    )


def ranked_documents(files: Sequence[str]) -> list[str]:
    """Return document ids by their best chunk, each once, from the file of each chunk in order."""
    return list(dict.fromkeys(Path(file).stem for file in files))
