"""What tests of answering share: the example company, indexed once with the real model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit.config import Config
from ragkit.pipeline import Pipeline
from tests.support.company import Company

COMPANY = Path(__file__).parents[2] / "examples" / "company"


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with Pipeline(tmp_path_factory.mktemp("company") / "index", config=Config()) as rag:
        report = rag.ingest(COMPANY)
        assert report.failures == ()
        yield Company(rag)
