"""Mines questions with the passages that answer them from an index, by rules.

    faq          a heading that asks                  what stands beneath it
    heading      title and heading                    what stands beneath it, without them
    title        a document's title                   its beginning, without it
    definition   "What is X?"                         the passage that says what X is
    keyphrase    the rarest words of a sentence       its passage
    cloze        a sentence                           its passage without the sentence

Source: the last is the inverse cloze task of Lee, Chang and Toutanova, ACL 2019.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace

from ragkit_ingest.catalog.reading import StoredChunk
from ragkit_ingest.index import Index
from ragkit_ingest.lexical import content_words

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_DEFINED = re.compile(
    r"^(?:The |An? )?(?P<what>[A-Z][\w-]*(?: [\w-]+){0,3}) (?:is|are|means|stands for)"
    r" (?:an? |the |any )"
)
_ASKED = (
    "{}",
    "{}?",
    "What do we know about {}?",
    "What does it say about {}?",
    "Tell me about {}",
    "How is it with {}?",
)
_LEAST_WORDS = 6
_KEY_WORDS = 4
_LEFT_WORDS = 20
_HEADING_WORDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A question and a passage that answers it.

    Attributes:
        question: As somebody might type it.
        passage: As the embedder reads it.
        document_id: The document that holds it.
        chunk_id: The chunk that it is, or is part of.
        kind: The rule that found it.
    """

    question: str
    passage: str
    document_id: int
    chunk_id: int
    kind: str


def mined(index: Index, *, without: Set[int] = frozenset(), seed: int = 0) -> list[Pair]:
    """Return the pairs of an index's live documents, in the order of their chunks.

    The same index and seed give the same pairs.

    Args:
        index: Open for reading.
        without: Documents to leave alone.
        seed: Of the choice of sentences and wordings.
    """
    with index.reader() as reading:
        ids = reading.live_ids()
        chunks = list(reading.chunks(ids).values())
    often: Counter[str] = Counter()
    for chunk in chunks:
        often.update(set(content_words(chunk.text)))
    found: list[Pair] = []
    seen: set[int] = set()
    for chunk in sorted(chunks, key=lambda one: one.id):
        first = chunk.document_id not in seen
        seen.add(chunk.document_id)
        if chunk.document_id not in without:
            chance = random.Random(f"{seed} {chunk.path} {chunk.start}")  # noqa: S311
            found += _of_chunk(chunk, first=first, often=often, chance=chance)
    return list({(pair.question.casefold(), pair.chunk_id): pair for pair in found}.values())


def _of_chunk(
    chunk: StoredChunk, *, first: bool, often: Counter[str], chance: random.Random
) -> Iterator[Pair]:
    whole = Pair(
        question="",
        passage=_embedded(chunk),
        document_id=chunk.document_id,
        chunk_id=chunk.id,
        kind="",
    )
    bare = _without_headings(chunk)
    for question, answer in _asked_within(bare):
        yield replace(whole, question=question, passage=answer, kind="faq")
    if len(bare.split()) >= _LEFT_WORDS // 2:
        for kind, question in _of_headings(chunk, first=first):
            yield replace(whole, question=question, passage=bare, kind=kind)
    sentences = [one.strip() for one in _SENTENCE.split(bare)]
    sentences = [one for one in sentences if len(one.split()) >= _LEAST_WORDS]
    for sentence in sentences:
        if match := _DEFINED.match(sentence):
            yield replace(whole, question=f"What is {match['what']}?", kind="definition")
            break
    if not sentences:
        return
    yield replace(
        whole, question=_keyphrase(chance.choice(sentences), often, chance), kind="keyphrase"
    )
    sentence = chance.choice(sentences)
    rest = " ".join(bare.replace(sentence, " ").split())
    if len(rest.split()) >= _LEFT_WORDS:
        yield replace(whole, question=sentence, passage=rest, kind="cloze")


def _of_headings(chunk: StoredChunk, *, first: bool) -> Iterator[tuple[str, str]]:
    heading = chunk.headings[-1] if chunk.headings else ""
    heading = re.sub(r"^[\d.]+\s+", "", heading)
    if heading.endswith("?"):
        yield "faq", heading
    elif len(content_words(heading)) >= _HEADING_WORDS:
        yield "heading", heading
    elif heading and chunk.title and heading != chunk.title:
        yield "heading", f"{chunk.title} {heading}"
    if first and len(content_words(chunk.title)) >= _HEADING_WORDS and chunk.title != heading:
        yield "title", chunk.title


def _asked_within(text: str) -> Iterator[tuple[str, str]]:
    """Yield the lines that ask something, each with what follows up to the next one."""
    asking, answer = "", list[str]()
    for line in [*(one.strip() for one in text.split("\n")), "?"]:
        if line.endswith("?"):
            found = " ".join(answer)
            if asking and len(found.split()) >= _LEAST_WORDS:
                yield asking, found
            asking, answer = line if _HEADING_WORDS < len(line.split()) <= _LEFT_WORDS else "", []
        else:
            answer.append(line)


def _keyphrase(sentence: str, often: Counter[str], chance: random.Random) -> str:
    """Return the rarest words of a sentence in their order, worded as a question."""
    plain = re.findall(r"[\w-]+", sentence)
    keys = {word: (content_words(word) or [""])[0] for word in plain}
    rare = sorted((w for w in keys if keys[w]), key=lambda w: (often[keys[w]], w))[:_KEY_WORDS]
    return chance.choice(_ASKED).format(" ".join(word for word in plain if word in set(rare)))


def _embedded(chunk: StoredChunk) -> str:
    above = [name for name in (chunk.title, *chunk.headings) if name]
    return "\n".join([" > ".join(dict.fromkeys(above)), chunk.text]) if above else chunk.text


def _without_headings(chunk: StoredChunk) -> str:
    names = {chunk.title.strip(), *(heading.strip() for heading in chunk.headings)}
    return "\n".join(line for line in chunk.text.split("\n") if line.strip() not in names).strip()


def kinds(pairs: Sequence[Pair]) -> dict[str, int]:
    """Return how many pairs each rule found."""
    return dict(sorted(Counter(pair.kind for pair in pairs).items()))
