from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.peers import measure
from bench.peers.material import Judged
from bench.peers.measure import Bench
from bench.peers.system import OURS, PEERS, SYSTEMS, System
from bench.process import CommandFailedError, Usage


class Runner:
    """Stands where processes are started; answers as each step would."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str, str]] = []
        self.environment: Mapping[str, str] = {}

    def __call__(
        self, arguments: Sequence[str], environment: Mapping[str, str], *, python: Path
    ) -> Usage:
        _, _, name, step, *rest = arguments
        self.steps.append((name, step, str(python)))
        self.environment = environment
        told: dict[str, Any] = {"found": 10}
        if step == "ingest":
            index = Path(rest[1])
            assert not index.exists(), "each ingest starts from no index"
            index.mkdir(parents=True)
            (index / "vectors").write_bytes(b"x" * 5000)
            told = {"chunks": 3}
        elif step == "warm":
            asked = json.loads(Path(rest[2]).read_text())
            told["wall_ms"] = [float(n) for n in range(len(asked))]
            told["cpu_ms"] = [1.0] * len(asked)
        elif step == "rank":
            told = {"files": [["/d/1.md", "/d/1.md", "/d/2.md"], ["/d/9.md"]]}
        return Usage(stdout=json.dumps(told), wall_s=2.0, cpu_s=3.0, peak_bytes=10**6)


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Runner:
    made = Runner()
    monkeypatch.setattr(measure, "run_python", made)
    return made


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    page = tmp_path / "pages" / "a.md"
    page.parent.mkdir()
    page.write_text("# A heading of a page")
    return Bench(
        pythons={system.name: Path(f"/envs/{system.name}/bin/python") for system in SYSTEMS},
        model=tmp_path / "model",
        scratch=tmp_path,
        files=[page],
        pages=page.parent,
        questions=[f"q{n}" for n in range(101)],
    )


def test_systems_take_turns_and_each_round_begins_with_another(
    bench: Bench, runner: Runner
) -> None:
    kept: list[tuple[str, str]] = []

    def keep(system: System, step: str, run: Mapping[str, Any]) -> None:
        kept.append((system.name, step))

    bench.round(0, keep)
    bench.round(1, keep)
    names = [system.name for system in SYSTEMS]
    ingests = [name for name, step in kept if step == "ingest"]
    assert ingests == names + names[1:] + names[:1]
    assert [name for name, step in kept if step == "answer"] == [OURS.name] * 2
    assert all(python == f"/envs/{name}/bin/python" for name, _, python in runner.steps)


def test_a_round_keeps_percentiles_memory_and_disk(bench: Bench, runner: Runner) -> None:
    kept: dict[tuple[str, str], Mapping[str, Any]] = {}

    def keep(system: System, step: str, run: Mapping[str, Any]) -> None:
        kept[system.name, step] = run

    bench.round(0, keep)
    warm = kept[PEERS[0].name, "warm"]
    assert (warm["wall_p50_ms"], warm["wall_p95_ms"]) == (50.0, 95.0)
    assert "wall_ms" not in warm
    ingest = kept[OURS.name, "ingest"]
    assert ingest["disk_mb"] >= 0.005
    assert {key: ingest[key] for key in ("chunks", "wall_s", "cpu_s", "peak_mb")} == {
        "chunks": 3,
        "wall_s": 2.0,
        "cpu_s": 3.0,
        "peak_mb": 1.0,
    }


def test_no_step_may_reach_the_network_or_report_home(bench: Bench, runner: Runner) -> None:
    bench.rehearse()
    told = runner.environment
    assert told["HF_HUB_OFFLINE"] == told["TRANSFORMERS_OFFLINE"] == "1"
    assert told["HAYSTACK_TELEMETRY_ENABLED"] == told["ANONYMIZED_TELEMETRY"] == "False"
    assert told["https_proxy"] == told["HTTPS_PROXY"] == "http://127.0.0.1:9"


def test_a_system_that_finds_nothing_is_not_measured(
    bench: Bench, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(arguments: Sequence[str], *rest: Any, **options: Any) -> Usage:
        found = runner(arguments, *rest, **options)
        empty = arguments[3] == "cold" and arguments[2] == "haystack"
        return Usage(
            stdout='{"found": 0}' if empty else found.stdout, wall_s=1.0, cpu_s=1.0, peak_bytes=1
        )

    monkeypatch.setattr(measure, "run_python", blind)
    with pytest.raises(CommandFailedError, match="Haystack found nothing"):
        bench.rehearse()


def test_ndcg_is_that_of_documents_by_their_best_chunk(bench: Bench, runner: Runner) -> None:
    judged = Judged(
        name="set",
        folder=bench.pages,
        queries={"x": "first", "y": "second"},
        judgements={"x": {"2": 1}, "y": {"8": 1}},
        documents=3,
    )
    found = bench.effectiveness(PEERS[0], judged)
    assert found["ndcg@10"] == pytest.approx((0.6309297535714575 + 0.0) / 2)  # 1 / log2(3)
    assert json.loads((bench.scratch / "queries.json").read_text()) == ["first", "second"]
    low, high = found["ci95"]
    assert low <= found["ndcg@10"] <= high
