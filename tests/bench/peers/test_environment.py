from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

from bench.peers import environment
from bench.peers.system import OURS, PEERS, SYSTEMS, System

FOLDER = Path(environment.__file__).parent


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_every_system_has_a_module(system: System) -> None:
    module = import_module(f"bench.peers.{system.name}")
    assert callable(module.ingest)
    assert callable(module.opened)


@pytest.mark.parametrize("system", PEERS, ids=lambda system: system.name)
def test_every_requirement_is_pinned_and_torch_with_it(system: System) -> None:
    lines = (FOLDER / f"{system.environment}.txt").read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in lines)
    assert lines == sorted(lines, key=lambda line: line.partition("==")[0].lower())
    assert "torch==2.13.0" in lines
    named = {line.partition("==")[0] for line in lines}
    assert set(system.packages) <= named


def test_what_is_installed_is_kept_until_requirements_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []

    def uv(arguments: list[str]) -> None:
        calls.append(list(arguments))
        if arguments[0] == "venv":
            python = Path(arguments[-1], "bin", "python")
            python.parent.mkdir(parents=True)
            python.symlink_to(sys.executable)

    monkeypatch.setattr(environment, "_uv", uv)
    monkeypatch.setenv("PIP_FIND_LINKS", "/one /two")
    peer = PEERS[0]
    python = environment.prepared(peer, tmp_path)
    assert python == tmp_path / peer.name / "bin" / "python"
    assert [call[0] for call in calls] == ["venv", "pip"]
    assert calls[1].count("--find-links") == 2
    assert str(FOLDER / f"{peer.name}.txt") in calls[1]
    environment.prepared(peer, tmp_path)
    assert len(calls) == 2
    (tmp_path / peer.name / "installed.txt").write_text("of other requirements")
    environment.prepared(peer, tmp_path)
    assert len(calls) == 4
    environment.prepared(OURS, tmp_path)
    assert "--editable" in calls[-1]
    assert "--constraint" in calls[-1]


def test_a_failed_installation_says_what_uv_said(tmp_path: Path) -> None:
    with pytest.raises(environment.EnvironmentFailedError, match=r"uv pip install gave \d+: "):
        environment._uv(["pip", "install", "--offline", "--python", str(tmp_path / "no"), "x"])
