"""What is written about ragkit is true: commands, settings, and the code of the README."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import pytest
import typer

from ragkit.cli.main import app
from ragkit.config import Config

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
LEAVES = {
    f"{name} {leaf}".strip(): command
    for name, group in COMMANDS.items()
    for leaf, command in getattr(group, "commands", {"": group}).items()
}


@pytest.mark.parametrize("command", sorted(LEAVES))
def test_every_command_is_in_the_readme(command: str) -> None:
    assert re.search(rf"^\| `ragkit {command}\b", README, re.MULTILINE)


def test_the_readme_names_no_command_that_is_not_there() -> None:
    named = set(re.findall(r"^\| `ragkit (\w+(?: [a-z-]+)?)", README, re.MULTILINE))
    assert named == set(LEAVES)


def options(command: str) -> list[str]:
    found = {option for param in LEAVES[command].params for option in param.opts}
    return sorted(option for option in found if option.startswith("--"))


@pytest.mark.parametrize(
    ("command", "option"),
    [(name, option) for name in sorted(LEAVES) for option in options(name)],
)
def test_every_option_is_in_the_readme(command: str, option: str) -> None:
    row = re.search(rf"^\| `ragkit {command}\b.*$", README, re.MULTILINE)
    everywhere = all(
        f"`{shared}`" in README for shared in ("--index DIR", "--json", "--embedder NAME")
    )
    assert row is not None
    assert option in row.group() or (
        option in ("--index", "--json", "--embedder", "--help") and everywhere
    )


@pytest.mark.parametrize("field", dataclasses.fields(Config), ids=lambda field: field.name)
def test_every_setting_is_documented_with_its_default(field: dataclasses.Field[object]) -> None:
    row = re.search(rf"^\| `{field.name}` \|(.*)$", SETTINGS, re.MULTILINE)
    assert row is not None
    value = f'"{field.default}"' if isinstance(field.default, str) else str(field.default)
    assert f"`{value}`" in row.group(1)


def test_no_setting_is_documented_that_is_not_there() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", SETTINGS, re.MULTILINE))
    assert named == {field.name for field in dataclasses.fields(Config)}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_to_files_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_every_make_target_explains_itself() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY:(.*)$", text, re.MULTILINE)
    assert phony is not None
    explained = set(re.findall(r"^([a-z-]+):.*## \S", text, re.MULTILINE))
    assert explained == set(phony.group(1).split())


def test_the_python_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert blocks
    shutil.copytree(ROOT / "examples" / "company" / "policies", tmp_path / "docs")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), namespace)
    assert "docx" in capsys.readouterr().out
