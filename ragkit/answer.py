"""The records of answering: a question finds passages, passages become an answer with citations.

Values only: how they are found, written and verified stands in `retrieve`, `generate` and
`citations`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ragkit.disagreement import Disagreement
from ragkit.weighed import Weighed
from ragkit_ingest.records import Block, MetadataValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A chunk found for a question.

    Attributes:
        rank: Its place among the passages, counted from 1.
        chunk_id: Its id in the index; stable for as long as the document does not change.
        document_id: The document's id in the index.
        path: The document's path as the index shows it.
        title: The document's title; empty if it has none.
        headings: The headings it stands under, outermost first.
        page: Number of the page on which it starts; None for formats without pages.
        start: Offset of its first character in the document's text.
        end: Offset after its last character.
        text: The document's text from start to end.
        score: Higher is better; its range depends on the mode. If the passage was expanded, all
            scores and ranks are those of the chunk that was found.
        similarity: Cosine similarity to the question, in [-1, 1]; None if it was not computed.
        dense_rank: Its rank by similarity, from 1; None if not among the candidates.
        lexical_rank: Its rank by BM25, from 1; None if not among the candidates.
        page_label: What its page is called: `"7"`, `"iv"`, `"Slide 3"`, `"Prices!A2:F51"`; empty
            for formats without pages.
        metadata: The document's metadata.
        blocks: The document's blocks within the span, in reading order, cut to it.
        rerank_score: What the reranker gave, higher is better, on a scale of its own; None if it
            was not asked. `score` is the score before.
    """

    rank: int
    chunk_id: int
    document_id: int
    path: str
    title: str
    headings: tuple[str, ...]
    page: int | None
    start: int
    end: int
    text: str
    score: float
    similarity: float | None = None
    dense_rank: int | None = None
    lexical_rank: int | None = None
    page_label: str = ""
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    rerank_score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A span of a stored document that supports a sentence.

    Attributes:
        n: The number by which sentences refer to it, from 1, in order of first use.
        path: The document's path as the index shows it.
        page: Number of the page on which the quote starts; None for formats without pages.
        start: Offset of its first character in the document's stored text.
        end: Offset after its last character.
        quote: The stored text from start to end.
        verified: Whether the quote was read back from the stored document, character by
            character, before the answer was shown.
        page_label: What that page is called, as in a Passage.
    """

    n: int
    path: str
    page: int | None
    start: int
    end: int
    quote: str
    verified: bool
    page_label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortAnswer:
    """The few words of a citation that answer: a name, a number, a date.

    Attributes:
        text: The stored text from start to end.
        citation: The number of the citation that it stands in.
        start: Offset of its first character in the citation's document.
        end: Offset after its last character.
        probability: That these are the right words, in [0, 1], if the citation holds the answer.
    """

    text: str
    citation: int
    start: int
    end: int
    probability: float

    def to_json(self) -> dict[str, object]:
        """Return the words as they stand in an answer's JSON."""
        return {
            "text": self.text,
            "citation": self.citation,
            "start": self.start,
            "end": self.end,
            "probability": round(self.probability, 4),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of an answer.

    Attributes:
        text: As shown, without citation marks.
        citations: Numbers of the citations that support it.
        supported: Whether at least one verified citation supports it.
        neutral: Whether it says nothing that needs a source: a greeting, a question, a heading.
        score: Probability in [0, 1] that the passages support it, where it was judged; None for
            a sentence that repeats a passage word for word, and for a neutral one.
    """

    text: str
    citations: tuple[int, ...] = ()
    supported: bool = False
    neutral: bool = False
    score: float | None = None

    def to_json(self) -> dict[str, object]:
        """Return the sentence as it stands in an answer's JSON."""
        found: dict[str, object] = {
            "text": self.text,
            "citations": list(self.citations),
            "supported": self.supported,
        }
        if self.neutral:
            found["neutral"] = True
        if self.score is not None:
            found["score"] = round(self.score, 4)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What writing an answer took; all 0 where no chat model was asked.

    Attributes:
        prompt_tokens: Tokens read.
        completion_tokens: Tokens written.
        cost: In the currency of the configured prices; None if they are unknown.
        estimated: Whether the tokens are estimates, because the model did not count them.
        model: The name that the model gives itself.
        finish_reason: Why the model ended: "stop", "length" and so on.
        prompt_version: Of the prompt's template.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0
    estimated: bool = False
    model: str = ""
    finish_reason: str = ""
    prompt_version: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the usage in the shape of `ragkit ask --json`."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cost": self.cost,
            "estimated": self.estimated,
            "model": self.model,
            "finish_reason": self.finish_reason,
            "prompt_version": self.prompt_version,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a question is answered with.

    Attributes:
        question: As asked.
        standalone_question: As searched; differs from `question` for a follow-up in a chat.
        text: The sentences, joined; for an abstention a sentence that says so.
        abstained: Whether the documents were found not to hold the answer.
        confidence: Calibrated probability that the documents hold the answer, in [0, 1].
        sentences: In order; empty if abstained.
        citations: In order of `n`.
        short_answer: The words of a citation that answer; None if abstained, for questions that
            ask for no such words, and with embedders that give no token vectors.
        passages: What was looked at, best first.
        generator: The generator's name.
        generation: The index generation that was read; 0 for an empty index.
        embedder: Name of the embedder that made the index's vectors.
        timing_ms: Milliseconds by stage: "retrieve", "generate", "verify", "total".
        usage: Tokens and cost.
        warnings: What a person should know of how the answer came about, one sentence each: that
            it was cut off, that passages had to be left out.
        min_confidence: Below this confidence it would have been withheld, in [0, 1].
        evidence: The sentences that weighed most, best first; also of an abstention.
        disagreements: Where documents disagree about what is cited, and which one is newer.
    """

    question: str
    text: str
    abstained: bool
    confidence: float
    standalone_question: str = ""
    sentences: tuple[Sentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    short_answer: ShortAnswer | None = None
    passages: tuple[Passage, ...] = ()
    generator: str = ""
    generation: int = 0
    embedder: str = ""
    timing_ms: Mapping[str, float] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    warnings: tuple[str, ...] = ()
    min_confidence: float = 0.0
    evidence: tuple[Weighed, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()

    def disagreement(self, sentence: Sentence) -> str:
        """Return what a sentence is where documents disagree: "older: 2024"; "" elsewhere."""
        cited = [c for c in self.citations if c.n in sentence.citations]
        marks = (d.mark(c.path, c.start, c.end) for d in self.disagreements for c in cited)
        return next(filter(None, marks), "")

    def to_json(self) -> dict[str, object]:
        """Return the answer in the shape of `ragkit ask --json`."""
        return {
            "question": self.question,
            "standalone_question": self.standalone_question or self.question,
            "text": self.text,
            "abstained": self.abstained,
            "confidence": round(self.confidence, 4),
            "short_answer": self.short_answer.to_json() if self.short_answer else None,
            "min_confidence": round(self.min_confidence, 4),
            "sentences": [
                sentence.to_json() | ({"disagreement": said} if said else {})
                for sentence in self.sentences
                for said in [self.disagreement(sentence)]
            ],
            "disagreements": [found.to_json() for found in self.disagreements],
            "citations": [
                {
                    "n": c.n,
                    "path": c.path,
                    "page": c.page,
                    "page_label": c.page_label,
                    "start": c.start,
                    "end": c.end,
                    "quote": c.quote,
                    "verified": c.verified,
                }
                for c in self.citations
            ],
            "generator": self.generator,
            "usage": self.usage.to_json(),
            "warnings": list(self.warnings),
            "index": {"generation": self.generation, "embedder": self.embedder},
            "timing_ms": {stage: round(ms, 2) for stage, ms in self.timing_ms.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search found.

    Attributes:
        query: As asked.
        mode: "hybrid", "dense" or "lexical".
        hits: Best first.
        timing_ms: Milliseconds by stage: "embed", "dense", "lexical", "fuse", "rerank",
            "expand", "total"; only of the stages that there were.
    """

    query: str
    mode: str
    hits: tuple[Passage, ...]
    timing_ms: Mapping[str, float] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Passage]:
        """Iterate over the hits, best first."""
        return iter(self.hits)

    def __len__(self) -> int:
        """Return how many hits there are."""
        return len(self.hits)

    def to_json(self) -> dict[str, object]:
        """Return the result in the shape of `ragkit search --json`."""
        return {
            "query": self.query,
            "mode": self.mode,
            "hits": [
                {
                    "rank": hit.rank,
                    "chunk_id": hit.chunk_id,
                    "path": hit.path,
                    "title": hit.title,
                    "headings": list(hit.headings),
                    "page": hit.page,
                    "page_label": hit.page_label,
                    "start": hit.start,
                    "end": hit.end,
                    "text": hit.text,
                    "score": round(hit.score, 6),
                    "dense_rank": hit.dense_rank,
                    "lexical_rank": hit.lexical_rank,
                    "rerank_score": None
                    if hit.rerank_score is None
                    else round(hit.rerank_score, 6),
                }
                for hit in self.hits
            ],
            "timing_ms": {stage: round(ms, 2) for stage, ms in self.timing_ms.items()},
        }
