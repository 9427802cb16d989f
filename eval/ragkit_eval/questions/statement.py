"""Questions from sentences: amounts, dates, definitions, who does what.

Rules for English. A rule turns a sentence of one plain shape into a question and leaves every
other sentence alone: few good questions are better than many odd ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ragkit_eval.questions.source import Drafted, Piece
from ragkit_eval.questions.wording import NO_SUBJECT, inner, plain, understood
from ragkit_ingest.records import BlockKind

_WORDED = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    "|sixteen|eighteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred"
)
_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATE = (
    rf"(?:\d{{1,2}} (?:{_MONTH})(?: \d{{4}})?|(?:{_MONTH}) \d{{1,2}}(?:st|nd|rd|th)?(?:, \d{{4}})?"
    rf"|(?:{_MONTH}) \d{{4}}|(?:19|20)\d\d)"
)
_NUMBER = rf"(?:\d[\d,]*(?:\.\d+)?|{_WORDED})"
_FUNCTION = (
    "of|in|on|at|for|from|to|by|with|without|within|into|after|before|during|per|a|an|the|and|or"
    "|if|when|until|since|that|which|who|is|are|was|were|has|have|may|must|can|as|than|each|every"
    "|through|over|under|between|up|out|off|only|not|unless|while|because|but|so|where"
)
_NOUN = rf"(?!(?:{_FUNCTION})\b)[a-z][a-z-]*"
_UNIT = rf"(?:{_NOUN} )?{_NOUN}s(?: of (?:{_NOUN} )?{_NOUN})?"
_TIME = r"(?:second|minute|hour|day|week|month|quarter|year)s?"
_MONEY = r"[\u20ac$\u00a3]\s?\d[\d,]*(?:\.\d+)?(?: (?:million|billion|thousand))?"
_MEASURE = (
    r"(?:\u00b0C|km|kg|g|mm|cm|m|metres|kilometres|kilometers|meters|miles|litres|ml|l|bar|V|W|kW"
    r"|GB|MB|TB|dB\(A\))"
)
_EACH = r"(?: (?:a|an|per|each) [a-z]+)?"
_AMOUNT = (
    rf"(?:{_MONEY}{_EACH}|{_NUMBER}(?: ?%| per cent| percent){_EACH}"
    rf"|{_NUMBER} (?:working |calendar |full |consecutive |business )?{_TIME}{_EACH}"
    rf"|\d[\d.,]* ?{_MEASURE}(?![\w]))"
)
_ABOUT = (
    r"(?P<about>up to |at most |at least |no more than |not more than |a maximum of "
    r"|a minimum of |about |around |approximately |limited to |set at |set to |fixed at |only )?"
)
_SUBJECT = r"(?P<s>[A-Z\u201c\"][^,;:()]*?)"
_MODAL = r"(?P<modal>may|must|can|should|shall|will)"
_END = r"(?P<end>[.!]?)$"
_REST = r"(?P<rest>(?: [^,;:()]{1,60}?)?)(?:[,;(].*)?"


def statements(piece: Piece) -> Iterator[Drafted]:
    """Yield at most one question for a sentence of a paragraph or list."""
    if piece.kind not in {BlockKind.PARAGRAPH, BlockKind.LIST_ITEM}:
        return
    text = piece.text
    words = text.split()
    if not 4 <= len(words) <= 40 or not plain(text) or text.endswith((":", "?")):
        return
    if words[0].lower().strip(",") in NO_SUBJECT or not text[0].isupper():
        return
    if not text.endswith((".", "!")) and piece.kind is BlockKind.LIST_ITEM:
        text += "."
    for kind, pattern, ask in _RULES_BY_KIND:
        match = pattern.match(text)
        if match is None:
            continue
        subject = inner(match["s"].strip(), piece.common)
        drafted = ask(match, subject)
        if drafted is None:
            continue
        question, answer = drafted
        answer = answer.strip(" .")
        if not (understood(subject) and _whole(subject) and answer):
            return
        yield Drafted(
            question=_tidy(question),
            answers=_accepted(question, answer),
            evidence=(piece.evidence,),
            kind=kind,
            title=piece.title,
            subject=subject,
            trust=_TRUST[kind],
        )
        return


def _accepted(question: str, answer: str) -> tuple[str, ...]:
    """Return the accepted answers: to "how many", the number alone is enough."""
    first, space, _ = answer.partition(" ")
    return (answer, first) if space and "how many" in question.lower() else (answer,)


def _tidy(question: str) -> str:
    question = " ".join(question.replace(" ?", "?").split())
    return question[0].upper() + question[1:]


def _whole(subject: str) -> bool:
    """Return whether a subject is a noun phrase and holds no verb, as far as words tell."""
    words = subject.split()
    odd = re.search(
        r"\b(?:is|are|was|were|has|have|had|may|must|can|should|shall|will|would|do|does|did|which"
        r"|who|that|because|if|when|while|but|not|please|i|we|you)\b",
        subject,
        re.IGNORECASE,
    )
    return (
        1 <= len(words) <= 9 and odd is None and subject.count("\u201c") == subject.count("\u201d")
    )


def _rest(match: re.Match[str]) -> str | None:
    """Return what follows, if it can stand in a question."""
    rest = match["rest"].strip()
    if not understood(rest) or re.search(r"\b(?:and|or|but|which|we|you|i)\b", rest):
        return None
    return rest


def _modal_count(match: re.Match[str], subject: str) -> tuple[str, str] | None:
    rest = _rest(match)
    if rest is None or match["verb"] in {"not", "be"}:
        return None
    return f"How many {match['unit']} {match['modal']} {subject} {match['verb']} {rest}?", (
        f"{match['n']} {match['unit']}"
    )


def _within(match: re.Match[str], subject: str) -> tuple[str, str] | None:
    rest = _rest(match)
    if rest is None or not understood(match["verb"]) or match["verb"].startswith("not"):
        return None
    unit = match["unit"]
    if rest.startswith("of "):
        unit, rest = f"{unit} {rest}", ""
    question = f"Within how many {unit} {match['modal']} {subject} {match['verb']} {rest}?"
    return question, f"{match['n']} {match['unit']}"


def _is_amount(match: re.Match[str], subject: str) -> tuple[str, str] | None:
    rest = _rest(match)
    if rest is None or rest.startswith("of "):
        return None
    amount, verb = match["amount"], match["verb"]
    if re.search(_MONEY, amount):
        ask = "How much"
    elif re.search(rf" {_TIME}\b", amount) and match["about"] != "set to ":
        ask = "How long"
    else:
        ask = "What"
    about = (match["about"] or "").strip()
    fixed = f" {about}" if about in {"limited to", "set at", "set to", "fixed at"} else ""
    if fixed:
        ask = "What"
    return f"{ask} {verb} {subject}{fixed} {rest}?", amount


_BASE = {"has": "have", "does": "do", "goes": "go"}
_LASTING = {"takes": "How long", "lasts": "How long", "costs": "How much", "weighs": "How much"}
_COUNTING = (
    "has|holds|contains|carries|receives|gets|employs|needs|requires|uses|includes|covers|keeps"
    "|offers|makes|owns|runs|serves|supports|consists of"
)


def _has(match: re.Match[str], subject: str) -> tuple[str, str] | None:
    rest = _rest(match)
    if rest is None:
        return None
    verb = match["verb"]
    base = _BASE.get(verb) or re.sub(r"ies$", "y", verb) if verb.endswith("ies") else None
    base = base or _BASE.get(verb) or verb.replace("consists", "consist").removesuffix("s")
    return f"How many {match['unit']} does {subject} {base} {rest}?", (
        f"{match['n']} {match['unit']}"
    )


def _lasts(match: re.Match[str], subject: str) -> tuple[str, str] | None:
    rest = _rest(match)
    if rest is None:
        return None
    verb = match["verb"]
    return f"{_LASTING[verb]} does {subject} {verb.removesuffix('s')} {rest}?", match["amount"]


_WHEN = {
    "on": "When",
    "in": "When",
    "at": "When",
    "by": "By when",
    "from": "From when",
    "since": "Since when",
    "until": "Until when",
    "before": "Before when",
    "after": "After when",
}


def _dated(match: re.Match[str], subject: str) -> tuple[str, str] | None:
    verb = match["verb"].strip()
    moved = match["prep"] == "from" and match.string[match.end("date") :].startswith(" to ")
    if moved or not understood(verb) or re.match(r"not\b", verb) or len(verb.split()) > 8:
        return None
    return f"{_WHEN[match['prep']]} {match['aux']} {subject} {verb}?", match["date"]


def _often(match: re.Match[str], subject: str) -> tuple[str, str] | None:
    rest = _rest(match)
    if rest is None or not understood(match["verb"]):
        return None
    return f"How often {match['aux']} {subject} {match['verb']} {rest}?", match["often"]


_FURTHER = re.compile(
    r" (?:or|every|each|on|in|at|for|after|before|within|during|once|twice|with|when|if|to|from"
    r"|until|unless|using|via|as|only|and (?:[a-z]+ed|is|are|was|were))\b"
)


def _by(match: re.Match[str], subject: str) -> tuple[str, str] | None:
    verb, aux = match["verb"], match["aux"]
    who = _FURTHER.split(match["who"])[0]
    if not understood(who) or re.search(r"\b(?:ing|hand|default|using|post|mail|law)\b|ing\b", who):
        return None
    if aux in {"was", "were"} and verb.endswith("ed") and " " not in verb:
        return f"Who {verb} {subject}?", who
    return f"Who {aux} {subject} {verb} by?", who


def _responsible(match: re.Match[str], subject: str) -> tuple[str, str] | None:
    what = match["what"]
    if not understood(what) or len(what.split()) > 14:
        return None
    return f"Who {match['verb']} responsible for {what}?", subject


def _open(match: re.Match[str], subject: str) -> tuple[str, str] | None:
    return f"When {match['verb']} {subject} {match['state']}?", match["when"]


def _stands_for(match: re.Match[str], _: str) -> tuple[str, str] | None:
    letters = "".join(word[0] for word in re.split(r"[\s-]+", match["s"]) if word[0].isupper())
    if letters != match["short"]:
        return None
    return f"What does {match['short']} stand for?", match["s"]


def _defined(match: re.Match[str], subject: str) -> tuple[str, str] | None:
    what = match["what"]
    if len(what.split()) < 3 or not understood(what.split(" that ")[0]):
        return None
    vague = subject.startswith("the ") and len(subject.split()) < 3
    if (
        vague
        or len(subject.split()) > 6
        or re.match(r"(?:all|any|each|every|no|most|some)\b", subject)
    ):
        return None
    if re.match(
        r"(?:the (?:same|first|last|only|main|primary|best|most|goal|purpose|point|case|reason)"
        r"|(?:an? )?(?:great|good|key|important|part|big|lot|must|bit|few|little))\b",
        f"{match['det']} {what}",
    ):
        return None
    named = re.fullmatch(r"(?:[A-Z][a-z]+ ){1,2}[A-Z][\w-]+", match["s"])
    person = named and re.search(r"\b(?:manager|officer|head|director|engineer|lead|chair)\b", what)
    ask = "Who" if person else "What"
    return f"{ask} {match['verb']} {subject}?", f"{match['det']} {what}"


def _used(match: re.Match[str], subject: str) -> tuple[str, str] | None:
    what = match["what"]
    if not understood(what.split(",")[0]) or len(what.split()) < 3:
        return None
    return f"What {match['verb']} {subject} used for?", what


_TRUST = {
    "number": 1.0,
    "date": 1.0,
    "frequency": 1.0,
    "person": 0.95,
    "definition": 0.85,
    "purpose": 0.85,
    "abbreviation": 0.95,
}


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


_RULES_BY_KIND: tuple[
    tuple[str, re.Pattern[str], Callable[[re.Match[str], str], tuple[str, str] | None]], ...
] = (
    (
        "abbreviation",
        _pattern(r"(?P<s>(?:[A-Z][\w-]+ ){1,5}[A-Z][\w-]+) \((?P<short>[A-Z]{2,6})\)"),
        _stands_for,
    ),
    (
        "number",
        _pattern(
            rf"{_SUBJECT} {_MODAL} (?P<verb>[a-z]+(?: (?:over|out|up|off|back|in))?) {_ABOUT}"
            rf"(?P<n>{_NUMBER}) (?P<unit>{_UNIT}){_REST}{_END}"
        ),
        _modal_count,
    ),
    (
        "number",
        _pattern(
            rf"{_SUBJECT} (?P<modal>may|must|can|should|shall|will|is|are)"
            rf" (?P<verb>[^,;:()]{{3,60}}?) within (?P<n>{_NUMBER}) "
            rf"(?P<unit>(?:working |calendar |business )?{_TIME}){_REST}{_END}"
        ),
        _within,
    ),
    (
        "number",
        _pattern(
            rf"{_SUBJECT} (?P<verb>is|are|was|were) {_ABOUT}(?P<amount>{_AMOUNT})(?!-){_REST}{_END}"
        ),
        _is_amount,
    ),
    (
        "number",
        _pattern(
            rf"{_SUBJECT} (?P<verb>takes|lasts|costs|weighs) {_ABOUT}(?P<amount>{_AMOUNT})"
            rf"{_REST}{_END}"
        ),
        _lasts,
    ),
    (
        "number",
        _pattern(
            rf"{_SUBJECT} (?P<verb>{_COUNTING}) {_ABOUT}(?P<n>{_NUMBER}) (?P<unit>{_UNIT})"
            rf"{_REST}{_END}"
        ),
        _has,
    ),
    (
        "date",
        _pattern(
            rf"{_SUBJECT} (?P<aux>is|are|was|were|will|must|shall|may|should)"
            rf" (?P<verb>[^,;:()]{{3,60}}?) (?P<prep>on|in|by|from|since|until|before|after) "
            rf"(?P<date>{_DATE})(?:[ ,;.(].*)?{_END}"
        ),
        _dated,
    ),
    (
        "date",
        _pattern(
            rf"{_SUBJECT} (?P<verb>is|are) (?P<state>open|closed|available) "
            rf"(?P<when>(?:from|on|between|every|until|at) [^.;(]*\d[^.;(]*){_END}"
        ),
        _open,
    ),
    (
        "frequency",
        _pattern(
            rf"{_SUBJECT} (?P<aux>is|are|must|should|will|may) (?P<verb>(?:be )?[a-z]+"
            r"(?:ed|ld|pt|en|wn|nt|de|id)) "
            r"(?P<often>every (?:(?:two|three|four|six|\d+|other) )?[a-z]+"
            rf"|(?:once|twice|\w+ times) (?:a|per|every) \w+){_REST}{_END}"
        ),
        _often,
    ),
    (
        "person",
        _pattern(rf"{_SUBJECT} (?P<verb>is|are) responsible for (?P<what>[^.;:()]{{5,90}}){_END}"),
        _responsible,
    ),
    (
        "person",
        _pattern(
            rf"{_SUBJECT} (?P<aux>is|are|was|were) (?P<verb>[a-z]+(?:ed|pt|en|ld|de|wn|un|nt)) by "
            rf"(?P<who>(?:the |our )?[A-Za-z][^,;:()]{{3,50}}?)(?:,.*)?{_END}"
        ),
        _by,
    ),
    (
        "purpose",
        _pattern(rf"{_SUBJECT} (?P<verb>is|are) used (?P<what>(?:to|for) [^.;:()]{{8,110}}){_END}"),
        _used,
    ),
    (
        "definition",
        _pattern(
            rf"{_SUBJECT} (?P<verb>is|are) (?P<det>a|an|the|one of) "
            rf"(?P<what>[^.;:()]{{6,130}}){_END}"
        ),
        _defined,
    ),
)
