"""Imports point one way: ragkit_eval may import ragkit, ragkit may import ragkit_ingest."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "ragkit_ingest": ROOT / "ingest" / "ragkit_ingest",
    "ragkit": ROOT / "ragkit",
    "ragkit_eval": ROOT / "eval" / "ragkit_eval",
}
ALLOWED = {
    "ragkit_ingest": {"ragkit_ingest"},
    "ragkit": {"ragkit_ingest", "ragkit"},
    "ragkit_eval": {"ragkit_ingest", "ragkit", "ragkit_eval"},
}
COMMAND_LINE = ROOT / "ragkit" / "cli"  # only it sees all three
MODULES = [(name, path) for name, root in PACKAGES.items() for path in sorted(root.rglob("*.py"))]


def imports(path: Path) -> Iterator[str]:
    """Yield the full name of everything that a module imports, wherever the import stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (_owner(node.module or "", alias.name) for alias in node.names)


def _owner(module: str, name: str) -> str:
    """Return the module that is imported: `from ragkit import answer` imports ragkit.answer."""
    root = PACKAGES.get(module)
    if root is not None and ((root / name).is_dir() or (root / f"{name}.py").is_file()):
        return f"{module}.{name}"
    return module


def label(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else ""


def test_every_package_has_modules() -> None:
    assert {name for name, _ in MODULES} >= {"ragkit_ingest", "ragkit"}


@pytest.mark.parametrize(("package", "path"), MODULES, ids=label)
def test_imports_point_one_way(package: str, path: Path) -> None:
    ours = {name.split(".")[0] for name in imports(path)} & set(PACKAGES)
    seen = {"ragkit_eval"} if path.is_relative_to(COMMAND_LINE) else set()
    assert ours <= ALLOWED[package] | seen


@pytest.mark.parametrize(("package", "path"), MODULES, ids=label)
def test_no_module_imports_its_own_package_root(package: str, path: Path) -> None:
    assert package not in set(imports(path)), "import the module that owns the name"


@pytest.mark.parametrize(
    "path", [*sorted(ROOT.glob("tests/**/*.py")), *(path for _, path in MODULES)], ids=label
)
def test_the_folders_ingest_and_eval_are_no_packages(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & {"ingest", "eval"}


def test_every_package_is_typed() -> None:
    assert [name for name, root in PACKAGES.items() if not (root / "py.typed").is_file()] == []


def test_the_folders_have_no_init_of_their_own() -> None:
    assert not (ROOT / "ingest" / "__init__.py").exists()
    assert not (ROOT / "eval" / "__init__.py").exists()


def test_no_module_is_named_after_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    assert [path for _, path in MODULES if path.stem in vague] == []
