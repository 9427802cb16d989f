"""`ragkit eval run` with a local model and its LoRA adapter, as the docs say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ragkit.cli.main import run
from ragkit.config import Config
from ragkit.pipeline import Pipeline
from ragkit_ingest.store.exact import ExactStore
from tests.support import tiny_chat_model
from tests.support.hashing import HashingEmbedder

pytest.importorskip("peft")
PERSONA = "Warm and brief."


def open_pipeline(index: str, *, generator: str | None = None, **_: object) -> Pipeline:
    return Pipeline(
        index,
        config=Config(min_confidence=0.0, persona=PERSONA, max_answer_tokens=16),
        embedder=HashingEmbedder(),
        generator=generator,
        store=ExactStore(),
    )


def test_base_persona_tuned_and_retrieval_are_compared_with_local_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("docs").mkdir()
    Path("docs/leave.md").write_text("# Leave\n\nAnnual leave is 25 days.\n", encoding="utf-8")
    case = {"id": "q1", "question": "How long is annual leave?", "answers": ["25 days"]}
    Path("cases.jsonl").write_text(json.dumps({**case, "answerable": True}), encoding="utf-8")
    said = ("Annual", " leave", " is", " 25 days", " [1].")
    base = tiny_chat_model.save(tmp_path / "base", context=16_384, answer=said)
    adapter = tiny_chat_model.save_adapter(tmp_path / "voice", base)
    with open_pipeline("index", generator="extractive") as rag:
        rag.ingest("docs")

    code = run(
        [
            *("eval", "run", "cases.jsonl", "--out", "out", "--index", "index"),
            *("--arms", "no_retrieval,persona,rag,rag_persona,fine_tuned,rag_fine_tuned"),
            *("--generator", f"local:{base}", "--tuned", f"local:{base}+{adapter}"),
        ],
        opener=open_pipeline,
    )

    assert code == 0, capsys.readouterr().err
    report = json.loads(Path("out/report.json").read_text(encoding="utf-8"))
    arms = {arm["name"]: arm for arm in report["arms"]}
    assert {arm["status"] for arm in arms.values()} == {"run"}
    models = {name: arm["models"] for name, arm in arms.items()}
    assert models["rag"] == models["no_retrieval"] == models["persona"] == ["base"]
    assert models["fine_tuned"] == models["rag_fine_tuned"] == ["base+voice"]
    assert arms["rag"]["figures"]["correct"]["value"] == 1.0
    pairs = {(one["first"], one["second"]) for one in report["differences"]}
    assert {
        ("rag", "no_retrieval"),
        ("rag_fine_tuned", "rag"),
        ("rag_fine_tuned", "fine_tuned"),
    } <= pairs
