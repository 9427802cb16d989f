"""A follow-up in a conversation becomes a question that stands on its own.

Rules only, no model: a question is left exactly as it is unless it visibly leans on what was
said before, by a pronoun with nothing to refer to ("How long does it take?"), by an opening
that continues ("And for contractors?"), or by being a fragment ("Why?"). When in doubt it is
left alone: a question that was changed wrongly finds the wrong passages, while one that was
left alone wrongly can be asked again in full.

This module knows neither documents nor passages; it reads words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragkit.generate.protocol import Turn

MAX_FRAGMENT_WORDS = 7
"""A longer text is never taken for a fragment of the question before."""
MAX_CLAUSE_WORDS = 9
"""A longer clause is not taken along with the topic that it belongs to."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PREPOSITIONS = _words(
    "about after against as at before below between by during except for from in inside into of on"
    " outside over per since through to under until upon when with within without"
)
_DETERMINERS = _words("a all an any both each either every my no our some the their this your")
_AUXILIARIES = _words(
    "am are be been being can cannot could did do does had has have is may might must need shall"
    " should was were will would isn't aren't doesn't don't didn't can't won't"
)
_QUESTION_WORDS = _words("how what when where which who whom whose why")
_MEASURES = _words(
    "big early far fast few high large late little long low many much often old soon"
)
_SMALL = _words(
    "again also and anyone anything apply because but come else even exactly get gets give got i if"
    " just let like make me more most much not now only or otherwise ok please really same so still"
    " tell than that then there these they this those too us very we well you explain okay it its"
    " he she him her his hers them their theirs one ones mean happen happens case"
)
_FUNCTION_WORDS = _PREPOSITIONS | _DETERMINERS | _AUXILIARIES | _QUESTION_WORDS | _MEASURES | _SMALL

# Nouns and verbs that say nothing without the thing they belong to: "Is there a limit?"
_BARE = _words(
    "answer approve approves begin begins change changes condition conditions consequence"
    " consequences cost costs deadline decide decides detail details difference end ends example"
    " examples exception exceptions limit limits maximum minimum number pay pays price prices"
    " reason reasons rule rules sign signed signs source start starts work works"
)
# Said in a chat, and neither a question nor about one.
_COURTESIES = _words("bye cheers goodbye great hello hey hi nice no ok okay perfect thanks yes")
# Nouns of the present moment: "this year" refers to nothing that was said.
_MOMENTS = _words(
    "afternoon april august autumn christmas company december document documents evening february"
    " handbook january july june march may moment month morning november october quarter september"
    " spring summer time week winter year"
)

_PARTICLES = _words("away back down forward in off on out over up")
_IMPERATIVES = _words("compare describe explain find give list name show summarise summarize tell")
_PARTICIPLES = _words(
    "built bought chosen done given held kept left lost made meant met paid put read said sent set"
    " shown sold taken told written"
)

_THING = _words("it its")
_PEOPLE = _words("he she him her his hers")
_GROUP = _words("they them their theirs")
_POINTER = _words("that this these those")
_PLACE = "there"
_TO_BE = _words("is are was were be been being")
_CLAUSE_WORDS = (
    _AUXILIARIES
    | _QUESTION_WORDS
    | _PEOPLE
    | _GROUP
    | _THING
    | _words("and because i if or that we you")
)
_POSSESSIVE = {"its": True, "his": True, "her": False, "their": True}

_WORD = re.compile(r"[^\W_](?:[\w'\u2019.,/-]*[\w])?", re.UNICODE)
_OPENING = re.compile(
    r"^(?:(?:and|but|so|ok|okay|or|then|now)[,\s]+)*"
    r"(?:what about|how about|what of|same for|the same for|and|but|or|also)\b[,:\s]*",
    re.IGNORECASE,
)
_CLOSING = re.compile(r"[\s,]+(?:too|as well|also|instead|then|either)$", re.IGNORECASE)
# "It" that stands for a clause which follows: "Is it allowed to ...", "does it take to ..."
_EXPLETIVE = re.compile(
    r"\b(?:is|was|be|would be|will be)\s+it\s+(?:not\s+)?[\w-]+\s+(?:\w+\s+)?"
    r"(?:to|that|if|whether|when|for)\s+\w{2,}"
    r"|\bit(?:'s|\s+is|\s+was)\s+[\w-]+\s+(?:to|that|if|whether|when)\s+\w{2,}"
    r"|\b(?:does|did|will|would|must|can)\s+it\s+(?:take|cost|matter|help|hurt|make sense)\b"
    r".*\b(?:to|if|whether|when)\s+\w+"
    r"|\bhow\s+\w+\s+is\s+it\s+(?:from|to|between|in)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b[A-Z][\w'\u2019-]+(?:\s+(?:of\s+the\s+|of\s+|the\s+)?[A-Z][\w'\u2019-]+)+")
