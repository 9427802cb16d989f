"""Vectors of sentences: where one ends, and that they are means of what the model read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.embed.sentences import sentence_rows

MODEL = MiniLM(precision="f32")
TEXT = (
    "Handbook > Leave\n"
    "The office opens at 8.30 on weekdays. Dr. Quill keeps the only key; nobody else has one.\n"
    "- Swaps: up to 48 hours before the shift\n"
    "Ask first."
)


def words(text: str) -> list[tuple[int, int]]:
    """Return a span for each word, between two empty ones as special tokens have."""
    spans, end = [(0, 0)], 0
    for word in text.split():
        start = text.index(word, end)
        end = start + len(word)
        spans.append((start, end))
    return [*spans, (0, 0)]


def read(text: str) -> list[str]:
    spans = words(text)
    return [text[spans[low][0] : spans[high - 1][1]] for low, high in sentence_rows(text, spans)]


def test_sentences_list_items_and_lines_are_told_apart() -> None:
    assert read(TEXT) == [
        "The office opens at 8.30 on weekdays.",
        "Quill keeps the only key;",
        "nobody else has one.",
        "up to 48 hours before the shift",
    ]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "Too short here.", ". . . ."])
def test_what_has_no_sentence_gives_none(text: str) -> None:
    assert read(text) == []


def test_signs_of_chinese_end_a_sentence_without_a_space() -> None:
    text = "\u529e\u516c\u5ba4\u516b\u70b9\u5f00\u95e8\u3002\u94a5\u5319\u5728\u95e8\u536b\u3002"
    spans = [(0, 0), *((place, place + 1) for place in range(len(text))), (0, 0)]
    rows = sentence_rows(text, spans)
    assert [text[spans[low][0] : spans[high - 1][1]] for low, high in rows] == [text[:8], text[8:]]


@given(st.text(alphabet="ab.!:;\n ", max_size=80), st.integers(0, 30))
def test_rows_are_in_order_and_never_beyond_what_was_read(text: str, most: int) -> None:
    spans = [*words(text)[: most + 1], (0, 0)]
    rows = sentence_rows(text, spans)
    flat = [row for bounds in rows for row in bounds]
    assert flat == sorted(flat)
    assert all(low >= 1 and high - low >= 4 and high < len(spans) for low, high in rows)


def test_the_texts_vectors_are_those_of_embed_documents() -> None:
    texts = [TEXT, "x", "", "One sentence of several words."]
    vectors, sentences = MODEL.embed_with_sentences(texts)
    assert vectors == pytest.approx(MODEL.embed_documents(texts), abs=1e-5)
    assert [len(held) for held in sentences] == [5, 0, 0, 1]
    assert MODEL.embed_with_sentences([])[0].shape == (0, 384)


def test_a_sentences_vector_is_the_mean_of_its_tokens_in_their_context() -> None:
    _, (held,) = MODEL.embed_with_sentences([TEXT])
    assert np.linalg.norm(held, axis=1) == pytest.approx(1.0, abs=1e-4)
    tokens = MODEL.embed_tokens([TEXT])[0]
    inside = [
        row
        for row, (low, high) in enumerate(tokens.spans)
        if low >= TEXT.index("up to") and high <= TEXT.index("\nAsk")
    ]
    mean = tokens.vectors[inside].mean(axis=0)  # of unit vectors, which are nearly of one length
    cosines = held @ (mean / np.linalg.norm(mean))
    assert int(cosines.argmax()) == 4
    assert cosines[4] > 0.98


def test_a_sentence_keeps_what_the_lines_around_it_say() -> None:
    rule = "It has to be descaled after two hundred boils. Ask the lab for powder."
    about, other = f"The QK-200 kettle\n{rule}", f"The lab's old printer\n{rule}"
    question = MODEL.embed_query("When does the kettle need descaling?")
    _, (one, two) = MODEL.embed_with_sentences([about, other])
    same = [int((held @ question).argmax()) for held in (one, two)]
    assert same[0] == same[1]
    assert (one @ question).max() > (two @ question).max() + 0.02


def test_what_lies_beyond_the_longest_text_has_no_vector() -> None:
    long = "Every word of this sentence counts here. " * 200
    _, (held,) = MODEL.embed_with_sentences([long])
    assert 0 < len(held) <= 254 // 8 + 1
