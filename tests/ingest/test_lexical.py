"""The words of lexical search: what is found by what."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit_ingest.lexical import content_words, match_query, words

TABLE = 'CREATE VIRTUAL TABLE words USING fts5 (body, tokenize = "unicode61 remove_diacritics 0")'


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(TABLE)
        yield connection


def finds(database: sqlite3.Connection, question: str, text: str) -> bool:
    """Return whether a search for the question finds the text, through FTS5 as the index does."""
    database.execute("DELETE FROM words")
    database.execute("INSERT INTO words VALUES (?)", (" ".join(words(text)),))
    query = match_query(question)
    found = database.execute("SELECT count(*) FROM words WHERE words MATCH ?", (query,)).fetchone()
    return bool(found[0])


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("QK-200", "The QK-200 boils in two minutes."),
        ("QK200", "The QK-200 boils in two minutes."),
        ("qk 200", "The QK-200 boils in two minutes."),
        ("QK-200", "The QK200 boils in two minutes."),
        ("SA-2023-017", "Supplier agreement SA-2023-017"),
        ("1500", "It costs 1,500 euro."),
        ("1,500", "It costs 1500 euro."),
        ("1,234,567.50", "It costs 1234567.50 euro."),
        ("version 4.2", "Firmware 4.2 is out."),
        ("O'Neill", "Ask Mr O\u2019Neill."),
        ("ONeill", "Ask Mr O'Neill."),
        ("kundigungsfrist", "Die K\u00fcndigungsfrist"),
        ("K\u00dcNDIGUNGSFRIST", "Die K\u00fcndigungsfrist"),
        ("cafe", "Caf\u00e9"),
        ("strasse", "Stra\u00dfe"),
        ("fiance", "\ufb01anc\u00e9"),
        ("contracts", "This contract"),
        ("descaling", "descale it"),
        ("\u5408\u540c", "\u52b3\u52a8\u5408\u540c\u671f\u9650"),
        ("\u8a08\u7d04", "\u5951\u7d04\u306e\u8a08\u7d04\u66f8"),
        ("\uacc4\uc57d", "\uadfc\ub85c\uacc4\uc57d\uc11c"),
        ("snake_case_name", "call snake_case_name here"),
        ("and/or", "and/or"),
        ("the", "the the the"),
        ("20%", "a discount of 20 % applies"),
    ],
)
def test_a_question_finds_its_text(database: sqlite3.Connection, question: str, text: str) -> None:
    assert finds(database, question, text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("1500", "It costs 1,50 or 500 euro."),
        ("150", "It costs 1,500 euro."),
        ("500", "It costs 1,500 euro."),
        ("\u5408\u540c", "\u540c\u5408"),
        ("How is the tea?", "how is the coffee"),
    ],
)
def test_a_question_does_not_find_another_text(
    database: sqlite3.Connection, question: str, text: str
) -> None:
    assert not finds(database, question, text)


def test_a_joined_name_gives_its_parts_and_itself() -> None:
    assert words("QK-200") == words("qk200") == ["qk", "200", "qk200"]


def test_numbers_in_a_list_stay_apart() -> None:
    assert words("1,2,3") == ["1", "2", "3"]
    assert words("1,500") == ["1500"]


def test_korean_syllables_stay_whole() -> None:
    assert words("\uacc4\uc57d\uc11c") == ["\uacc4\uc57d", "\uc57d\uc11c"]


def test_words_without_topic_are_kept_only_if_there_is_nothing_else() -> None:
    assert content_words("What is the notice period?") == ["notic", "period"]
    assert content_words("to be or not to be") == words("to be or not to be")


def test_a_text_without_words_gives_no_query() -> None:
    assert match_query("?!... \U0001f600 \ud800") == ""
    assert match_query("") == ""


@settings(deadline=None, max_examples=300)
@given(text=st.text(max_size=60))
def test_every_query_is_one_that_fts5_takes(text: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(TABLE)
        connection.execute("INSERT INTO words VALUES (?)", (" ".join(words(text)),))
        if query := match_query(text):
            connection.execute("SELECT rowid FROM words WHERE words MATCH ?", (query,)).fetchall()


@settings(deadline=None)
@given(text=st.text(alphabet=st.characters(codec="ascii"), max_size=60))
def test_a_text_is_found_by_itself(text: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(TABLE)
        assert match_query(text) == "" or finds(connection, text, text)


@given(text=st.text(max_size=60))
def test_words_are_folded_and_hold_no_syntax(text: str) -> None:
    for word in words(text):
        assert word
        assert '"' not in word
        assert word == word.casefold() or word.upper() == word


def test_a_question_of_many_words_is_taken(database: sqlite3.Connection) -> None:
    many = " ".join(f"w{n}" for n in range(1500))
    assert finds(database, many, "here stands w1499")
