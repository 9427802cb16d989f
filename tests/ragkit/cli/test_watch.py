"""`ragkit ingest --watch`: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragkit_ingest.errors import EmbedderMismatchError, MassDeletionError
from ragkit_ingest.lock import writer_lock
from ragkit_ingest.report import Failure, FileCounts
from ragkit_ingest.watch import SyncFailure
from tests.support.folder import Folder

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60.0
PROGRAM = """
import signal
import sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
from ragkit.cli.main import run
from ragkit.config import Config
from ragkit.pipeline import Pipeline
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.watch import WatchSettings
from tests.support.hashing import HashingEmbedder

class Quick(Pipeline):
    def watch(self, *paths, **options):
        return super().watch(*paths, watching=WatchSettings(settle_s=0.1, look_s=0.05), **options)

def opener(index, *, generator=None, embedder=None, generator_url=None, audit=None):
    parts = {"embedder": HashingEmbedder(), "store": ExactStore(), "config": Config(workers=1)}
    return Quick(index, **parts)

sys.exit(run(sys.argv[1:], opener=opener))
"""


def refusal() -> SyncFailure:
    return SyncFailure(error=MassDeletionError("5 of the 8 files are gone"), retry_s=4.0)


def test_the_first_report_is_whole_and_later_ones_are_lines(
    ragkit: Any, pipeline: Any, make: Any
) -> None:
    broken = tuple(Failure(path=f"{n}.pdf", reason="it is no PDF", retry=True) for n in range(5))
    failed = make.report(files=FileCounts(indexed=1, removed=2, failed=5), failures=broken)
    pipeline.watched = [make.report(), failed, refusal(), KeyboardInterrupt()]
    result = ragkit("ingest", "docs", "--watch")
    assert result.code == 0
    first, later = result.out.split("Chunks: ")
    assert first == "Files: 2 indexed, 1 unchanged\n"
    line = " ".join(later.splitlines()[1:]).split("  ", 1)[1]
    assert " ".join(line.split()) == (
        "1 indexed, 2 removed, 5 failed, 9 chunks searchable; failed: 0.pdf (it is no PDF), 1.pdf "
        "(it is no PDF), 2.pdf (it is no PDF) and 2 more"
    )
    watching, refused, stopped = result.err.splitlines()
    assert watching == "Watching for changes; Ctrl-C ends it."
    assert refused.endswith("  not synced: 5 of the 8 files are gone (tried again in 4 s)")
    assert stopped.startswith("ragkit: Stopped watching.")


def test_json_is_a_line_for_each_event(ragkit: Any, pipeline: Any, make: Any) -> None:
    pipeline.watched = [make.report(), refusal(), make.report(embedded=7), KeyboardInterrupt()]
    result = ragkit("ingest", "docs", "--watch", "--json")
    assert result.code == 0
    first, second, third = map(json.loads, result.out.splitlines())
    assert first["files"]["indexed"] == 2
    assert second == {
        "error": {"type": "MassDeletionError", "message": "5 of the 8 files are gone"},
        "retry_s": 4.0,
    }
    assert third["embedded"] == 7


def test_options_reach_the_pipeline(ragkit: Any, pipeline: Any) -> None:
    ragkit("ingest", "a", "b", "--watch", "--checksum", "--allow-mass-delete")
    assert pipeline.last("watch") == {
        "paths": ("a", "b"),
        "checksum": True,
        "allow_mass_delete": True,
        "passwords": [],
    }


def test_a_plan_is_not_watched(ragkit: Any, pipeline: Any) -> None:
    result = ragkit("ingest", "docs", "--watch", "--dry-run")
    assert result.code == 2
    assert "--watch and --dry-run cannot go together" in result.err
    assert pipeline.calls == []


def test_what_cannot_be_outlived_ends_it(ragkit: Any, pipeline: Any, make: Any) -> None:
    pipeline.watched = [make.report(), EmbedderMismatchError("made by another embedder")]
    result = ragkit("ingest", "docs", "--watch")
    assert result.code == 1
    assert "made by another embedder" in result.err


# -- as a process ------------------------------------------------------------------------------


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    paths = [str(ROOT), str(ROOT / "ingest"), str(ROOT / "eval"), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def watching(tmp_path: Path, docs: Folder) -> Iterator[subprocess.Popen[str]]:
    """A process that watches `docs`, with its index inside of it; killed if it does not end."""
    docs.fill(3)
    process = start("ingest", ".", "--watch", "--json", "--index", "index", cwd=docs.path)
    emergency = threading.Timer(PATIENCE_S, process.kill)  # no test hangs in readline
    emergency.start()
    yield process
    emergency.cancel()
    process.kill()
    process.communicate()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_clean_end(
    watching: subprocess.Popen[str], docs: Folder, how: signal.Signals
) -> None:
    assert watching.stdout is not None
    assert json.loads(watching.stdout.readline())["files"]["indexed"] == 3
    docs.write("new.md", "# New\n\ntext")
    assert json.loads(watching.stdout.readline())["files"]["indexed"] == 1
    with writer_lock(docs.path / "index"):  # nobody holds it between the syncs
        watching.send_signal(how)
        out, err = watching.communicate(timeout=PATIENCE_S)
    assert (watching.returncode, out) == (0, "")
    assert err.splitlines()[-1].startswith("ragkit: Stopped watching.")
    assert "Traceback" not in err


def test_without_an_index_and_without_a_path_there_is_nothing_to_watch(tmp_path: Path) -> None:
    process = start("ingest", "--watch", cwd=tmp_path)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (1, "")
    assert "there is no index" in err
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_not_there_is_usage(tmp_path: Path) -> None:
    process = start("ingest", "nowhere", "--watch", cwd=tmp_path)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (2, "")
    assert "nowhere" in err
