"""Asks SQuAD 2.0 over the whole corpus of its paragraphs, beside a plain baseline.

    RAGKIT_DATA=~/ragkit-data python -m bench.answers [--questions N] [--out FILE]

The baseline answers with the sentence of the found passages that is most similar to the question,
and abstains where that similarity is below a threshold. It sees the same passages and the same
embedder. The thresholds of both are chosen in the same way: each refuses a tenth of the answerable
questions of the even half of the paragraphs. Both are reported on the odd half, which nothing was
fitted on. (Chosen for the F1 of abstaining alone, a threshold would withhold everything: half of
the questions have no answer.) The areas under risk and coverage, and under the ROC curve of the
confidence that there is an answer, need no threshold. The differences are paired, with intervals
over whole paragraphs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ragkit.answer import Answer
from ragkit.config import Config
from ragkit.pipeline import Pipeline
from ragkit.sentence import sentences
from ragkit_eval.answers import (
    AnswerReport,
    Outcome,
    Statistic,
    abstention_f1,
    evaluate,
    risk_coverage_area,
)
from ragkit_eval.beir import corpus
from ragkit_eval.cases import Case, half, load_cases
from ragkit_eval.metrics.auroc import auroc
from ragkit_eval.retrieval import index_corpus
from ragkit_eval.stats.scored import Scored, scored

K = 8
REFUSED = 0.10


class BestSentence:
    """The baseline, in the shape that `evaluate` asks.

    Args:
        rag: Finds the passages.
    """

    def __init__(self, rag: Pipeline) -> None:
        self._rag = rag
        self.search = rag.search
        self.show = rag.show

    def ask(self, question: str) -> Answer:
        """Return the most similar sentence; its similarity is the confidence."""
        hits = self._rag.search(question, k=K).hits
        found = [(hit, s) for hit in hits for s in sentences(hit.text, hit.start, hit.blocks)]
        if not found:
            return Answer(question=question, text="", abstained=True, confidence=0.0)
        embedder = self._rag.embedder
        vectors = embedder.embed_documents([s.text for _, s in found])
        similarities = vectors @ embedder.embed_query(question)
        best = int(similarities.argmax())
        return Answer(
            question=question,
            text=found[best][1].text,
            abstained=False,
            confidence=min(1.0, max(0.0, float(similarities[best]))),
            passages=hits,
        )


def main() -> None:
    """Ask, print the table, and write the figures if asked to."""
    options = _options()
    data = Path(os.environ["RAGKIT_DATA"]).expanduser() / "qa" / "squad2"
    cases = load_cases(data / "qa.jsonl")
    tune, report = _some(half(cases, "even"), options), _some(half(cases, "odd"), options)
    config = Config()
    with (
        tempfile.TemporaryDirectory() as folder,
        Pipeline(folder, config=replace(config, min_confidence=0.0)) as rag,
    ):
        index_corpus(rag, corpus(data / "corpus.jsonl"), "squad2")
        plain = BestSentence(rag)
        thresholds = {
            name: _threshold(evaluate(system, tune, _tell(f"{name}, even half")).outcomes)
            for name, system in (("ragkit", rag), ("baseline", plain))
        }
        ours, baseline = (
            evaluate(system, report, _tell(f"{name}, odd half"), threshold=thresholds[name])
            for name, system in (("ragkit", rag), ("baseline", plain))
        )
    rows = _rows(ours, baseline)
    told = ", ".join(f"{name} {threshold:.3f}" for name, threshold in thresholds.items())
    print(f"{len(report)} questions of the odd half; thresholds: {told}\n")
    print("| measure | ragkit (95 %) | best sentence (95 %) | difference (95 %) |")
    print("| --- | --- | --- | --- |")
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(cells) + " |")
    if options.out is not None:
        found = {"ragkit": ours.to_json(), "baseline": baseline.to_json(), "thresholds": thresholds}
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _threshold(outcomes: Sequence[Outcome]) -> float:
    """Return the similarity below which `REFUSED` of the answerable questions fall."""
    return float(np.quantile([o.confidence for o in outcomes if o.case.answerable], REFUSED))


def _rows(ours: AnswerReport, baseline: AnswerReport) -> dict[str, list[str]]:
    statistics: dict[str, Statistic] = {
        "F1, answerable": lambda found: _mean([o.f1 for o in found if o.case.answerable]),
        "exact match, answerable": lambda found: _mean(
            [o.exact_match for o in found if o.case.answerable]
        ),
        "F1, all": lambda found: _mean([o.f1 for o in found]),
        "abstention F1": abstention_f1,
        "unanswerable withheld": lambda found: _mean(
            [float(o.abstained) for o in found if not o.case.answerable]
        ),
        "answerable withheld": lambda found: _mean(
            [float(o.abstained) for o in found if o.case.answerable]
        ),
        "AURC (lower is better)": risk_coverage_area,
        "AUROC of the confidence": lambda found: auroc(
            [o.confidence for o in found], [o.case.answerable for o in found]
        ),
    }
    sources = [outcome.case.source for outcome in ours.outcomes]
    pairs = list(zip(ours.outcomes, baseline.outcomes, strict=True))
    return {
        name: [
            _shown(scored(ours.outcomes, sources, statistic)),
            _shown(scored(baseline.outcomes, sources, statistic)),
            _shown(scored(pairs, sources, partial(_difference, statistic)), signed=True),
        ]
        for name, statistic in statistics.items()
    }


def _difference(statistic: Statistic, pairs: Sequence[tuple[Outcome, Outcome]]) -> float | None:
    first = statistic([pair[0] for pair in pairs])
    second = statistic([pair[1] for pair in pairs])
    return None if first is None or second is None else first - second


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _shown(figure: Scored, *, signed: bool = False) -> str:
    if figure.value is None or figure.ci95 is None:
        return ""
    shape = "{:+.3f} ({:+.3f} to {:+.3f})" if signed else "{:.3f} ({:.3f} to {:.3f})"
    return shape.format(figure.value, *figure.ci95)


def _some(cases: Sequence[Case], options: argparse.Namespace) -> list[Case]:
    if not options.questions or options.questions >= len(cases):
        return list(cases)
    return random.Random(0).sample(cases, options.questions)  # noqa: S311 - not a secret


def _tell(what: str) -> Callable[[int, int], None]:
    def tell(done: int, of: int) -> None:
        if done % 500 == 0 or done == of:
            print(f"{what}: {done} of {of}", file=sys.stderr, flush=True)

    return tell


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.answers", description=__doc__)
    parser.add_argument("--questions", type=int, default=0, help="of each half; 0 for all")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write all figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
