"""Files of claims: what is read, what is refused, and how they are halved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragkit_eval.claims import Claim, half, load_claims
from ragkit_ingest.errors import UsageError


def write(folder: Path, *lines: object) -> Path:
    file = folder / "claims.jsonl"
    file.write_text(
        "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines),
        encoding="utf-8",
    )
    return file


def row(**changes: object) -> dict[str, object]:
    return {"context": "Leave is 28 days.", "claim": "Leave is long.", "label": 1} | changes


def test_a_context_is_a_text_or_several(tmp_path: Path) -> None:
    one, two = load_claims(write(tmp_path, row(set="s", id="x"), "", row(context=["a b", "c"])))
    assert one == Claim(
        id="x", context=("Leave is 28 days.",), claim="Leave is long.", supported=True, set="s"
    )
    assert (two.context, two.id, two.set) == (("a b", "c"), "3", "")


@pytest.mark.parametrize("label", [1, 1.0, True, "supported", "Grounded", "1", "true", "SUPPORTS"])
def test_labels_that_say_yes(tmp_path: Path, label: object) -> None:
    assert load_claims(write(tmp_path, row(label=label)))[0].supported


@pytest.mark.parametrize(
    "label", [0, 0.0, False, "unsupported", "contradicted", "neutral", "0", "not_grounded"]
)
def test_labels_that_say_no(tmp_path: Path, label: object) -> None:
    assert not load_claims(write(tmp_path, row(label=label)))[0].supported


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "is not a claim"),
        ("[1]", "not an object"),
        ({"context": "a", "label": 1}, "lacks the field 'claim'"),
        (row(label=2), "its label is 2"),
        (row(label=None), "its label is null"),
        (row(label="maybe"), 'its label is "maybe"'),
        (row(context=7), "its context is 7"),
        (row(context=[]), "its context is empty"),
        (row(context=["", " "]), "its context is empty"),
        (row(claim=" "), "its claim is empty"),
        (row(claim=["a"]), "its claim is"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: object, why: str) -> None:
    with pytest.raises(UsageError, match=r"line 2 of .*claims\.jsonl") as raised:
        load_claims(write(tmp_path, row(), line))
    assert why in str(raised.value)


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_claims(tmp_path / "none.jsonl")
    with pytest.raises(UsageError, match="holds no claims"):
        load_claims(write(tmp_path, ""))
    (tmp_path / "claims.jsonl").write_bytes(b"\xff\xfe{}")
    with pytest.raises(UsageError, match="not UTF-8"):
        load_claims(tmp_path / "claims.jsonl")


def test_no_context_is_in_both_halves(tmp_path: Path) -> None:
    contexts = ["a", "b", "a", "c", "b", "d"]
    claims = load_claims(write(tmp_path, *(row(context=text) for text in contexts)))
    assert [claim.context[0] for claim in half(claims, "even")] == ["a", "a", "c"]
    assert [claim.context[0] for claim in half(claims, "odd")] == ["b", "b", "d"]
    assert half(claims, "all") == claims