_NAMED_PLACE = re.compile(
    r"\b(in|at|on)\s+((?:the\s+|The\s+)?[A-Z][\w'\u2019-]+(?:\s+(?:of\s+the\s+|of\s+)?[A-Z][\w'\u2019-]+)*)"
)
_CODE = re.compile(r"^(?=.*\d)[\w./-]+$")
_NUMBERED_NAME = re.compile(r"[A-Z][\w-]*\s+\d+")


_SWITCH = re.compile(
    r"^(?:(?:and\s+)?now\s+)?(?:(?:for\s+)?something\s+(?:else|different)"
    r"|(?:a\s+)?(?:different|another|new|next|other)\s+(?:topic|question|subject|matter)"
    r"|anyway|by the way|changing the subject)\s*[:,.;\u2013-]",
    re.IGNORECASE,
)
_CORRECTION = re.compile(
    r"^(?:(?:no|sorry|oops|wait|actually|hm+|well|pardon)\b[,.!;:\s\u2013-]*)*"
    r"(?:(?:i|we)\s+(?:meant|mean|was\s+asking\s+about|am\s+asking\s+about|asked\s+about)|rather)"
    r"\s*[:,]?\s+(?P<meant>\S.*)$"
    r"|^(?:no|wait|sorry)\b[,.;:\s\u2013-]+(?P<instead>(?:the|those|that|only|for|in|at|on)\s+\S.*)$"
    r"|^not\s+(?:the\s+|for\s+)?(?P<wrong>[\w-]+)[,;]\s*(?:but\s+)?(?P<right>(?:the|for|in)\s+\S.*)$",
    re.IGNORECASE,
)
_THE_ONE = re.compile(r"^(?:the\s+|that\s+)?ones?\s+(?=\S)|^those\s+(?=for\b|in\b|of\b)", re.I)
_AN_ONE = re.compile(r"\s+ones?$", re.IGNORECASE)
# "Why is that?": a question word that asks of the whole question before.
_OF_ALL = re.compile(
    r"^(?P<asked>why|how come|since when|from when|until when)\s+(?:is|was|are|were)\s+"
    r"(?:that|this|it|so)(?:\s+so)?$",
    re.IGNORECASE,
)
# "What was it before?": the question before, at another time.
_AT_ANOTHER_TIME = re.compile(
    r"^(?:what|how\s+\w+)\s+(?:is|was|were|will)\s+(?:it|that|this)\s+(?:be\s+)?"
    r"(?P<time>before(?:\s+that)?|earlier|previously|until\s+then|now|(?:in|since|before)\s+\d{4})$",
    re.IGNORECASE,
)
_WHICH_ONE = re.compile(r"^(?P<opening>(?:and\s+|but\s+|so\s+)?which)\s+ones?\b", re.IGNORECASE)
# "How many rooms do THEY have?": the noun before the verb is what is asked for.
_OTHER_SUBJECT = re.compile(
    r"^(?:and\s+|but\s+|so\s+)?(?:how\s+(?:many|much)|which|what)\s+[\w-]+(?:\s+[\w-]+)?\s+"
    r"(?:do|does|did|can|may|must|will|would|should)\s+(?P<pronoun>they|it|he|she)\b",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    r"^the\s+(?:list\s+)?(?:price|cost|weight|width|height|length|depth|size|colour|color|date|age"
    r"|name|number|capacity|power|noise|warranty)\s+of\s+(?P<thing>.+)$",
    re.IGNORECASE,
)
_OF_THE_ATTRIBUTE = _words(
    "include includes included apply applies change changed changes rise rose fall fell valid"
    " agreed decided decide set fixed negotiable include raised lowered"
)
_PREDICATES = _words("cost costs take takes last lasts need needs have has apply applies mean")

