"""Fits the packaged models of `ragkit/support.json` and writes the file.

    RAGKIT_DATA=~/ragkit-data python bench/fit_groundedness.py

Data: `groundedness/tune.jsonl` (SciFact's claims beside abstracts, BEGIN's dialogue responses
beside their knowledge), the even half of its contexts; the odd half is only reported. No context
stands in both halves. Two logistic models are fitted, without any pickles:

    support             for embedders that tell what each token means
    support_by_words    the same without an embedder

Each family of sets and each label weighs the same, so that a score of .5 means as likely as not
where half of the claims are supported. The sign of every weight is fixed beforehand (what a claim
shares with the text cannot count against it): that transferred better to sets not fitted on. The
threshold is the one with the best mean balanced accuracy of the families on the even half.

Printed as well: fitted on one family alone, how good is it on the other?
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from ragkit.alignment import Ground, lines
from ragkit.logistic import FLAT, Logistic
from ragkit.support import Judge, probability
from ragkit.talk import says_something
from ragkit_eval.claims import Claim, half, load_claims
from ragkit_eval.metrics.auroc import auroc
from ragkit_eval.metrics.balanced_accuracy import balanced_accuracy
from ragkit_ingest.embed.minilm import MiniLM

WEIGHTS = Path(__file__).parent.parent / "ragkit" / "support.json"
STRENGTH = 10.0
FOR = {
    *("coverage", "coverage_nearby", "pairs", "aligned", "run"),
    *("similarity", "window_similarity", "met", "met_two", "met_least", "missing_met"),
}
THRESHOLDS = np.arange(0.30, 0.71, 0.01)


@dataclass(frozen=True, slots=True)
class Row:
    """A claim with the features of its sentences.

    Attributes:
        claim: The claim.
        sentences: Their features.
        contradicted: Whether any sentence has a conflict.
    """

    claim: Claim
    sentences: Sequence[dict[str, float]]
    contradicted: bool

    @property
    def family(self) -> str:
        """The set's name up to the first underscore: "scifact", "begin"."""
        return self.claim.set.split("_")[0]


def main() -> None:
    """Fit and write."""
    file = Path(os.environ["RAGKIT_DATA"]).expanduser() / "groundedness" / "tune.jsonl"
    claims = load_claims(file)
    models = {}
    for name, embedder in (("support", MiniLM()), ("support_by_words", None)):
        judge = Judge(embedder, FLAT, 0.5)
        train = [row_of(claim, judge) for claim in half(claims, "even")]
        test = [row_of(claim, judge) for claim in half(claims, "odd")]
        model, threshold = fitted(train)
        models[name] = {"bias": round(model.bias, 4), "threshold": threshold} | {
            "weights": {key: round(value, 4) for key, value in model.weights.items() if value}
        }
        print(name)
        report("  even half, fitted", train, model, threshold)
        report("  odd half", test, model, threshold)
        for family in sorted({row.family for row in train}):
            rest = [row for row in train if row.family != family]
            report(f"  odd half of {family}, fitted without it", of(family, test), *fitted(rest))
    content = {"fitted_by": "bench/fit_groundedness.py", "models": models}
    WEIGHTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def row_of(claim: Claim, judge: Judge) -> Row:
    """Return a claim with its features."""
    grounds = [Ground(lines=lines(text)) for text in claim.context]
    sentences = [line.flat for line in lines(claim.claim)] or [claim.claim]
    saying = [sentence for sentence in sentences if says_something(sentence)] or sentences
    features = [judge.features(sentence, grounds) for sentence in saying]
    found = judge.judge(saying, grounds)
    return Row(
        claim=claim,
        sentences=[one for one in features if one is not None],
        contradicted=any(judgement.conflicts for judgement in found),
    )


def of(family: str, rows: Sequence[Row]) -> list[Row]:
    """Return the rows of a family."""
    return [row for row in rows if row.family == family]


def fitted(rows: Sequence[Row]) -> tuple[Logistic, float]:
    """Return the model of the rows, and its threshold."""
    names = list(rows[0].sentences[0])
    signs = [1 if name in FOR else -1 for name in names]
    matrix, labels, weights = [], [], []
    for row in rows:
        alike = [
            other
            for other in rows
            if (other.family, other.claim.supported) == (row.family, row.claim.supported)
        ]
        for features in row.sentences:
            matrix.append([features[name] for name in names])
            labels.append(1.0 if row.claim.supported else -1.0)
            weights.append(1.0 / len(alike) / len(row.sentences))
    model = constrained(
        names, signs, np.asarray(matrix), np.asarray(labels), np.asarray(weights) * len(rows)
    )
    families = sorted({row.family for row in rows})

    def mean_accuracy(threshold: float) -> float:
        return float(np.mean([accuracy(of(family, rows), model, threshold) for family in families]))

    return model, round(float(max(THRESHOLDS, key=mean_accuracy)), 2)


def constrained(
    names: Sequence[str],
    signs: Sequence[int],
    matrix: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
) -> Logistic:
    """Return the logistic model with an L2 penalty whose slopes have the given signs."""
    weights = weights * len(weights) / weights.sum()
    mean, spread = matrix.mean(axis=0), matrix.std(axis=0) + 1e-9
    scaled = (matrix - mean) / spread

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        margin = labels * (scaled @ beta[1:] + beta[0])
        pull = -weights * labels / (1.0 + np.exp(margin))
        value = (weights * np.logaddexp(0.0, -margin)).sum() + STRENGTH * (beta[1:] ** 2).sum() / 2
        return value, np.concatenate([[pull.sum()], scaled.T @ pull + STRENGTH * beta[1:]])

    bounds = [(None, None), *((0.0, None) if sign > 0 else (None, 0.0) for sign in signs)]
    start = np.zeros(len(names) + 1)
    beta = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    slopes = beta[1:] / spread
    return Logistic(
        bias=float(beta[0] - slopes @ mean),
        weights={name: float(slope) for name, slope in zip(names, slopes, strict=True)},
    )


def score(row: Row, model: Logistic, threshold: float) -> float:
    """Return what the judge would score, from features at hand."""
    least = min((probability(model, one) for one in row.sentences), default=0.0)
    return least * threshold if row.contradicted else least


def accuracy(rows: Sequence[Row], model: Logistic, threshold: float) -> float:
    """Return the balanced accuracy."""
    said = [score(row, model, threshold) >= threshold for row in rows]
    value = balanced_accuracy(said, [row.claim.supported for row in rows])
    assert value is not None
    return value


def report(title: str, rows: Sequence[Row], model: Logistic, threshold: float) -> None:
    """Print balanced accuracy and AUROC, all together and by set."""
    print(f"{title}: threshold {threshold}, {_figures(rows, model, threshold)}")
    for name in sorted({row.claim.set for row in rows}):
        chosen = [row for row in rows if row.claim.set == name]
        print(f"    {name}: {_figures(chosen, model, threshold)}")


def _figures(rows: Sequence[Row], model: Logistic, threshold: float) -> str:
    scores = [score(row, model, threshold) for row in rows]
    area = auroc(scores, [row.claim.supported for row in rows])
    return (
        f"{len(rows)} claims, balanced accuracy {accuracy(rows, model, threshold):.3f}, "
        f"AUROC {area:.3f}"
    )


if __name__ == "__main__":
    main()
