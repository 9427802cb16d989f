"""Questions on fictional companies' documents, which the packaged models learn from.

`bench/fictional_companies/NAME` holds some pages of one company each, with `questions.jsonl`: about
half of the questions its pages answer, the others none does, though many look as if they did. Their
kinds are those of the example questions. They were written to be learnt from, apart from the
example company and its questions, and none of them is part of what is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragkit_eval.cases import Case, load_cases

_FOLDER = Path(__file__).with_name("fictional_companies")


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A company with questions on it.

    Attributes:
        name: Of its folder. Also the group of all its questions: they are learnt from together, or
            not at all.
        documents: The folder of its documents.
        cases: The questions.
    """

    name: str
    documents: Path
    cases: Sequence[Case]


def companies() -> Iterator[Company]:
    """Yield all companies by name."""
    for folder in sorted(_FOLDER.iterdir()):
        yield Company(
            name=folder.name,
            documents=folder / "docs",
            cases=load_cases(folder / "questions.jsonl"),
        )
