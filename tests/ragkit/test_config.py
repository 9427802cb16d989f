"""Settings: values only, every mistake a sentence."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ragkit.config import Config
from ragkit_ingest.errors import ConfigError


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Config.load() == Config()


def test_the_file_in_the_working_folder_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ragkit.toml").write_text('k = 3\nmode = "lexical"\ndense_weight = 1\n')
    monkeypatch.chdir(tmp_path)
    assert Config.load() == Config(k=3, mode="lexical", dense_weight=1)


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Config.load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        Config.load(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"k = ", "is not valid TOML"),
        (b"\xff\xfe", "is not valid TOML"),
        (b"kk = 3", r"sets 'kk', which ragkit does not know; the settings are: .*chunk_tokens"),
        (b"[retrieve]\nk = 3", "sets 'retrieve', which ragkit does not know"),
        (b'k = "3"', r"sets k to '3'; it must be of type int"),
        (b"k = 3.5", r"sets k to 3.5; it must be of type int"),
        (b"k = true", "must be of type int"),
        (b"dense_weight = true", "must be of type float"),
        (b"k = 0", r"ragkit.toml: k must be between 1 and 100, not 0"),
        (b"dense_weight = nan", "dense_weight must be between 0 and 1, not nan"),
        (b'unsupported = "hide"', "unsupported must be flag or drop, not 'hide'"),
        (b'mode = "sparse"', "mode must be hybrid, dense or lexical, not 'sparse'"),
    ],
)
def test_a_mistake_in_the_file_is_a_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "ragkit.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        Config.load(path)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("chunk_tokens", 31, 1_000_001),
        ("embedder_dimensions", -1, 65_537),
        ("embedder_max_tokens", 31, 1_000_001),
        ("header_tokens", -1, 129),
        ("workers", 0, 65),
        ("k", 0, 101),
        ("depth", 0, 10_001),
        ("dense_weight", -0.01, 1.01),
        ("min_confidence", -0.01, 1.01),
    ],
)
def test_ranges(name: str, low: float, high: float) -> None:
    for value in (low, high):
        wrong: dict[str, Any] = {name: value}
        with pytest.raises(ConfigError, match=rf"{name} must be between"):
            Config(**wrong)


def test_every_setting_has_a_default_and_is_documented() -> None:
    assert Config.__doc__ is not None
    for field in fields(Config):
        assert f"\n        {field.name}: " in Config.__doc__


@pytest.mark.parametrize("value", ["yes", "", "On"])
def test_ocr_is_one_of_three_words(value: str) -> None:
    with pytest.raises(ConfigError, match="ocr must be auto, on or off"):
        Config(ocr=value)


@pytest.mark.parametrize("name", ["MiniLM", " ", "st:", "st", "endpoint: ", "hub:x", "minilm:x"])
def test_an_embedder_is_one_of_three_forms(name: str) -> None:
    with pytest.raises(ConfigError, match=r"there is no embedder .*st:PATH-OR-NAME"):
        Config(embedder=name)


def test_a_key_in_place_of_a_variables_name_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError, match="not the key itself") as caught:
        Config(embedder_key_env="sk-12345")
    assert "12345" not in str(caught.value)