_OWNER = re.compile(r"['\u2019]s?$")
_ASKS_WHO = re.compile(r"(?:and\s+|but\s+|so\s+)?who", re.IGNORECASE)
_POINTING = _words("it its they them their theirs this that these those there he she him her his")
_NAMES_ENOUGH = 4


def standalone(question: str, history: Sequence[Turn]) -> str:
    """Return the question with what it leans on filled in.

    Args:
        question: As typed.
        history: Earlier turns, oldest first; their questions already stand on their own.

    Returns:
        The question itself, unchanged, if it stands on its own or if nothing in the history
        says what it leans on.
    """
    asked = question.strip()
    anchor = _anchor(history)
    if anchor is None or not asked or _SWITCH.match(asked):
        return question
    corrected = _corrected(asked, anchor.question)
    if corrected is not None:
        return corrected
    if _is_courtesy(asked):
        return question
    fragment, opened = _without_opening(asked)
    if _is_fragment(fragment, opened=opened):
        return _complete(fragment, anchor.question)
    again = _asked_again(asked, fragment, anchor.question)
    if again is not None:
        return again
    if _is_bare_question_word(fragment):
        return f"{_stem(anchor.question)}, and {_lower_first(_stem(fragment))}?"
    if _is_bare(fragment):
        return _about(asked, topic_of(anchor.question))
    if _stands_alone(asked):
        return question
    return _resolve(asked, anchor) or question


def _asked_again(asked: str, fragment: str, question: str) -> str | None:
    """Return the earlier question asked of its reason, of another time, or of one of several."""
    of_all = _OF_ALL.match(_stem(fragment))
    if of_all is not None:
        return f"{_stem(question)}, and {of_all['asked'].lower()}?"
    then = _AT_ANOTHER_TIME.match(_stem(fragment))
    if then is not None:
        return f"{_stem(question)}, {then['time']}?"
    which, topic = _WHICH_ONE.match(asked), topic_of(question)
    if which is not None and topic:
        return f"{which['opening']} of {_definite(topic)}{asked[which.end() :]}"
    return None


def _stands_alone(text: str) -> bool:
    """Whether a question says enough for its pronouns to point at something within itself.

    In "Does it apply to contractors?" the pronoun comes first and leans on what went before; in
    "Who chases hotels that do not pay their bills?" the question has named them already.
    """
    tokens = _WORD.findall(text)
    content = [i for i, token in enumerate(tokens) if _is_content(token)]
    pointing = [i for i, token in enumerate(tokens) if token.lower() in _POINTING]
    if not pointing or len(content) < _NAMES_ENOUGH:
        return False
    return pointing[0] >= _NAMES_ENOUGH and content[0] < pointing[0]


def topic_of(question: str) -> str:
    """Return the phrase that a question is about, such as "the notice period"; "" if none.

    The phrase runs from the first noun-like word (with its article) to the end of the phrases
    that belong to it: "the warranty period of the QK-350".
    """
    tokens = _WORD.findall(_stem(question))
    start = next((i for i in range(len(tokens)) if _begins_topic(tokens, i)), None)
    if start is None:
        start = next((i for i, t in enumerate(tokens) if _is_content(t)), None)
    if start is None:
        return ""
    end = _topic_end(tokens, start)
    while end > start and not _is_content(tokens[end - 1]):
        end -= 1
    return " ".join([*tokens[start:end], *_clause(tokens, start, end)])


def _anchor(history: Sequence[Turn]) -> Turn | None:
    return next((turn for turn in reversed(history) if topic_of(turn.question)), None)


def _is_content(token: str) -> bool:
    return token.lower() not in _FUNCTION_WORDS


def _is_courtesy(text: str) -> bool:
    words = [word.lower() for word in _WORD.findall(text)]
    return bool(words) and words[0] in _COURTESIES and len(words) <= 4 and "?" not in text


# --- the topic of an earlier question


