"""The date of a document: what it says of itself, else what its name or its properties say.

Pure functions of a stored document. A date is an ISO prefix, "2026", "2026-04" or "2026-04-01";
what is not a date of the calendar is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import chain

from ragkit_ingest.catalog.reading import StoredDocument

HEAD_CHARACTERS = 600
"""How far into its text a document says its own date."""

_NAMES = "january|february|march|april|may|june|july|august|september|october|november|december"
_MONTHS = {name[:3]: number for number, name in enumerate(_NAMES.split("|"), start=1)}
_ISO = r"(?P<iso>(?:19|20)\d\d(?:-\d\d){1,2})(?![\d-])"
_SPELT = (
    rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\.?\s+(?P<month>{_NAMES}|[a-z]{{3}})\.?,?\s+"
    r"(?P<year>(?:19|20)\d\d)"
)
_AMERICAN = (
    rf"(?P<us_month>{_NAMES})\s+(?P<us_day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+"
    r"(?P<us_year>(?:19|20)\d\d)"
)
_DATE = rf"(?:{_ISO}|{_SPELT}|{_AMERICAN})"
_CUE = (
    r"(?:in force|effective|valid)(?:[ _](?:from|since|as of))?|last (?:updated|changed|modified)"
    r"|updated|revised|dated?|date of (?:the |this )?\w+|made on|as of|issued(?: on)?|published"
    r"|edition \d+"
)
_SAID = re.compile(rf"\b(?:{_CUE})[\s:,]*(?:on |from )?{_DATE}", re.IGNORECASE)
_ANY = re.compile(rf"(?<![\d-]){_DATE}", re.IGNORECASE)
_IN_NAME = re.compile(
    r"(?<![\w-])((?:19|20)\d\d)(?:[-_ ](0[1-9]|1[0-2])(?:[-_ ](\d\d))?)?(?!\w|[-_]\d)"
)
_JOINT = re.compile(r"(?<=[^\W\d_]{3})[-_](?=\d{4})")
_SAYS = ("effective_from", "effective", "valid_from", "date", "updated", "published", "subject")
_PROPERTIES = ("modified", "created")


def document_date(document: StoredDocument) -> str:
    """Return the date of a document as an ISO prefix; "" if nothing says one.

    In this order: its own metadata (front matter, the date of a mail), the full date in its
    file's name, a date that its head announces ("In force from 1 February 2026"), the year or
    month in its title or its file's name, the properties of the file.
    """
    metadata = {name.casefold(): str(value) for name, value in document.metadata.items()}
    name = document.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    named = list(_named(document.title)) + list(_named(_JOINT.sub(" ", name)))
    found = chain(
        *(_dates(_ANY, metadata[key][:40]) for key in _SAYS if key in metadata),
        (said for said in named if len(said) == len("2026-04-01")),
        _dates(_SAID, document.text[:HEAD_CHARACTERS]),
        named,
        *(_dates(_ANY, metadata[key][:10]) for key in _PROPERTIES if key in metadata),
    )
    return next(found, "")


def later(first: str, second: str) -> bool:
    """Return whether the first date is surely after the second; a prefix is of no known order."""
    return bool(first and second) and first > second and not first.startswith(second)


def _dates(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    for match in pattern.finditer(text):
        found = _iso(match)
        if found:
            yield found


def _iso(match: re.Match[str]) -> str:
    if match["iso"]:
        return _checked(match["iso"])
    us = "us_" if match["us_year"] else ""
    month = _MONTHS.get(match[f"{us}month"][:3].lower(), 0)
    return _checked(f"{match[f'{us}year']}-{month:02}-{int(match[f'{us}day']):02}")


def _checked(text: str) -> str:
    try:
        date.fromisoformat(text if len(text) > len("2026-04") else f"{text}-01")
    except ValueError:
        return ""
    return text


def _named(text: str) -> Iterator[str]:
    for match in _IN_NAME.finditer(text):
        found = "-".join(part for part in match.groups() if part)
        if len(found) == len("2026") or _checked(found):
            yield found
