"""An open index: what it refuses, what it survives, what it shows."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit_ingest.catalog.schema import FILE_NAME, check
from ragkit_ingest.errors import (
    DamagedIndexError,
    NoIndexError,
    NotAnIndexError,
    RagkitError,
    StorageError,
    UsageError,
)
from ragkit_ingest.index import Index
from ragkit_ingest.store.chroma import ChromaStore
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.store.protocol import VectorStore
from tests.ingest.conftest import Bench, Open
from tests.ingest.test_sync import consistent
from tests.support.folder import Folder, word
from tests.support.hashing import HashingEmbedder

STORES = [ExactStore, ChromaStore]


def reopened(folder: Path, store: VectorStore | None = None) -> Index:
    return Index(folder, embedder=HashingEmbedder(), store=store or ExactStore())


# -- folders that are not an index -------------------------------------------------------------


def test_there_is_no_index(open_index: Open) -> None:
    with pytest.raises(NoIndexError, match="run: ragkit ingest PATH"):
        open_index(create=False)


@pytest.mark.parametrize("create", [True, False])
def test_a_foreign_folder_is_refused_and_left_alone(
    tmp_path: Path, open_index: Open, create: bool
) -> None:
    folder = Folder(tmp_path / "index")
    folder.write("thesis.md", "mine")
    with pytest.raises(NotAnIndexError, match=r"it holds 'thesis.md'"):
        open_index(create=create)
    assert [path.name for path in folder.path.iterdir()] == ["thesis.md"]


@pytest.mark.parametrize("create", [True, False])
def test_a_file_in_its_place_is_refused(tmp_path: Path, open_index: Open, create: bool) -> None:
    (tmp_path / "index").write_text("a file")
    with pytest.raises(NotAnIndexError, match="is a file"):
        open_index(create=create)


@pytest.mark.parametrize("create", [True, False])
def test_somebody_elses_database_is_refused(tmp_path: Path, open_index: Open, create: bool) -> None:
    (tmp_path / "index").mkdir()
    with sqlite3.connect(tmp_path / "index" / FILE_NAME) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(NotAnIndexError, match="is not the catalog of a ragkit index"):
        open_index(create=create)


@pytest.mark.parametrize("create", [True, False])
def test_a_newer_index_is_refused(open_index: Open, create: bool) -> None:
    index = open_index()
    index.connection.execute("PRAGMA user_version = 99")
    index.close()
    with pytest.raises(DamagedIndexError, match="newer ragkit"):
        open_index(create=create)


@pytest.mark.parametrize("create", [True, False])
def test_an_older_index_is_refused_and_left_alone(open_index: Open, create: bool) -> None:
    index = open_index()
    index.connection.execute("PRAGMA user_version = 4")
    index.close()
    with pytest.raises(DamagedIndexError, match=r"earlier ragkit.* ingest again"):
        open_index(create=create)
    with closing(sqlite3.connect(index.folder / FILE_NAME)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (4,)


def test_an_index_whose_making_was_interrupted_is_made_again(
    tmp_path: Path, open_index: Open
) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / FILE_NAME).touch()
    with pytest.raises(NoIndexError):
        open_index(create=False)
    assert open_index().status().generation == 0


def test_two_threads_may_make_the_same_index(tmp_path: Path) -> None:
    errors = together(
        *[
            lambda: Index(
                tmp_path / "index", embedder=HashingEmbedder(), store=ExactStore(), create=True
            ).close()
        ]
        * 8
    )
    assert errors == []


def together(*jobs: Callable[[], object]) -> list[BaseException]:
    """Run the jobs at the same time and return what they raised."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], object]) -> None:
        barrier.wait()
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - handed on to the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


# -- damage ------------------------------------------------------------------------------------


def checkpointed(bench: Bench) -> Path:
    """Close the index with everything in one file, and return that file."""
    bench.index.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    bench.index.close()
    return bench.index.folder / FILE_NAME


def use(folder: Path) -> None:
    """Do everything that reads the catalog."""
    index = reopened(folder)
    try:
        index.status()
        with index.reader() as reading:
            chunks = reading.chunks(reading.live_ids())
            reading.facts()
            reading.lexical('"cost"', 10, (1.0, 1.0, 1.0))
            reading.metadata([chunk.document_id for chunk in chunks.values()])
        for chunk in chunks.values():
            index.document(chunk.document_id)
        index.dense(index.embedder.embed_query("costs"), 5)
        index.vectors(list(chunks))
    finally:
        index.close()


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.9])
def test_a_catalog_cut_short_is_said_so(bench: Bench, kept: float) -> None:
    bench.docs.fill(30)
    bench.sync()
    path = checkpointed(bench)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises((DamagedIndexError, NoIndexError), match=r"damaged|there is no index"):
        use(path.parent)