def _begins_topic(tokens: Sequence[str], i: int) -> bool:
    """Whether a noun phrase begins here: an article, a name or code, or a noun after one verb."""
    token, lower = tokens[i], tokens[i].lower()
    following = tokens[i + 1] if i + 1 < len(tokens) else ""
    if lower in _DETERMINERS:
        return bool(following) and (_is_content(following) or following.lower() in _MEASURES)
    if not _is_content(token):
        return False
    if i > 0 and (token[0].isupper() or _CODE.match(token)):
        return True
    return not _is_verb_position(tokens, i)


def _is_verb_position(tokens: Sequence[str], i: int) -> bool:
    """Whether a bare word at i is more likely the verb: "Who APPROVES travel?"."""
    before = tokens[i - 1].lower() if i else ""
    if _is_participle(tokens[i].lower(), before):
        return True
    if before in ("who", "whom", "i", "we", "you", "people", "to", "that", "they"):
        return True
    if before == "what":
        after = tokens[i + 1].lower() if i + 1 < len(tokens) else ""
        return _ends_in_s(tokens[i]) and after not in _AUXILIARIES
    return i == 0 and tokens[i].lower() in _IMPERATIVES


def _clause(tokens: Sequence[str], start: int, end: int) -> Sequence[str]:
    """Return what is said of the topic and tells it from others of its kind.

    "days of leave (may be) CARRIED OVER", "which hotels (that) JOIN THE CONTRACT".
    """
    rest = tokens[end:]
    if len(rest) > MAX_CLAUSE_WORDS:
        return ()
    lower = [token.lower() for token in rest]
    if len(rest) > 2 and lower[1] == "be" and _is_participle(lower[2], "be"):
        return rest[2:4] if lower[3:4] and lower[3] in _PARTICLES else rest[2:3]
    asked_for = start > 0 and tokens[start - 1].lower() == "which"
    if asked_for and len(rest) > 1 and _is_content(rest[0]) and _ends_in_s(tokens[end - 1]):
        return ["that", *rest]
    return ()


def _ends_in_s(token: str) -> bool:
    return token.lower().endswith("s") and not token.lower().endswith("ss")


def _topic_end(tokens: Sequence[str], start: int) -> int:
    """Return where the phrase that begins at `start` ends: at the next verb of the question."""
    before = tokens[start - 1].lower() if start else ""
    for i in range(start + 1, len(tokens)):
        if tokens[i].lower() in _CLAUSE_WORDS or _is_participle(tokens[i].lower(), before):
            return i
        if tokens[i].lower() in _DETERMINERS and _is_content(tokens[i - 1]):
            return max(start + 1, i - 1)  # "the kettle KEEP the water": a verb and its object
    takes_verb = before in _AUXILIARIES - _TO_BE
    return len(tokens) - 1 if takes_verb and _is_long(tokens[start:]) else len(tokens)


def _is_participle(word: str, before: str) -> bool:
    """Whether the phrase after is/are/was ends here: "is overtime PAID on Sundays"."""
    return before in _TO_BE and (word in _PARTICIPLES or (word.endswith("ed") and len(word) > 4))


def _is_long(phrase: Sequence[str]) -> bool:
    bare = all(word.lower() not in _PREPOSITIONS for word in phrase)
    return bare and sum(map(_is_content, phrase)) > 1


# --- fragments: "and for contractors?", "how long?", "only on weekdays?"


def _without_opening(text: str) -> tuple[str, bool]:
    match = _OPENING.match(text)
    if match is None or match.end() == len(text):
        return text, False
    return text[match.end() :].strip(), True


def _is_fragment(text: str, *, opened: bool) -> bool:
    """Whether the text is a phrase to be fitted into the question before, not a clause."""
    words = [word.lower() for word in _WORD.findall(text)]
    if not words or len(words) > MAX_FRAGMENT_WORDS:
        return False
    if any(w in _QUESTION_WORDS for w in words) or words[0] in _AUXILIARIES:
        return False
    if _has_verb_inside(words):
        return False
    if opened or _CLOSING.search(_stem(text)):
        return any(_is_content(word) for word in words)
    if words[0] in _PREPOSITIONS | {"only", "even", "also", "not"}:
        return len(words) > 1
    return len(words) == 1 and text.endswith("?") and _is_content(words[0])


