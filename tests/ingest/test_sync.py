"""A sync follows the folder, loses nothing, and pays for nothing twice."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.errors import (
    EmbedderError,
    EmbedderMismatchError,
    MassDeletionError,
    NothingToIngestError,
)
from ragkit_ingest.index import Index
from ragkit_ingest.published import vectors_folder
from ragkit_ingest.report import Progress
from ragkit_ingest.split import SplitSettings
from ragkit_ingest.store.chroma import ChromaStore
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.sync import SyncSettings, sync
from tests.ingest.conftest import Bench, Open
from tests.support.counting import CountingParsers
from tests.support.folder import Folder, word
from tests.support.hashing import HashingEmbedder


def consistent(bench: Bench) -> None:
    """Assert what must hold after every sync, whatever happened."""
    with bench.index.reader() as reading:
        generation = reading.generation()
        assert generation is not None
        live = reading.live_ids()
        stored = reading.chunks(live)
        assert sorted(stored) == live
        assert generation.chunks == len(live)
        for chunk in stored.values():
            document = reading.document(chunk.document_id)
            assert document is not None
            assert document.text[chunk.start : chunk.end] == chunk.text
        assert len(reading.vectors(generation.space_id, live, 48)) == len(live)
    found: list[int] = []
    for shard in generation.shards:
        folder = vectors_folder(bench.index.generations / shard.folder)
        with closing(bench.index.store.open(folder)) as searcher:
            found += searcher.ids()
    assert sorted(found) == live
    assert not stray_rows(bench.index)


def stray_rows(index: Index) -> dict[str, int]:
    """Return how many rows of which kind belong to nothing live."""
    queries = {
        "staged": "SELECT count(*) FROM revisions WHERE state = 'staged'",
        "vectors": "SELECT count(*) FROM vectors"
        " WHERE text_key NOT IN (SELECT text_key FROM chunks)",
        "chunks": "SELECT count(*) FROM chunks WHERE revision_id NOT IN (SELECT id FROM revisions)",
        "words": "SELECT count(*) FROM words WHERE rowid NOT IN (SELECT id FROM chunks)",
        "unworded": "SELECT count(*) FROM chunks WHERE id NOT IN (SELECT rowid FROM words)",
    }
    counts = {
        name: index.connection.execute(query).fetchone()[0] for name, query in queries.items()
    }
    return {name: count for name, count in counts.items() if count}


def test_a_first_sync_indexes_everything(bench: Bench) -> None:
    bench.docs.fill(5)
    report = bench.sync()
    assert (report.files.indexed, report.chunks.total, report.generation) == (5, 5, 1)
    assert report.embedded == 5
    assert bench.find(f"the {word(3)} costs 3 euro") == [f"Note 3\n\nThe {word(3)} costs 3 euro."]
    consistent(bench)


def test_a_second_sync_parses_and_embeds_nothing(bench: Bench) -> None:
    bench.docs.fill(5)
    bench.sync()
    bench.embedder.embedded.clear()
    report = bench.sync()
    assert bench.parsers.parsed == []
    assert bench.embedder.embedded == []
    assert (report.files.unchanged, report.files.indexed, report.generation) == (5, 0, 1)
    assert report.embedded == 0


@pytest.mark.parametrize("store", [ExactStore, ChromaStore])
def test_edits_additions_and_removals_are_followed(
    open_index: Open, docs: Folder, store: type
) -> None:
    bench = Bench(open_index(store=store()), docs)
    docs.fill(6)
    bench.sync()
    docs.write("2.md", "# Note 2\n\nThe kettle is blue now.\n")
    docs.write("new.md", "# New\n\nA word about descaling.\n")
    (docs.path / "5.md").unlink()
    report = bench.sync()
    assert (report.files.indexed, report.files.removed, report.files.unchanged) == (2, 1, 4)
    assert (report.chunks.added, report.chunks.removed, report.chunks.total) == (2, 2, 6)
    assert sorted(bench.parsers.parsed) == ["2.md", "new.md"]
    everything = bench.find("kettle", k=100)
    assert "Note 2\n\nThe kettle is blue now." in everything
    assert not any(word(5) in text or word(2) in text for text in everything)
    consistent(bench)


def test_an_unchanged_part_of_an_edited_file_is_not_embedded_again(bench: Bench) -> None:
    parts = [
        f"## Part {n}\n\n{word(n)} " + "lies in the long sentence of this part. " * 5
        for n in range(9)
    ]
    bench.docs.write("a.md", "# All\n\n" + "\n\n".join(parts))
    first = bench.sync()
    parts[4] += "And it changed."
    bench.docs.write("a.md", "# All\n\n" + "\n\n".join(parts))
    report = bench.sync()
    assert first.embedded == 9
    assert report.embedded == 1
    consistent(bench)


def test_the_same_text_in_two_files_is_embedded_once(bench: Bench) -> None:
    bench.docs.write("a.md", "# One\n\nThe very same text.")
    bench.docs.write("b.md", "# One\n\nThe very same text.")
    report = bench.sync()
    assert (report.embedded, report.chunks.total) == (1, 2)
    (bench.docs.path / "a.md").unlink()
    bench.sync()
    consistent(bench)
    assert bench.find("very same text", k=5) == ["One\n\nThe very same text."]


def test_a_new_time_stamp_alone_costs_one_hash(bench: Bench) -> None:
    paths = bench.docs.fill(3)
    bench.sync()
    bench.docs.touch(paths[0])
    report = bench.sync()
    assert bench.parsers.parsed == []
    assert (report.files.unchanged, report.generation) == (3, 1)
    paths[0].chmod(0o600)
    assert bench.plan().unchanged == ("0.md", "1.md", "2.md")


def test_checksum_finds_an_edit_that_kept_size_and_time(bench: Bench) -> None:
    path = bench.docs.write("a.md", "The price is 1000 euro.")
    bench.sync()
    stamp = path.stat().st_mtime_ns
    path.write_text("The price is 2000 euro.")
    os.utime(path, ns=(stamp, stamp))
    assert bench.sync().files.unchanged == 1
    assert bench.sync(checksum=True).files.indexed == 1
    assert "2000" in bench.text("a.md")


def test_a_renamed_file_is_a_move_and_costs_no_embedding(bench: Bench) -> None:
    paths = bench.docs.fill(4)
    bench.sync()
    (bench.docs.path / "sub").mkdir()
    paths[1].rename(bench.docs.path / "sub" / "moved.md")
    plan = bench.plan()
    assert plan.moved == (("1.md", "sub/moved.md"),)
    assert (plan.added, plan.removed) == ((), ())
    report = bench.sync()
    files = report.files
    assert (report.embedded, files.moved, files.indexed, files.removed) == (0, 1, 0, 0)
    assert bench.parsers.parsed == []
    assert sorted(bench.states()) == ["0.md", "2.md", "3.md", "sub/moved.md"]
    consistent(bench)


def test_two_files_of_one_content_may_both_move(bench: Bench) -> None:
    for name in ("a.md", "b.md", "c.md"):
        bench.docs.write(name, "# T\n\nOne text.")
    bench.sync()
    (bench.docs.path / "sub").mkdir()
    for name in ("a.md", "b.md"):
        (bench.docs.path / name).rename(bench.docs.path / "sub" / name)
    assert bench.plan().moved == (("a.md", "sub/a.md"), ("b.md", "sub/b.md"))


def test_a_renamed_folder_is_no_mass_deletion(bench: Bench) -> None:
    for n in range(8):
        bench.docs.write(f"old/{n}.md", f"# {n}\n\nText {word(n)}.")
    bench.sync()
    (bench.docs.path / "old").rename(bench.docs.path / "new")
    assert bench.sync().files.moved == 8
    assert bench.text("new/3.md").endswith(f"Text {word(3)}.")


def test_a_dry_run_writes_nothing(bench: Bench, tmp_path: Path) -> None:
    bench.docs.fill(3)
    bench.sync()
    bench.docs.write("new.md", "new")
    bench.docs.write("1.md", "edited")
    (bench.docs.path / "2.md").unlink()
    other = Folder(tmp_path / "other")
    other.write("x.md", "text")
    bench.index.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = snapshot(bench.index.folder)
    plan = bench.plan(bench.docs.path, other.path)
    assert plan.added == ("new.md", "other/x.md")
    assert (plan.edited, plan.removed, plan.unchanged) == (("1.md",), ("2.md",), ("0.md",))
    assert snapshot(bench.index.folder) == before
    assert bench.index.status().roots == (str(bench.docs.path),)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return the content of every file, without SQLite's shared memory."""
    return {
        str(path): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-shm", "lock"))
    }


