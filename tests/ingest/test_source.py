"""Documents of a source are synced by id: as files are, and with what files cannot do wrong."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit_ingest import source as source_module
from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.errors import (
    EmbedderError,
    IndexLockedError,
    MassDeletionError,
    NothingToIngestError,
    StorageError,
    UsageError,
)
from ragkit_ingest.index import Index
from ragkit_ingest.lock import writer_lock
from ragkit_ingest.report import IngestReport, Progress
from ragkit_ingest.source import SourceDocument, SourceItem, check_name, shown_id
from ragkit_ingest.split import SplitSettings
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.sync import SyncSettings, sync_documents
from tests.ingest.conftest import Bench, Open
from tests.ingest.test_sync import consistent
from tests.support.folder import Folder, word
from tests.support.hashing import HashingEmbedder


def doc(id: Any, text: Any = None, **metadata: Any) -> SourceDocument:
    said = f"The kettle {id!r} is red." if text is None else text
    return SourceDocument(id=id, text=said, metadata=metadata)


def docs_of(count: int) -> list[SourceDocument]:
    return [doc(str(n), f"The {word(n)} costs {n} euro.") for n in range(count)]


def give(
    bench: Bench,
    documents: Iterable[SourceItem | SourceDocument],
    source: str = "shop",
    *,
    partial: bool = False,
    **options: Any,
) -> IngestReport:
    bench.embedder.embedded.clear()
    return sync_documents(bench.index, source, documents, SyncSettings(**options), partial=partial)


def metadata_of(bench: Bench, path: str) -> dict[str, Any]:
    return dict(bench.index.find_document(path).metadata)


# -- a sync by id ------------------------------------------------------------------------------


def test_documents_are_added_edited_kept_and_removed_by_id(bench: Bench) -> None:
    report = give(bench, docs_of(6))
    assert (report.files.indexed, report.embedded, report.generation) == (6, 6, 1)
    assert bench.text("shop/3") == f"The {word(3)} costs 3 euro."
    consistent(bench)

    report = give(bench, docs_of(6))
    assert (report.files.unchanged, report.embedded, report.generation) == (6, 0, 1)
    assert bench.embedder.embedded == []

    documents = docs_of(6)[1:]
    documents[1] = doc("2", "The kettle is blue now.")
    report = give(bench, [doc("new", "A word about descaling."), *reversed(documents)])
    assert (report.files.indexed, report.files.unchanged, report.files.removed) == (2, 4, 1)
    assert (report.embedded, report.chunks.added, report.chunks.removed) == (2, 2, 2)
    assert sorted(bench.states()) == [*(f"shop/{n}" for n in range(1, 6)), "shop/new"]
    found = bench.find("kettle", k=100)
    assert "The kettle is blue now." in found
    assert not any(word(0) in text or word(2) in text for text in found)
    consistent(bench)


def test_an_unchanged_second_sync_writes_nothing(bench: Bench) -> None:
    give(bench, docs_of(5))
    before = bench.index.connection.execute("PRAGMA data_version").fetchone()
    give(bench, docs_of(5))
    assert bench.index.connection.execute("PRAGMA data_version").fetchone() == before


def test_changed_metadata_is_an_edit_that_embeds_nothing(bench: Bench) -> None:
    give(bench, [doc("1", "The very text.", state="open"), doc("2")])
    report = give(bench, [doc("1", "The very text.", state="closed"), doc("2")])
    assert (report.files.indexed, report.files.unchanged, report.embedded) == (1, 1, 0)
    assert metadata_of(bench, "shop/1") == {"state": "closed"}
    consistent(bench)


def test_partial_adds_and_updates_without_removing(bench: Bench) -> None:
    give(bench, docs_of(6))
    report = give(bench, [doc("5", "Edited."), doc("6")], partial=True)
    assert (report.files.indexed, report.files.removed, len(bench.states())) == (2, 0, 7)
    assert give(bench, [], partial=True).files.indexed == 0
    assert len(bench.states()) == 7


def test_an_id_that_changed_pays_for_no_embedding(bench: Bench) -> None:
    give(bench, docs_of(6))
    renamed = [doc(f"new-{d.id}", d.text) for d in docs_of(6)]
    report = give(bench, renamed)  # each was found again by its content: no loss
    assert (report.files.indexed, report.files.removed, report.embedded) == (6, 6, 0)
    consistent(bench)


def test_documents_come_from_a_generator_one_at_a_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = 0
    most = 0

    class Counted:
        def __init__(self, number: int) -> None:
            nonlocal alive, most
            alive += 1
            most = max(most, alive)
            self.id_ = str(number)
            self.text = f"The {word(number)} costs {number} euro."
            self.metadata: dict[str, Any] = {}

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    report = give(bench, (Counted(number) for number in range(200)))
    assert (report.files.indexed, alive) == (200, 0)
    assert most <= 3


def test_progress_names_each_document(bench: Bench) -> None:
    seen: list[Progress] = []
    sync_documents(bench.index, "shop", docs_of(3), SyncSettings(), seen.append)
    parsed = [progress.path for progress in seen if progress.stage == "parse"]
    assert parsed == ["shop/0", "shop/1", "shop/2"]


def test_other_settings_of_splitting_make_every_document_edited(bench: Bench) -> None:
    give(bench, [doc("1", "A sentence of exactly eight words stands here. " * 30)])
    report = give(
        bench,
        [doc("1", "A sentence of exactly eight words stands here. " * 30)],
        split=SplitSettings(chunk_tokens=64, header_tokens=16),
    )
    assert report.files.indexed == 1
    assert report.chunks.total > 4
    consistent(bench)


# -- beside folders and other sources ----------------------------------------------------------


def test_a_sync_of_the_folders_leaves_a_source_alone(bench: Bench) -> None:
    give(bench, docs_of(8))
    bench.docs.fill(4)
    assert bench.sync().files.indexed == 4
    assert sorted(bench.states())[:4] == ["0.md", "1.md", "2.md", "3.md"]  # the first *folder*
    report = bench.sync(known=True)
    assert (report.files.unchanged, report.files.removed) == (4, 0)
    assert bench.plan(known=True).removed == ()
    assert give(bench, docs_of(8)).files.unchanged == 8
    status = bench.index.status()
    assert (status.roots, status.sources) == ((str(bench.docs.path),), ("shop",))
    assert status.to_json()["sources"] == ["shop"]
    consistent(bench)


def test_an_index_of_sources_alone_has_no_folder_to_sync(bench: Bench) -> None:
    give(bench, docs_of(8))
    with pytest.raises(NothingToIngestError):
        bench.sync(known=True)
    assert len(bench.states()) == 8


def test_sources_are_told_apart_by_name(bench: Bench) -> None:
    give(bench, docs_of(4), "shop")
    give(bench, docs_of(4), "archive")
    report = give(bench, docs_of(3), "shop")
    assert (report.files.removed, report.files.unchanged) == (1, 3)
    assert "archive/3" in bench.states()
    consistent(bench)


def test_a_folder_of_the_same_name_is_another_root(bench: Bench, tmp_path: Path) -> None:
    bench.docs.write("shop/1.md", "# One\n\nof the first folder")
    bench.sync()
    other = Folder(tmp_path / "shop")
    other.write("1.md", "# One\n\nof the folder shop")
    bench.sync(other.path)
    give(bench, [doc("1.md", "of the source")])
    paths = sorted(bench.states())
    assert len(paths) == 3
    assert {bench.text(path).split()[-1] for path in paths} == {"folder", "shop", "source"}
    assert bench.sync(known=True).files.unchanged == 2
    assert give(bench, [doc("1.md", "of the source")]).files.unchanged == 1


def test_a_folder_named_relative_like_a_source_is_no_source(bench: Bench) -> None:
    give(bench, docs_of(2), ".")
    give(bench, docs_of(2), "..")
    assert give(bench, docs_of(2), ".").files.unchanged == 2
    assert sorted(bench.states()) == ["../0", "../1", "./0", "./1"]


# -- guards ------------------------------------------------------------------------------------


def test_losing_more_than_half_is_refused(bench: Bench) -> None:
    give(bench, docs_of(8))
    with pytest.raises(MassDeletionError, match=r"'shop' .* 5 of its 8 .*allow_mass_delete=True"):
        give(bench, docs_of(3))
    assert len(bench.states()) == 8
    assert give(bench, docs_of(4)).files.removed == 4
    assert give(bench, [], allow_mass_delete=True).files.removed == 4
    assert bench.index.status().chunks == 0


@pytest.mark.parametrize("count", [1, 8])
def test_no_document_at_all_is_refused_however_few_were_known(bench: Bench, count: int) -> None:
    give(bench, docs_of(count))
    with pytest.raises(MassDeletionError, match=rf"{count} of its {count}"):
        give(bench, iter([]))
    assert len(bench.states()) == count


def test_no_document_where_none_is_known_says_so(bench: Bench) -> None:
    with pytest.raises(NothingToIngestError, match=r"'shop' gave no document"):
        give(bench, [])
    assert bench.index.status().sources == ()


def test_a_reader_that_fails_halfway_changes_nothing(bench: Bench) -> None:
    give(bench, docs_of(3))

    before = {path.name for path in bench.index.folder.iterdir()}

    def failing() -> Iterator[SourceDocument]:
        yield doc("0", "Edited.")
        raise sqlite3.OperationalError("no such table: tickets")

    with pytest.raises(sqlite3.OperationalError, match="no such table: tickets"):
        give(bench, failing())
    assert bench.text("shop/0").startswith("The")
    assert bench.index.store_damage == ""
    assert {path.name for path in bench.index.folder.iterdir()} == before


def test_the_lock_is_not_held_while_a_slow_reader_reads(bench: Bench) -> None:
    def slow() -> Iterator[SourceDocument]:
        with writer_lock(bench.index.folder, wait_s=0.1):
            yield doc("1")

    assert give(bench, slow()).files.indexed == 1
    with writer_lock(bench.index.folder), pytest.raises(IndexLockedError):
        give(bench, docs_of(3))


def test_a_disk_that_cannot_be_written_is_said(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(StorageError, match="No space left"):
        give(bench, docs_of(3))


def test_work_that_was_paid_for_is_taken_up_again(bench: Bench, open_index: Open) -> None:
    class Dying(HashingEmbedder):
        def embed_documents(self, texts: Any) -> Vectors:
            if self.calls:
                raise EmbedderError("the model is gone")
            return super().embed_documents(texts)

    many = docs_of(700)  # more than one batch
    dying = Bench(open_index(embedder=Dying()), bench.docs)
    with pytest.raises(EmbedderError, match="gone"):
        give(dying, many)
    assert bench.index.status().chunks == 0
    report = give(bench, many)
    assert (report.files.indexed, report.embedded) == (700, 700 - 512)
    consistent(bench)


KILLED = """
import sys
import tempfile
from pathlib import Path
from ragkit_ingest.index import Index
from ragkit_ingest.source import SourceDocument
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.sync import SyncSettings, sync_documents
from tests.support.sync_process import KilledEmbedder, KilledStore

