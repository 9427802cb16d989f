"""What the reader of `ragkit/reader.py` learns from: questions, each with sentences.

Those that were written to learn from: on a real company's handbook (`bench/handbook.py`) and on
fictional companies (`bench/companies.py`) but for `UNREAD`. And those that it does not learn from,
which tell what it is worth and how far it may be believed (`bench/fit_evidence.py`): on `UNREAD`,
the even half of the example questions and of SQuAD 2.0's paragraphs. Odd halves are never read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
UNREAD = ("brewery", "library", "locks", "pens")
"""Companies that the reader does not learn from."""
Found = tuple[Sequence[Passage], Sequence[Candidate], Mapping[str, float]]
"""Passages, their sentences, and the weights of the question's words."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence behind its heading.

    Attributes:
        text: As the reader reads it.
        answers: Whether it holds the answer.
        similarity: Its cosine to the question.
    """

    text: str
    answers: bool
    similarity: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with sentences that answer it, or look as if they did.

    Attributes:
        kind: "squad", "example", "handbook" or "company".
        taught: Whether the reader learns from it; see `is_taught`.
    """

    kind: str
    taught: bool
    question: str
    answerable: bool
    sentences: Sequence[Sentence]


def is_taught(kind: str, company: str = "") -> bool:
    """Return whether the reader learns from questions of this kind, or on this company."""
    return kind == "handbook" or (kind == "company" and company not in UNREAD)


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
    """Return all questions, those to learn from and those to try the reader with.

    Args:
        data: RAGKIT_DATA.
        folder: For the indexes; empty.
    """
    embedder = MiniLM()
    return [
        *_squad(data / "qa" / "squad2", embedder),
        *_examples(folder / "examples", embedder),
        *_handbook(data, folder / "handbook", embedder),
        *_companies(folder / "companies", embedder),
    ]


def _squad(data: Path, embedder: MiniLM) -> Iterator[Asked]:
    for asked in even_half(data):
        title, text = asked.paragraph.heading, asked.paragraph.text
        block = Block(kind=BlockKind.PARAGRAPH, start=0, end=len(text))
        spans = list(sentences(text, 0, [block]))
        texts = [f"{title}: {span.text}" for span in spans]
        vectors = embedder.embed_documents([asked.question, *texts])
        found = []
        for span, told, similarity in zip(spans, texts, vectors[1:] @ vectors[0], strict=True):
            answers = any(span.start <= start < span.end for start in asked.starts)
            found.append(Sentence(told, answers and asked.answerable, float(similarity)))
        yield Asked("squad", is_taught("squad"), asked.question, asked.answerable, found)


def _examples(folder: Path, embedder: MiniLM) -> Iterator[Asked]:
    for case, (_, candidates, _) in searched(*example_company(), folder, embedder):
        yield _asked("example", case, candidates)


def _handbook(data: Path, folder: Path, embedder: MiniLM) -> Iterator[Asked]:
    pages = folder / "pages"
    cases = handbook(data, pages)
    for case, (_, candidates, _) in searched(pages, cases, folder / "index", embedder):
        yield _asked("handbook", case, candidates)


def _companies(folder: Path, embedder: MiniLM) -> Iterator[Asked]:
    for company in companies():
        found = searched(company.documents, company.cases, folder / company.name, embedder)
        for case, (_, candidates, _) in found:
            yield _asked("company", case, candidates, company.name)


def _asked(kind: str, case: Case, candidates: Sequence[Candidate], company: str = "") -> Asked:
    found = [
        _sentence(one, answers=case.answerable and is_gold_example(case, one)) for one in candidates
    ]
    return Asked(kind, is_taught(kind, company), case.question, case.answerable, found)


def _sentence(candidate: Candidate, *, answers: bool) -> Sentence:
    text = in_context(candidate.passage, candidate.sentence)
    return Sentence(text, answers, candidate.features["similarity"])
