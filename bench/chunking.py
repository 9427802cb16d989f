"""How much of the evidence do chunks bring back, and how much else? Compares ways to split.

    RAGKIT_DATA=~/ragkit-data python -m bench.chunking

Data: `retrieval/chunking` of RAGKIT_DATA, five corpora and questions with the exact character
spans of their evidence (Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval",
Chroma, 2024). All corpora are searched together, by the same embedder, dense only, so that
nothing but the splitting differs. Each way reads chunks in the order found until a budget of
tokens is spent; the last chunk is cut to fit. Then

    recall    the share of the evidence's characters that were read
    IoU       characters of evidence that were read / characters of evidence or read

averaged over the questions. Only letters and digits count as characters, because parsing folds
white space.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from langchain_text_splitters import RecursiveCharacterTextSplitter

from ragkit_eval.stats.bootstrap import mean_ci95
from ragkit_eval.stats.randomisation import paired_p_value
from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.text import TextParser
from ragkit_ingest.split import CHUNK_TOKENS, PIECE_TOKENS, SplitSettings, split

BUDGETS = (256, 512, 1024)
SIZES = (PIECE_TOKENS + 2, CHUNK_TOKENS)
_SPECIAL_TOKENS = 2
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Text:
    """A corpus as one way of splitting reads it, and where its letters and digits are."""

    text: str
    before: np.ndarray
    letters: str

    @classmethod
    def of(cls, text: str) -> Text:
        """Index a text."""
        kept = np.fromiter((char.isalnum() for char in text), bool, len(text))
        before = np.concatenate([[0], np.cumsum(kept)])
        return cls(text, before, "".join(char for char in text if char.isalnum()))

    def span(self, start: int, end: int) -> Span:
        """Return a span of the text, counted in letters and digits."""
        return int(self.before[start]), int(self.before[end])

    def find(self, content: str, near: float) -> Span | None:
        """Return where a content stands, the nearest to a share of the whole."""
        wanted = "".join(char for char in content if char.isalnum())
        places = [match.start() for match in re.finditer(re.escape(wanted), self.letters)]
        if not wanted or not places:
            return None
        start = min(places, key=lambda place: abs(place - near * len(self.letters)))
        return start, start + len(wanted)


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk: where it is, how many tokens of the budget it costs, what is embedded."""

    corpus: str
    span: Span
    tokens: int
    embedded: str


Way = Callable[[Path, MiniLM], tuple[Text, list[tuple[int, int, str]]]]


def ragkit(path: Path, embedder: MiniLM) -> tuple[Text, list[tuple[int, int, str]]]:
    """Split as `ragkit ingest` splits a text file: the corpora hold no Markdown to speak of."""
    document = TextParser().parse(Source(path=path))
    chunks = split(document, embedder.count_tokens, SplitSettings())
    return Text.of(document.text), [(c.start, c.end, c.embedded_text) for c in chunks]


def recursive(path: Path, embedder: MiniLM, size: int) -> tuple[Text, list[tuple[int, int, str]]]:
    """Split with LangChain's recursive splitter at its default separators.

    Without overlap: its start indexes are wrong with one that is counted in tokens.
    """
    text = path.read_text(encoding="utf-8")
    splitter = RecursiveCharacterTextSplitter(
        chunk_size=size - _SPECIAL_TOKENS,
        chunk_overlap=0,
        length_function=lambda piece: embedder.count_tokens([piece])[0],
        add_start_index=True,
    )
    documents = splitter.create_documents([text])
    spans = [(d.metadata["start_index"], d.page_content) for d in documents]
    return Text.of(text), [(start, start + len(held), held) for start, held in spans]


def fixed(path: Path, embedder: MiniLM, size: int) -> tuple[Text, list[tuple[int, int, str]]]:
    """Cut after so many tokens, wherever that is."""
    text = path.read_text(encoding="utf-8")
    offsets = _token_offsets(text, embedder)
    step = size - _SPECIAL_TOKENS
    cuts = [*(offsets[place] for place in range(0, len(offsets), step)), len(text)]
    cuts[0] = 0
    return Text.of(text), [(start, end, text[start:end]) for start, end in pairwise(cuts)]


