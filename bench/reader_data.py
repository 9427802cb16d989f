"""What the reader of `ragkit/reader.py` learns from: questions, each with sentences.

The even half of SQuAD 2.0's paragraphs and of the example questions, whose odd halves are never
read, the questions of the chunking set, and those that were written to learn from: on a real
company's handbook (`bench/handbook.py`) and on fictional companies (`bench/companies.py`).
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bench.companies import companies
from bench.handbook import handbook
from bench.squad import even_half
from ragkit.answer import Passage
from ragkit.config import Config
from ragkit.evidence import Candidate, in_context
from ragkit.logistic import FLAT
from ragkit.pipeline import Pipeline
from ragkit.sentence import sentences
from ragkit_eval.cases import Case, half, load_cases
from ragkit_eval.match import contains_answer, holds_quote
from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.records import Block, BlockKind

ROOT = Path(__file__).parent.parent
POOL = 20
FOLDS = 3
SQUAD_SHARE = 3
"""Of every so many of SQuAD's questions one is taken: all of them outweigh the companies'."""
_MOSTLY = 0.7
Found = tuple[Sequence[Passage], Sequence[Candidate], Mapping[str, float]]
"""Passages, their sentences, and the weights of the question's words."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence behind its heading.

    Attributes:
        text: As the reader reads it.
        answers: Whether it holds the answer.
        similarity: Its cosine to the question.
        plausible: Whether people named it as what looks like an answer and is none.
    """

    text: str
    answers: bool
    similarity: float
    plausible: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with sentences that answer it, or look as if they did.

    Attributes:
        kind: "squad", "example", "chunking", "handbook" or "company".
        group: Questions of a group share what they are about; folds keep them together.
    """

    kind: str
    group: str
    question: str
    answerable: bool
    sentences: Sequence[Sentence]

    @property
    def fold(self) -> int:
        """The fold whose reader has not learnt from this question."""
        return fold_of(self.group)


def fold_of(group: str) -> int:
    """Return the fold of a group, from 0."""
    return zlib.crc32(group.encode()) % FOLDS


def group_of(case: Case) -> str:
    """Return the group of an example question: those on the same quote are together."""
    return case.evidence[0].quote if case.evidence and case.evidence[0].quote else case.id


def is_gold_example(case: Case, candidate: Candidate) -> bool:
    """Return whether a sentence holds the evidence of a question on a company."""
    text = candidate.sentence.text
    for evidence in case.evidence:
        if evidence.path != candidate.passage.path:
            continue
        part_of_quote = holds_quote(evidence.quote, text)
        if holds_quote(text, evidence.quote):
            return True
        if part_of_quote and contains_answer(text, case.answers):
            return True
    return False


def example_company() -> tuple[Path, list[Case]]:
    """Return the example company's documents, and the questions that may be learnt from."""
    cases = load_cases(ROOT / "examples" / "questions.jsonl")
    return ROOT / "examples" / "company", half(cases, "even")


def searched(
    documents: Path, cases: Sequence[Case], index: Path, embedder: MiniLM
) -> Iterator[tuple[Case, Found]]:
    """Index documents, and yield each question with what is found, all sentences scored alike.

    Args:
        documents: A folder.
        cases: The questions.
        index: A new folder.
        embedder: For both.
    """
    with Pipeline(index, config=Config(), embedder=embedder) as rag:
        rag.ingest(documents)
        for case in cases:
            yield case, rag.weighed(case.question, POOL, model=FLAT)


def every_question(data: Path, folder: Path) -> list[Asked]:
    """Return all questions to learn from.

    Args:
        data: RAGKIT_DATA.
        folder: For the indexes; empty.
    """
    embedder = MiniLM()
    return [
        *_squad(data / "qa" / "squad2", embedder),
        *_examples(folder / "examples", embedder),
        *_chunking(data / "retrieval" / "chunking", folder / "chunking", embedder),
        *_handbook(data, folder / "handbook", embedder),
        *_companies(folder / "companies", embedder),
    ]


def _squad(data: Path, embedder: MiniLM) -> Iterator[Asked]:
    for asked in islice(even_half(data), 0, None, SQUAD_SHARE):
        title, text = asked.paragraph.heading, asked.paragraph.text
        block = Block(kind=BlockKind.PARAGRAPH, start=0, end=len(text))
        spans = list(sentences(text, 0, [block]))
        texts = [f"{title}: {span.text}" for span in spans]
        vectors = embedder.embed_documents([asked.question, *texts])
        found = []
        for span, told, similarity in zip(spans, texts, vectors[1:] @ vectors[0], strict=True):
            answers = any(span.start <= start < span.end for start in asked.starts)
            plausible = bool(asked.plausible) and contains_answer(told, asked.plausible)
            answers = answers and asked.answerable
            found.append(Sentence(told, answers, float(similarity), plausible))
        yield Asked("squad", asked.paragraph.title, asked.question, asked.answerable, found)


def _examples(folder: Path, embedder: MiniLM) -> Iterator[Asked]:
    for case, (_, candidates, _) in searched(*example_company(), folder, embedder):
        yield _asked("example", group_of(case), case, candidates)


def _handbook(data: Path, folder: Path, embedder: MiniLM) -> Iterator[Asked]:
    pages = folder / "pages"
    cases = handbook(data, pages)
    for case, (_, candidates, _) in searched(pages, cases, folder / "index", embedder):
        yield _asked("handbook", group_of(case), case, candidates)


def _companies(folder: Path, embedder: MiniLM) -> Iterator[Asked]:
    for company in companies():
        found = searched(company.documents, company.cases, folder / company.name, embedder)
        for case, (_, candidates, _) in found:
            yield _asked("company", company.name, case, candidates)


def _asked(kind: str, group: str, case: Case, candidates: Sequence[Candidate]) -> Asked:
    found = [
        _sentence(one, answers=case.answerable and is_gold_example(case, one)) for one in candidates
    ]
    return Asked(kind, group, case.question, case.answerable, found)


def _chunking(data: Path, folder: Path, embedder: MiniLM) -> Iterator[Asked]:
    with Pipeline(folder, config=Config(), embedder=embedder) as rag:
        rag.ingest(data / "corpora")
        for line in (data / "questions.jsonl").read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            evidence = [_plain(reference["content"]) for reference in entry["references"]]
            found = []
            for one in rag.weighed(entry["question"], POOL, model=FLAT)[1]:
                here = Path(one.passage.path).stem == entry["corpus"]
                told = _plain(one.sentence.text)
                answers = here and any(told in quote or quote in told for quote in evidence)
                if answers or not (here and any(_shares(told, quote) for quote in evidence)):
                    found.append(_sentence(one, answers=answers))
            yield Asked("chunking", entry["corpus"], entry["question"], True, found)


def _sentence(candidate: Candidate, *, answers: bool) -> Sentence:
    text = in_context(candidate.passage, candidate.sentence)
    return Sentence(text, answers, candidate.features["similarity"])


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().casefold()


def _shares(told: str, quote: str) -> bool:
    words = set(told.split())
    return len(words & set(quote.split())) > _MOSTLY * max(1, len(words))
