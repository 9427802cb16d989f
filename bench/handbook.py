"""Questions on pages of a real company's handbook, which the packaged models learn from.

`handbook_questions.json` holds 430 questions that were written for this purpose and names 72 pages
of `scale/sourcegraph_handbook` in RAGKIT_DATA. Half of the questions one of the pages answers: of
those it says where, as spans of the page's text, in characters. No page answers the others, though
many look as if they did. Their kinds are those of the example questions, their company, style and
subjects are not, and none of them is part of what is reported.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ragkit_eval.cases import Case, Evidence

_FILE = Path(__file__).with_name("handbook_questions.json")


def handbook(data: Path, folder: Path) -> list[Case]:
    """Copy the pages into a folder, and return the questions on them.

    Args:
        data: RAGKIT_DATA.
        folder: A new one.
    """
    source = data / "scale" / "sourcegraph_handbook"
    held = json.loads(_FILE.read_text(encoding="utf-8"))
    texts: dict[str, str] = {}
    for page in held["pages"]:
        target = folder / page
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / page, target)
        texts[page] = target.read_bytes().decode()
    return [_case(number, entry, texts) for number, entry in enumerate(held["questions"])]


def _case(number: int, entry: dict[str, Any], texts: dict[str, str]) -> Case:
    page = entry.get("page", "")
    answerable = bool(page)

    def at(span: Sequence[int]) -> str:
        return texts[page][span[0] : span[1]]

    return Case(
        id=f"handbook-{number}",
        question=entry["question"],
        kind=entry["kind"],
        answerable=answerable,
        answers=tuple(at(span) for span in entry["answers"]) if answerable else (),
        evidence=(Evidence(path=page, quote=at(entry["quote"])),) if answerable else (),
    )
