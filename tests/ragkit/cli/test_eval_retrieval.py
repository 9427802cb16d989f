"""`ragkit eval retrieval`, through the real pipeline on a corpus of three documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragkit.cli.main import run
from ragkit.cli.session import Rag
from ragkit.pipeline import Pipeline
from tests.support.hashing import HashingEmbedder


@pytest.fixture
def folder(tmp_path: Path) -> str:
    folder = tmp_path / "tea"
    (folder / "qrels").mkdir(parents=True)
    texts = {"d1": "Green tea steeps at 75 degrees.", "d2": "Kettles boil.", "d3": "Cups crack."}
    (folder / "corpus.jsonl").write_text(
        "".join(json.dumps({"_id": k, "title": "", "text": v}) + "\n" for k, v in texts.items())
    )
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "green tea"}\n')
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    return str(folder)


@pytest.fixture
def evaluate(
    folder: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Run the command on the folder; returns the exit code, stdout and stderr."""
    monkeypatch.delenv("RAGKIT_INDEX", raising=False)
    monkeypatch.setenv("COLUMNS", "160")

    def opener(
        index: str,
        *,
        generator: str | None = None,
        embedder: str | None = None,
        generator_url: str | None = None,
        audit: str | None = None,
    ) -> Rag:
        return Pipeline(index, generator=generator, embedder=HashingEmbedder())

    def invoke(*arguments: str) -> tuple[int, str, str]:
        code = run(["eval", "retrieval", folder, *arguments], opener=opener)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return invoke


def test_json_has_the_measures_their_intervals_and_the_times(evaluate: Any) -> None:
    code, out, err = evaluate("--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["dataset"], found["mode"], found["queries"]) == ("tea", "hybrid", 1)
    for measure in ("ndcg@10", "recall@5", "recall@10", "recall@100", "mrr@10"):
        assert found[measure] == 1.0
        assert found["ci95"][measure] == [1.0, 1.0]
    assert set(found["query_ms"]) == {"p50", "p95"}
    assert found["index_s"] > 0
    assert found["docs_per_s"] > 0


def test_all_modes_stand_beside_each_other(evaluate: Any) -> None:
    found = json.loads(evaluate("--json", "--mode", "all")[1])
    assert [row["mode"] for row in found["runs"]] == ["hybrid", "dense", "lexical"]
    assert found["mode"] == "hybrid"


def test_people_get_a_table(evaluate: Any) -> None:
    code, out, _ = evaluate("--mode", "lexical")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0
    assert lines[0].startswith("tea: 1 queries over 3 documents, indexed in ")
    assert any(line.startswith("lexical 1.000 1.000 1.000 1.000 1.000") for line in lines)
    assert any(line.startswith("1.000 to 1.000") for line in lines)


def test_a_run_is_saved_and_compared(evaluate: Any, tmp_path: Path) -> None:
    file = str(tmp_path / "run.json")
    assert evaluate("--save", file)[0] == 0
    found = json.loads(evaluate("--compare", file, "--json")[1])
    assert found["compared"][0] == {
        "measure": "ndcg@10",
        "mode": "hybrid",
        "before": 1.0,
        "now": 1.0,
        "difference": 0.0,
        "p_value": 1.0,
        "better": 0,
        "worse": 0,
    }
    assert "difference" in evaluate("--compare", file)[1]


def test_an_index_that_is_named_is_kept(evaluate: Any, tmp_path: Path) -> None:
    place = tmp_path / "kept"
    assert evaluate("--index", str(place))[0] == 0
    assert (place / "catalog.sqlite").is_file()
    assert not (tmp_path / ".ragkit").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--split", "dev"), "dev.tsv cannot be read"),
        (("--compare", "nothing.json"), "nothing.json is not a run"),
        (("--mode", "sparse"), "sparse"),
    ],
)
def test_wrong_arguments_are_usage(evaluate: Any, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = evaluate(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
