"""What tests of all packages share: a fast embedder, folders of documents, and an index."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
if "PYTEST_XDIST_WORKER" in os.environ:  # side by side, threads of each would fight for the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")
if str(ROOT) not in sys.path:  # for `from tests.support...`, however pytest was started
    sys.path.insert(0, str(ROOT))

from ragkit_ingest.index import Index  # noqa: E402
from ragkit_ingest.store.exact import ExactStore  # noqa: E402
from tests.support.folder import Folder  # noqa: E402
from tests.support.hashing import HashingEmbedder  # noqa: E402

OpenIndex = Callable[..., Index]


@pytest.fixture
def embedder() -> HashingEmbedder:
    return HashingEmbedder()


@pytest.fixture
def docs(tmp_path: Path) -> Folder:
    """An empty folder `docs`, with a way to write files into it."""
    return Folder(tmp_path / "docs")


@pytest.fixture
def open_index(tmp_path: Path, embedder: HashingEmbedder) -> Iterator[OpenIndex]:
    """Open the index at `tmp_path/index`; closed again at the end of the test."""
    opened: list[Index] = []

    def make(**changes: object) -> Index:
        options: dict[str, object] = {
            "embedder": embedder,
            "store": ExactStore(),
            "create": True,
            "exact_at_most": 0,  # through the store, however small
        } | changes
        index = Index(tmp_path / "index", **options)  # type: ignore[arg-type]
        opened.append(index)
        return index

    yield make
    for index in opened:
        index.close()


@pytest.fixture
def index(open_index: OpenIndex) -> Index:
    """An empty index of the exact store."""
    return open_index()
