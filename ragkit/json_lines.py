"""Files of JSON Lines that are given to ragkit: whatever is wrong with one is said with its line.

A file is UTF-8, with or without a byte order mark. Lines end at LF, CRLF or CR and at nothing else:
a line separator (U+2028) within a text belongs to the text. Lines of white space alone are passed
over, and counted. Values are read as Python's `json` reads them: NaN is a number, and of a name
that stands twice in an object the last one counts.

What the values mean is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ragkit_ingest.errors import UsageError

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a file that is not empty.

    Attributes:
        file: Where it stands.
        number: Counted from 1, with the empty ones.
        text: As it stands there.
    """

    file: Path
    number: int
    text: str

    @property
    def where(self) -> str:
        """The line as an error names it, such as "line 3 of cases.jsonl"."""
        return f"line {self.number} of {self.file}"

    def read(self, make: Callable[[Any], _Made], fault: str, *, advice: str = "") -> _Made:
        """Return what is made of the line's value.

        Args:
            make: Takes the JSON value; raises KeyError for a field that is missing, ValueError or
                TypeError, with a message, for whatever else is wrong.
            fault: What the line is then, such as "is not a case".
            advice: Ends the message, such as "see `ragkit tune check`".

        Raises:
            UsageError: If it is not JSON, or nothing can be made of it.
        """
        end = f"; {advice}" if advice else ""
        try:
            return make(_value(self.text))
        except KeyError as exc:
            raise UsageError(f"{self.where} lacks the field {exc}{end}") from exc
        except (ValueError, TypeError, RecursionError, OverflowError) as exc:
            raise UsageError(f"{self.where} {fault}: {exc}{end}") from exc


def lines(file: Path, what: str) -> Iterator[Line]:
    """Yield the lines of a file that are not empty.

    Args:
        file: Read as a whole.
        what: It holds, for errors, such as "questions".

    Raises:
        UsageError: If it cannot be read, or is not UTF-8.
    """
    yield from lines_of(file, text_of(file, what))


def lines_of(file: Path, text: str) -> Iterator[Line]:
    """Yield the lines of a file's text, as `text_of` returned it, that are not empty."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield Line(file=file, number=number, text=line)


def text_of(file: Path, what: str) -> str:
    """Return the text of a file, each of its lines ending with LF.

    Raises:
        UsageError: If it cannot be read, or is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise UsageError(f"the {what} {file} cannot be read ({exc.strerror or exc})") from exc
    except UnicodeDecodeError as exc:
        number = exc.object.count(b"\n", 0, exc.start) + 1
        raise UsageError(
            f"the {what} {file} cannot be read (line {number} is not UTF-8; save the file as UTF-8)"
        ) from exc


def fields(
    value: object, known: Set[str] | None = None, ignored: Set[str] = frozenset()
) -> dict[str, Any]:
    """Return a value that is an object with named fields.

    Args:
        value: Of JSON.
        known: The fields that it may have, as a message lists them; None for any.
        ignored: Others that it may have.

    Raises:
        TypeError: If it is none.
        ValueError: If it has another field.
    """
    if not isinstance(value, dict):
        raise TypeError(f"{json.dumps(value)[:40]} is not an object with named fields")
    unknown = [] if known is None else sorted(value.keys() - known - ignored)
    if unknown:
        listed = ", ".join(sorted(known or ()))
        raise ValueError(f"unknown field {unknown[0]!r}; the fields are {listed}")
    return value


def said(exc: ValueError | RecursionError) -> str:
    """Return why a text is not JSON, as `json` raised it; places are characters of that text."""
    if isinstance(exc, json.JSONDecodeError):
        return f"{exc.msg} at character {exc.pos + 1}"
    return "it is nested too deeply" if isinstance(exc, RecursionError) else str(exc)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ValueError(f"it is not JSON ({said(exc)})") from exc