def test_a_catalog_of_garbage_is_said_so(bench: Bench) -> None:
    path = checkpointed(bench)
    path.write_bytes(b"\x00garbage" * 1000)
    with pytest.raises(DamagedIndexError, match="is damaged"):
        reopened(path.parent)


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    flips=st.lists(st.tuples(st.floats(0, 0.9999), st.integers(1, 255)), min_size=1, max_size=40)
)
def test_flipped_bytes_never_raise_anything_but_our_errors(
    flips: list[tuple[float, int]], tmp_path_factory: pytest.TempPathFactory, intact: Path
) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    content = bytearray(intact.read_bytes())
    for place, mask in flips:
        content[int(place * len(content))] ^= mask
    (folder / FILE_NAME).write_bytes(bytes(content))
    with suppress(RagkitError):
        use(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good catalog of a few pages."""
    folder = tmp_path_factory.mktemp("intact")
    docs = Folder(folder / "docs")
    docs.fill(6)
    docs.write("long.md", "# Long\n\n" + "A sentence of exactly eight words stands here. " * 300)
    index = Index(folder / "index", embedder=HashingEmbedder(), store=ExactStore(), create=True)
    bench = Bench(index, docs)
    bench.sync()
    return checkpointed(bench)


def test_a_record_that_is_no_json_is_said_so(bench: Bench) -> None:
    bench.docs.fill(1)
    bench.sync()
    for column in ("blocks", "pages", "metadata"):
        bench.index.connection.execute(f"UPDATE revisions SET {column} = '[[1'")
        with pytest.raises(DamagedIndexError, match="cannot be read"):
            bench.text("0.md")


def test_check_finds_a_good_catalog_good(bench: Bench) -> None:
    bench.docs.fill(3)
    bench.sync()
    assert check(bench.index.connection) == ""


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("damage", ["folder gone", "all gone", "file cut", "file flipped"])
def test_damaged_vectors_are_replaced_by_the_exact_scan_and_rebuilt_by_a_sync(
    open_index: Open, docs: Folder, store: type, damage: str
) -> None:
    docs.fill(40)
    first = Bench(open_index(store=store()), docs)
    first.sync()
    wanted = first.find(f"the {word(7)} costs", k=10)
    first.index.close()
    harm(first.index.generations, damage)

    bench = Bench(open_index(store=store()), docs)
    assert bench.find(f"the {word(7)} costs", k=10) == wanted
    assert "vectors in" in bench.index.store_damage or "cannot be read" in bench.index.store_damage
    bench.embedder.embedded.clear()
    report = bench.sync()
    assert (report.generation, report.chunks.total, report.embedded) == (2, 40, 0)
    assert (bench.parsers.parsed, bench.embedder.embedded) == ([], [])
    assert bench.find(f"the {word(7)} costs", k=10) == wanted
    assert bench.index.store_damage == ""
    assert bench.sync().generation == 2
    consistent(bench)


def harm(generations: Path, damage: str) -> None:
    if damage == "all gone":
        shutil.rmtree(generations)
        return
    (folder,) = generations.iterdir()
    if damage == "folder gone":
        shutil.rmtree(folder)
        return
    sealed = [*folder.rglob("data_level0.bin"), *folder.rglob("vectors.npy")]
    content = bytearray(sealed[0].read_bytes())
    if damage == "file cut":
        del content[len(content) // 2 :]
    else:
        content[len(content) // 2] ^= 255
    sealed[0].write_bytes(bytes(content))


@pytest.mark.parametrize("store", STORES)
def test_an_edit_on_damaged_vectors_builds_all_of_them_again(
    open_index: Open, docs: Folder, store: type
) -> None:
    docs.fill(40)
    bench = Bench(open_index(store=store()), docs)
    bench.sync()
    harm(bench.index.generations, "file cut")
    docs.write("0.md", "# Note 0\n\nedited")
    report = bench.sync()
    assert (report.embedded, report.chunks.total) == (1, 40)
    consistent(bench)


def test_another_store_takes_over_without_embedding(open_index: Open, docs: Folder) -> None:
    docs.fill(10)
    Bench(open_index(store=ChromaStore()), docs).sync()
    bench = Bench(open_index(store=ExactStore()), docs)
    assert len(bench.find("costs", k=20)) == 10
    assert "built by chroma, not exact" in bench.index.store_damage
    assert bench.sync().embedded == 0
    assert bench.index.status().store == "exact"
    consistent(bench)


# -- permissions -------------------------------------------------------------------------------

_READ = """
import sys
from pathlib import Path
from ragkit_ingest.errors import RagkitError
from ragkit_ingest.index import Index
from ragkit_ingest.store.{module} import {store}
from ragkit_ingest.sync import SyncSettings, plan_sync, sync
from tests.support.counting import CountingParsers
from tests.support.hashing import HashingEmbedder

index = Index(Path(sys.argv[1]), embedder=HashingEmbedder(), store={store}())
found = index.dense(index.embedder.embed_query("costs"), 3)
print(len(found), index.status().chunks)
print(plan_sync(index, [Path(sys.argv[2])], SyncSettings()).unchanged)
try:
    sync(index, [Path(sys.argv[2])], SyncSettings(), parsers=CountingParsers())
except RagkitError as error:
    print(type(error).__name__, error)
"""


def restricted(script: str, *arguments: Path) -> str:
    """Run a script that has to keep to the permissions of files, even as root."""
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", script, *map(str, arguments)]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may write everywhere, and setpriv is not installed")
        command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *command]
    root = Path(__file__).parents[2]
    paths = [str(root), str(root / "ingest"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Take the right to write away from everything beneath."""
    everything = [folder, *folder.rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield
    finally:
        for path in everything:
            path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.parametrize(("module", "store"), [("exact", "ExactStore"), ("chroma", "ChromaStore")])
def test_an_index_that_may_only_be_read_is_read(
    open_index: Open, docs: Folder, module: str, store: str
) -> None:
    docs.fill(3)
    bench = Bench(open_index(store=ChromaStore() if module == "chroma" else ExactStore()), docs)
    bench.sync()
    bench.index.close()
    with read_only(bench.index.folder):
        out = restricted(_READ.format(module=module, store=store), bench.index.folder, docs.path)
    lines = out.splitlines()
    assert lines[0] == "3 3"
    assert lines[1] == "('0.md', '1.md', '2.md')"
    assert lines[2].startswith("StorageError the index at")
    assert "check its permissions" in lines[2]


_SYNC = """
import json, sys
from pathlib import Path
from ragkit_ingest.index import Index
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.sync import SyncSettings, sync
from tests.support.counting import CountingParsers
from tests.support.hashing import HashingEmbedder

index = Index(Path(sys.argv[1]), embedder=HashingEmbedder(), store=ExactStore())
report = sync(index, [Path(sys.argv[2])], SyncSettings(), parsers=CountingParsers())
print(json.dumps(report.to_json()["files"]))
print({d.path: d.state for d in index.status().documents})
index.close()
"""


def test_an_unreadable_folder_or_file_does_not_delete_its_documents(
    open_index: Open, docs: Folder
) -> None:
    docs.fill(2)
    for name in ("closed/a.md", "closed/deep/b.md", "listed/c.md"):
        docs.write(name, f"# T\n\nText of {name}.")
    bench = Bench(open_index(), docs)
    bench.sync()
    bench.index.close()
    docs.touch(docs.path / "0.md").chmod(0o000)
    (docs.path / "closed").chmod(0o000)
    (docs.path / "listed").chmod(0o400)
    try:
        out = restricted(_SYNC, bench.index.folder, docs.path)
    finally:
        for name in ("closed", "listed", "0.md"):
            (docs.path / name).chmod(0o755)
    counts, states = out.splitlines()
    assert '"removed": 0' in counts
    assert '"failed": 1' in counts
    assert states.count("indexed") == 4
    assert states.count("stale") == 1
    again = Bench(open_index(), docs)
    assert again.sync().files.removed == 0
    assert set(again.states().values()) == {"indexed"}


def test_a_folder_in_which_nothing_can_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((StorageError, NotAnIndexError)):
        Index(
            tmp_path / "file" / "index",
            embedder=HashingEmbedder(),
            store=ExactStore(),
            create=True,
        )


# -- threads -----------------------------------------------------------------------------------


@pytest.mark.parametrize("store", STORES)
def test_threads_search_while_another_one_syncs(
    open_index: Open, docs: Folder, store: type
) -> None:
    docs.fill(20)
    bench = Bench(open_index(store=store()), docs)
    bench.sync()
    done = threading.Event()
    seen: list[set[str]] = []

    def search() -> None:
        while not done.is_set():
            texts = bench.find("edition", k=100)
            assert len(texts) == 20
            seen.append({text.rsplit(" ", 1)[-1] for text in texts if "edition" in text})

    def write() -> None:
        try:
            for edition in range(6):
                for n in range(20):
                    docs.write(f"{n}.md", f"# Note {n}\n\nThis is edition {edition}")
                bench.sync()
        finally:
            done.set()

    assert together(write, search, search, search) == []
    assert all(len(editions) <= 1 for editions in seen), "a half published state was seen"
    consistent(bench)


# -- looking -----------------------------------------------------------------------------------


def test_show_gives_the_stored_text_and_any_span_of_it(bench: Bench) -> None:
    bench.docs.write("sub/a.md", "# A\n\nThe kettle is red.")
    bench.sync()
    whole = bench.index.show("sub/a.md")
    assert (whole.text, whole.start, whole.end, whole.length) == (
        "A\n\nThe kettle is red.",
        0,
        21,
        21,
    )
    part = bench.index.show("sub/a.md", (3, 13))
    assert (part.text, part.start, part.end, part.page) == ("The kettle", 3, 13, None)
    assert bench.index.show("sub/a.md", (21, 21)).text == ""


@pytest.mark.parametrize("span", [(-1, 3), (3, 1), (0, 22), (30, 40)])
def test_a_span_outside_is_refused(bench: Bench, span: tuple[int, int]) -> None:
    bench.docs.write("a.md", "# A\n\nThe kettle is red.")
    bench.sync()
    with pytest.raises(UsageError, match=r"is not within a.md, which has 21 characters"):
        bench.index.show("a.md", span)


def test_a_document_is_found_by_the_end_of_its_path_or_its_place(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.docs.write("one/a.md", "one")
    bench.docs.write("two/a.md", "two")
    bench.docs.write("two/b.md", "three")
    bench.sync()
    assert bench.text("b.md") == "three"
    assert bench.text("./one/a.md") == "one"
    assert bench.text(str(bench.docs.path / "two" / "a.md")) == "two"
    monkeypatch.chdir(bench.docs.path / "one")
    with pytest.raises(UsageError, match="2 documents end in"):
        bench.text("a.md")
    for missing in ("", ".", "/", "c.md", "nul\0", "odd\udce9.md", "%", "_.md"):
        with pytest.raises(UsageError, match="holds no document"):
            bench.text(missing)


def test_status_counts_and_measures(bench: Bench) -> None:
    assert bench.index.status().generation == 0
    bench.docs.fill(3)
    bench.docs.write("broken.docx", b"no archive")
    bench.sync()
    status = bench.index.status()
    assert (status.chunks, status.generation, status.embedder) == (3, 1, "hashing")
    assert status.to_json()["counts"] == {"failed": 1, "indexed": 3}
    assert status.size_bytes > 0
    assert status.roots == (str(bench.docs.path),)


def test_an_index_without_documents_finds_nothing(bench: Bench) -> None:
    assert bench.find("anything") == []
    bench.docs.write("empty.html", "<html></html>")
    bench.sync()
    assert bench.find("anything") == []


def test_dense_among_some_chunks_is_exact(bench: Bench) -> None:
    bench.docs.fill(30)
    bench.sync()
    question = bench.embedder.embed_query(f"{word(3)} costs")
    everything = bench.index.dense(question, 100)
    some = [id_ for id_, _ in everything[10:20]]
    found = bench.index.dense(question, 5, among=some)
    assert [id_ for id_, _ in found] == some[:5]
    assert bench.index.dense(question, 5, among=[]) == []
    assert bench.index.dense(question, 0) == []
    assert bench.index.vectors([]).shape == (0, bench.embedder.fingerprint.dimension)
    similar = bench.index.vectors(some) @ question
    assert similar == pytest.approx([score for _, score in everything[10:20]])
    assert np.isclose(dict(found)[some[0]], everything[10][1])


def test_a_closed_index_may_be_closed_again(bench: Bench) -> None:
    bench.index.close()
    bench.index.close()
    with pytest.raises(StorageError):
        bench.index.status()