folder, how, edition = sys.argv[1:]
batch = int(how) if how.isdigit() else 0
store = ExactStore() if batch else KilledStore()
index = Index(Path(folder), embedder=KilledEmbedder(batch), store=store, create=True)
documents = (SourceDocument(id=str(n), text=f"{edition} {n}") for n in range(1100))
sync_documents(index, "shop", documents, SyncSettings())
"""


@pytest.mark.parametrize("how", ["1", "3", "publish"])
def test_a_killed_sync_shows_nothing_and_loses_nothing(bench: Bench, how: str) -> None:
    def all_of(edition: str) -> list[SourceDocument]:
        return [doc(str(n), f"{edition} {n}") for n in range(1100)]

    give(bench, all_of("first"))
    root = Path(__file__).parents[2]
    paths = [str(root), str(root / "ingest"), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(bench.index.folder), how, "second"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        check=False,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL
    assert set(bench.states().values()) == {"indexed"}
    assert all(text.startswith("first") for text in bench.find("second", k=2000))
    (paid,) = bench.index.connection.execute("SELECT count(*) - 1100 FROM vectors").fetchone()
    assert paid == {"1": 0, "3": 1024, "publish": 1100}[how]
    report = give(bench, all_of("second"))
    assert (report.files.indexed, paid + report.embedded) == (1100, 1100)
    assert all(text.startswith("second") for text in bench.find("second", k=2000))
    consistent(bench)


# -- ids ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([doc("1"), doc("2"), doc("1", "other")], r"two documents have the id '1'"),
        ([doc("1"), doc(1)], r"two documents have the id '1'"),
        ([doc("1"), doc("")], r"item 2 has the id ''"),
        ([doc(" \n")], r"item 1 has the id ' \\n'"),
        ([doc(None)], r"item 1 has the id None"),
        ([doc(1.5)], r"item 1 has the id 1.5"),
        ([doc(True)], r"item 1 has the id True"),
        ([doc(b"1")], r"item 1 has the id b'1'"),
        ([doc("x" * 2001, "text")], r"item 1 has the id 'x+\.\.\. \(2,003 characters\)"),
        ([doc("half \ud800")], r"holds half a character"),
        (["a text"], r"item 1 is a str, which has no id"),
        ([{"id": "1", "text": "a"}], r"item 1 is a dict, which has no id"),
        ("a text", r"not str"),
        ({"id": "1"}, r"not dict"),
        (doc("1"), r"not SourceDocument"),
        (None, r"not NoneType"),
        ([doc("1", b"bytes")], r"the text of the document '1' is a bytes"),
        ([doc("1", 7)], r"the text of the document '1' is a int"),
    ],
)
def test_what_cannot_be_told_apart_or_read_changes_nothing(
    bench: Bench, documents: Any, message: str
) -> None:
    give(bench, [doc("0")])
    with pytest.raises(UsageError, match=f"{message}.*nothing was changed"):
        give(bench, documents)
    assert list(bench.states()) == ["shop/0"]


@pytest.mark.parametrize(
    ("id", "shown"),
    [
        ("https://example.com/a?b=c#d", "shop/https://example.com/a?b=c#d"),
        ("../../etc/passwd", "shop/../../etc/passwd"),
        ("/etc/passwd", "shop//etc/passwd"),
        ("a\nb\x1b[31m\0", "shop/a\\nb\\x1b[31m\\x00"),
        ("ж ✓ 字", "shop/ж ✓ 字"),
        (17, "shop/17"),
        (".hidden", "shop/.hidden"),
        ("x" * 2000, f"shop/{shown_id('x' * 2000)}"),
    ],
)
def test_absurd_ids_are_shown_and_found_and_synced(bench: Bench, id: Any, shown: str) -> None:
    give(bench, [doc(id, "The kettle is red.")])
    assert list(bench.states()) == [shown]
    assert bench.text(shown) == "The kettle is red."
    assert give(bench, [doc(id, "The kettle is red.")]).files.unchanged == 1
    assert give(bench, [doc(id, "The kettle is blue.")]).embedded == 1
    assert bench.text(shown) == "The kettle is blue."


def test_ids_that_are_shown_alike_stay_apart(bench: Bench) -> None:
    give(bench, [doc("a\nb", "first"), doc("a\\nb", "second")])
    assert sorted(bench.text(path) for path in bench.states()) == ["first", "second"]
    report = give(bench, [doc("a\\nb", "second"), doc("a\nb", "first")])
    assert report.files.unchanged == 2


@pytest.mark.parametrize("name", ["", " ", "a/b", "a\nb", "x" * 101, None, 7])
def test_a_source_needs_a_name_that_can_be_shown(bench: Bench, name: Any) -> None:
    with pytest.raises(UsageError, match="source"):
        give(bench, docs_of(1), name)
    assert bench.index.status().sources == ()


def test_names_that_will_do() -> None:
    assert [check_name(name) for name in ("shop", "CRM (EU)", "тикеты")]


# -- texts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " \n\t", None, "\u200b"])
def test_an_empty_text_is_counted_and_listed(bench: Bench, text: str | None) -> None:
    for _ in range(2):
        report = give(bench, [doc("1"), SourceDocument(id="2", text=text)])  # type: ignore[arg-type]
        assert (report.files.no_text, report.no_text) == (1, ("shop/2",))
    assert bench.states()["shop/2"] == "no_text"


def test_the_structure_of_a_text_is_kept(bench: Bench) -> None:
    text = "NOTICE PERIOD\n\nIt is three months.\n\n- for staff\n- for others\r\n\r\nEnd."
    give(bench, [doc("1", text)])
    stored = bench.text("shop/1")
    assert stored == text.replace("\r\n", "\n")
    consistent(bench)


def test_the_title_is_that_of_the_metadata_or_of_the_text(bench: Bench) -> None:
    body = "It is three months, and it has been so for as long as anybody can remember."
    give(bench, [doc("1", body, title="Notice"), doc("2", f"NOTICE\n\n{body}"), doc("3", body)])
    titles = {d.path: d.title for d in bench.index.status().documents}
    assert titles == {"shop/1": "Notice", "shop/2": "NOTICE", "shop/3": ""}


def test_a_text_that_is_too_long_fails_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "LONGEST_TEXT", 100)
    report = give(bench, [doc("1"), doc("2", "x" * 101)])
    assert (report.files.indexed, report.files.failed) == (1, 1)
    assert "101 characters; the limit is 100" in report.failures[0].reason
    assert bench.states() == {"shop/1": "indexed", "shop/2": "failed"}
    assert give(bench, [doc("1"), doc("2", "short")]).files.indexed == 1


def test_half_characters_in_a_text_are_no_reason_to_fail(bench: Bench) -> None:
    give(bench, [doc("1", "a \ud800 b", note="c \udfff d")])
    assert bench.text("shop/1") == "a   b"
    assert metadata_of(bench, "shop/1") == {"note": "c d"}


# -- metadata ----------------------------------------------------------------------------------


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("legal", "legal"),
        (" two\nlines ", "two lines"),
        (7, 7),
        (1.5, 1.5),
        (True, True),
        (date(2026, 5, 12), "2026-05-12"),
        (datetime(2026, 5, 12, 8, 30, tzinfo=UTC), "2026-05-12T08:30:00+00:00"),
        (Decimal("12.50"), 12.5),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("a/b"), "a/b"),
        (Colour.RED, "red"),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (["a", 2, None], "a, 2"),
        ({"b", "a"}, "a, b"),
    ],
)
def test_what_metadata_becomes(bench: Bench, value: Any, stored: Any) -> None:
    give(bench, [doc("1", Field=value)])
    held = metadata_of(bench, "shop/1")
    assert held == {"field": stored}
    assert type(held["field"]) is type(stored)
    assert give(bench, [doc("1", Field=value)]).files.unchanged == 1


@pytest.mark.parametrize(
    "value", [None, float("nan"), float("inf"), Decimal("NaN"), [], [None], {}]
)
def test_values_that_say_nothing_are_left_out(bench: Bench, value: Any) -> None:
    give(bench, [doc("1", field=value)])
    assert metadata_of(bench, "shop/1") == {}


def test_nested_metadata_is_flattened(bench: Bench) -> None:
    give(bench, [doc("1", author={"Name": "Ada", "office": {"floor": 3}}, year=2026)])
    assert metadata_of(bench, "shop/1") == {
        "author.name": "Ada",
        "author.office.floor": 3,
        "year": 2026,
    }


def _endless() -> dict[str, Any]:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    return endless


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"field": b"bytes"}, r"the field 'field' of the document '1' holds a bytes"),
        ({"field": object()}, r"the field 'field' .* holds a object"),
        ({"field": [{"a": 1}]}, r"the field 'field' .* holds a dict"),
        ({"field": [[1]]}, r"the field 'field' .* holds a list"),
        ({"ID": 1, "id": 1}, r"gives the field 'id' twice"),
        ({"a": {"b": 1}, "a.b": 2}, r"gives the field 'a.b' twice"),
        ({"": 1}, r"has the field ''"),
        ({None: 1}, r"has the field None"),
        (_endless(), r"has the field 'again' in again\."),
        (["a"], r"is a list, not a mapping"),
    ],
)
def test_metadata_that_cannot_be_filtered_by_is_refused(
    bench: Bench, metadata: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=f"{message}.*nothing was changed"):
        give(bench, [doc("0"), SourceDocument(id="1", text="text", metadata=metadata)])


# -- LlamaIndex --------------------------------------------------------------------------------


@dataclass
class Shaped:
    """As much of a LlamaIndex Document as is looked at."""

    id_: str
    text: str
    metadata: dict[str, Any] = field(default_factory=dict)


def test_anything_of_the_shape_will_do(bench: Bench) -> None:
    give(bench, [Shaped("1", "The kettle is red.", {"State": "open"})])
    assert bench.text("shop/1") == "The kettle is red."
    assert metadata_of(bench, "shop/1") == {"state": "open"}


# -- any history -------------------------------------------------------------------------------

_GIVEN = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3), max_size=6)
_STEPS = st.lists(st.tuples(_GIVEN, st.booleans(), st.sampled_from(["shop", "crm"])), max_size=6)


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=_STEPS)
def test_after_any_history_the_index_holds_what_was_given_last(
    steps: list[tuple[dict[str, int], bool, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("history")
    index = Index(folder / "index", embedder=HashingEmbedder(), store=ExactStore(), create=True)
    bench = Bench(index, Folder(folder / "docs"))
    bench.docs.fill(1)
    bench.sync()
    model: dict[str, str] = {"0.md": f"Note 0\n\nThe {word(0)} costs 0 euro."}
    for documents, partial, source in steps:
        given_now = {f"{source}/{id_}": f"{id_} is {word(n)}." for id_, n in documents.items()}
        mine = {path for path in model if path.startswith(f"{source}/")}
        if not mine and not given_now:
            continue
        give(
            bench,
            [doc(id_, f"{id_} is {word(n)}.") for id_, n in documents.items()],
            source,
            partial=partial,
            allow_mass_delete=True,
        )
        for path in () if partial else mine:
            del model[path]
        model |= given_now
        consistent(bench)
    assert {path: bench.text(path) for path in bench.states()} == model
    index.close()
