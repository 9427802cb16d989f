"""Scores recorded answers: one row for each arm and case, each cell a value or a named status."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from ragkit.alignment import Ground, lines
from ragkit.support import Judge
from ragkit.talk import says_something
from ragkit_eval.cases import Case
from ragkit_eval.match import contains_answer, holds_quote
from ragkit_eval.metrics.abstention import CRAG_WORTH, Outcome, outcome
from ragkit_eval.metrics.citation import Entails, Statement, citation_score, verbatim
from ragkit_eval.metrics.content_f1 import content_f1, content_recall
from ragkit_eval.metrics.key_fact_recall import key_fact_recall
from ragkit_eval.metrics.ndcg import ndcg_at
from ragkit_eval.metrics.recall import recall_at
from ragkit_eval.metrics.reciprocal_rank import reciprocal_rank_at
from ragkit_eval.metrics.span_recall import span_recall
from ragkit_eval.metrics.token_f1 import exact_match, token_f1
from ragkit_eval.metrics.tone import Tone
from ragkit_eval.recorded import Recorded, Shown
from ragkit_eval.refusal import refuses

DEPTH = 5
"""How many passages the measures of retrieval look at."""


class Status(StrEnum):
    """Why a cell has no value."""

    UNANSWERABLE = "unanswerable"
    """The measure compares with an accepted answer, and there is none."""
    FAILED = "failed"
    """The arm gave no answer at all, because something broke."""
    ABSTAINED = "abstained"
    """The measure looks at an answer, and it was withheld."""
    NO_PASSAGES = "no_passages"
    """The arm is shown no passages, or they were not recorded."""
    NO_EVIDENCE = "no_evidence"
    """The case does not say where its answer stands."""
    NO_SPANS = "no_spans"
    """The case, or the passages, have no character offsets."""
    NO_CITATIONS = "no_citations"
    """The arm does not cite, or nothing it says needs a source."""
    NO_FACTS = "no_facts"
    """The case names no facts, and its answers have no words."""
    NO_VOICE = "no_voice"
    """No samples of the house voice were given."""
    TOO_FEW_SAMPLES = "too_few_samples"
    """There are too few texts to learn the house voice from."""
    UNRELIABLE = "unreliable"
    """The house voice cannot be told from the base's surely enough."""
    NO_TEXT = "no_text"
    """The answer is empty."""


