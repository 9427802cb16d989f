"""What kind of value a question asks for, and whether a text gives one: 1.34 kg is a weight.

Pure functions of the text, with rules for English. A number alone says little: "How heavy is the
kettle?" is not answered by "87 per cent of the weight can be recycled". Values without a number
that can be told by their form are among them: an e-mail address, a colour.
"""

from __future__ import annotations

import re

_NUMBER = (
    r"(?:\d[\d.,]*[\u00bc-\u00be]?|one|two|three|four|five|six|seven|eight|nine|ten|twelve"
    r"|fifteen|twenty|half)"
)
_UNITS = {
    "weight": r"kg|kilos?|kilograms?|g|grams?|mg|t|tonnes?|tons?|lbs?|oz|ounces?",
    "length": (
        r"mm|cm|m|km|millimet(?:re|er)s?|centimet(?:re|er)s?|met(?:re|er)s?|kilomet(?:re|er)s?"
        r"|inch(?:es)?|feet|foot|ft|yards?|miles?|characters?|words?|pages?|lines?"
    ),
    "area": r"m\u00b2|m2|km\u00b2|sqm|square \w+|hectares?|acres?",
    "volume": (
        r"l|ml|cl|hl|m\u00b3|m3|lit(?:re|er)s?|millilit(?:re|er)s?|gallons?|pints?|cubic \w+"
    ),
    "cups": r"(?:\w+ )?(?:cups?|mugs?|glass(?:es)?)",
    "temperature": r"\u00b0\s?[CF]?|degrees?|kelvin",
    "power": r"k?W|MW|watts?|kilowatts?|horsepower|hp",
    "voltage": r"k?V|volts?",
    "loudness": r"dB(?:\([AC]\))?|decibels?",
    "share": r"%|per\s?cent|percentage points?",
    "duration": (
        r"(?:working |calendar |full |business )?(?:ms|s|secs?|seconds?|mins?"
        r"|minutes?|h|hrs?|hours?|days?|nights?|weeks?|fortnights?|months?|quarters?|years?|decades?|centur(?:y|ies))"
    ),
}
_CURRENCY = (
    r"[\u20ac$\u00a3\u00a5]|\b(?:eur|usd|gbp|chf)\b"
    r"|\b(?:euros?|dollars?|cents?|pounds?|pence|francs?)\b"
)
_VALUES = {
    kind: re.compile(
        rf"(?<![\w.,]){_NUMBER}[\s\u00a0-]?(?:{units})(?![\w\u00b2\u00b3])"
        rf"|[_(\s](?:{units})\)?\s?[:=]\s?\d",
        0 if kind in {"power", "voltage"} else re.IGNORECASE,
    )
    for kind, units in _UNITS.items()
}
_VALUES["money"] = re.compile(
    rf"(?:{_CURRENCY})[\s\u00a0]?\d|(?<![\w.,]){_NUMBER}[\s\u00a0]?(?:{_CURRENCY})"
    r"|_(?:eur|usd|gbp|chf)\w*\W{1,3}\d"
    r"|\b(?:free of charge|for free|without charge|at no cost|costs? nothing)\b"
    rf"|(?<![\w.,]){_NUMBER}\s?(?:%|per\s?cent)",
    re.IGNORECASE,
)
_VALUES |= {
    "clock": re.compile(
        r"(?<![\d.,:])\d\d?:[0-5]\d(?!\d)|\d\s?[ap]\.?m\b|\bo\W?clock\b"
        r"|\b(?:noon|midnight|all day|round the clock|day and night|24 hours a day)\b",
        re.IGNORECASE,
    ),
    "phone": re.compile(
        r"(?<![\w.,-])(?!\d{4}-\d\d-\d\d)\+?\(?\d(?:[\s()/.-]{0,2}\d){5,}(?![\w-])"
    ),
    "email": re.compile(r"[^\s@]@[^\s@]+\.\w"),
    "web": re.compile(
        r"https?://|\bwww\.|\b[\w-]+\.(?:com|org|net|edu|gov|io|example)\b", re.IGNORECASE
    ),
    "colour": re.compile(
        r"\b(?:black|white|gr[ae]y|silver|gold(?:en)?|red|blue|navy|green|yellow|orange|amber|brown"
        r"|beige|pink|purple|violet|turquoise|cream|ivory|copper|colou?rless)\b",
        re.IGNORECASE,
    ),
}
_ASKED = tuple(
    (kinds, re.compile(pattern, re.IGNORECASE))
    for kinds, pattern in (
        (
            ("weight",),
            r"\bhow heavy\b|\bweighs?\b|\bweight\b|\bhow many (?:kilos?|kilograms?|grams?)\b",
        ),
        (
            ("phone",),
            r"\b(?:(?:tele)?phone|mobile|cell|fax|hotline) number\b"
            r"|\b(?:number|extension) (?:do|can|should|must|to) (?:(?:i|we|you) )?"
            r"(?:call|ring|dial)\b",
        ),
        (("email",), r"\b(?:what|which)\b.*\be-?mail address\b"),
        (("web",), r"\b(?:what|which)\b.*\b(?:web ?site|web address|url)\b"),
        (
            ("clock",),
            r"\b(?:what|which) time\b|\bo\W?clock\b|\b(?:opening|closing|office) (?:times?|hours)\b"
            r"|\bfrom when to when\b.*\bopen\b",
        ),
        (("colour",), r"\b(?:what|which) colou?rs?\b"),
        (
            ("money",),
            r"\b(?:cost|costs|price|prices|priced|rent|salary|fee|fees|deposit|surcharge)\b"
            r"|\bhow expensive\b"
            r"|\bhow much (?:do|does|did|will|would) \w+(?: \w+){0,4} (?:pay|earn|charge)"
            r"|\bhow much (?:do|does|did|will|would|is|are|was|were)\b.*"
            r"\b(?:paid|save|spend|invest)\w*"
            r"|\bhow much (?:money|is paid)\b",
        ),
        (
            ("length",),
            r"\bhow (?:tall|wide|deep|thick|far|high)\b"
            r"|\b(?:width|height|diameter|distance|thickness)\b"
            r"|\bhow many (?:met(?:re|er)s|kilomet(?:re|er)s|centimet(?:re|er)s|miles)\b"
            r"|\bhow long is \w+(?: \w+)? (?:cord|cable|rope|hose|lead|wire|pipe|table|desk)\b",
        ),
        (("area",), r"\b(?:floor|surface) area\b|\bhow many (?:square|hectares|acres)\b"),
        (
            ("temperature",),
            r"\bhow (?:hot|warm|cold)\b|\b(?:what|which) temperatures?\b|\bhow many degrees\b",
        ),
        (("volume",), r"\bhow many (?:lit(?:re|er)s|gallons)\b|\bhow much (?:water|liquid)\b"),
        (("cups",), r"\bhow many (?:cups|mugs|glasses)\b"),
        (("loudness",), r"\bhow (?:loud|noisy)\b|\bnoise level\b|\bdecibels?\b"),
        (("power",), r"\bwattage\b|\bhow many (?:kilo)?watts\b"),
        (("voltage",), r"\b(?:voltage|how many volts)\b"),
        (
            ("share",),
            r"\b(?:what|which) (?:percentage|percent|per cent|share)\b|\bhow many per\s?cent\b",
        ),
        (("duration", "length"), r"\bhow long\b"),
        (
            ("duration",),
            r"\bhow many (?:seconds|minutes|hours|days|nights|weeks|months|years)\b|\bhow old\b"
            r"|\bhow (?:much time|soon|quickly)\b",
        ),
    )
)


_YES_OR_NO = re.compile(
    r"\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|may|must|should|will|would)\b",
    re.IGNORECASE,
)


def quantities(question: str) -> tuple[str, ...]:
    """Return which kinds of value a question asks for, any of which will do; none mostly."""
    if _YES_OR_NO.match(question):
        return ()
    return next((kinds for kinds, pattern in _ASKED if pattern.search(question)), ())


def gives(text: str, kinds: tuple[str, ...]) -> bool:
    """Return whether a text holds a value of one of the kinds, with its unit."""
    return any(_VALUES[kind].search(text) is not None for kind in kinds)
