"""Prompts are files: packaged ones are sound, and a folder of the user's own wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.template import _FIELDS, load
from ragkit_ingest.errors import ConfigError

PACKAGED = Path(__file__).parents[2] / "ragkit" / "prompts"


@pytest.mark.parametrize("name", sorted(_FIELDS))
def test_every_packaged_prompt_is_sound(name: str) -> None:
    assert load(name).version.startswith(f"{name}-")


def test_every_packaged_file_is_a_prompt() -> None:
    assert {path.stem for path in PACKAGED.iterdir()} == set(_FIELDS)


def write(folder: Path, old: str = "", new: str = "") -> str:
    text = (PACKAGED / "answer.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / "answer.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    return str(folder)


def test_an_own_prompt_wins_and_others_stay(tmp_path: Path) -> None:
    own = write(tmp_path, '"answer-1"', '"mine-7"')
    assert load("answer", own).version == "mine-7"
    assert load("hyde", own) == load("hyde")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version =", "versions =", "missing or unknown: version, versions"),
        ('"answer-1"', '" "', "holds no text for version"),
        ('"answer-1"', "1", "holds no text for version"),
        ('"answer-1"', '"answer-1', "cannot be read: "),
        ("Question: $question\n", "Question: $quesion\n", r"holds \$quesion in user; .*\$question"),
        ("Question: $question\n", "For 5$ only\n", "a lone"),
        ("$passages\n", "\n", r"must fill in \$passages in user"),
        ("$close\n", "\n", r"must fill in \$close in passage"),
    ],
)
def test_a_prompt_that_is_not_sound_is_a_sentence(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load("answer", write(tmp_path, old, new))


def test_a_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no folder .* of prompts"):
        load("answer", str(tmp_path / "gone"))
