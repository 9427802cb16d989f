"""The questions on the even half of SQuAD 2.0's paragraphs: what models may learn from.

Those on the odd half are what is reported; they are left out here, though all paragraphs are given.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A paragraph of an article.

    Attributes:
        id: Such as "p12".
        title: Of the article, with underscores.
        text: The paragraph.
    """

    id: str
    title: str
    text: str

    @property
    def heading(self) -> str:
        """The article's title as people write it."""
        return self.title.replace("_", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question on a paragraph.

    Attributes:
        id: Of the question.
        question: Its words.
        paragraph: What it was asked of.
        answerable: Whether the paragraph answers it.
        answers: Of several people, as they stand in the paragraph; empty if there is none.
        starts: Where they begin there.
    """

    id: str
    question: str
    paragraph: Paragraph
    answerable: bool
    answers: Sequence[str]
    starts: Sequence[int]


def paragraphs(data: Path) -> dict[str, Paragraph]:
    """Return all paragraphs by id, in the order of the file.

    Args:
        data: `qa/squad2` of RAGKIT_DATA.
    """
    lines = (data / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    entries = map(json.loads, lines)
    return {
        one["_id"]: Paragraph(id=one["_id"], title=one["title"], text=one["text"])
        for one in entries
    }


def even_half(data: Path) -> Iterator[Question]:
    """Yield the questions on paragraphs of even number, in the order of the file.

    Args:
        data: `qa/squad2` of RAGKIT_DATA.
    """
    held = paragraphs(data)
    for line in (data / "qa.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        paragraph = entry["gold"][0]
        if int(paragraph[1:]) % 2 == 0:
            yield Question(
                id=entry["id"],
                question=entry["question"],
                paragraph=held[paragraph],
                answerable=entry["answerable"],
                answers=entry["answers"],
                starts=entry["starts"],
            )
