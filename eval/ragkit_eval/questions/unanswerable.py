"""Questions that the documents do not answer, each of a kind that people ask all the same."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from ragkit_eval.cases import Evidence
from ragkit_eval.questions.source import Drafted
from ragkit_eval.questions.table import Cell, asked
from ragkit_ingest.lexical import content_words

Holds = Callable[[Sequence[str]], int]
"""(stemmed words): in how many chunks of the index all of them stand."""

_OFF_DOMAIN = (
    "What is the capital of Mongolia?",
    "Who painted The Night Watch?",
    "How many moons does Neptune have?",
    "What is the boiling point of mercury?",
    "Who won the football World Cup in 1998?",
    "How do I poach an egg without vinegar?",
    "What is the longest river in South America?",
    "When did the Berlin Wall fall?",
    "Which vitamin prevents scurvy?",
    "How tall is Kilimanjaro?",
    "Who composed the opera Carmen?",
    "What do koalas eat?",
    "How long does a blue whale live?",
    "Which planet has the shortest day?",
    "Who wrote Wuthering Heights?",
    "What is the square root of 1764?",
    "How many strings does a viola have?",
    "When is the best time to prune roses?",
    "What causes a rainbow?",
    "Which country invented paper?",
    "How far is the moon from the earth?",
    "What is the plural of octopus?",
    "Who was the first woman in space?",
    "How many teeth does an adult cat have?",
)
_INVENTED = ("Harrowby", "Talverton", "Osprenne", "Quillmarsh", "Brandiholm", "Vexley", "Norquay")
_CODE = re.compile(r"(?<![-\w])[A-Z]{1,5}-?\d{2,6}(?![-\w])")
_NAME = re.compile(r"(?<!^)(?<![.?!\u201c] )\b[A-Z][a-z]{3,}(?: [A-Z][a-z]{2,})+\b")
_AMOUNT_QUESTION = re.compile(r"^(?:How long|How much|What) (?P<verb>is|was) (?P<s>[^?]+)\?$")
_FACTS = (
    ("Who signed off the budget of {}?", "budget"),
    ("What colour is {}?", "colour"),
    ("How many copies of {} were printed?", "copies"),
    ("Who translated {} into French?", "French"),
    ("Which insurer covers {}?", "insurer"),
    ("What was {} called before it was renamed?", "renamed"),
)
_GENERIC = frozenset({"item", "name", "field", "step", "type", "field name", "what", "topic"})
_LEAST_WORDS = 2


def off_domain(holds: Holds) -> Iterator[Drafted]:
    """Yield questions of general knowledge whose words do not stand together in the index."""
    for question in _OFF_DOMAIN:
        words = content_words(question)
        if len(words) >= _LEAST_WORDS and not holds(words):
            yield Drafted(question=question, answers=(), evidence=(), kind="off_domain", trust=1.0)


def missing_attributes(
    rows: Sequence[Cell], holds: Holds, random_: random.Random
) -> Iterator[Drafted]:
    """Yield questions for what other tables say of their things and none says of this one."""
    by_first: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    keys: dict[tuple[str, str], Cell] = {}
    for cell in rows:
        first = cell.first.lower()
        by_first[first][cell.header].add(cell.piece.document.path)
        keys.setdefault((first, cell.key.lower()), cell)
    own: dict[tuple[str, str], set[str]] = defaultdict(set)
    for cell in rows:
        own[cell.first.lower(), cell.key.lower()].add(cell.header.lower())
    for (first, key), cell in sorted(keys.items()):
        others = [
            header
            for header in sorted(by_first[first])
            if _askable(header) and first not in _GENERIC and header.lower() not in own[first, key]
        ]
        random_.shuffle(others)
        for header in others[:3]:
            words = [*content_words(key), *content_words(header)]
            if len(set(words)) == len(words) and not holds(words):
                yield _missing(cell.key, asked(cell, header), cell.piece.evidence, 0.8)
                break


def missing_facts(
    drafted: Sequence[Drafted], holds: Holds, random_: random.Random
) -> Iterator[Drafted]:
    """Yield questions of what is never said of a thing that the documents name by a code."""
    named: dict[str, Drafted] = {}
    for one in drafted:
        for code in _CODE.findall(one.question):
            if "-" in code and one.evidence:
                named.setdefault(code, one)
    for code, one in sorted(named.items()):
        for template, word in random_.sample(_FACTS, len(_FACTS)):
            if not holds([*content_words(code), *content_words(word)]):
                yield _missing(code, template.format(code), one.evidence[0], 0.75)
                break


def _missing(subject: str, question: str, evidence: Evidence, trust: float) -> Drafted:
    return Drafted(
        question=question,
        answers=(),
        evidence=(evidence,),
        kind="missing_attribute",
        subject=subject,
        trust=trust,
    )


def unknown_entities(
    drafted: Sequence[Drafted], holds: Holds, random_: random.Random
) -> Iterator[Drafted]:
    """Yield answerable questions with their code or name replaced by one that nobody knows."""
    for one in drafted:
        if one.kind in {"comparison", "heading"}:
            continue
        question = one.question
        if code := _CODE.search(question):
            wanted = code.group()
            made = _other_code(wanted, random_)
        elif name := _NAME.search(question):
            wanted = name.group()
            made = f"{random_.choice(_INVENTED)} {wanted.split()[-1]}"
            made = made if len(wanted.split()) > 1 else random_.choice(_INVENTED)
        else:
            continue
        if not holds(content_words(made)):
            yield Drafted(
                question=question.replace(wanted, made),
                answers=(),
                evidence=one.evidence,
                kind="unknown_entity",
                title="",
                subject=made,
                trust=0.9 * one.trust,
            )


def false_premises(drafted: Sequence[Drafted], random_: random.Random) -> Iterator[Drafted]:
    """Yield questions why a figure was changed to one that the documents do not give."""
    for one in drafted:
        if one.kind != "number" or not one.answers:
            continue
        match = _AMOUNT_QUESTION.match(one.question)
        wrong = _other_amount(one.answers[0], random_)
        if match is None or wrong is None or len(match["s"].split()) > 10:
            continue
        yield Drafted(
            question=f"Why was {match['s'].strip()} changed from {one.answers[0]} to {wrong}?",
            answers=(),
            evidence=one.evidence,
            kind="false_premise",
            title="",
            subject=one.subject,
            trust=0.85 * one.trust,
        )


def _askable(header: str) -> bool:
    return (
        4 <= len(header) <= 30
        and header[0].isalpha()
        and re.fullmatch(r"[A-Za-z][A-Za-z -]+", header) is not None
        and not {*header.lower().split()} & {"what", "how", "is", "are", "your", "our", "notes"}
        and header.lower() not in {"remarks", "meaning", "description", "definition", "why", "who"}
    )


def _other_code(code: str, random_: random.Random) -> str:
    letters, digits = re.match(r"(\D+)(\d+)", code).groups()  # type: ignore[union-attr]
    number = (int(digits) + random_.randrange(3, 8) * 10 ** (len(digits) - 1)) % 10 ** len(digits)
    return f"{letters}{number or 7:0{len(digits)}d}"


_COUNTED_TEXT = """
    two three four five six seven eight nine ten eleven twelve
"""
_COUNTED = _COUNTED_TEXT.split()


def _other_amount(amount: str, random_: random.Random) -> str | None:
    """Return another amount of the same unit, far enough to be no slip."""
    if match := re.search(r"\d[\d,]*(?:\.\d+)?", amount):
        number = match.group()
        if "." in number:
            made = f"{float(number.replace(',', '')) * random_.choice((1.5, 2, 2.5)):.2f}"
        else:
            value = int(number.replace(",", ""))
            grown = value * random_.choice((2, 3)) + (1 if value < 10 else 0)
            made = f"{grown:,}" if "," in number else str(grown)
        return amount.replace(number, made, 1)
    first, space, rest = amount.partition(" ")
    if first not in _COUNTED or not space:
        return None
    far = [word for word in _COUNTED if abs(_COUNTED.index(word) - _COUNTED.index(first)) > 2]
    return f"{random_.choice(far)} {rest}"
