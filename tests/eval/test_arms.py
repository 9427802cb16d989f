"""Arms: the built-in ones say what they lack, and a user's file is read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit_eval.arms import Arm, ArmSettings, arms, chosen, load_settings
from ragkit_ingest.errors import ConfigError, UsageError


def test_without_a_model_two_arms_run_and_the_others_say_why() -> None:
    found = arms(ArmSettings())
    assert {name for name, arm in found.items() if not arm.missing} == {"extractive", "oracle"}
    assert found["oracle"].generator == "extractive"
    assert "no chat model is configured" in found["rag"].missing
    assert "no fine-tuned model" in found["rag_fine_tuned"].missing
    with pytest.raises(UsageError, match="the arm rag cannot run: no chat model"):
        chosen(found, ["rag"])
    with pytest.raises(UsageError, match="there is no arm 'ragg'; the arms are no_retrieval"):
        chosen(found, ["ragg"])


def test_with_models_and_a_persona_all_run() -> None:
    settings = ArmSettings(model="openai:m", tuned="openai:t", persona="Brief.")
    found = arms(settings)
    assert not any(arm.missing for arm in found.values())
    assert [arm.name for arm in chosen(found, ["oracle", "rag"])] == ["rag", "oracle"]
    assert found["rag_fine_tuned"].generator == "openai:t"
    assert (found["rag_persona"].persona, found["rag"].persona) == ("Brief.", "")


def test_a_file_of_arms(tmp_path: Path) -> None:
    file = tmp_path / "arms.toml"
    file.write_text(
        'model = "openai:m"\n[arms.terse]\npersona = "One sentence."\nk = 4\n'
        '[arms.rag]\ngenerator = "openai:other"\n'
    )
    settings = load_settings(file, ArmSettings(persona="kept"))
    found = arms(settings)
    assert (settings.model, settings.persona) == ("openai:m", "kept")
    terse = found["terse"]
    assert (terse.generator, terse.passages, terse.settings) == ("openai:m", "retrieved", {"k": 4})
    assert found["rag"].generator == "openai:other"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[arms.x]\nkk = 3", "sets 'kk', which is not known"),
        ("modell = 1", "sets 'modell', which is not known"),
        ("model = 3", "sets model to 3; it must be a text"),
        ('model = "gpt"', "there is no generator 'gpt'"),
        ('[arms.x]\npassages = "some"', "one of none, retrieved, gold"),
        ('[arms.x]\npassages = "none"\ngenerator = "extractive"', "only repeats passages"),
        ('[arms."a b"]\nk = 3', "may hold letters"),
        ("arms = 3", "write a table"),
        ("[arms]\nx = 3", "not a table"),
        ("[", "not valid TOML"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "arms.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        load_settings(file, ArmSettings())


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path / "no.toml", ArmSettings())


def test_an_arm_without_passages_and_model_lacks_a_model(tmp_path: Path) -> None:
    file = tmp_path / "arms.toml"
    file.write_text('[arms.closed]\npassages = "none"\n')
    closed = arms(load_settings(file, ArmSettings()))["closed"]
    assert closed == Arm(name="closed", passages="none", missing=closed.missing)
    assert "no chat model" in closed.missing
