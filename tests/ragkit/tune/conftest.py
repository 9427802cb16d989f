"""A server with a tiny model, and a client for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from tests.support import tiny_chat_model
from tests.support.tune_server import FakeTrainer, client, in_thread


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that reads bytes and babbles."""
    return tiny_chat_model.save(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def trainer() -> FakeTrainer:
    return FakeTrainer()


@pytest.fixture
def url(base: Path, tmp_path: Path, trainer: FakeTrainer) -> Iterator[str]:
    """A server whose training is not real."""
    with in_thread(base, tmp_path / "data", begin=trainer) as served:
        yield served


@pytest.fixture
def api(url: str) -> Iterator[OpenAI]:
    with client(url) as opened:
        yield opened