WAYS: dict[str, Way] = {
    "ragkit": ragkit,
    **{f"LangChain recursive, {size}": partial(recursive, size=size) for size in SIZES},
    **{f"fixed size, {size}": partial(fixed, size=size) for size in SIZES},
}


def main() -> None:
    """Measure and print the table."""
    folder = Path(os.environ["RAGKIT_DATA"]).expanduser() / "retrieval" / "chunking"
    lines = (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    embedder = MiniLM()
    asked = np.stack([embedder.embed_query(question["question"]) for question in questions])
    found = {}
    for name, way in WAYS.items():
        sys.stderr.write(f"{name}\n")
        found[name] = _measure(folder, way, questions, asked, embedder)
    print(f"{len(questions)} questions\n")
    print("| split by | chunks | tokens read | recall (95 %) | IoU (95 %) | p against ragkit |")
    print("| --- | --- | --- | --- | --- | --- |")
    for budget in BUDGETS:
        for name, (chunks, scores) in found.items():
            recall, iou = scores[budget]
            ours = found["ragkit"][1][budget]
            p = "" if name == "ragkit" else f"{paired_p_value(ours[1], iou):.4f}"
            print(
                f"| {name} | {chunks} | {budget} | {_mean(recall)} | {_mean(iou)} | {p} |",
                flush=True,
            )


Scores = dict[int, tuple[list[float], list[float]]]


def _measure(
    folder: Path,
    way: Way,
    questions: Sequence[dict[str, object]],
    asked: np.ndarray,
    embedder: MiniLM,
) -> tuple[int, Scores]:
    texts: dict[str, Text] = {}
    pieces: list[Piece] = []
    for path in sorted((folder / "corpora").glob("*.md")):
        texts[path.stem], spans = way(path, embedder)
        contents = [texts[path.stem].text[start:end] for start, end, _ in spans]
        tokens = embedder.count_tokens(contents)
        pieces += [
            Piece(path.stem, texts[path.stem].span(start, end), count, embedded)
            for (start, end, embedded), count in zip(spans, tokens, strict=True)
        ]
    vectors = embedder.embed_documents([piece.embedded for piece in pieces])
    scores: Scores = {budget: ([], []) for budget in BUDGETS}
    for question, vector in zip(questions, asked, strict=True):
        evidence = _evidence(question, texts, folder)
        order = [pieces[row] for row in np.argsort(-(vectors @ vector), kind="stable")[:60]]
        for budget in BUDGETS:
            read = [
                (piece.corpus, place)
                for piece, span in _within(order, budget)
                for place in range(*span)
            ]
            held = set(read)
            both = len(held & evidence)
            scores[budget][0].append(both / len(evidence))
            scores[budget][1].append(both / len(held | evidence))
    return len(pieces), scores


def _within(order: Sequence[Piece], budget: int) -> Iterator[tuple[Piece, Span]]:
    """Yield chunks until the budget is spent, the last one cut to fit."""
    left = budget
    for piece in order:
        if left <= 0:
            return
        share = min(1.0, left / max(piece.tokens, 1))
        start, end = piece.span
        yield piece, (start, start + round((end - start) * share))
        left -= piece.tokens


def _evidence(
    question: dict[str, object], texts: dict[str, Text], folder: Path
) -> set[tuple[str, int]]:
    corpus = str(question["corpus"])
    length = (folder / "corpora" / f"{corpus}.md").stat().st_size
    found: set[tuple[str, int]] = set()
    references = question["references"]
    assert isinstance(references, list)
    for reference in references:
        span = texts[corpus].find(reference["content"], reference["start_index"] / length)
        if span is None:
            raise SystemExit(f"the evidence of {question['id']} is not in {corpus} as it was read")
        found.update((corpus, place) for place in range(*span))
    return found


def _token_offsets(text: str, embedder: MiniLM) -> list[int]:
    """Return where every token begins."""
    encoding = embedder._counter.encode(text, add_special_tokens=False)
    return [start for start, _ in encoding.offsets]


def _mean(values: Sequence[float]) -> str:
    low, high = mean_ci95(values) or (0.0, 0.0)
    return f"{np.mean(values):.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
