"""ragas test sets: JSON or JSON Lines with "user_input", "reference", "reference_contexts".

The older names "question", "ground_truth" and "contexts" are read as well.

Source: ragas' documentation of `SingleTurnSample` and `Testset`, versions 0.1 to 0.4.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragkit.json_lines import fields, lines, text_of
from ragkit_eval.cases import Case, Evidence
from ragkit_eval.imports.imported import Imported, file_name
from ragkit_eval.refusal import refuses
from ragkit_ingest.errors import UsageError


def read_ragas(file: Path) -> Imported:
    """Return the samples of a ragas test set; each reference context is a document.

    A reference that says there is no answer makes the case unanswerable. A sample without a
    question or a reference is skipped.

    Raises:
        UsageError: If the file cannot be read or holds no samples.
    """
    samples = _samples(file)
    documents: dict[str, str] = {}
    names: dict[str, str] = {}
    cases = []
    skipped = 0
    for number, sample in enumerate(samples, start=1):
        question = _text(sample, "user_input", "question")
        reference = _text(sample, "reference", "ground_truth", "ground_truths")
        if not question or not reference:
            skipped += 1
            continue
        contexts = sample.get("reference_contexts") or sample.get("contexts") or []
        for context in contexts if isinstance(contexts, list) else [contexts]:
            if str(context).strip() and str(context) not in names:
                names[str(context)] = file_name("context", len(names))
                documents[names[str(context)]] = str(context)
        held = [str(c) for c in (contexts if isinstance(contexts, list) else [contexts])]
        answerable = not refuses(reference)
        cases.append(
            Case(
                id=str(sample.get("id") or f"ragas-{number:05d}"),
                question=question,
                answers=(reference,) if answerable else (),
                answerable=answerable,
                evidence=tuple(
                    Evidence(path=names[c], quote=c, start=0, end=len(c))
                    for c in held
                    if answerable and c in names
                ),
                kind=str(sample.get("synthesizer_name") or "ragas"),
                gold=tuple(names[c] for c in held if c in names),
            )
        )
    if not cases:
        raise UsageError(f"{file} holds no sample with a question and a reference")
    return Imported(cases=tuple(cases), documents=documents, skipped=skipped)


def _samples(file: Path) -> list[Mapping[str, Any]]:
    try:
        whole = json.loads(text_of(file, "test set"))
    except (ValueError, RecursionError):
        whole = [line.read(fields, "is no sample") for line in lines(file, "test set")]
    if isinstance(whole, dict):
        whole = whole.get("samples", [whole])
    if not isinstance(whole, list) or not all(isinstance(one, dict) for one in whole):
        raise UsageError(f"{file} is no ragas test set: a list of objects, or one on each line")
    return [_inner(one) for one in whole]


def _inner(sample: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the sample of a test set's row, which may hold it as "eval_sample"."""
    held = sample.get("eval_sample")
    return {**sample, **held} if isinstance(held, dict) else sample


def _text(sample: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = sample.get(name)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""