def _has_verb_inside(words: Sequence[str]) -> bool:
    return any(word in _AUXILIARIES for word in words[1:])


def _complete(fragment: str, question: str) -> str:
    """Fit a fragment into the earlier question: replace its counterpart there, or append it."""
    phrase = _CLOSING.sub("", _stem(fragment))
    stem = _stem(question)
    head = _WORD.findall(phrase)[0].lower()
    if not _is_content(head):
        phrase = _lower_first(phrase)
    if head in _PREPOSITIONS:
        return _replace_last_phrase(stem, head, phrase) + "?"
    swapped = _swap_name(stem, phrase)
    if swapped is not None:
        return swapped + "?"
    if head in ("only", "even", "also", "not"):
        return f"{stem}, {phrase}?"
    another = _another(stem, phrase)
    if another is not None:
        return another + "?"
    return _replace_last_phrase(stem, "for", f"for {phrase}") + "?"


def _another(stem: str, phrase: str) -> str | None:
    """Put one thing in the place of another: "And the lease?" for "the agreement".

    Only of one thing for one thing: "And the interns?" asks of the same thing for other people.
    """
    topic = topic_of(stem)
    both_definite = topic.lower().startswith("the ") and phrase.lower().startswith("the ")
    if not both_definite or topic not in stem or " " not in phrase:
        return None
    head, of, _ = topic.partition(" of ")
    replaced = head if of and " of " not in phrase else topic
    if _ends_in_s(phrase.split(" of ")[0]) or _ends_in_s(replaced.split(" of ")[0]):
        return None
    return stem.replace(replaced, phrase, 1)


def _replace_last_phrase(stem: str, head: str, phrase: str) -> str:
    """Replace "for employees" at the end by "for contractors"; without one, append."""
    pattern = re.compile(rf"\b{head}\b\s+(?:[\w'\u2019.,/-]+\s*){{1,5}}$", re.IGNORECASE)
    match = pattern.search(stem)
    if match is None:
        return f"{stem} {phrase}"
    tail = [word.lower() for word in _WORD.findall(match.group())[1:]]
    if any(word in _PREPOSITIONS or word in _AUXILIARIES for word in tail):
        return f"{stem} {phrase}"
    return stem[: match.start()] + phrase


def _swap_name(stem: str, phrase: str) -> str | None:
    """Put one code or name in the place of the only other one: QK-350 for QK-200."""
    bare = re.sub(r"^(?:the|a|an|our)\s+", "", phrase, flags=re.IGNORECASE)
    if _NUMBERED_NAME.fullmatch(bare):
        codes = [t for t in _WORD.findall(stem) if _CODE.match(t) and not t.isdigit()]
        return stem.replace(codes[0], bare, 1) if len(codes) == 1 else None
    if " " in bare or not _CODE.match(bare):
        return None
    alike = [t for t in _WORD.findall(stem) if _CODE.match(t) and t.isdigit() == bare.isdigit()]
    if len(alike) != 1:
        return None
    return stem.replace(alike[0], bare, 1)


def _is_bare(text: str) -> bool:
    """Whether a question has no thing of its own: "Why?", "Is there a limit?", "Who approves?"."""
    words = [word.lower() for word in _WORD.findall(text)]
    if not words or _EXPLETIVE.search(text):
        return False
    if any(w in _THING | _PEOPLE | _GROUP for w in words):
        return False
    if _PLACE in words and _is_place_adverb(words, words.index(_PLACE)):
        return False
    if any(w in _POINTER and _points(words, i) for i, w in enumerate(words)):
        return False
    asks = words[0] in _QUESTION_WORDS | _AUXILIARIES | _PREPOSITIONS | {"tell", "explain", "more"}
    return asks and all(not _is_content(word) or word in _BARE for word in words)


def _is_bare_question_word(text: str) -> bool:
    """Whether nothing but a question word is there: "Why?", "Until when?", "How much?"."""
    words = [word.lower() for word in _WORD.findall(text)]
    asks = any(word in _QUESTION_WORDS for word in words)
    return asks and all(w in _QUESTION_WORDS | _PREPOSITIONS | _MEASURES for w in words)


def _stem(question: str) -> str:
    return question.rstrip("?!. ")


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _about(question: str, topic: str) -> str:
    return f"{_stem(question)}, about {topic}?"


