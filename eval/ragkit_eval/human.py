"""Pairs of answers with what people said of them: RAGChecker's meta-evaluation.

280 questions with a reference answer and the answers of two systems; two people said each how the
second compares with the first, from -2 (much worse) to 2 (much better), in correctness, in
completeness and overall.

Source: Ru et al., "RAGChecker", NeurIPS 2024, section 4.2; `human_labeled_data.json` of its code.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit_ingest.errors import UsageError

DIMENSIONS = ("overall", "correctness", "completeness")
NAMES = ("metrics_human.json.gz", "metrics_human.json", "human_labeled_data.json")
SOURCE = (
    "https://raw.githubusercontent.com/amazon-science/RAGChecker/main/data/meta_evaluation/"
    "human_labeled_data.json"
)
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedPair:
    """Two answers to one question, and how people compare them.

    Attributes:
        id: Unique in its file.
        question: What was asked.
        reference: The accepted answer, as a rule a paragraph.
        first: One system's answer.
        second: The other's.
        labels: By dimension, one a person: above 0 if the second is better, in [-2, 2].
    """

    id: str
    question: str
    reference: str
    first: str
    second: str
    labels: Mapping[str, tuple[int, ...]]


def find_rated() -> Path:
    """Return the file with the labels in the folder that $RAGKIT_DATA names.

    Raises:
        UsageError: If it is not there; the message says where to get it.
    """
    folder = os.environ.get("RAGKIT_DATA", "")
    for name in NAMES:
        if folder and (Path(folder) / name).is_file():
            return Path(folder) / name
    where = f"{folder} holds none of {', '.join(NAMES)}" if folder else "$RAGKIT_DATA is not set"
    raise UsageError(
        f"the human labels are not there: {where}; fetch them (RAGChecker, Amazon, Apache-2.0) "
        f"from {SOURCE} and give the file"
    )


def load_rated(file: Path) -> list[RatedPair]:
    """Return the pairs of a file in RAGChecker's format, plain or packed by gzip, in its order.

    Raises:
        UsageError: If it is missing or of another format.
    """
    try:
        content = file.read_bytes()
        held = json.loads(gzip.decompress(content) if content[:2] == _GZIP else content)
    except OSError as exc:
        raise UsageError(
            f"the labels {file} cannot be read ({exc.strerror or exc}); they come from {SOURCE}"
        ) from exc
    except (ValueError, EOFError, RecursionError) as exc:
        raise UsageError(f"the labels {file} are not JSON: {exc}") from exc
    try:
        return _pairs(held)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise UsageError(
            f"{file} is not in RAGChecker's format ({exc!r}); it comes from {SOURCE}"
        ) from exc


def _pairs(held: Sequence[Mapping[str, Any]]) -> list[RatedPair]:
    together: dict[str, list[Mapping[str, Any]]] = {}
    for entry in held:
        together.setdefault(str(entry["instance_id"]), []).append(entry)
    if not together:
        raise ValueError("it holds no pairs")
    return [_pair(id_, entries) for id_, entries in together.items()]


def _pair(id_: str, entries: Sequence[Mapping[str, Any]]) -> RatedPair:
    first = entries[0]
    one, other = _answers(first)
    if any(_answers(entry) != (one, other) for entry in entries):
        raise ValueError(f"the labels of the pair {id_} are of different answers")
    return RatedPair(
        id=id_,
        question=str(first["query"]),
        reference=str(first["gt_answer"]),
        first=one,
        second=other,
        labels={
            name: tuple(_label(entry[f"{name}_label"]) for entry in entries) for name in DIMENSIONS
        },
    )


def _answers(entry: Mapping[str, Any]) -> tuple[str, str]:
    return str(entry["model1"]["response"]), str(entry["model2"]["response"])


def _label(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -2 <= value <= 2:
        raise ValueError(f"the label {value!r} is not between -2 and 2")
    return value
