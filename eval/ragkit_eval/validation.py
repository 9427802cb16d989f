"""Do the free measures agree with people? Their correlation with human preferences.

The protocol is that of RAGChecker's `meta_eval.py`: for each pair of answers the difference of the
measure, second minus first, beside each person's label; all labels of all pairs in one series.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from ragkit_eval.human import DIMENSIONS, RatedPair
from ragkit_eval.metrics.content_f1 import content_f1, content_recall
from ragkit_eval.metrics.key_fact_recall import key_fact_recall, key_facts
from ragkit_eval.metrics.token_f1 import exact_match, token_f1
from ragkit_eval.rounding import rounded, rounded_pair
from ragkit_eval.stats.bootstrap import clustered_ci95
from ragkit_eval.stats.correlation import pearson, spearman
from ragkit_ingest.embed.protocol import Embedder, Vectors

SCHEMA = "ragkit-eval-validation/1"
PUBLISHED: Mapping[str, float] = {
    "RAGChecker": 0.619,
    "RAGAS answer similarity": 0.483,
    "RAGAS faithfulness": 0.078,
}
"""Pearson with the overall labels, all of them; Ru et al., "RAGChecker", NeurIPS 2024."""
Measure = Callable[[str, RatedPair], float | None]
"""Given an answer and the pair that it is of, returns a value; higher is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """How a measure goes with people's labels of one dimension.

    Attributes:
        pearson: In [-1, 1]; None if the measure, or the labels, do not vary.
        pearson_ci95: By bootstrap over questions.
        spearman: Of the ranks.
        spearman_ci95: Likewise.
    """

    pearson: float | None
    pearson_ci95: tuple[float, float] | None
    spearman: float | None
    spearman_ci95: tuple[float, float] | None

    def to_json(self) -> dict[str, object]:
        """Return the correlation as `--json` prints it."""
        return {
            "pearson": rounded(self.pearson),
            "pearson_ci95": rounded_pair(self.pearson_ci95),
            "spearman": rounded(self.spearman),
            "spearman_ci95": rounded_pair(self.spearman_ci95),
            "status": "" if self.pearson is not None else "does_not_vary",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatedMeasure:
    """A measure beside people.

    Attributes:
        name: Of the measure.
        pairs: For how many pairs of answers it has a value.
        by: Its correlation, by dimension.
    """

    name: str
    pairs: int
    by: Mapping[str, Correlation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """All measures beside people.

    Attributes:
        pairs: How many pairs of answers.
        labels: How many labels.
        measures: In order.
        people: By dimension, how the first person's labels go with the second's; None if not
            every pair has two.
    """

    pairs: int
    labels: int
    measures: tuple[ValidatedMeasure, ...]
    people: Mapping[str, Correlation] | None

    def to_json(self) -> dict[str, object]:
        """Return the table as `--json` prints it."""
        people = self.people or {}
        return {
            "schema": SCHEMA,
            "pairs": self.pairs,
            "labels": self.labels,
            "measures": {
                measure.name: {
                    "pairs": measure.pairs,
                    **{name: found.to_json() for name, found in measure.by.items()},
                }
                for measure in self.measures
            },
            "people": {name: found.to_json() for name, found in people.items()},
            "published_pearson_overall": dict(PUBLISHED),
        }


def lexical_measures() -> dict[str, Measure]:
    """Return the measures that need no model, by name; the last is a baseline.

    Those of `ragkit eval run` are called as it calls them; `content_f1_all_words` is `content_f1`
    with the words of the question.
    """
    return {
        "content_f1": lambda answer, pair: content_f1(answer, [pair.reference], pair.question),
        "content_f1_all_words": lambda answer, pair: content_f1(answer, [pair.reference]),
        "content_recall": lambda answer, pair: content_recall(
            answer, [pair.reference], pair.question
        ),
        "token_f1": lambda answer, pair: token_f1(answer, [pair.reference]),
        "key_fact_recall": lambda answer, pair: key_fact_recall(answer, key_facts(pair.reference)),
        "exact_match": lambda answer, pair: exact_match(answer, [pair.reference]),
        "length": lambda answer, _: float(len(answer.split())),
    }


def embedding_cosine(embedder: Embedder) -> Measure:
    """Return the cosine of the vectors of answer and reference, each read up to the model's limit.

    Source:
        The answer similarity of Es et al., "RAGAS", EACL 2024, with another model.
    """
    held: dict[str, Vectors] = {}

    def vector(text: str) -> Vectors:
        if text not in held:
            held[text] = embedder.embed_documents([text])[0]
        return held[text]

    return lambda answer, pair: float(vector(answer) @ vector(pair.reference))


def validate(
    pairs: Sequence[RatedPair],
    measures: Mapping[str, Measure],
    *,
    samples: int = 1000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Validation:
    """Return how each measure correlates with the labels.

    Args:
        pairs: With different questions, one or more.
        measures: By name.
        samples: Of each bootstrap, 100 or more.
        seed: The same seed gives the same intervals.
        progress: Called with how many measures are done, and how many there are.
    """
    found = []
    for done, (name, measure) in enumerate(measures.items(), start=1):
        found.append(_validated(name, measure, pairs, samples, seed))
        if progress is not None:
            progress(done, len(measures))
    return Validation(
        pairs=len(pairs),
        labels=sum(len(pair.labels["overall"]) for pair in pairs),
        measures=tuple(found),
        people=_people(pairs, samples, seed),
    )


def _validated(
    name: str, measure: Measure, pairs: Sequence[RatedPair], samples: int, seed: int
) -> ValidatedMeasure:
    valued = []
    for pair in pairs:
        first, second = measure(pair.first, pair), measure(pair.second, pair)
        if first is not None and second is not None:
            valued.append((pair, second - first))
    by = {}
    for dimension in DIMENSIONS:
        flat = [
            (delta, float(label), pair.id)
            for pair, delta in valued
            for label in pair.labels[dimension]
        ]
        by[dimension] = _correlation(flat, samples, seed)
    return ValidatedMeasure(name=name, pairs=len(valued), by=by)


def _people(pairs: Sequence[RatedPair], samples: int, seed: int) -> dict[str, Correlation] | None:
    if any(len(pair.labels["overall"]) != 2 for pair in pairs):
        return None
    return {
        name: _correlation(
            [
                (float(first), float(second), pair.id)
                for pair in pairs
                for first, second in pairwise(pair.labels[name])
            ],
            samples,
            seed,
        )
        for name in DIMENSIONS
    }


def _correlation(flat: Sequence[tuple[float, float, str]], samples: int, seed: int) -> Correlation:
    first, second, ids = zip(*flat, strict=True) if flat else ((), (), ())
    return Correlation(
        pearson=pearson(first, second),
        pearson_ci95=clustered_ci95(
            partial(pearson, first, second), ids, samples=samples, seed=seed
        ),
        spearman=spearman(first, second),
        spearman_ci95=clustered_ci95(
            partial(spearman, first, second), ids, samples=samples, seed=seed
        ),
    )
