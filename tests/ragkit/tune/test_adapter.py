"""Adapters: names, fingerprints, and who may be used with what."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ragkit.config import Config
from ragkit.generate.local import LocalChatModel, LocalModelSettings
from ragkit.generate.model import Message, written
from ragkit.generate.selection import GeneratorSettings, chat_model
from ragkit.pipeline import generator_settings
from ragkit.tune.adapter import (
    RECORD,
    AdapterRecord,
    adapters_folder,
    check_name,
    load_record,
    save_record,
)
from ragkit.tune.fingerprint import adapter_fingerprint, base_fingerprint, weights_sha256
from ragkit_ingest.errors import TuneError, UsageError
from tests.support import tiny_chat_model

pytest.importorskip("peft")
ASK = [Message(role="user", content="What leaks?")]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_chat_model.save(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def adapters(tmp_path: Path, base: Path) -> Path:
    """A folder of adapters that holds one, "voice", which is promoted."""
    folder = adapters_folder(tmp_path / "my.index")
    adapter = tiny_chat_model.save_adapter(folder / "voice", base)
    save_record(adapter, record(adapter, base))
    return folder


def record(adapter: Path, base: Path) -> AdapterRecord:
    mark = base_fingerprint(base)
    return AdapterRecord(
        name="voice",
        fingerprint=adapter_fingerprint(adapter, mark),
        weights_sha256=weights_sha256(adapter),
        base=base.name,
        base_fingerprint=mark,
        gates={"gates": [{"name": "tone", "held": False, "said": "0.010, wanted more"}]},
        promoted=True,
    )


def named(adapters: Path, name: str) -> LocalChatModel:
    model = chat_model(name, GeneratorSettings(adapters=str(adapters)))
    assert isinstance(model, LocalChatModel)
    return model


def test_an_adapter_is_found_by_its_name_beside_the_index(adapters: Path, base: Path) -> None:
    by_name = named(adapters, f"local:{base}+voice")
    by_path = named(adapters, f"local:{base}+{adapters / 'voice'}")
    assert by_name.name == by_path.name == "local:tiny+voice"
    assert written(by_name, ASK, max_tokens=4) == written(by_path, ASK, max_tokens=4)
    index = adapters.with_name("my.index")
    assert generator_settings(Config(), index).adapters == str(adapters)
    assert generator_settings(Config()).adapters == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fingerprint": ""}, "its training is not finished"),
        ({"gates": None}, "its gates were not tried"),
        ({}, "tone 0.010, wanted more"),
    ],
)
def test_an_unpromoted_adapter_is_refused_by_name_and_by_path(
    adapters: Path, base: Path, changes: dict[str, object], said: str
) -> None:
    known = load_record(adapters / "voice")
    assert known is not None
    save_record(adapters / "voice", replace(known, promoted=False, **changes))  # type: ignore[arg-type]
    for name in ("voice", str(adapters / "voice")):
        with pytest.raises(TuneError, match=f"adapter voice is not promoted: {said}"):
            named(adapters, f"local:{base}+{name}")


def test_an_unpromoted_adapter_can_be_asked_for_and_says_so(adapters: Path, base: Path) -> None:
    known = load_record(adapters / "voice")
    assert known is not None
    save_record(adapters / "voice", replace(known, promoted=False, forced=True))
    assert named(adapters, f"local:{base}+voice").name == "local:tiny+voice (unpromoted)"
    save_record(adapters / "voice", replace(known, promoted=False))
    settings = LocalModelSettings(model=str(base), adapter=str(adapters / "voice"), unpromoted=True)
    assert LocalChatModel(settings).name.endswith("(unpromoted)")


def test_an_adapter_of_another_base_is_refused(adapters: Path, tmp_path: Path) -> None:
    other = tiny_chat_model.save(tmp_path / "other", answer=("Tea",))
    model = named(adapters, f"local:{other}+voice")
    with pytest.raises(TuneError, match=r"trained on another model \(tiny, fingerprint [0-9a-f]+"):
        written(model, ASK, max_tokens=4)


def test_an_adapter_whose_weights_were_changed_is_refused(adapters: Path, base: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = adapters / "voice" / "adapter_model.safetensors"
    weights = load_file(file)
    save_file({name: weight + 0.1 for name, weight in weights.items()}, file)
    with pytest.raises(TuneError, match="are not those that were trained and tried"):
        written(named(adapters, f"local:{base}+voice"), ASK, max_tokens=4)


def test_a_damaged_record_is_a_sentence_and_never_a_way_around(adapters: Path, base: Path) -> None:
    (adapters / "voice" / RECORD).write_text('{"name": "voice", "promo')
    with pytest.raises(TuneError, match="is damaged"):
        named(adapters, f"local:{base}+voice")


def test_the_base_is_told_by_its_weights_not_by_its_place(base: Path, tmp_path: Path) -> None:
    for file in base.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert base_fingerprint(tmp_path) == base_fingerprint(base)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"transformers_version": "9"}))
    assert base_fingerprint(tmp_path) == base_fingerprint(base)
    (tmp_path / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.1}))
    assert base_fingerprint(tmp_path) != base_fingerprint(base)
    other = tiny_chat_model.save(tmp_path / "other", answer=("Tea",))
    assert base_fingerprint(other) != base_fingerprint(base)


@pytest.mark.parametrize("name", ["", "A", "a b", "../x", ".x", "a/b", "x" * 65])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(UsageError, match="is no name of an adapter"):
        check_name(name)
