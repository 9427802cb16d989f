"""The same words in small letters, or in capitals."""

from __future__ import annotations


def lower(question: str, _key: str) -> str:
    """Return the question in small letters."""
    return question.lower()


def upper(question: str, _key: str) -> str:
    """Return the question in capitals, as with the key locked."""
    return question.upper()
