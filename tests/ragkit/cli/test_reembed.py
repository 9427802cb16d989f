"""`ragkit reembed` and `ragkit tune embedder`, on a real index with tiny models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragkit.cli.main import run
from tests.support import tiny_model
from tests.support.folder import Folder, word

Ragkit = Callable[..., tuple[int, Any]]


@pytest.fixture
def models(tmp_path: Path) -> list[str]:
    pytest.importorskip("sentence_transformers")
    return [
        f"st:{tiny_model.save(tmp_path / 'one')}",
        f"st:{tiny_model.save(tmp_path / 'two', prompts={'query': 'ask: '})}",
    ]


@pytest.fixture
def call(tmp_path: Path, models: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Ragkit:
    """Run a command on an index of the first model's; returns the exit code and the JSON."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAGKIT_INDEX", raising=False)
    docs = Folder(tmp_path / "docs")
    for n in range(24):
        docs.write(
            f"{n}.md",
            f"# The {word(n)} guide\n\n## How is the {word(n)} cleaned?\n\nThe {word(n)} is a kind "
            f"of kettle. Clean the {word(n)} every {n + 2} days with soap and rinse it well. The "
            f"repair of a {word(n)} costs {n + 5} euro and takes two weeks in the workshop.\n",
        )

    def invoke(*arguments: str) -> tuple[int, Any]:
        code = run(["--json", "--index", str(tmp_path / "index"), *arguments])
        return code, json.loads(capsys.readouterr().out)

    code, _ = invoke("ingest", str(docs.path), "--embedder", models[0])
    assert code == 0
    return invoke


def cases(tmp_path: Path) -> str:
    lines = [
        {
            "id": str(n),
            "question": f"What does the repair of a {word(n)} cost?",
            "answers": [f"{n + 5} euro"],
            "answerable": True,
            "evidence": [
                {"path": f"{n}.md", "quote": f"The repair of a {word(n)} costs {n + 5} euro"}
            ],
        }
        for n in range(8)
    ]
    file = tmp_path / "cases.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return str(file)


def test_there_and_back(call: Ragkit, models: list[str], tmp_path: Path) -> None:
    code, found = call("reembed", "--embedder", models[1], "--no-swap")
    assert (code, found["swapped"]) == (0, False)
    assert found["embedded"] == found["texts"] > 0
    assert [one["mode"] for one in found["comparison"]["overlaps"]] == ["dense", "hybrid"]
    _, status = call("status")
    assert [one["role"] for one in status["spaces"]] == ["live", "pending"]
    code, found = call("reembed", "--embedder", models[1], "--cases", cases(tmp_path))
    assert (code, found["swapped"], found["embedded"]) == (0, True, 0)
    assert {one["measure"] for one in found["comparison"]["changes"]} == {"hit@5", "ndcg@10"}
    assert all(len(one["ci95"]) == 2 for one in found["comparison"]["changes"])
    assert call("search", "kettle")[0] == 0  # without being told which embedder
    code, found = call("reembed", "--rollback")
    assert (code, found["embedder"], found["embedded"]) == (0, "one", 0)
    code, found = call("reembed", "--forget-previous")
    assert code == 0
    assert found["forgotten"] > 0


def test_only_what_is_better_is_taken(call: Ragkit, models: list[str], tmp_path: Path) -> None:
    options = ("--embedder", models[1], "--cases", cases(tmp_path), "--only-if-better")
    code, found = call("reembed", *options)
    assert (code, found["swapped"]) == (4, False)
    assert call("status")[1]["embedder"] == "one"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--only-if-better"], "needs --cases"),
        (["--rollback", "--no-swap"], "stand alone"),
        (["--rollback", "--forget-previous"], "stand alone"),
        ([], "no embedder is named"),
        (["--rollback"], "nothing to roll back to"),
    ],
)
def test_what_cannot_be_asked(call: Ragkit, options: list[str], why: str) -> None:
    code, found = call("reembed", *options)
    assert code == 2
    assert why in found["error"]["message"]


def test_a_tuned_embedder_is_tried_by_the_gate(call: Ragkit, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    out = tmp_path / "tuned"
    options = ("--out", str(out), "--max-steps", "2", "--cases", cases(tmp_path), "--promote")
    code, found = call("tune", "embedder", *options)
    assert code == (0 if found["promoted"] else 4)
    assert found["swapped"] == found["promoted"] == (not found["reasons"])
    assert found["steps"] == 2
    assert found["model"] == str(out / "one-tuned")
    assert sum(found["pairs"].values()) >= found["triplets"] >= 16
    assert [one["share"] for one in found["development"]] == [0.0, 0.25, 0.5, 1.0]
    assert {one["mode"] for one in found["held_out"]} == {"dense", "hybrid"}
    assert found["general"]["changes"]
    assert json.loads((out / "report.json").read_text(encoding="utf-8")) == found
    _, status = call("status")
    if not found["promoted"]:
        assert [one["role"] for one in status["spaces"]] == ["live"]
    code, moved = call("reembed", "--embedder", f"st:{found['model']}")
    assert code == 0
    assert moved["swapped"] or moved["already"]


def test_what_the_gate_asks_is_not_trained_on(call: Ragkit, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    file = tmp_path / "asked.jsonl"
    asked = [f"How is the {word(n)} cleaned?" for n in range(24)]
    file.write_text(
        "".join(
            json.dumps(
                {"id": str(n), "question": question, "answers": ["soap"], "answerable": True,
                 "gold": [f"{n}.md"]}
            )
            + "\n"
            for n, question in enumerate(asked)
        ),
        encoding="utf-8",
    )  # fmt: skip
    options = ("--out", str(tmp_path / "tuned"), "--max-steps", "1", "--cases", str(file))
    _, found = call("tune", "embedder", *options)
    assert found["left_out_as_leaks"] > 0
    assert "faq" not in found["pairs"]
