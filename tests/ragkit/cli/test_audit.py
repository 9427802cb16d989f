"""`ragkit audit`, and `--audit` of `ask` and `chat`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ragkit.audit import AuditFile, Made, record, text_digest
from ragkit.config import Config


@pytest.fixture
def file(tmp_path: Path, make: Any) -> Path:
    """A file of one record, about the text that the fake pipeline shows."""
    made = Made(config=Config(), embedder_digest="d", documents={3: text_digest(make.text)})
    path = tmp_path / "audit.jsonl"
    AuditFile(path).append(record(make.answer("How long?\x1b[2J"), made))
    return path


def test_a_sound_file(ragkit: Any, file: Path) -> None:
    result = ragkit("audit", str(file))
    assert result.code == 0, result.err
    assert "quotes stand" in result.out
    assert r"How long?\x1b[2J" in result.out
    assert "1 records, 0 of them not as written; the quotes of 1 still stand." in result.out


def test_a_changed_source_is_no_failure_and_is_named(
    ragkit: Any, pipeline: Any, file: Path
) -> None:
    pipeline.text = pipeline.text.replace("three", "nine!")
    result = ragkit("audit", str(file))
    assert result.code == 0
    assert "sources changed" in result.out
    assert "[1] contracts/work.pdf 7:41: changed" in result.out


def test_a_broken_chain_is_exit_code_1(ragkit: Any, file: Path) -> None:
    file.write_text(file.read_text().replace("How long?", "How short?"))
    result = ragkit("audit", str(file), "--json")
    assert result.code == 1
    assert result.json["intact"] is False
    assert result.json["records"][0]["problem"] == "the record was altered"
    assert "BROKEN: the record was altered" in ragkit("audit", str(file)).out


def test_json(ragkit: Any, file: Path) -> None:
    told = ragkit("audit", str(file), "--json").json
    assert told["last_hash"] == json.loads(file.read_text())["hash"]
    (entry,) = told["records"]
    assert entry["verifies"] is True
    assert entry["sources"][0] == {
        "path": "contracts/work.pdf", "start": 7, "end": 41, "n": 1, "state": "unchanged",
        "edited": False,
    }  # fmt: skip


def test_a_missing_file_is_usage(ragkit: Any, tmp_path: Path) -> None:
    result = ragkit("audit", str(tmp_path / "none"))
    assert result.code == 2
    assert "there is no audit file" in result.err


def test_ask_and_chat_hand_the_file_on(ragkit: Any, pipeline: Any) -> None:
    ragkit("ask", "How long?", "--audit", "a.jsonl")
    ragkit("chat", "--audit", "b.jsonl", stdin="How long?\n")
    ragkit("ask", "How long?")
    assert pipeline.audits == ["a.jsonl", "b.jsonl", None]
