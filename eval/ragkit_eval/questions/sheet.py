"""Cases as a CSV file, to be reviewed in a spreadsheet, and back."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ragkit_eval.cases import Case, write_whole
from ragkit_ingest.errors import UsageError

COLUMNS = ("decision", "id", "question", "answers", "kind", "quality", "document", "quote")
DECISIONS = ("accept", "reject", "")
_BETWEEN = " | "


def save_sheet(cases: Sequence[Case], file: Path) -> None:
    """Write cases for review in a spreadsheet.

    "decision" is to hold accept or reject; the question and the answers may be changed there.

    Raises:
        UsageError: If the file cannot be written.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for case in cases:
        writer.writerow(
            [
                "accept" if case.reviewed else "",
                case.id,
                _inert(case.question),
                _inert(_BETWEEN.join(case.answers)),
                case.kind,
                "" if case.quality is None else case.quality,
                _inert(_BETWEEN.join(e.path for e in case.evidence)),
                _inert(_BETWEEN.join(" ".join(e.quote.split()) for e in case.evidence)),
            ]
        )
    write_whole(file, "\ufeff" + out.getvalue())


def decided(cases: Sequence[Case], file: Path) -> list[Case]:
    """Return the cases as a sheet decides: rejected ones left out, accepted ones reviewed.

    A changed question or answer is taken over. Cases that the sheet does not hold, or says nothing
    of, stay as they are.

    Raises:
        UsageError: If the file cannot be read, lacks a column, names an unknown case, or a decision
            or a changed case is not valid; the message names the row.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"the sheet {file} cannot be read ({exc})") from exc
    rows = csv.DictReader(io.StringIO(text))
    missing = {"decision", "id", "question", "answers"} - set(rows.fieldnames or ())
    if missing:
        raise UsageError(f"the sheet {file} lacks the column {sorted(missing)[0]!r}")
    by_id: dict[str, Case | None] = {case.id: case for case in cases}
    for number, row in enumerate(rows, start=2):
        id_ = (row["id"] or "").strip()
        case = by_id.get(id_)
        if id_ not in by_id:
            raise UsageError(f"row {number} of {file} is of the unknown case {id_!r}")
        decision = (row["decision"] or "").strip().lower()
        if decision not in DECISIONS:
            raise UsageError(
                f"row {number} of {file} decides {decision!r}; write accept, reject or nothing"
            )
        if case is None or decision == "reject":
            by_id[id_] = None
        elif decision == "accept":
            by_id[id_] = _changed(case, row, f"row {number} of {file}")
    return [case for case in by_id.values() if case is not None]


def _changed(case: Case, row: dict[str, str], where: str) -> Case:
    answers = tuple(part.strip() for part in _plain(row["answers"]).split("|") if part.strip())
    if not case.answers and answers:
        raise UsageError(f"{where} gives answers to a question that the documents do not answer")
    same = " ".join(_BETWEEN.join(case.answers).split()) == " ".join(_plain(row["answers"]).split())
    try:
        return replace(
            case,
            question=_plain(row["question"]).strip(),
            answers=case.answers if same else answers,
            reviewed=True,
        )
    except ValueError as exc:
        raise UsageError(f"{where} is not a case: {exc}") from exc


def _inert(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _plain(text: str | None) -> str:
    text = text or ""
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@", "\t", "\r") else text