# -- what cannot be read -----------------------------------------------------------------------


def test_a_failed_file_keeps_its_old_text_and_recovers(bench: Bench) -> None:
    bench.docs.fill(2)
    bench.docs.write("data.json", '{"answer": "forty-two"}')
    bench.sync()
    old = bench.text("data.json")
    bench.docs.write("data.json", '{"answer": ')
    report = bench.sync()
    assert [failure.path for failure in report.failures] == ["data.json"]
    assert (report.files.failed, report.files.unchanged) == (1, 2)
    assert bench.states()["data.json"] == "stale"
    assert bench.text("data.json") == old
    again = bench.sync()
    assert bench.parsers.parsed == ["data.json"]
    assert (again.files.failed, again.generation) == (1, report.generation)
    bench.docs.write("data.json", '{"answer": "forty-three"}')
    assert bench.sync().files.indexed == 1
    assert bench.states()["data.json"] == "indexed"
    assert "forty-three" in bench.text("data.json")
    consistent(bench)


def test_a_failed_file_that_gets_its_old_content_back_recovers(bench: Bench) -> None:
    bench.docs.fill(2)
    bench.docs.write("data.json", '{"answer": "forty-two"}')
    bench.sync()
    bench.docs.write("data.json", "{")
    bench.sync()
    bench.docs.write("data.json", '{"answer": "forty-two"}')
    report = bench.sync()
    assert (report.files.failed, report.embedded) == (0, 0)
    assert bench.states()["data.json"] == "indexed"
    consistent(bench)


