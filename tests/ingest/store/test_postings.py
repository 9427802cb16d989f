"""Scores are those of FTS5, whatever is added and removed."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit_ingest.store.postings import Columns, Postings, collected, idf, merged

WORDS = ["kettle", "urn", "tea", "leave", "42", "qk200", "größe", "茶碗", "a"]
chunks_of_words = st.lists(
    st.tuples(*[st.lists(st.sampled_from(WORDS), max_size=6) for _ in range(3)]), max_size=25
)


def by_fts5(
    chunks: list[Columns], question: list[str], weights: tuple[float, ...]
) -> dict[int, float]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute(
            "CREATE VIRTUAL TABLE words USING fts5 (title, headings, body,"
            ' tokenize = "unicode61 remove_diacritics 0")'
        )
        rows = [(row, *(" ".join(words) for words in c)) for row, c in enumerate(chunks)]
        db.executemany("INSERT INTO words (rowid, title, headings, body) VALUES (?,?,?,?)", rows)
        query = " OR ".join(f'"{word}"' for word in question)
        return dict(
            db.execute(
                "SELECT rowid, -bm25(words, ?, ?, ?) FROM words WHERE words MATCH ?",
                (*weights, query),
            )
        )


def scored(postings: Postings, question: list[str], weights: tuple[float, ...]) -> dict[int, float]:
    total = len(postings)
    average = float(postings.lengths.sum()) / total if total else 0.0
    often = {word: postings.frequency(word) for word in question}
    weighted = [(word, idf(count, total)) for word, count in often.items() if count]
    scores = postings.scores(weighted, average, weights)
    return {int(row): float(scores[row]) for row in np.flatnonzero(scores)}


questions = st.lists(st.sampled_from([*WORDS, "unknown"]), min_size=1, max_size=5, unique=True)


@settings(deadline=None)
@given(chunks_of_words, questions, st.sampled_from([(1.0, 1.0, 1.0), (3.0, 0.5, 1.0)]))
def test_scores_are_those_of_fts5(
    chunks: list[Columns], question: list[str], weights: tuple[float, ...]
) -> None:
    found = scored(collected(chunks), question, weights)
    assert found == pytest.approx(by_fts5(chunks, question, weights), rel=1e-9)


@settings(deadline=None)
@given(chunks_of_words, chunks_of_words, st.integers(0, 2**32 - 1))
def test_merging_is_collecting_again(old: list[Columns], new: list[Columns], seed: int) -> None:
    kept = np.random.default_rng(seed).random(len(old)) < 0.6
    stays = [chunk for chunk, keep in zip(old, kept, strict=True) if keep]
    found = merged(collected(old), kept, collected(new))
    wanted = collected([*stays, *new])
    assert found.vocabulary() == wanted.vocabulary()
    for name in ("terms", "ends", "starts", "rows", "counts", "lengths"):
        assert np.array_equal(getattr(found, name), getattr(wanted, name)), name


def test_a_word_that_stands_there_very_often_counts_255_times() -> None:
    postings = collected([[["tea"] * 300, [], ["tea"]]])
    assert postings.counts.tolist() == [[255, 0, 1]]
    assert postings.lengths.tolist() == [301]
    assert [postings.frequency(word) for word in ("tea", "te", "z")] == [1, 0, 0]