# --- corrections: "no, I meant the one for the trade fair"


def _corrected(text: str, question: str) -> str | None:
    """Return the earlier question with what was meant put right; None if nothing is corrected."""
    match = _CORRECTION.match(_stem(text))
    if match is None:
        return None
    meant = _stem(match["meant"] or match["instead"] or match["right"])
    words = [word.lower() for word in _WORD.findall(meant)]
    if not any(map(_is_content, words)) or len(words) > MAX_CLAUSE_WORDS:
        return None
    if words[0] in _QUESTION_WORDS | _AUXILIARIES:
        return meant[:1].upper() + meant[1:] + "?"
    stem = _stem(question)
    phrase = _AN_ONE.sub("", _THE_ONE.sub("", meant))
    swapped = _swap_name(stem, phrase)
    if swapped is not None:
        return swapped + "?"
    if words[0] in _PREPOSITIONS or phrase.split()[0].lower() in _PREPOSITIONS:
        return _complete(phrase, question)
    return _put_for_its_noun(stem, meant, phrase)


def _put_for_its_noun(stem: str, meant: str, phrase: str) -> str:
    """Replace the phrase of the question that has a noun in common; without one, append."""
    shared = next((word for word in _WORD.findall(phrase) if _noun(word).search(stem)), None)
    if shared is None or phrase != meant:
        return f"{stem}, {meant}?"
    place = re.compile(
        rf"(?:\b(?:a|an|the|our)\s+)?(?:[\w-]+\s+)?{_noun(shared).pattern}"
        r"(?:\s+(?:in|at|for)\s+(?:(?:a|an|the)\s+)?[\w-]+"
        rf"(?:\s+(?!(?:{'|'.join(sorted(_PREDICATES | _PREPOSITIONS))})\b)[\w-]+)?)?",
        re.IGNORECASE,
    )
    match = place.search(stem)
    if match is None:
        return f"{stem}, {meant}?"
    before = _WORD.findall(match.group())[0].lower()
    start = match.start() + (
        match.group().find(" ") + 1 if before in _FUNCTION_WORDS - _DETERMINERS else 0
    )
    return f"{stem[:start]}{phrase}{stem[match.end() :]}?"


def _noun(word: str) -> re.Pattern[str]:
    pattern = rf"\b{re.escape(word)}\b" if _is_content(word) else r"(?!)"
    return re.compile(pattern, re.IGNORECASE)


# --- pronouns


def _resolve(question: str, anchor: Turn) -> str | None:
    """Return the question with its first dangling pronoun filled in; None if none dangles."""
    matches = list(_WORD.finditer(question))
    words = [match.group().lower() for match in matches]
    for i, word in enumerate(words):
        replacement = _antecedent(words, i, question, anchor)
        if replacement is None:
            continue
        if word in _POINTER and _points_at_noun(words, i):
            return _about(question, replacement)
        if i and words[i - 1] == "of" and word in _GROUP:
            replacement = _definite(replacement)
        following = words[i + 1] if i + 1 < len(words) else ""
        if _is_possessive(word, following):
            replacement += "'" if replacement.endswith("s") else "'s"
        start, end = matches[i].span()
        return question[:start] + replacement + question[end:]
    return None


def _antecedent(words: Sequence[str], i: int, question: str, anchor: Turn) -> str | None:
    """Return what the pronoun at i stands for; None if it is none, or has its noun at home."""
    word = words[i]
    other = _OTHER_SUBJECT.match(question)
    dangles = other is not None and other["pronoun"].lower() == word
    if word in _THING and not _EXPLETIVE.search(question):
        if dangles or not _has_noun(words, i, plural=False):
            return _thing(words, anchor)
    elif word in _GROUP and (dangles or not _has_noun(words, i, plural=True)):
        return _person_asked_for(anchor) or _thing(words, anchor)
    elif word in _PEOPLE and not _has_person(words, i, question):
        return _person(anchor) or _person_asked_for(anchor)
    if word == _PLACE and _is_place_adverb(words, i) and not _NAMED_PLACE.search(question):
        return _place(anchor)
    if word in _POINTER and _points(words, i):
        return topic_of(anchor.question)
    return None


