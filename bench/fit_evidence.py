"""Fits the packaged models of `ragkit/weights.json` and writes the file.

    RAGKIT_DATA=~/ragkit-data python bench/fit_evidence.py

Data: the even half of the example questions, and the even half of SQuAD 2.0's paragraphs from
RAGKIT_DATA (`qa/squad2`), so that neither house style nor encyclopedia style rules alone. The
odd halves are never read. Each example question is also taken once without the passages that hold
its answer: a question that the rest of the documents do not answer, of which there are too few
otherwise. Three logistic models are fitted, without any pickles:

    sentence                 does this sentence hold the answer?     answerable questions only
    answer                   do the passages hold it at all?         all questions
    answer_without_tokens    the same, for embedders that give no token vectors

and `min_confidence`, the confidence below which `REFUSED` of the answerable example questions
of the even half fall.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ragkit.abstain import evidence_features, meaning_features
from ragkit.answer import Passage
from ragkit.config import Config
from ragkit.evidence import Candidate, weigh
from ragkit.logistic import Logistic
from ragkit.pipeline import Pipeline
from ragkit.question import analyse
from ragkit_eval.cases import Case, Evidence, half, load_cases
from ragkit_eval.match import contains_answer, holds_quote
from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.embed.protocol import TokenVectors, Vectors

ROOT = Path(__file__).parent.parent
WEIGHTS = ROOT / "ragkit" / "weights.json"
REFUSED = 0.10
POOL = 20
SQUAD_CASES = 1200
EXAMPLE_WEIGHT = 1.0
WITHOUT_ANSWER_WEIGHT = 0.3
SQUAD_WEIGHT = 0.1
SQUAD_SENTENCE_WEIGHT = 0.02
SENTENCE_C = 1.0
ANSWER_C = 0.02
ONLY_OF_ANSWERS = ("quantity_missing", "quantity_given")
"""Features that, cross-validated, choose no better sentence but tell better when to abstain."""
IsGold = Callable[[Case, Candidate], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """A question with its weighed sentences."""

    case: Case
    passages: Sequence[Passage]
    candidates: Sequence[Candidate]
    gold: Sequence[bool]
    word_weights: dict[str, float]
    weight: float


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


def main() -> None:
    """Fit and write."""
    data = Path(os.environ["RAGKIT_DATA"]).expanduser() / "qa" / "squad2"
    embedder = CachedMiniLM()
    with tempfile.TemporaryDirectory() as folder:
        asked = list(_example_rows(Path(folder), embedder))
        rows = [*asked, *_without_answers(asked), *_squad_rows(Path(folder), data, embedder)]
    sentence = _fit_sentence(rows)
    features = [_answer_features(row, sentence, embedder) for row in rows]
    answerable = np.asarray([row.case.answerable for row in rows])
    weights = np.asarray([row.weight for row in rows])
    plain = [evidence for evidence, _ in features]
    full = [evidence | meaning for evidence, meaning in features]
    examples = np.asarray([row.weight == EXAMPLE_WEIGHT for row in rows])
    answer = _fitted(full, answerable, weights, ANSWER_C)
    fitted = np.asarray([answer.probability(row) for row in full])
    threshold = float(np.quantile(fitted[examples & answerable], REFUSED))
    models = {
        "sentence": sentence,
        "answer": answer,
        "answer_without_tokens": _fitted(plain, answerable, weights, ANSWER_C),
    }
    WEIGHTS.write_text(json.dumps(_document(models, threshold), indent=1) + "\n")
    held_out = _cross_validated(full, answerable, weights)
    for name, scores in (("fitted", fitted), ("cross-validated", held_out)):
        refused = float((scores[examples & answerable] < threshold).mean())
        caught = float((scores[examples & ~answerable] < threshold).mean())
        print(
            f"{name}: below {threshold:.3f} are {refused:.3f} of the answerable example"
            f" questions and {caught:.3f} of the unanswerable"
        )


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
    cases = half(load_cases(ROOT / "examples" / "questions.jsonl"), "even")
    with Pipeline(folder / "examples", config=Config(), embedder=embedder) as rag:
        rag.ingest(ROOT / "examples" / "company")
        yield from _rows(rag, cases, _is_gold_example, EXAMPLE_WEIGHT)


def _without_answers(rows: Sequence[Row]) -> Iterator[Row]:
    for row in rows:
        kept = [passage for passage in row.passages if not _answers(row.case, passage)]
        if kept and len(kept) < len(row.passages):
            case = replace(row.case, answerable=False, answers=(), evidence=())
            ids = {passage.chunk_id for passage in kept}
            candidates = [c for c in row.candidates if c.passage.chunk_id in ids]
            gold = [False] * len(candidates)
            yield Row(case, kept, candidates, gold, row.word_weights, WITHOUT_ANSWER_WEIGHT)


def _answers(case: Case, passage: Passage) -> bool:
    return contains_answer(passage.text, case.answers) or any(
        holds_quote(passage.text, evidence.quote) for evidence in case.evidence
    )


def _squad_rows(folder: Path, data: Path, embedder: MiniLM) -> Iterator[Row]:
    documents = folder / "squad"
    documents.mkdir()
    for line in (data / "corpus.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        title = entry["title"].replace("_", " ")
        (documents / f"{entry['_id']}.md").write_text(f"# {title}\n\n{entry['text']}\n")
    cases = [
        Case(
            id=entry["id"],
            question=entry["question"],
            answers=tuple(entry["answers"]),
            answerable=entry["answerable"],
            evidence=(Evidence(path=f"{entry['gold'][0]}.md", quote=""),),
        )
        for line in (data / "qa.jsonl").read_text(encoding="utf-8").splitlines()
        if int((entry := json.loads(line))["gold"][0][1:]) % 2 == 0
    ]
    cases = random.Random(0).sample(cases, SQUAD_CASES)  # noqa: S311 - not a secret
    with Pipeline(folder / "squad-index", config=Config(), embedder=embedder) as rag:
        rag.ingest(documents)
        yield from _rows(rag, cases, _is_gold_squad, SQUAD_WEIGHT)


def _is_gold_example(case: Case, candidate: Candidate) -> bool:
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


def _is_gold_squad(case: Case, candidate: Candidate) -> bool:
    here = candidate.passage.path == case.evidence[0].path
    return here and contains_answer(candidate.sentence.text, case.answers)


def _rows(rag: Pipeline, cases: Sequence[Case], is_gold: IsGold, weight: float) -> Iterator[Row]:
    flat = Logistic(bias=0.0, weights={})
    for case in cases:
        passages, candidates, word_weights = rag.weighed(case.question, POOL, model=flat)
        if candidates:
            gold = [case.answerable and is_gold(case, candidate) for candidate in candidates]
            yield Row(case, passages, candidates, gold, dict(word_weights), weight)


def _fit_sentence(rows: Sequence[Row]) -> Logistic:
    answerable = [row for row in rows if row.case.answerable]
    features = [
        {name: value for name, value in c.features.items() if name not in ONLY_OF_ANSWERS}
        for row in answerable
        for c in row.candidates
    ]
    gold = np.asarray([value for row in answerable for value in row.gold])
    weights = np.asarray(
        [
            EXAMPLE_WEIGHT if row.weight == EXAMPLE_WEIGHT else SQUAD_SENTENCE_WEIGHT
            for row in answerable
            for _ in row.candidates
        ]
    )
    return _fitted(features, gold, weights, SENTENCE_C)


def _answer_features(
    row: Row, sentence: Logistic, embedder: MiniLM
) -> tuple[dict[str, float], dict[str, float]]:
    question = analyse(row.case.question)
    ranked = weigh(question, row.passages, row.word_weights, embedder, sentence)
    evidence = evidence_features(question, row.passages, ranked, row.word_weights)
    return evidence, meaning_features(question, ranked, row.word_weights, embedder)


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
    features: Sequence[dict[str, float]], labels: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    names = list(features[0])
    matrix = np.asarray([[row[name] for name in names] for row in features])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=ANSWER_C, max_iter=5000))
    fitted: np.ndarray = cross_val_predict(
        model,
        matrix,
        labels,
        cv=StratifiedKFold(10, shuffle=True, random_state=0),
        method="predict_proba",
        params={"logisticregression__sample_weight": weights},
    )[:, 1]
    return fitted


if __name__ == "__main__":
    main()
