"""SQuAD 1.1 and 2.0: {"data": [{"title", "paragraphs": [{"context", "qas": [...]}]}]}.

Each paragraph is a document; an answer's evidence is the sentence that holds it.

Source: Rajpurkar, Jia and Liang, "Know What You Don't Know", ACL 2018.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ragkit.sentence import split
from ragkit_eval.cases import Case, Evidence
from ragkit_eval.imports.imported import Imported, file_name
from ragkit_ingest.errors import UsageError


def read_squad(file: Path) -> Imported:
    """Return the questions of a SQuAD file; those marked impossible are unanswerable.

    The evidence's offsets are those in the paragraph. A question whose answer does not stand where
    the file says, or that has none and is not marked impossible, is skipped.

    Raises:
        UsageError: If the file cannot be read or is no SQuAD.
    """
    try:
        data = json.loads(file.read_text(encoding="utf-8-sig"))["data"]
        cases: list[Case] = []
        documents: dict[str, str] = {}
        skipped = 0
        for article in data:
            for paragraph in article["paragraphs"]:
                context = str(paragraph["context"])
                name = file_name(str(article.get("title", "")), len(documents))
                documents[name] = context
                for entry in paragraph["qas"]:
                    case = _case(entry, name, context)
                    skipped += case is None
                    cases += [] if case is None else [case]
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{file} cannot be read ({exc})") from exc
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise UsageError(
            f'{file} is no SQuAD file, a JSON object with "data", "paragraphs" and "qas": {exc!r}'
        ) from exc
    if not cases:
        raise UsageError(f"{file} holds no question that can be used")
    return Imported(cases=tuple(cases), documents=documents, skipped=skipped)


def _case(entry: dict[str, Any], name: str, context: str) -> Case | None:
    question = " ".join(str(entry["question"]).split())
    if not question:
        return None
    if entry.get("is_impossible"):
        return Case(
            id=str(entry["id"]),
            question=question,
            answers=(),
            answerable=False,
            kind="impossible",
            gold=(name,),
        )
    held = [
        (str(answer["text"]), int(answer["answer_start"]))
        for answer in entry["answers"]
        if str(answer["text"]).strip()
        and context.startswith(str(answer["text"]), int(answer["answer_start"]))
    ]
    if not held:
        return None
    spans = dict.fromkeys(
        (start, end)
        for text, at in held
        for start, end in split(context)
        if start <= at and at + len(text) <= end
    )
    return Case(
        id=str(entry["id"]),
        question=question,
        answers=tuple(dict.fromkeys(text for text, _ in held)),
        answerable=True,
        evidence=tuple(
            Evidence(path=name, quote=context[start:end], start=start, end=end)
            for start, end in spans
        ),
        kind="squad",
        gold=(name,),
    )