Cell = float | Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What an arm's answer to a case is worth.

    Attributes:
        case: The case.
        answer: What was said.
        outcome: Which of the three it is; None if the arm failed.
        abstained: Whether the answer was withheld.
        cells: By the names of `MEASURES`, in their order.
    """

    case: Case
    answer: Recorded
    outcome: Outcome | None
    abstained: bool
    cells: Mapping[str, Cell]


MEASURES: Mapping[str, str] = {
    "correct": "right answer, or withheld where there is none",
    "crag": "1 right, 0 withheld, -1 wrong",
    "contains_answer": "an accepted answer stands in the answer",
    "exact_match": "the answer is an accepted one (SQuAD)",
    "token_f1": "words in common with an accepted answer (SQuAD)",
    "content_f1": "stemmed content words in common, without those of the question",
    "content_recall": "stemmed content words of the accepted answer that are said",
    "key_fact_recall": "facts that are said",
    "hit@5": "evidence among the first 5 passages",
    "span_recall@5": "characters of the evidence in the first 5 passages",
    "doc_recall@5": "documents of the evidence among those of the first 5 passages",
    "doc_mrr@5": "1 over the rank of the first such document",
    "doc_ndcg@5": "such documents, discounted by rank",
    "groundedness": "sentences that the passages shown support",
    "citation_recall": "sentences that their citations support (ALCE)",
    "citation_precision": "citations that are needed (ALCE)",
    "tone": "how likely it is that the house wrote it",
}
"""What is measured, in order, and what it says."""

ENTAILMENTS = ("words", "verbatim")


def entailment(name: str) -> Entails:
    """Return what decides whether a text supports a statement.

    Args:
        name: "words" (a copy, or `ragkit.support.Judge` by words) or "verbatim" (only a copy).

    Raises:
        ValueError: If it is neither.
    """
    if name == "verbatim":
        return verbatim
    if name != "words":
        raise ValueError(f"entailment must be one of {', '.join(ENTAILMENTS)}, not {name!r}")
    judge = Judge()

    @lru_cache(maxsize=50_000)
    def entails(premise: str, statement: str) -> bool:
        if verbatim(premise, statement):
            return True
        ground = Ground(lines=lines(premise))
        return judge.judge_text(statement, [ground]).supported

    return entails


def score(
    cases: Sequence[Case],
    answers: Sequence[Recorded],
    *,
    entails: Entails,
    tone: Tone | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Row]:
    """Return a row for each answer whose case is known, in the order of the answers.

    Args:
        cases: With different ids.
        answers: Of any arms.
        entails: Decides what supports what; see `entailment`.
        tone: What the tone of answers is measured by; without, none has one.
        progress: Called with how many are done, and how many there are.
    """
    known = {case.id: case for case in cases}
    tone = tone or Tone()
    rows = []
    for done, answer in enumerate(answers, start=1):
        if answer.id in known:
            rows.append(_row(known[answer.id], answer, entails, tone))
        if progress is not None:
            progress(done, len(answers))
    return rows


def judged(case: Case, answer: Recorded) -> tuple[Outcome | None, bool]:
    """Return what came of an answer, None if the arm failed, and whether it was withheld."""
    if answer.failure:
        return None, False
    abstained = refuses(answer.text) if answer.abstained is None else answer.abstained
    right = contains_answer(answer.text, case.answers)
    return outcome(answerable=case.answerable, abstained=abstained, right=right), abstained


def _row(case: Case, answer: Recorded, entails: Entails, tone: Tone) -> Row:
    came, abstained = judged(case, answer)
    if came is None:
        cells: dict[str, Cell] = dict.fromkeys(MEASURES, Status.FAILED)
        cells |= {"correct": 0.0}
        return Row(case=case, answer=answer, outcome=None, abstained=False, cells=cells)
    cells = {
        "correct": float(came is Outcome.CORRECT),
        "crag": CRAG_WORTH[came],
        **_answer_cells(case, "" if abstained else answer.text),
        **_retrieval_cells(case, answer),
        **_support_cells(answer, entails, abstained=abstained),
        "tone": _tone_cell(answer, tone),
    }
    return Row(
        case=case,
        answer=answer,
        outcome=came,
        abstained=abstained,
        cells={name: cells[name] for name in MEASURES},
    )


def _tone_cell(answer: Recorded, tone: Tone) -> Cell:
    if tone.status:
        return Status(tone.status)
    value = tone.of(answer)
    return Status.NO_TEXT if value is None else value


def _answer_cells(case: Case, said: str) -> dict[str, Cell]:
    """Compare what was said with the accepted answers; nothing said is worth 0."""
    names = ("contains_answer", "exact_match", "token_f1", "content_f1", "content_recall")
    if not case.answerable:
        return dict.fromkeys((*names, "key_fact_recall"), Status.UNANSWERABLE)
    facts = key_fact_recall(said, case.facts or case.answers[:1])
    content = content_f1(said, case.answers, case.question)
    recall = content_recall(said, case.answers, case.question)
    return {
        "contains_answer": float(bool(said) and contains_answer(said, case.answers)),
        "exact_match": exact_match(said, case.answers) if said else 0.0,
        "token_f1": token_f1(said, case.answers) if said else 0.0,
        "content_f1": Status.NO_FACTS if content is None else content,
        "content_recall": Status.NO_FACTS if recall is None else recall,
        "key_fact_recall": Status.NO_FACTS if facts is None else facts,
    }


def _retrieval_cells(case: Case, answer: Recorded) -> dict[str, Cell]:
    names = ("hit@5", "span_recall@5", "doc_recall@5", "doc_mrr@5", "doc_ndcg@5")
    if not case.answerable:
        return dict.fromkeys(names, Status.UNANSWERABLE)
    if not answer.passages:
        return dict.fromkeys(names, Status.NO_PASSAGES)
    if not (case.evidence or case.gold):
        return dict.fromkeys(names, Status.NO_EVIDENCE)
    shown = answer.passages[:DEPTH]
    wanted = list(dict.fromkeys(case.gold or (evidence.path for evidence in case.evidence)))
    ranked = list(dict.fromkeys(_named(passage.path, wanted) for passage in shown))
    gains = dict.fromkeys(wanted, 1)
    return {
        "hit@5": float(any(_holds(case, passage) for passage in shown))
        if case.evidence
        else Status.NO_EVIDENCE,
        "span_recall@5": _span_cell(case, shown),
        "doc_recall@5": recall_at(DEPTH, ranked, gains),
        "doc_mrr@5": reciprocal_rank_at(DEPTH, ranked, gains),
        "doc_ndcg@5": ndcg_at(DEPTH, ranked, gains),
    }


def _span_cell(case: Case, shown: Sequence[Shown]) -> Cell:
    spans = [(e.path, e.start, e.end) for e in case.evidence if e.start is not None and e.end]
    held = [(p.path, p.start, p.end) for p in shown if p.start is not None and p.end is not None]
    if not spans or not held:
        return Status.NO_SPANS
    found = span_recall([(path, start or 0, end) for path, start, end in spans], held)
    return Status.NO_SPANS if found is None else found


def _holds(case: Case, passage: Shown) -> bool:
    """Return whether a passage holds evidence: by offsets if known, else nine tenths of words."""
    for evidence in case.evidence:
        if not _same(passage.path, evidence.path):
            continue
        if holds_quote(passage.text, evidence.quote):
            return True
        if evidence.start is not None and evidence.end is not None and passage.start is not None:
            ends = passage.end if passage.end is not None else passage.start + len(passage.text)
            if passage.start <= evidence.start and evidence.end <= ends:
                return True
    return False


def _named(path: str, wanted: Sequence[str]) -> str:
    """Return which of the wanted documents a path is, or the path itself."""
    return next((name for name in wanted if _same(path, name)), path)


def _same(path: str, name: str) -> bool:
    return path == name or path.endswith(f"/{name}")


def _support_cells(answer: Recorded, entails: Entails, *, abstained: bool) -> dict[str, Cell]:
    names = ("groundedness", "citation_recall", "citation_precision")
    if abstained:
        return dict.fromkeys(names, Status.ABSTAINED)
    said = [
        sentence
        for sentence in answer.sentences or ()
        if not sentence.neutral and says_something(sentence.text)
    ]
    cells: dict[str, Cell] = {"groundedness": _groundedness(answer, entails)}
    if not said or not answer.citations:
        return cells | dict.fromkeys(names[1:], Status.NO_CITATIONS)
    cited = citation_score(
        [
            Statement(
                text=sentence.text,
                citations=tuple(answer.citations[place].text for place in sentence.citations),
            )
            for sentence in said
        ],
        entails,
    )
    return cells | {
        "citation_recall": Status.NO_CITATIONS if cited.recall is None else cited.recall,
        "citation_precision": Status.NO_CITATIONS if cited.precision is None else cited.precision,
    }


def _groundedness(answer: Recorded, entails: Entails) -> Cell:
    """Return the share of sentences supported, as found when they were written, else now."""
    if not answer.passages:
        return Status.NO_PASSAGES
    texts = (
        [line.flat for line in lines(answer.text)]
        if answer.sentences is None
        else [s.text for s in answer.sentences if not s.neutral]
    )
    flags = {s.text: s.supported for s in answer.sentences or ()}
    held = [
        known if (known := flags.get(text)) is not None else _supported(text, answer, entails)
        for text in texts
        if says_something(text)
    ]
    return sum(held) / len(held) if held else Status.NO_CITATIONS


def _supported(text: str, answer: Recorded, entails: Entails) -> bool:
    return any(entails(passage.text, text) for passage in answer.passages or ())
