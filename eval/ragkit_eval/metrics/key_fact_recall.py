"""Key-fact recall: how many of the facts that must be there does the answer say?"""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.wording import analysed


def key_facts(text: str) -> tuple[str, ...]:
    """Return the numbers and names that a text states, in order, without repeats.

    Numbers are by value ("1,500" and "1500" are one fact), names by stem, as
    `ragkit.wording` has them.
    """
    return tuple(dict.fromkeys(w.stem for w in analysed(text) if w.number or w.name))


def key_fact_recall(answer: str, facts: Sequence[str]) -> float | None:
    """Return the share of the facts that the answer states.

    A fact is held if all its words are among the answer's, in any order, numbers by value and
    other words by stem.

    Args:
        answer: As shown.
        facts: One short text each: "30 days", "Dora Kettleby"; or what `key_facts` returns.

    Returns:
        A value in [0, 1]; None without facts that have words.

    Source:
        The nugget recall of Voorhees, TREC 2003 QA Track, decided by words alone.
    """
    wanted = [frozenset(w.stem for w in analysed(fact)) for fact in facts]
    wanted = [stems for stems in wanted if stems]
    if not wanted:
        return None
    said = {word.stem for word in analysed(answer)}
    return sum(stems <= said for stems in wanted) / len(wanted)
