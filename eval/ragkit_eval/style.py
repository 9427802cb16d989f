"""The style of a text as numbers, whatever the text is about.

Only a closed list of words is looked at as words: function words, and those of greeting, thanks
and apology. All else, and every name, number and code, is content: runs of it become one mark, so
that neither a topic, nor how many figures or names it has, shows. The list is of English; in other
languages marks, lengths and repeated phrases remain.

Source: Mosteller and Wallace, "Inference and Disputed Authorship", 1964 (function words); Stamatatos,
EACL 2017 ("Authorship Attribution Using Text Distortion": content is masked, its place is kept).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from ragkit.sentence import split

CONTENT = "\u2026"
"""What stands for a run of content in a pattern."""
_KEPT = frozenset(
    """
    a an the this that these those some any no every each all both such another other
    i me my mine myself we us our ours ourselves you your yours yourself yourselves
    it its itself one's who whom whose which what where when why how
    am is are was were be been being do does did doing have has had having
    can could may might must shall should will would ought cannot
    not nor never neither and or but so yet if unless because although though while whilst whereas
    of to in for with on at by from as about into than then too either whether
    also just only even still already again ever always often sometimes usually
    very quite rather really simply merely indeed perhaps maybe probably certainly surely
    of course however therefore thus hence moreover furthermore additionally overall
    instead otherwise meanwhile accordingly please kindly thank thanks sorry apologies apologise
    apologize hello hi hey dear welcome greetings regards sincerely cheers warmly yes okay ok sure
    absolutely unfortunately happy glad afraid pleased delighted great lovely let here there now
    """.split()
)
# What happened and what is so are two topics, and no two voices: tense and number do not show.
_FORMS = {
    **dict.fromkeys("am is are was were been being".split(), "be"),
    **dict.fromkeys("does did doing".split(), "do"),
    **dict.fromkeys("has had having".split(), "have"),
    "an": "a",
    "these": "this",
    "those": "that",
}
_IS = frozenset("it that there here what who where how let".split())
_SHORTENED = frozenset({"m", "re", "ve", "ll", "d"})
_TOKEN = re.compile(
    r"(?P<bullet>(?:^|(?<=\n))[ \t]*(?:[-*\u2022\u2023\u25aa\u2013]|\d{1,3}[.)])[ \t]+)"
    r"|(?P<heading>(?:^|(?<=\n))#{1,6}[ \t]+)"
    r"|(?P<bold>\*\*|__)"
    r"|(?P<cited>\[(?:doc )?\d+(?:, ?\d+)*\])"
    r"|(?P<word>[^\W_]+(?:['\u2019.,:/@&+-][^\W_]+)*)"
    r"|(?P<paragraph>\n\s*\n)|(?P<line>\n)"
    r"|(?P<ellipsis>\.{2,}|\u2026)"
    r"|(?P<dash>[\u2013\u2014]|(?<=\s)--?(?=\s))"
    r"|(?P<quote>[\"\u201c\u201d\u201e\u00ab\u00bb])"
    r"|(?P<emoji>[\u2600-\u27bf\U0001f300-\U0001faff]|[:;]-?[()DP](?!\w))"
    r"|(?P<mark>[.,;:!?()])"
)
_NAMES = {
    "bullet": "list items",
    "heading": "headings",
    "bold": "bold marks",
    "paragraph": "blank lines",
    "line": "line breaks",
    "ellipsis": "mark \u2026",
    "dash": "mark \u2014",
    "quote": 'mark "',
    "emoji": "emoji",
}
_STOPS = frozenset(".!?:")
_PERSONS = {
    "I, me, my": frozenset("i me my mine myself".split()),
    "we, us, our": frozenset("we us our ours ourselves".split()),
    "you, your": frozenset("you your yours yourself yourselves".split()),
}
IN_PERSONS = frozenset().union(*_PERSONS.values())
"""Words that are counted by person as well."""
_HUNDRED = 100.0
_LONGEST_PHRASE = 12

PER_100 = "per 100 words"
SHARE = "share of texts"
MEAN = "mean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a text is written.

    Attributes:
        rates: Words of the closed list, marks, persons and contractions, in 100 words each.
        lengths: In words and sentences.
        patterns: Two and three neighbours in the masked text, as shares of all; "^" is the
            beginning of the text and "$" its end.
        opening: The first sentence if it is short, in lower case without marks; else empty.
        closing: The last sentence, likewise, if there is more than one.
    """

    rates: Mapping[str, float]
    lengths: Mapping[str, float]
    patterns: Mapping[str, float]
    opening: str
    closing: str


