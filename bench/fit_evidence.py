"""Fits the packaged models of `ragkit/weights.json` and writes the file.

    RAGKIT_DATA=~/ragkit-data python -m bench.fit_evidence

Data: the even half of the example questions, the even half of SQuAD 2.0's paragraphs from
RAGKIT_DATA (`qa/squad2`), so that neither house style nor encyclopedia style rules alone, and the
questions of `bench/companies.py` and `bench/handbook.py` on other companies; the odd halves are
never read. Each question on the example company and on the handbook is also taken once without the
passages that hold its answer: a question that the rest of the documents do not answer, of which
there are too few otherwise. Where sentences are read (`bench/fit_reader.py` has to run first), only
questions count that the reader has not learnt from: on the example company, on the four companies
`UNREAD` and on SQuAD's articles. Four logistic models are fitted, without any pickles:

    sentence                 does this sentence hold the answer?     answerable questions only
    sentence_read            the same, after it was read             answerable questions only
    answer                   do the passages hold it at all?         all questions
    answer_without_tokens    the same, for embedders that give no token vectors, nothing read

and `min_confidence`, the confidence below which `REFUSED` of the answerable example questions
of the even half fall: cross-validated, as the model refuses fewer of the questions that it has
learnt from.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.companies import companies
from bench.handbook import handbook
from bench.reader_data import (
    Found,
    example_company,
    group_of,
    is_gold_example,
    is_taught,
    searched,
)
from bench.squad import even_half, paragraphs
from ragkit.abstain import evidence_features, meaning_features, reading_features
from ragkit.answer import Passage
from ragkit.evidence import Candidate, read, weigh
from ragkit.logistic import FLAT, Logistic
from ragkit.question import analyse
from ragkit.reader import Reader
from ragkit_eval.cases import Case, Evidence
from ragkit_eval.match import contains_answer, holds_quote
from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.embed.protocol import TokenVectors, Vectors

ROOT = Path(__file__).parent.parent
WEIGHTS = ROOT / "ragkit" / "weights.json"
REFUSED = 0.08
"""Of the answerable; less than the tenth that is wanted, as sets of questions differ."""
SQUAD_CASES = 600
COMPANY_SHARE = 2
"""Of every so many of a company's questions one is taken, which is enough, and sooner done."""
ANSWER_WEIGHTS = {"example": 1.0, "handbook": 0.4, "company": 0.2, "squad": 0.1}
READ_WEIGHTS = {"example": 1.0, "company": 0.6, "squad": 0.05}
"""Of what the reader has not learnt from."""
SENTENCE_WEIGHTS = {"example": 1.0, "handbook": 0.4, "company": 0.3, "squad": 0.04}
WITHOUT_ANSWER_WEIGHT = 0.5
SENTENCE_C = 1.0
ANSWER_C = 0.01
ONLY_OF_ANSWERS = ("quantity_missing", "quantity_given")
"""Features that, cross-validated, choose no better sentence but tell better when to abstain."""
IsGold = Callable[[Case, Candidate], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """A question of a kind, such as "squad", with its weighed sentences.

    Attributes:
        group: Questions of a group are held out together.
    """

    kind: str
    case: Case
    passages: Sequence[Passage]
    candidates: Sequence[Candidate]
    gold: Sequence[bool]
    word_weights: dict[str, float]
    weight: float
    group: str


class CachedMiniLM(MiniLM):
    """Embeds each text once: the questions on one paragraph share its sentences."""

    def __init__(self) -> None:
        super().__init__()
        self._vectors: dict[str, Vectors] = {}
        self._tokens: dict[str, TokenVectors] = {}

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, from memory where possible."""
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        self._vectors.update(zip(new, super().embed_documents(new), strict=True))
        return np.asarray([self._vectors[text] for text in texts], np.float32)

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return each text's tokens, from memory where possible."""
        new = [text for text in dict.fromkeys(texts) if text not in self._tokens]
        self._tokens.update(zip(new, super().embed_tokens(new), strict=True))
        return [self._tokens[text] for text in texts]


class CachedReader(Reader):
    """Reads each sentence once a question."""

    def __init__(self) -> None:
        super().__init__()
        self._scores: dict[tuple[str, str], float] = {}

    def scores(self, question: str, texts: Sequence[str]) -> np.ndarray:
        """Return for each text the logit that it answers, from memory where possible."""
        new = [text for text in texts if (question, text) not in self._scores]
        for text, score in zip(new, super().scores(question, new), strict=True):
            self._scores[question, text] = float(score)
        return np.asarray([self._scores[question, text] for text in texts], np.float32)


def main() -> None:
    """Fit and write."""
    data = Path(os.environ["RAGKIT_DATA"]).expanduser()
    embedder = CachedMiniLM()
    with tempfile.TemporaryDirectory() as folder:
        rows = list(_example_rows(Path(folder), embedder))
        rows += _handbook_rows(Path(folder), data, embedder)
        rows += list(_without_answers(rows))
        rows += _company_rows(Path(folder) / "companies", embedder)
        rows += _squad_rows(Path(folder), data / "qa" / "squad2", embedder)
    sentence = _fit_sentence(rows)
    weighed = [_weighed(row, sentence, embedder) for row in rows]
    plain = [_evidence(row, found) for row, found in zip(rows, weighed, strict=True)]
    without_tokens = _fitted(plain, _answerable(rows), _weights(rows, ANSWER_WEIGHTS), ANSWER_C)

    reader = CachedReader()
    unread = [
        (row, ranked)
        for row, ranked in zip(rows, weighed, strict=True)
        if not is_taught(row.kind, row.group)
    ]
    rows = [row for row, _ in unread]
    once = [_read(row, ranked, reader, FLAT) for row, ranked in unread]
    sentence_read = _fit_sentence_read(rows, once)
    twice = [_read(row, ranked, reader, sentence_read) for row, ranked in unread]
    full = [_all_features(row, found, embedder) for row, found in zip(rows, twice, strict=True)]
    answerable, weights = _answerable(rows), _weights(rows, READ_WEIGHTS)
    answer = _fitted(full, answerable, weights, ANSWER_C)
    fitted = np.asarray([answer.probability(row) for row in full])
    held_out = _cross_validated(full, answerable, weights, [row.group for row in rows])
    asked = np.asarray([row.kind if row.weight == 1.0 else "" for row in rows])
    examples = asked == "example"
    asked_for = examples & answerable
    threshold = float(np.quantile(held_out[asked_for], REFUSED))
    models = {
        "sentence": sentence,
        "sentence_read": sentence_read,
        "answer": answer,
        "answer_without_tokens": without_tokens,
    }
    WEIGHTS.write_text(json.dumps(_document(models, threshold), indent=1) + "\n")
    for name, scores in (("fitted", fitted), ("cross-validated", held_out)):
        refused = float((scores[asked_for] < threshold).mean())
        caught = float((scores[examples & ~answerable] < threshold).mean())
        curves = [
            f"{kind} {roc_auc_score(answerable[asked == kind], scores[asked == kind]):.3f}"
            for kind in READ_WEIGHTS
        ]
        print(
            f"{name}: below {threshold:.3f} are {refused:.3f} of the answerable example"
            f" questions and {caught:.3f} of the unanswerable; AUROC {', '.join(curves)}"
        )


def _answerable(rows: Sequence[Row]) -> np.ndarray:
    return np.asarray([row.case.answerable for row in rows])


def _weights(rows: Sequence[Row], of_kinds: Mapping[str, float]) -> np.ndarray:
    return np.asarray([row.weight * of_kinds[row.kind] for row in rows])


def _document(models: dict[str, Logistic], threshold: float) -> dict[str, object]:
    return {
        "fitted_by": "bench/fit_evidence.py",
        "min_confidence": round(threshold, 3),
        "models": {
            name: {
                "bias": round(model.bias, 4),
                "weights": {key: round(value, 4) for key, value in model.weights.items()},
            }
            for name, model in models.items()
        },
    }


def _example_rows(folder: Path, embedder: MiniLM) -> Iterator[Row]:
    found = searched(*example_company(), folder / "examples", embedder)
    return _rows(found, "example", group_of)


def _without_answers(rows: Sequence[Row]) -> Iterator[Row]:
    for row in rows:
        kept = [passage for passage in row.passages if not _answers(row.case, passage)]
        if kept and len(kept) < len(row.passages):
            case = replace(row.case, answerable=False, answers=(), evidence=())
            ids = {passage.chunk_id for passage in kept}
            candidates = [c for c in row.candidates if c.passage.chunk_id in ids]
            yield replace(
                row,
                case=case,
                passages=kept,
                candidates=candidates,
                gold=[False] * len(candidates),
                weight=WITHOUT_ANSWER_WEIGHT,
            )


def _answers(case: Case, passage: Passage) -> bool:
    return contains_answer(passage.text, case.answers) or any(
        holds_quote(passage.text, evidence.quote) for evidence in case.evidence
    )


def _handbook_rows(folder: Path, data: Path, embedder: MiniLM) -> Iterator[Row]:
    pages = folder / "handbook"
    cases = handbook(data, pages)
    found = searched(pages, cases, folder / "handbook-index", embedder)
    return _rows(found, "handbook", group_of)


def _company_rows(folder: Path, embedder: MiniLM) -> Iterator[Row]:
    for company in companies():
        cases = company.cases[::COMPANY_SHARE]
        found = searched(company.documents, cases, folder / company.name, embedder)
        yield from _rows(found, "company", lambda _, name=company.name: name)


def _squad_rows(folder: Path, data: Path, embedder: MiniLM) -> Iterator[Row]:
    documents = folder / "squad"
    documents.mkdir()
    for one in paragraphs(data).values():
        (documents / f"{one.id}.md").write_text(f"# {one.heading}\n\n{one.text}\n")
    cases = []
    titles: dict[str, str] = {}
    for asked in even_half(data):
        path = f"{asked.paragraph.id}.md"
        titles[path] = asked.paragraph.title
        cases.append(
            Case(
                id=asked.id,
                question=asked.question,
                answers=tuple(asked.answers),
                answerable=asked.answerable,
                evidence=(Evidence(path=path, quote=""),),
            )
        )
    cases = random.Random(0).sample(cases, SQUAD_CASES)  # noqa: S311 - not a secret
    found = searched(documents, cases, folder / "squad-index", embedder)
    return _rows(found, "squad", lambda case: titles[case.evidence[0].path], _is_gold_squad)


def _is_gold_squad(case: Case, candidate: Candidate) -> bool:
    here = candidate.passage.path == case.evidence[0].path
    return here and contains_answer(candidate.sentence.text, case.answers)


def _rows(
    found: Iterable[tuple[Case, Found]],
    kind: str,
    group: Callable[[Case], str],
    is_gold: IsGold = is_gold_example,
) -> Iterator[Row]:
    for case, (passages, candidates, word_weights) in found:
        if candidates:
            gold = [case.answerable and is_gold(case, candidate) for candidate in candidates]
            yield Row(kind, case, passages, candidates, gold, dict(word_weights), 1.0, group(case))


def _fit_sentence(rows: Sequence[Row]) -> Logistic:
    answerable = [row for row in rows if row.case.answerable]
    features = [
        {name: value for name, value in c.features.items() if name not in ONLY_OF_ANSWERS}
        for row in answerable
        for c in row.candidates
    ]
    gold = np.asarray([value for row in answerable for value in row.gold])
    weights = np.asarray([SENTENCE_WEIGHTS[row.kind] for row in answerable for _ in row.candidates])
    return _fitted(features, gold, weights, SENTENCE_C)


def _weighed(row: Row, sentence: Logistic, embedder: MiniLM) -> list[Candidate]:
    question = analyse(row.case.question)
    return weigh(question, row.passages, row.word_weights, embedder, sentence)


def _read(
    row: Row, ranked: Sequence[Candidate], reader: Reader, model: Logistic
) -> list[Candidate]:
    return read(analyse(row.case.question), ranked, reader, model)


def _fit_sentence_read(rows: Sequence[Row], found: Sequence[Sequence[Candidate]]) -> Logistic:
    features, gold, weights = [], [], []
    for row, candidates in zip(rows, found, strict=True):
        if not row.case.answerable:
            continue
        good = {_place(c) for c, is_gold in zip(row.candidates, row.gold, strict=True) if is_gold}
        for candidate in candidates:
            if "reads" not in candidate.features:
                continue
            features.append(
                {n: v for n, v in candidate.features.items() if n not in ONLY_OF_ANSWERS}
            )
            gold.append(_place(candidate) in good)
            weights.append(SENTENCE_WEIGHTS[row.kind])
    return _fitted(features, np.asarray(gold), np.asarray(weights), SENTENCE_C)


def _place(candidate: Candidate) -> tuple[int, int]:
    return candidate.passage.document_id, candidate.sentence.start


def _evidence(row: Row, ranked: Sequence[Candidate]) -> dict[str, float]:
    return evidence_features(analyse(row.case.question), row.passages, ranked, row.word_weights)


def _all_features(row: Row, ranked: Sequence[Candidate], embedder: MiniLM) -> dict[str, float]:
    question = analyse(row.case.question)
    return (
        _evidence(row, ranked)
        | meaning_features(question, ranked, row.word_weights, embedder)
        | reading_features(ranked)
    )


def _fitted(
    features: Sequence[dict[str, float]], labels: np.ndarray, weights: np.ndarray, strength: float
) -> Logistic:
    names = list(features[0])
    matrix = np.asarray([[row[name] for name in names] for row in features])
    mean, spread = matrix.mean(axis=0), matrix.std(axis=0) + 1e-9
    model = LogisticRegression(C=strength, max_iter=5000)
    model.fit((matrix - mean) / spread, labels, sample_weight=weights)
    slopes = model.coef_[0] / spread
    return Logistic(
        bias=float(model.intercept_[0] - slopes @ mean),
        weights={name: float(slope) for name, slope in zip(names, slopes, strict=True)},
    )


def _cross_validated(
    features: Sequence[dict[str, float]],
    labels: np.ndarray,
    weights: np.ndarray,
    groups: Sequence[str],
) -> np.ndarray:
    names = list(features[0])
    matrix = np.asarray([[row[name] for name in names] for row in features])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=ANSWER_C, max_iter=5000))
    fitted: np.ndarray = cross_val_predict(
        model,
        matrix,
        labels,
        groups=groups,
        cv=StratifiedGroupKFold(10, shuffle=True, random_state=0),
        method="predict_proba",
        params={"logisticregression__sample_weight": weights},
    )[:, 1]
    return fitted


if __name__ == "__main__":
    main()
