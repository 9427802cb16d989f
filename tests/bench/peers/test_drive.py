from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from bench.peers import drive
from bench.peers.measure import disk_bytes, result
from bench.process import CommandFailedError, Usage, run_python


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A system that notes what it was asked."""
    asked: list[str] = []

    def opened(index: Path, model: Path) -> Callable[[str, int], list[str]]:
        def search(question: str, k: int) -> list[str]:
            asked.append(question)
            return [f"{question}-{n}.md" for n in range(k)]

        return search

    system = ModuleType("bench.peers.made_up")
    system.ingest = lambda folder, index, model: len(list(folder.iterdir()))  # type: ignore[attr-defined]
    system.opened = opened  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bench.peers.made_up", system)
    return asked


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *step: str) -> object:
    monkeypatch.setattr(sys, "argv", ["drive", "made_up", *step])
    drive.main()
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_steps_print_what_came_of_them(
    made_up: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "q.json").write_text(json.dumps([f"q{n}" for n in range(12)]))
    asked = str(tmp_path / "q.json")
    assert run(monkeypatch, capsys, "ingest", str(tmp_path), "i", "m") == {"chunks": 1}
    assert run(monkeypatch, capsys, "cold", "i", "m", "why?") == {"found": drive.PASSAGES}
    assert made_up == ["why?"]
    ranked = run(monkeypatch, capsys, "rank", "i", "m", asked, "2")
    assert isinstance(ranked, dict)
    assert ranked["files"][1] == ["q1-0.md", "q1-1.md"]
    made_up.clear()
    warm = run(monkeypatch, capsys, "warm", "i", "m", asked)
    assert isinstance(warm, dict)
    assert len(warm["wall_ms"]) == len(warm["cpu_ms"]) == 12
    assert made_up[:10] + made_up[10:] == [
        *(f"q{n}" for n in range(10)),
        *(f"q{n}" for n in range(12)),
    ]
    assert warm["found"] == drive.PASSAGES


def test_the_last_line_counts_whatever_a_system_prints_before() -> None:
    used = Usage(
        stdout='Batches: 100%\n\n{"chunks": 7}\n', wall_s=2.0, cpu_s=3.0, peak_bytes=5_000_000
    )
    assert result(used) == {"chunks": 7, "wall_s": 2.0, "cpu_s": 3.0, "peak_mb": 5.0}


def test_another_interpreter_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    used = run_python(["-c", "import sys; print(sys.argv[0])"], python=tmp_path / "python")
    assert used.stdout == "-c\n"
    with pytest.raises(CommandFailedError, match="gave 3"):
        run_python(["-c", "raise SystemExit(3)"], python=tmp_path / "python")


def test_disk_use_counts_every_file_beneath(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert disk_bytes(tmp_path) == 0
    (tmp_path / "a" / "b").write_bytes(b"x" * 10_000)
    assert disk_bytes(tmp_path) >= 10_000