def test_a_file_that_never_parsed_is_listed_and_the_others_indexed(bench: Bench) -> None:
    bench.docs.fill(2)
    bench.docs.write("broken.docx", b"this is no archive")
    report = bench.sync()
    assert (report.files.indexed, report.files.failed) == (2, 1)
    assert report.failures[0].path == "broken.docx"
    assert report.failures[0].retry
    assert bench.states()["broken.docx"] == "failed"
    (bench.docs.path / "broken.docx").unlink()
    assert bench.sync().files.removed == 1
    assert "broken.docx" not in bench.states()


def test_only_failures_leave_an_index_that_says_so(bench: Bench) -> None:
    bench.docs.write("broken.docx", b"this is no archive")
    report = bench.sync()
    assert (report.files.failed, report.generation) == (1, 0)


def test_a_file_without_text_is_counted_each_time(bench: Bench) -> None:
    bench.docs.write("empty.html", "<html><body></body></html>")
    bench.docs.fill(1)
    for _ in range(2):
        report = bench.sync()
        assert (report.files.no_text, report.no_text) == (1, ("empty.html",))
    assert bench.states()["empty.html"] == "no_text"
    assert bench.parsers.parsed == []


def test_a_file_that_changes_while_it_is_read_is_read_again_next_time(bench: Bench) -> None:
    path = bench.docs.write("a.md", "first")
    bench.docs.fill(1)

    class Editing(CountingParsers):
        def parse_all(self, sources):  # type: ignore[no-untyped-def]
            for number, outcome in super().parse_all(sources):
                if self.parsed[-1] == "a.md" and path.read_text() == "first":
                    bench.docs.write("a.md", "second")
                yield number, outcome

    bench.parsers = Editing()
    report = bench.sync()
    assert "changed while" in report.failures[0].reason
    assert bench.sync().files.indexed == 1
    assert bench.text("a.md") == "second"