def style(text: str) -> Style:
    """Return how a text is written; the same text always gives the same numbers."""
    found = list(_tokens(text.lower() if text.isupper() else text))
    words = max(1, sum(is_word for _, is_word in found))
    counts = Counter(name for name, _ in found if name != CONTENT)
    for person, members in _PERSONS.items():
        counts[person] = sum(
            count for name, count in counts.items() if name.partition("'")[0] in members
        )
    counts["contractions"] = sum(
        count for name, count in counts.items() if "'" in name and name != "'s"
    )
    sentences = [text[start:end] for start, end in split(text)]
    return Style(
        rates={name: _HUNDRED * count / words for name, count in sorted(counts.items()) if count},
        lengths={
            "words": float(words),
            "sentences": float(max(1, len(sentences))),
            "words a sentence": words / max(1, len(sentences)),
        },
        patterns=_patterns([name for name, _ in found]),
        opening=_phrase(sentences[0]) if sentences else "",
        closing=_phrase(sentences[-1]) if len(sentences) > 1 else "",
    )


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Yield (name, whether it is a word) of all that is looked at, content masked."""
    begins = True
    for match in _TOKEN.finditer(text):
        kind, token = match.lastgroup or "", match.group()
        if kind == "word":
            for name in _masked(token.replace("\u2019", "'"), begins=begins):
                yield name, name != "'s"
            begins = False
        elif kind == "mark":
            yield f"mark {token}", False
            begins = token in _STOPS
        elif kind != "cited":
            yield _NAMES[kind], False
            begins = begins or kind in ("bullet", "heading", "paragraph", "line", "ellipsis")


def _masked(token: str, *, begins: bool) -> list[str]:
    """Return what stands for a word: itself if it is of the list, else `CONTENT`."""
    lower = token.lower()
    # Within a sentence a capital makes a name of "May" and "Will"; "I" has always one.
    named = token[0].isupper() and not begins and not re.match(r"I(?:'|$)", token)
    base, apostrophe, end = lower.rpartition("'")
    if not apostrophe:
        return [CONTENT if named or lower not in _KEPT else _FORMS.get(lower, lower)]
    if end == "t" and base.endswith("n"):
        return [lower]
    if (base in _KEPT and end in _SHORTENED) or (base in _IS and end == "s"):
        return [lower]
    return [CONTENT, "'s"] if end == "s" else [CONTENT]


def _patterns(names: list[str]) -> dict[str, float]:
    """Return the shares of pairs and triples of neighbours, runs of content being one."""
    kept = ["^", *names, "$"]
    kept = [kept[0]] + [b for a, b in pairwise(kept) if not a == b == CONTENT]
    short = [name.removeprefix("mark ") for name in kept]
    found = Counter(" ".join(pair) for pair in pairwise(short))
    found.update(" ".join(short[i : i + 3]) for i in range(len(short) - 2))
    total = sum(found.values())
    return {name: count / total for name, count in found.items()}


def _phrase(sentence: str) -> str:
    words = re.findall(r"[^\W_]+(?:['\u2019-][^\W_]+)*", sentence.lower().replace("\u2019", "'"))
    return " ".join(words) if 0 < len(words) <= _LONGEST_PHRASE else ""
