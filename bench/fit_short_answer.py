"""Fits the model of `ragkit/short_answer.py` and writes `ragkit/short_answer.json`.

    RAGKIT_DATA=~/ragkit-data python -m bench.fit_short_answer

Data: the answerable questions of the even half of SQuAD 2.0's paragraphs from RAGKIT_DATA
(`qa/squad2`), each with the sentence that holds its answer, and of the even half of the example
questions, each with its quote. The odd halves are never read. The conditional model gives each
candidate a share; the shares are fitted to the candidates' token F1 against the answers, by
maximum likelihood with a squared penalty. Printed is the token F1 in five folds of whole
paragraphs, beside that of the whole sentence.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bench.squad import even_half
from ragkit.sentence import sentences
from ragkit.short_answer import FILE, asked_about, candidates
from ragkit_eval.cases import half, load_cases
from ragkit_eval.metrics.token_f1 import token_f1
from ragkit_ingest.embed.minilm import MiniLM

ROOT = Path(__file__).parent.parent
WEIGHTS = ROOT / "ragkit" / FILE
EXAMPLE_WEIGHT = 2.0
PENALTY = 0.01
SHARPNESS = 6.0
SEEN_AT_LEAST = 200
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """A question, the sentence that holds its answer, and what came of its candidates."""

    group: str
    weight: float
    features: Sequence[dict[str, float]]
    f1: np.ndarray
    whole: float


def main() -> None:
    """Fit, print and write."""
    data = Path(os.environ["RAGKIT_DATA"]).expanduser() / "qa" / "squad2"
    embedder = MiniLM()
    rows = [
        row
        for group, weight, question, sentence, answers in [*_squad(data), *_examples()]
        if (row := _row(embedder, group, weight, question, sentence, answers)) is not None
    ]
    seen = Counter(name for row in rows for features in row.features for name in features)
    names = sorted(name for name, count in seen.items() if count >= SEEN_AT_LEAST)
    matrices = [_matrix(row, names) for row in rows]
    _print_folds(rows, matrices)
    weights = _fit(rows, matrices)
    rounded = {name: round(float(w), 4) for name, w in zip(names, weights, strict=True)}
    document = {
        "fitted_by": "bench/fit_short_answer.py",
        "models": {"short_answer": {"bias": 0.0, "weights": rounded}},
    }
    WEIGHTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _squad(data: Path) -> Iterator[tuple[str, float, str, str, Sequence[str]]]:
    for asked in even_half(data):
        if not asked.answerable:
            continue
        paragraph = asked.paragraph
        start = Counter(asked.starts).most_common(1)[0][0]
        for sentence in sentences(paragraph.text, 0, ()):
            if sentence.start <= start < sentence.end:
                yield paragraph.id, 1.0, asked.question, sentence.text, asked.answers


def _examples() -> Iterator[tuple[str, float, str, str, Sequence[str]]]:
    for case in half(load_cases(ROOT / "examples" / "questions.jsonl"), "even"):
        for evidence in case.evidence:
            yield evidence.path, EXAMPLE_WEIGHT, case.question, evidence.quote, case.answers


def _row(
    embedder: MiniLM,
    group: str,
    weight: float,
    question: str,
    sentence: str,
    answers: Sequence[str],
) -> Row | None:
    asked, told = embedder.embed_tokens([question, sentence])
    spans = candidates(asked_about(question, asked), sentence, told)
    f1 = np.asarray([token_f1(sentence[span.start : span.end], answers) for span in spans])
    if not len(f1) or f1.max() == 0.0:
        return None
    features = [dict(span.features) for span in spans]
    return Row(group, weight, features, f1, token_f1(sentence, answers))


def _matrix(row: Row, names: Sequence[str]) -> torch.Tensor:
    columns = {name: column for column, name in enumerate(names)}
    matrix = torch.zeros(len(row.features), len(names))
    for place, features in enumerate(row.features):
        for name, value in features.items():
            if name in columns:
                matrix[place, columns[name]] = value
    return matrix


def _fit(rows: Sequence[Row], matrices: Sequence[torch.Tensor]) -> np.ndarray:
    """Return the weights, by L-BFGS, on features scaled to a spread of 1."""
    everything = torch.cat(list(matrices))
    spread = everything.std(dim=0) + 1e-6
    scaled = everything / spread
    of_row = torch.cat([torch.full((len(row.f1),), i) for i, row in enumerate(rows)])
    wanted = [np.exp(SHARPNESS * row.f1) - 1 for row in rows]
    shares = torch.tensor(
        np.concatenate([row.weight * w / w.sum() for row, w in zip(rows, wanted, strict=True)]),
        dtype=torch.float32,
    )
    total = sum(row.weight for row in rows)
    weights = torch.zeros(everything.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=80, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        logits = scaled @ weights
        most = torch.full((len(rows),), -1e9).scatter_reduce(0, of_row, logits.detach(), "amax")
        shifted = logits - most[of_row]
        norms = torch.zeros(len(rows)).index_add(0, of_row, torch.exp(shifted))
        value = -(shares * (shifted - torch.log(norms)[of_row])).sum() / total
        value = value + PENALTY * (weights**2).sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    fitted: np.ndarray = (weights.detach() / spread).numpy()
    return fitted


def _print_folds(rows: Sequence[Row], matrices: Sequence[torch.Tensor]) -> None:
    groups = sorted({row.group for row in rows})
    fold_of = {group: place % FOLDS for place, group in enumerate(groups)}
    chosen: list[tuple[float, float, bool]] = []
    for fold in range(FOLDS):
        inside = [i for i, row in enumerate(rows) if fold_of[row.group] != fold]
        weights = torch.tensor(_fit([rows[i] for i in inside], [matrices[i] for i in inside]))
        for row, matrix in zip(rows, matrices, strict=True):
            if fold_of[row.group] == fold:
                best = int(torch.argmax(matrix @ weights))
                chosen.append((float(row.f1[best]), row.whole, row.weight == EXAMPLE_WEIGHT))
    for name, examples in (("SQuAD", False), ("examples", True)):
        held = [(f1, whole) for f1, whole, example in chosen if example == examples]
        print(
            f"{name}, {len(held)} questions, cross-validated token F1: "
            f"short {np.mean([f1 for f1, _ in held]):.3f}, "
            f"whole sentence {np.mean([whole for _, whole in held]):.3f}"
        )


if __name__ == "__main__":
    main()