def test_a_known_file_that_is_a_pipe_now_leaves_the_index(bench: Bench) -> None:
    paths = bench.docs.fill(4)
    bench.sync()
    paths[0].unlink()
    os.mkfifo(paths[0])
    report = bench.sync()
    assert (report.files.removed, report.files.skipped) == (1, 1)
    assert "0.md" not in bench.states()


def test_a_known_link_that_leads_nowhere_now_leaves_the_index(bench: Bench) -> None:
    paths = bench.docs.fill(4)
    (bench.docs.path / "link.md").symlink_to(paths[0])
    bench.sync()
    paths[0].unlink()
    report = bench.sync()
    assert report.files.removed == 2
    assert sorted(bench.states()) == ["1.md", "2.md", "3.md"]


# -- deletions that nobody meant ---------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False])
def test_losing_more_than_half_is_refused(bench: Bench, known: bool) -> None:
    paths = bench.docs.fill(8)
    bench.sync()
    for path in paths[:5]:
        path.unlink()
    with pytest.raises(MassDeletionError, match=r"5 of the 8 .* --allow-mass-delete"):
        bench.sync(known=known)
    assert len(bench.states()) == 8
    assert len(bench.find("costs", k=100)) == 8
    report = bench.sync(known=known, allow_mass_delete=True)
    assert (report.files.removed, len(bench.states())) == (5, 3)
    consistent(bench)


def test_losing_half_is_followed(bench: Bench) -> None:
    paths = bench.docs.fill(8)
    bench.sync()
    for path in paths[:4]:
        path.unlink()
    assert bench.sync().files.removed == 4


@pytest.mark.parametrize("count", [1, 8])
def test_a_vanished_folder_is_refused_however_small(bench: Bench, count: int) -> None:
    bench.docs.fill(count)
    bench.sync()
    shutil.rmtree(bench.docs.path)
    with pytest.raises(MassDeletionError, match=r"docs is gone"):
        bench.sync(known=True)
    assert len(bench.states()) == count
    assert bench.sync(known=True, allow_mass_delete=True).files.removed == count
    assert bench.index.status().chunks == 0


