"""A virtual environment for each system, made once and kept.

What is installed stands in `bench/peers/NAME.txt`; ragkit is installed from its own sources, as
editable, with `constraints.txt`. Made again when those files change.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from bench.corpus import ROOT
from bench.peers.system import OURS, System

_STAMP = "installed.txt"


class EnvironmentFailedError(RuntimeError):
    """An environment could not be made."""


def prepared(system: System, folder: Path) -> Path:
    """Return the interpreter of a system's environment, which is made if need be.

    Args:
        system: What is installed.
        folder: Holds the environments of all systems.

    Raises:
        EnvironmentFailedError: If uv is missing or an installation fails.
    """
    home = folder / system.environment
    python = home / "bin" / "python"
    wanted = _wanted(system)
    stamp = home / _STAMP
    if python.exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(home, ignore_errors=True)
    _uv(["venv", "--python", sys.executable, str(home)])
    # Copies, as nltk refuses files that are hard links into uv's cache.
    into = ["--python", str(python), "--link-mode", "copy", *find_links()]
    _uv(["pip", "install", *into, *_requirements(system)])
    stamp.write_text(wanted, encoding="utf-8")
    return python


def versions(system: System, python: Path) -> dict[str, str]:
    """Return the installed version of each package that is reported."""
    code = (
        "import sys, importlib.metadata as m; [print(n, m.version(n), sep='==') for n in "
        "sys.argv[1:]]"
    )
    told = subprocess.run(
        [str(python), "-c", code, *system.packages], check=True, capture_output=True, text=True
    )
    return dict(line.split("==", 1) for line in told.stdout.split())


def find_links() -> list[str]:
    """Return uv's options for the places that pip would look in beside the registry."""
    places = os.environ.get("PIP_FIND_LINKS", "").split()
    return [option for place in places for option in ("--find-links", place)]


def _requirements(system: System) -> list[str]:
    if system is OURS:
        return ["--constraint", str(ROOT / "constraints.txt"), "--editable", str(ROOT)]
    return ["--requirement", str(_file(system))]


def _wanted(system: System) -> str:
    files = [ROOT / "pyproject.toml", ROOT / "constraints.txt"]
    files = files if system is OURS else [_file(system)]
    texts = [file.read_text(encoding="utf-8") for file in files]
    return "\n".join([sys.version, str(ROOT) if system is OURS else "", *texts])


def _file(system: System) -> Path:
    return Path(__file__).with_name(f"{system.environment}.txt")


def _uv(arguments: Sequence[str]) -> None:
    uv = shutil.which("uv")
    command = [sys.executable, "-m", "uv"] if find_spec("uv") else [uv] if uv else None
    if command is None:
        raise EnvironmentFailedError("uv is not installed; run: pip install uv")
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EnvironmentFailedError(
            f"uv {' '.join(arguments[:2])} gave {done.returncode}: {done.stderr.strip()[-1500:]}"
        )
