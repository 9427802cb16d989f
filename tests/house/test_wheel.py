"""The wheel holds our three packages and the example company, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_packages_are_named_in_the_project_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert packages == ["ragkit", "ingest/ragkit_ingest", "eval/ragkit_eval"]
    assert all((ROOT / package).is_dir() for package in packages)


def test_every_direct_dependency_is_pinned_among_what_was_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {pin.split("==")[0] for pin in pins if "==" in pin}
    assert {_name(line) for line in wanted} <= pinned


def test_the_constraints_are_pins_alone() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if pin.count("==") != 1 or "+" in pin or "/" in pin] == []


@pytest.mark.slow
def test_the_wheel_built_from_the_source_archive(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--installer", "uv", "--outdir", str(tmp_path), str(ROOT)],
        check=True,
        capture_output=True,
        timeout=280,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "ragkit",
        "ragkit_ingest",
        "ragkit_eval",
    }
    for package in ("ragkit", "ragkit_ingest", "ragkit_eval"):
        assert f"{package}/py.typed" in names
    assert "ragkit/cli/main.py" in names
    assert "ragkit/prompts/answer.toml" in names
    assert any(name.startswith("ragkit/example_company/policies/") for name in names)
    assert not any("questions.jsonl" in name or "/tests/" in name for name in names)


def _name(requirement: str) -> str:
    for stop in "[<>=!~; ":
        requirement = requirement.split(stop)[0]
    return requirement.lower()
