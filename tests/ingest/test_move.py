"""A file that moved is recognised by its content: it is renamed in the index, not read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit_ingest.index import Index
from ragkit_ingest.store.exact import ExactStore
from tests.ingest.conftest import Bench, Open
from tests.ingest.test_crash import kill_sync
from tests.ingest.test_sync import consistent, vectors
from tests.support.folder import Folder, word
from tests.support.hashing import HashingEmbedder


def as_if_made_new(bench: Bench, folder: Path) -> None:
    """Assert that the index holds the paths, texts, titles and vectors of a fresh one."""
    store = ExactStore()
    fresh = Bench(Index(folder, embedder=HashingEmbedder(), store=store, create=True), bench.docs)
    fresh.sync()
    consistent(bench)
    assert vectors(bench.index) == vectors(fresh.index)
    facts = [
        {d.path: (d.title, d.format, d.chunks) for d in one.index.status().documents}
        for one in (bench, fresh)
    ]
    assert facts[0] == facts[1]
    fresh.index.close()


def ids(bench: Bench) -> dict[str, list[int]]:
    with bench.index.reader() as reading:
        found: dict[str, list[int]] = {}
        for chunk in reading.chunks(reading.live_ids()).values():
            found.setdefault(chunk.path, []).append(chunk.id)
    return found


def test_a_moved_file_keeps_its_ids_and_costs_nothing(bench: Bench, tmp_path: Path) -> None:
    paths = bench.docs.fill(5)
    bench.sync()
    before = ids(bench)
    bench.embedder.embedded.clear()
    (bench.docs.path / "sub").mkdir()
    paths[1].rename(bench.docs.path / "sub" / "moved.md")
    report = bench.sync()
    assert (report.files.moved, report.files.unchanged, report.files.removed) == (1, 4, 0)
    assert (report.chunks.added, report.chunks.removed, report.generation) == (0, 0, 1)
    assert (bench.parsers.parsed, bench.embedder.embedded) == ([], [])
    after = ids(bench)
    assert after.pop("sub/moved.md") == before.pop("1.md")
    assert after == before
    as_if_made_new(bench, tmp_path / "fresh")
    assert bench.sync().files.unchanged == 5


def test_a_title_made_of_the_name_follows_the_name(bench: Bench, tmp_path: Path) -> None:
    bench.docs.write("sales-2024.csv", "city,euro\nDelft,12\nGouda,13\n")
    bench.docs.write("own.html", "<title>Own</title><p>The kettle is red.</p>")
    bench.sync()
    (bench.docs.path / "sales-2024.csv").rename(bench.docs.path / "sales-2025.csv")
    (bench.docs.path / "own.html").rename(bench.docs.path / "other.html")
    report = bench.sync()
    assert (report.files.moved, bench.parsers.parsed) == (2, [])
    titles = {d.path: d.title for d in bench.index.status().documents}
    assert titles == {"sales-2025.csv": "sales 2025", "other.html": "Own"}
    with bench.index.reader() as reading:
        assert reading.document_frequencies(["2024", "2025"]) == {"2024": 0, "2025": 1}
    as_if_made_new(bench, tmp_path / "fresh")


def test_a_move_to_another_folder_keeps_a_title_made_of_the_name(bench: Bench) -> None:
    bench.docs.write("sales.csv", "city,euro\nDelft,12\n")
    bench.sync()
    (bench.docs.path / "sub").mkdir()
    (bench.docs.path / "sales.csv").rename(bench.docs.path / "sub" / "sales.csv")
    report = bench.sync()
    assert (report.files.moved, report.embedded, report.chunks.added) == (1, 0, 0)


def test_a_title_that_is_the_name_only_by_chance_stays(bench: Bench) -> None:
    bench.docs.write("Kettle.html", "<title>Kettle</title><p>It is red.</p>")
    bench.sync()
    (bench.docs.path / "Kettle.html").rename(bench.docs.path / "x.html")
    bench.sync()
    assert [d.title for d in bench.index.status().documents] == ["Kettle"]


def test_a_move_between_roots(bench: Bench, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other")
    bench.docs.fill(4)
    other.fill(2, start=10)
    bench.sync(bench.docs.path, other.path)
    (bench.docs.path / "0.md").rename(other.path / "zero.md")
    assert bench.plan(known=True).moved == (("0.md", "other/zero.md"),)
    report = bench.sync(known=True)
    assert (report.files.moved, bench.parsers.parsed, report.embedded) == (1, [], 0)
    assert bench.text("other/zero.md").endswith("costs 0 euro.")
    assert "0.md" not in bench.states()
    consistent(bench)


def test_a_whole_root_that_moved_into_another_is_not_a_vanished_one(
    bench: Bench, tmp_path: Path
) -> None:
    other = Folder(tmp_path / "other")
    bench.docs.fill(4)
    other.fill(5, start=10)
    bench.sync(bench.docs.path, other.path)
    other.path.rename(bench.docs.path / "inside")
    report = bench.sync(known=True)
    assert (report.files.moved, bench.parsers.parsed) == (5, [])
    assert "inside/10.md" in bench.states()


def test_a_move_seen_from_its_new_root_alone_is_a_copy_first(bench: Bench, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other")
    bench.docs.fill(4)
    other.fill(1, start=10)
    bench.sync(bench.docs.path, other.path)
    (bench.docs.path / "0.md").rename(other.path / "0.md")
    report = bench.sync(other.path)
    assert (report.files.indexed, bench.parsers.parsed, report.embedded) == (1, [], 0)
    assert {"0.md", "other/0.md"} <= set(bench.states())
    assert bench.sync(bench.docs.path).files.removed == 1
    consistent(bench)


def test_files_that_swap_or_hand_on_their_names_are_not_read_again(
    bench: Bench, tmp_path: Path
) -> None:
    names = ["log.txt", "log.1.txt", "log.2.txt"]
    for number, name in enumerate(names):
        bench.docs.write(name, f"The {word(number)} was switched on, and then off again.")
    bench.sync()
    bench.docs.path.joinpath("log.2.txt").rename(bench.docs.path / "log.3.txt")
    bench.docs.path.joinpath("log.1.txt").rename(bench.docs.path / "log.2.txt")
    bench.docs.path.joinpath("log.txt").rename(bench.docs.path / "log.1.txt")
    bench.docs.write("log.txt", "Something new was switched on.")
    bench.sync()
    assert bench.parsers.parsed == ["log.txt"]
    as_if_made_new(bench, tmp_path / "fresh")


def test_a_copy_is_not_read_again(bench: Bench, tmp_path: Path) -> None:
    bench.docs.fill(3)
    bench.docs.write("a.csv", "city,euro\nDelft,12\n")
    bench.sync()
    for name in ("0.md", "a.csv"):
        text = (bench.docs.path / name).read_bytes()
        bench.docs.write(f"copy/of-{name}", text)
    report = bench.sync()
    assert (report.files.indexed, bench.parsers.parsed) == (2, [])
    as_if_made_new(bench, tmp_path / "fresh")


def test_content_that_comes_back_is_not_read_again(bench: Bench) -> None:
    bench.docs.write("data.json", '{"answer": "forty-two"}')
    bench.sync()
    bench.docs.write("data.json", "{")
    bench.sync()
    bench.docs.write("data.json", '{"answer": "forty-two"}')
    assert bench.sync().files.indexed == 1
    assert bench.parsers.parsed == []
    assert bench.states() == {"data.json": "indexed"}


def test_another_parser_reads_a_moved_file_anew_and_nothing_counts_as_lost(bench: Bench) -> None:
    for number in range(6):
        bench.docs.write(f"{number}.txt", f"# Note\n\nThe {word(number)} is cold.")
    bench.sync()
    for number in range(6):
        (bench.docs.path / f"{number}.txt").rename(bench.docs.path / f"{number}.md")
    report = bench.sync()
    assert (report.files.indexed, report.files.removed, report.files.moved) == (6, 6, 0)
    assert len(bench.parsers.parsed) == 6


def test_a_stale_file_takes_its_last_good_text_along(bench: Bench) -> None:
    bench.docs.fill(2)
    bench.docs.write("data.json", '{"answer": "forty-two"}')
    bench.sync()
    bench.docs.write("data.json", "{")
    for _ in range(2):
        bench.sync()
    (bench.docs.path / "data.json").rename(bench.docs.path / "moved.json")
    report = bench.sync()
    assert [(f.path, f.tried, f.attempts) for f in report.failures] == [("moved.json", False, 2)]
    assert bench.states()["moved.json"] == "stale"
    assert "forty-two" in bench.text("moved.json")
    bench.docs.write("moved.json", '{"answer": "forty-three"}')
    bench.sync()
    assert "forty-three" in bench.text("moved.json")
    consistent(bench)


def test_a_file_that_never_could_be_read_is_tried_at_its_new_place(bench: Bench) -> None:
    bench.docs.fill(2)
    bench.docs.write("a.docx", b"no archive")
    for _ in range(2):
        bench.sync()
    (bench.docs.path / "a.docx").rename(bench.docs.path / "b.docx")
    report = bench.sync()
    assert [(f.path, f.tried) for f in report.failures] == [("b.docx", True)]
    assert "a.docx" not in bench.states()


def test_moved_paths_never_meet(bench: Bench, tmp_path: Path) -> None:
    """Two files are shown alike; the one without a number goes, the other takes a new place."""
    bench.docs.write("b/x.md", "# X\n\nof the first root")
    bench.docs.fill(3)
    other = Folder(tmp_path / "b")
    other.write("x.md", "# X\n\nof the second root")
    bench.sync(bench.docs.path)
    bench.sync(other.path)
    (bench.docs.path / "b" / "x.md").rename(bench.docs.path / "b" / "y.md")
    (other.path / "x.md").rename(other.path / "y.md")
    report = bench.sync(known=True)
    assert report.files.moved == 2
    assert {"b/y.md", "b/y.md (2)"} <= set(bench.states())
    assert bench.text("b/y.md").endswith("first root")


@pytest.mark.parametrize("edited", [False, True])
def test_the_old_path_answers_until_the_new_one_does(
    bench: Bench, open_index: Open, edited: bool
) -> None:
    """The sync is killed when all is built and nothing published."""
    bench.docs.fill(6)
    bench.docs.write("sales.csv", "city,euro\nDelft,12\n")
    bench.sync()
    before = vectors(bench.index)
    (bench.docs.path / "sales.csv").rename(bench.docs.path / "turnover.csv")
    (bench.docs.path / "1.md").rename(bench.docs.path / "one.md")
    if edited:
        bench.docs.write("2.md", "# Note 2\n\nEdited.")
    kill_sync(bench.index.folder, bench.docs.path, "publish")
    assert vectors(bench.index) == before
    assert set(bench.states().values()) == {"indexed"}
    report = bench.sync()
    assert (report.files.moved, report.embedded, bench.parsers.parsed) == (2, 0, [])
    as_if_made_new(bench, bench.docs.path.parent / "fresh")


def test_a_move_that_is_undone_after_a_crash_leaves_no_trace(bench: Bench, tmp_path: Path) -> None:
    bench.docs.fill(3)
    bench.docs.write("sales.csv", "city,euro\nDelft,12\n")
    bench.sync()
    (bench.docs.path / "sales.csv").rename(bench.docs.path / "turnover.csv")
    kill_sync(bench.index.folder, bench.docs.path, "publish")
    (bench.docs.path / "turnover.csv").rename(bench.docs.path / "sales.csv")
    bench.sync()
    assert bench.parsers.parsed == []
    as_if_made_new(bench, tmp_path / "fresh")


def test_what_was_staged_but_not_published_moves_too(bench: Bench, tmp_path: Path) -> None:
    bench.docs.fill(3)
    kill_sync(bench.index.folder, bench.docs.path, "publish")
    (bench.docs.path / "0.md").rename(bench.docs.path / "zero.md")
    report = bench.sync()
    assert (bench.parsers.parsed, report.embedded) == ([], 0)
    as_if_made_new(bench, tmp_path / "fresh")


def test_a_second_move_after_a_crash_wins(bench: Bench, tmp_path: Path) -> None:
    """The first move gave the file a title that the second takes away again."""
    bench.docs.fill(3)
    bench.docs.write("sales.csv", "city,euro\nDelft,12\n")
    bench.sync()
    (bench.docs.path / "sales.csv").rename(bench.docs.path / "turnover.csv")
    kill_sync(bench.index.folder, bench.docs.path, "publish")
    (bench.docs.path / "sub").mkdir()
    (bench.docs.path / "turnover.csv").rename(bench.docs.path / "sub" / "sales.csv")
    assert bench.sync().files.moved == 1
    assert bench.parsers.parsed == []
    as_if_made_new(bench, tmp_path / "fresh")