def _thing(words: Sequence[str], anchor: Turn) -> str:
    """Return the topic; of "the price of the QK-350" the QK-350, unless the price is meant."""
    topic = topic_of(anchor.question)
    match = _ATTRIBUTE.match(topic)
    return match["thing"] if match and _OF_THE_ATTRIBUTE.isdisjoint(words) else topic


def _person_asked_for(anchor: Turn) -> str | None:
    """Return who was asked for by "Who is the head of ...?": the name, else the office."""
    if not re.match(r"who(?:\s+is|\s+was|se?\b)", anchor.question, re.IGNORECASE):
        return None
    return _person(anchor) or topic_of(anchor.question)


def _definite(topic: str) -> str:
    """Return "the three hotels" for "three hotels"; a name keeps without an article."""
    first = topic.split()[0] if topic else ""
    known = first.lower() in _DETERMINERS or first[:1].isupper()
    return topic if known else f"the {topic}"


def _is_possessive(word: str, following: str) -> bool:
    if word == "her":
        return bool(following) and following not in _FUNCTION_WORDS
    return _POSSESSIVE.get(word, False)


def _has_noun(words: Sequence[str], i: int, *, plural: bool) -> bool:
    """Whether a noun that the pronoun at i can stand for comes before it in the question."""
    for j in range(i):
        if words[j] in _FUNCTION_WORDS:
            continue
        before = words[j - 1] if j else ""
        looks_plural = _ends_in_s(words[j])
        if before in _DETERMINERS and (plural or not looks_plural):
            return True
        is_object = before in _AUXILIARIES | _PREPOSITIONS | {"which", "what", "many", "if"}
        if plural and looks_plural and is_object:
            return True
        if not plural and not looks_plural and before in ("which", "what"):
            return True
    return any(w in ("someone", "anyone", "everyone", "somebody", "nobody") for w in words[:i])


def _has_person(words: Sequence[str], i: int, question: str) -> bool:
    if _NAME.search(question[1:]):
        return True
    return _has_noun(words, i, plural=False)


def _points(words: Sequence[str], i: int) -> bool:
    """Whether this/that/these/those at i points back, and is no conjunction or "this year"."""
    before = words[i - 1] if i else ""
    following = words[i + 1] if i + 1 < len(words) else ""
    if following in _MOMENTS or following.endswith("day"):
        return False
    if not following or i == 0:
        return i > 0 or bool(following)
    if following in _DETERMINERS | _PEOPLE | _GROUP | {"i", "one", "we", "you"}:
        return False  # "a load that one person lifts"
    return before in _AUXILIARIES | _PREPOSITIONS


def _points_at_noun(words: Sequence[str], i: int) -> bool:
    following = words[i + 1] if i + 1 < len(words) else ""
    return bool(following) and following not in _FUNCTION_WORDS and not _is_verb_after(words, i)


def _is_verb_after(words: Sequence[str], i: int) -> bool:
    """Whether "does that apply" rather than "is that rule": a verb follows do/can/will."""
    before = words[i - 1] if i else ""
    return before in _AUXILIARIES - {"is", "are", "was", "were", "has", "have", "had"}


def _is_place_adverb(words: Sequence[str], i: int) -> bool:
    """Whether "there" is a place, not the "there" of "is there a limit"."""
    before = words[i - 1] if i else ""
    following = words[i + 1] if i + 1 < len(words) else ""
    return before not in _AUXILIARIES and following not in _AUXILIARIES


def _person(anchor: Turn) -> str:
    """Return the name in the question before; after "Who ...?" the one in its answer."""
    question = anchor.question
    if _ASKS_WHO.match(question):
        answered = (_OWNER.sub("", match.group()) for match in _NAME.finditer(anchor.answer))
        return next((name for name in answered if name not in question), "")
    names = _NAME.finditer(question[1:])  # "the Boiler Hall" is nobody
    people = (m.group() for m in names if not question[1 : m.start() + 1].endswith("the "))
    return _OWNER.sub("", next(people, ""))


def _place(anchor: Turn) -> str | None:
    for text in (anchor.question, anchor.answer):
        match = _NAMED_PLACE.search(text)
        if match is not None:
            return match.group()
    return None