def test_a_vanished_folder_does_not_hold_up_the_others(bench: Bench, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other")
    bench.docs.fill(4)
    other.fill(1)
    bench.sync(bench.docs.path, other.path)
    shutil.rmtree(other.path)
    with pytest.raises(MassDeletionError):
        bench.sync(known=True)
    assert bench.sync(bench.docs.path).files.unchanged == 4
    assert "other/0.md" in bench.states()


def test_a_refused_sync_leaves_no_trace(bench: Bench, tmp_path: Path) -> None:
    empty = Folder(tmp_path / "empty")
    with pytest.raises(NothingToIngestError, match=r"it is empty"):
        bench.sync(empty.path)
    assert bench.index.status().roots == ()
    bench.docs.fill(1)
    bench.sync()
    assert list(bench.states()) == ["0.md"]  # the first root, so without a label


def test_a_folder_of_foreign_formats_says_so(bench: Bench) -> None:
    bench.docs.write("photo.xyz", b"\x00")
    with pytest.raises(NothingToIngestError, match=r"1 passed over, such as photo.xyz"):
        bench.sync()


def test_skipped_files_are_reported(bench: Bench) -> None:
    bench.docs.fill(1)
    bench.docs.write("photo.xyz", b"\x00")
    bench.docs.write("Makefile", "all:")
    report = bench.sync()
    assert report.skipped == (
        ("Makefile", "no parser reads files without ending"),
        ("photo.xyz", "no parser reads .xyz"),
    )


# -- roots -------------------------------------------------------------------------------------


def test_two_roots_are_told_apart(bench: Bench, tmp_path: Path) -> None:
    first, second = Folder(tmp_path / "a" / "notes"), Folder(tmp_path / "b" / "notes")
    first.write("x.md", "# X\n\nfirst")
    second.write("x.md", "# X\n\nsecond")
    bench.sync(first.path)
    bench.sync(second.path)
    third = Folder(tmp_path / "c" / "notes")
    third.write("x.md", "# X\n\nthird")
    bench.sync(third.path)
    assert sorted(bench.states()) == ["notes-2/x.md", "notes/x.md", "x.md"]
    assert bench.text("notes/x.md").endswith("second")
    assert bench.text("notes-2/x.md").endswith("third")
    assert bench.sync(known=True).files.unchanged == 3


def test_two_files_never_share_a_shown_path(bench: Bench, tmp_path: Path) -> None:
    bench.docs.write("b/x.md", "# X\n\nof the first root")
    other = Folder(tmp_path / "b")
    other.write("x.md", "# X\n\nof the second root")
    bench.sync()
    report = bench.sync(other.path)
    assert report.files.indexed == 1
    assert sorted(bench.states()) == ["b/x.md", "b/x.md (2)"]
    assert bench.text("b/x.md (2)").endswith("second root")


def test_an_outer_folder_takes_over_an_inner_one(bench: Bench) -> None:
    inner = Folder(bench.docs.path / "inner")
    inner.fill(3)
    bench.sync(inner.path)
    bench.docs.write("top.md", "# Top\n\nAbove.")
    report = bench.sync()
    assert (report.files.unchanged, report.files.indexed, report.embedded) == (3, 1, 1)
    assert bench.index.status().roots == (str(bench.docs.path),)
    assert sorted(bench.states()) == ["0.md", "1.md", "2.md", "docs/top.md"]
    consistent(bench)


def test_an_inner_folder_belongs_to_its_outer_one(bench: Bench) -> None:
    bench.docs.fill(2)
    inner = Folder(bench.docs.path / "inner")
    inner.write("x.md", "# X\n\nfirst")
    bench.sync()
    inner.write("x.md", "# X\n\nsecond")
    bench.docs.write("0.md", "edited too")
    report = bench.sync(inner.path)
    assert (report.files.indexed, report.files.unchanged) == (1, 0)
    assert bench.text("inner/x.md").endswith("second")
    assert "edited" not in bench.text("0.md")
    assert bench.index.status().roots == (str(bench.docs.path),)


def test_a_folder_named_after_one_of_its_files_takes_over_what_is_beneath(bench: Bench) -> None:
    single = bench.docs.write("a.md", "# A\n\nalone")
    inner = Folder(bench.docs.path / "sub")
    inner.write("b.md", "# B\n\nbeneath")
    bench.sync(single)
    bench.sync(inner.path)
    report = bench.sync()
    assert (report.files.unchanged, report.files.indexed) == (2, 0)
    assert bench.index.status().roots == (str(bench.docs.path),)
    assert len(bench.states()) == 2


def test_overlapping_arguments_count_each_file_once(bench: Bench) -> None:
    bench.docs.fill(2)
    bench.docs.write("sub/c.md", "# C\n\ntext")
    report = bench.sync(bench.docs.path / "sub", bench.docs.path / "0.md", bench.docs.path)
    assert (report.files.indexed, report.chunks.total) == (3, 3)
    consistent(bench)


def test_single_files_are_followed_and_their_neighbours_are_not(bench: Bench) -> None:
    paths = bench.docs.fill(3)
    assert bench.sync(paths[0], paths[1]).files.indexed == 2
    bench.docs.write("0.md", "# Note 0\n\nedited")
    assert bench.sync(known=True).files.indexed == 1
    paths[1].unlink()
    assert bench.sync(known=True).files.removed == 1
    assert list(bench.states()) == ["0.md"]


def test_names_that_are_not_utf_8_are_shown_and_found(bench: Bench) -> None:
    bench.docs.write(b"caf\xe9.md", "a text without a heading")
    bench.docs.write(b"fold\xff/x.md", "# X\n\ninside")
    bench.docs.write(b"odd.\xfe", "skipped")
    report = bench.sync()
    assert (report.files.indexed, report.files.skipped) == (2, 1)
    assert sorted(bench.states()) == ["caf\\xe9.md", "fold\\xff/x.md"]
    assert bench.text("caf\\xe9.md") == "a text without a heading"
    assert bench.sync().files.unchanged == 2
    for path, reason in report.skipped:
        f"{path} {reason}".encode()


def test_a_root_whose_name_is_not_utf_8_gets_a_label(bench: Bench, tmp_path: Path) -> None:
    bench.docs.fill(1)
    bench.sync()
    other = Folder(tmp_path / os.fsdecode(b"d\xe9j\xe0"))
    other.write("x.md", "# X\n\ntext")
    bench.sync(other.path)
    assert sorted(bench.states()) == ["0.md", "d\\xe9j\\xe0/x.md"]


# -- what is stored ----------------------------------------------------------------------------


def test_other_settings_of_splitting_make_every_file_edited(bench: Bench) -> None:
    bench.docs.write("a.md", "# A\n\n" + "A sentence of exactly eight words stands here. " * 30)
    bench.sync()
    report = sync(
        bench.index,
        [bench.docs.path],
        SyncSettings(split=SplitSettings(chunk_tokens=64, header_tokens=16)),
        parsers=bench.parsers,
    )
    assert report.files.indexed == 1
    assert report.chunks.total > 4
    consistent(bench)


def test_another_embedder_is_refused(bench: Bench, open_index: Open) -> None:
    bench.docs.fill(1)
    bench.sync()
    with pytest.raises(EmbedderMismatchError, match=r"made by the embedder hashing .* other"):
        open_index(embedder=HashingEmbedder(name="other"))
    assert bench.find("costs")


def test_an_unfinished_index_may_change_its_embedder(bench: Bench, open_index: Open) -> None:
    class Failing(HashingEmbedder):
        def embed_documents(self, texts: Sequence[str]) -> Vectors:
            raise EmbedderError("the model is gone")

    bench.docs.fill(2)
    first = Bench(open_index(embedder=Failing()), bench.docs)
    with pytest.raises(EmbedderError, match="gone"):
        first.sync()
    second = Bench(open_index(embedder=HashingEmbedder(name="other")), bench.docs)
    report = second.sync()
    assert (report.files.indexed, report.embedded, second.parsers.parsed) == (2, 2, [])
    consistent(second)


@pytest.mark.parametrize("nonsense", ["shape", "rows", "nan", "length"])
def test_an_embedder_that_answers_nonsense_is_refused(
    bench: Bench, open_index: Open, nonsense: str
) -> None:
    class Wrong(HashingEmbedder):
        def embed_documents(self, texts: Sequence[str]) -> Vectors:
            good = super().embed_documents(texts)
            wrong: dict[str, Vectors] = {
                "shape": good[:, :5],
                "rows": good[:1],
                "nan": good * np.float32("nan"),
                "length": good * np.float32(7),
            }
            return wrong[nonsense]

    bench.docs.fill(2)
    wrong = Bench(open_index(embedder=Wrong()), bench.docs)
    with pytest.raises(EmbedderError, match="nothing of it was stored"):
        wrong.sync()
    report = bench.sync()
    assert (report.files.indexed, bench.parsers.parsed) == (2, [])
    consistent(bench)


def test_progress_ends_where_the_work_ends(bench: Bench) -> None:
    bench.docs.fill(3)
    seen: list[Progress] = []
    sync(bench.index, [bench.docs.path], SyncSettings(), seen.append, parsers=bench.parsers)
    assert [progress.stage for progress in seen][:2] == ["scan", "parse"]
    parsed = [progress for progress in seen if progress.stage == "parse"]
    assert (parsed[-1].done, parsed[-1].total) == (3, 3)
    assert {progress.path for progress in parsed} >= {"0.md", "1.md", "2.md"}


def test_old_generations_are_swept(bench: Bench) -> None:
    bench.docs.fill(4)
    for n in range(5):
        bench.docs.write("0.md", f"# Note\n\nedit {n}")
        bench.sync()
    assert len(list(bench.index.generations.iterdir())) <= 2


def test_real_parsers_in_processes_give_the_same(open_index: Open, docs: Folder) -> None:
    index = open_index()
    docs.write("a.md", "# A\n\nThe kettle is red.")
    docs.write("broken.docx", b"no archive")
    report = sync(index, [docs.path], SyncSettings(workers=2))
    assert (report.files.indexed, report.files.failed) == (1, 1)
    assert index.show("a.md").text == "A\n\nThe kettle is red."


# -- any history -------------------------------------------------------------------------------

_FILES = ["a.md", "b.md", "c.json", "sub/d.md", "sub/e.txt"]
_NAMES = st.sampled_from(_FILES)
_ACTIONS = st.one_of(
    st.tuples(st.just("write"), _NAMES, st.integers(0, 3)),
    st.tuples(st.just("remove"), _NAMES, st.just(0)),
    st.tuples(st.just("break"), st.just("c.json"), st.just(0)),
    st.tuples(st.just("rename"), _NAMES, st.integers(0, 4)),
    st.tuples(st.just("sync"), st.just(""), st.just(0)),
)


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=st.lists(_ACTIONS, max_size=14))
def test_after_any_history_the_index_is_as_if_made_new(
    history: list[tuple[str, str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("history")
    docs = Folder(folder / "docs")
    docs.write("always.md", "# Always\n\nThis one stays.")
    with_history = Bench(_index(folder / "old"), docs)
    good: dict[str, str] = {}
    for action, name, number in [*history, ("sync", "", 0)]:
        if action == "write":
            good[name] = f'"{word(number)} and {name}"'
            docs.write(name, good[name])
        elif action == "rename" and name in good:
            (docs.path / "sub").mkdir(exist_ok=True)
            (docs.path / name).rename(docs.path / _FILES[number])
            good[_FILES[number]] = good.pop(name)
        elif action == "remove":
            (docs.path / name).unlink(missing_ok=True)
            good.pop(name, None)
        elif action == "break":
            docs.write(name, "{")
            good.pop(name, None)
        elif action == "sync":
            with_history.sync(allow_mass_delete=True)
            consistent(with_history)
    fresh = Bench(_index(folder / "new"), docs)
    fresh.sync()
    for bench in (with_history, fresh):
        texts = {path: bench.text(path) for path in good}
        assert all(word_of(text) in texts[path] for path, text in good.items())
    old, new = contents(with_history), contents(fresh)
    stale = {path for path, state in with_history.states().items() if state == "stale"}
    assert {path: text for path, text in old.items() if path not in stale} == new
    old_vectors, new_vectors = vectors(with_history.index), vectors(fresh.index)
    assert {key: v for key, v in old_vectors.items() if key[0] not in stale} == new_vectors
    with_history.index.close()
    fresh.index.close()


def vectors(index: Index) -> dict[tuple[str, int, int], bytes]:
    """Return every live vector by path and span."""
    with index.reader() as reading:
        generation = reading.generation()
        assert generation is not None
        ids = reading.live_ids()
        chunks = reading.chunks(ids)
        stored = reading.vectors(generation.space_id, ids, 48)
    return {
        (chunks[id_].path, chunks[id_].start, chunks[id_].end): vector.tobytes()
        for id_, vector in zip(ids, stored, strict=True)
    }


def word_of(text: str) -> str:
    return text.strip('"').split()[0]


def contents(bench: Bench) -> dict[str, str]:
    live = [d for d in bench.index.status().documents if d.state in {"indexed", "stale"}]
    return {document.path: bench.text(document.path) for document in live}


def _index(folder: Path) -> Index:
    return Index(folder, embedder=HashingEmbedder(), store=ExactStore(), create=True)
