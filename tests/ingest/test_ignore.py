"""Ignore rules read as git reads them, and a sync that follows them."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from ragkit_ingest.discover import Found, walk
from ragkit_ingest.errors import ConfigError, MassDeletionError, NothingToIngestError
from tests.ingest.conftest import Bench
from tests.ingest.test_sync import consistent
from tests.support.folder import Folder


def found(root: Path, start: Path | None = None) -> list[str]:
    return sorted(entry.name for entry in walk(root, start) if isinstance(entry, Found))


# -- the rules ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ("*.log", ["a.md", "build/c.md", "build/deep/d.md", "sub/a.md"]),
        ("build/", ["a.md", "b.log", "sub/a.md"]),
        ("a.md/", ["a.md", "b.log", "build/c.md", "build/deep/d.md", "sub/a.md"]),
        ("/a.md", ["b.log", "build/c.md", "build/deep/d.md", "sub/a.md"]),
        ("a.md", ["b.log", "build/c.md", "build/deep/d.md"]),
        ("*\n!*.log", ["b.log"]),
        ("*\n!*/\n!d.md", ["build/deep/d.md"]),
        ("build/\n!build/c.md", ["a.md", "b.log", "sub/a.md"]),
        ("build/*\n!build/c.md", ["a.md", "b.log", "build/c.md", "sub/a.md"]),
        ("**/deep/**", ["a.md", "b.log", "build/c.md", "sub/a.md"]),
        ("# *\n\n  \n\\#*\n", ["a.md", "b.log", "build/c.md", "build/deep/d.md", "sub/a.md"]),
        ("\ufeff*.md\r\n!a.md\r\n", ["a.md", "b.log", "sub/a.md"]),
        ("", ["a.md", "b.log", "build/c.md", "build/deep/d.md", "sub/a.md"]),
    ],
)
def test_what_a_rules_file_leaves(docs: Folder, rules: str, left: list[str]) -> None:
    for name in ("a.md", "b.log", "build/c.md", "build/deep/d.md", "sub/a.md"):
        docs.write(name, "text")
    docs.write(".ragkitignore", rules)
    assert found(docs.path) == left


def test_an_inner_file_wins_over_an_outer_one(docs: Folder) -> None:
    for name in ("a.md", "sub/a.md", "sub/b.md", "sub/deep/b.md", "other/b.md"):
        docs.write(name, "text")
    docs.write(".ragkitignore", "a.md\n")
    docs.write("sub/.ragkitignore", "!a.md\n/b.md\n")
    assert found(docs.path) == ["other/b.md", "sub/a.md", "sub/deep/b.md"]


def test_rules_above_the_folder_that_is_walked_apply(docs: Folder) -> None:
    docs.write("sub/a.md", "text")
    docs.write("sub/a.tmp", "text")
    docs.write(".ragkitignore", "*.tmp")
    assert found(docs.path, docs.path / "sub") == ["sub/a.md"]
    docs.write(".ragkitignore", "*.tmp\nsub/")  # but a folder that was named is walked
    assert found(docs.path, docs.path / "sub") == ["sub/a.md"]


def test_an_ignored_folder_is_not_looked_into(
    docs: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs.write("node_modules/deep/a.md", "text")
    docs.write("a.md", "text")
    docs.write(".ragkitignore", "node_modules")
    seen: list[str] = []
    scandir = os.scandir

    def noting(folder: str) -> os._ScandirIterator[str]:
        seen.append(Path(folder).name)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", noting)
    assert found(docs.path) == ["a.md"]
    assert seen == ["docs"]


_NAMES = ["a", "b", "foo", "build", "a.md", "b.log", "x y", " lead", "#h", "!n", "[z]", "d"]
_SEGMENTS = [
    "[[a]",
    "*",
    "**",
    "*.md",
    "*.log",
    "?",
    "[ab]",
    "f*o",
    "b*",
    "[!a]*",
    "\\#h",
    "\\!n",
    "foo ",
]


def _pattern(chance: random.Random) -> str:
    length = chance.choice([1, 1, 1, 2, 2, 3])
    segments = [chance.choice(_NAMES + _SEGMENTS) for _ in range(length)]
    sign = "!" if chance.random() < 0.3 else ""
    front = "/" if chance.random() < 0.2 else ""
    return sign + front + "/".join(segments) + ("/" if chance.random() < 0.25 else "")


def _random_tree(chance: random.Random, root: Path) -> None:
    folders = [root]
    for place in range(26):
        path = chance.choice(folders) / chance.choice(_NAMES)
        if path.exists():
            continue
        if place < 6:
            path.mkdir()
            folders.append(path)
        else:
            path.write_text("text")
    for folder in {root, *chance.sample(folders, min(2, len(folders)))}:
        rules = "\n".join(_pattern(chance) for _ in range(chance.randint(1, 5)))
        for name in (".gitignore", ".ragkitignore"):
            (folder / name).write_text(rules)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_agrees_on_random_trees_and_rules(tmp_path: Path) -> None:
    compared = 0
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "git")], check=True)
    for seed in range(60):
        root = tmp_path / str(seed)
        root.mkdir()
        _random_tree(random.Random(seed), root)
        try:
            ours = found(root)
        except ConfigError:  # git passes silently over a rule that can match nothing
            continue
        listed = subprocess.run(
            ["git", "ls-files", "-z", "-o", "--exclude-per-directory=.gitignore"],
            cwd=root,
            env={**os.environ, "GIT_DIR": str(tmp_path / "git"), "GIT_WORK_TREE": str(root)},
            capture_output=True,
            text=True,
            check=True,
        )
        theirs = [name for name in listed.stdout.split("\0") if name and "/." not in f"/{name}"]
        assert ours == sorted(theirs), seed
        compared += 1
    assert compared > 30


# -- rules files that cannot be used -----------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"*.md\n\n!\n", r"\.ragkitignore, line 3: ! is not a rule"),
        (b"a\n[z-a]\n", r"\.ragkitignore, line 2: \[z-a\] is not a rule"),
        (b"a\n[b\n", r"\.ragkitignore, line 2: \[b is a rule that matches nothing"),
        (b"a\n/\n", r"\.ragkitignore, line 2: / is a rule that matches nothing"),
        (b"*.md\ncaf\xe9\n", r"\.ragkitignore, line 2: the line is not UTF-8"),
        ("*.md".encode("utf-16"), r"\.ragkitignore, line 1: the file is in UTF-16"),
        (b"a\nb\nc\0d", r"\.ragkitignore, line 3: the line holds a NUL"),
        (b"#" * ((1 << 20) + 1), r"\.ragkitignore is longer than 1,048,576 bytes"),
    ],
)
def test_a_broken_rules_file_is_named_and_changes_nothing(
    bench: Bench, content: bytes, message: str
) -> None:
    bench.docs.write("sub/a.md", "# A\n\ntext")
    bench.sync()
    bench.docs.write("sub/.ragkitignore", content)
    bench.docs.write("b.md", "# B\n\ntext")
    with pytest.raises(ConfigError, match=f"sub.{message}.*nothing was changed"):
        bench.sync()
    with pytest.raises(ConfigError, match=message):
        bench.plan()
    assert list(bench.states()) == ["sub/a.md"]


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "nowhere", "forbidden"])
def test_a_rules_file_that_is_no_plain_file(bench: Bench, tmp_path: Path, kind: str) -> None:
    bench.docs.write("a.md", "text")
    rules = bench.docs.path / ".ragkitignore"
    target = tmp_path / "rules"
    target.write_text("*.md")
    if kind == "folder":
        rules.mkdir()
    elif kind == "pipe":
        os.mkfifo(rules)
    elif kind == "forbidden":
        rules.write_text("*.md")
        rules.chmod(0)
        if os.access(rules, os.R_OK):
            pytest.skip("this user may read everything")
    else:
        rules.symlink_to(target if kind == "link" else tmp_path / "nothing")
    with pytest.raises(ConfigError, match=r"ragkitignore (is|cannot be read).*nothing was changed"):
        bench.sync()


# -- a sync that follows them ------------------------------------------------------------------


def test_each_rule_is_reported_once(bench: Bench) -> None:
    for n in range(50):
        bench.docs.write(f"node_modules/{n}.md", "text")
        bench.docs.write(f"{n}.tmp", "text")
    bench.docs.write("a.md", "text")
    bench.docs.write(".ragkitignore", "node_modules/\n*.tmp\n")
    expected = (
        ("0.tmp", "ignored by .ragkitignore, line 2 (*.tmp), and 49 more"),
        ("node_modules", "ignored by .ragkitignore, line 1 (node_modules/)"),
    )
    assert bench.plan().skipped == expected
    report = bench.sync()
    assert (report.files.indexed, report.skipped) == (1, expected)


def test_a_file_that_becomes_ignored_leaves_the_index(bench: Bench) -> None:
    bench.docs.fill(3)
    bench.docs.write("old/x.md", "# X\n\ntext")
    bench.sync()
    bench.docs.write(".ragkitignore", "old\n2.md\n")
    assert bench.plan().removed == ("2.md", "old/x.md")
    report = bench.sync()
    assert (report.files.removed, sorted(bench.states())) == (2, ["0.md", "1.md"])
    consistent(bench)
    (bench.docs.path / ".ragkitignore").unlink()
    assert bench.sync().files.indexed == 2


def test_ruling_out_most_files_is_meant_but_ruling_out_all_is_asked_about(bench: Bench) -> None:
    bench.docs.fill(8)
    bench.sync()
    bench.docs.write(".ragkitignore", "*.md\n")
    with pytest.raises(MassDeletionError, match=r"every one of the 8 .* ignored now, 0.md"):
        bench.sync()
    assert len(bench.states()) == 8
    bench.docs.write(".ragkitignore", "*.md\n!0.md\n")
    assert bench.sync().files.removed == 7
    bench.docs.write(".ragkitignore", "*.md\n")
    assert bench.sync(allow_mass_delete=True).files.removed == 1


def test_files_that_vanish_are_still_asked_about_beside_ignored_ones(bench: Bench) -> None:
    paths = bench.docs.fill(12)
    bench.sync()
    bench.docs.write(".ragkitignore", "0.md\n1.md\n2.md\n3.md\n")
    for path in paths[4:9]:
        path.unlink()
    with pytest.raises(MassDeletionError, match=r"5 of the 8 indexed files are gone"):
        bench.sync()
    assert bench.plan().removed == tuple(f"{n}.md" for n in range(9))


def test_a_folder_that_is_all_ignored_says_so(bench: Bench) -> None:
    bench.docs.fill(2)
    bench.docs.write(".ragkitignore", "*")
    with pytest.raises(NothingToIngestError, match=r"0\.md \(ignored by \.ragkitignore, line 1"):
        bench.sync()


def test_a_file_that_is_named_is_read_though_a_rule_ignores_it(bench: Bench) -> None:
    paths = bench.docs.fill(2)
    bench.docs.write(".ragkitignore", "1.md")
    assert bench.sync(paths[1]).files.indexed == 1
    assert bench.sync(known=True).files.unchanged == 1
    assert bench.sync(bench.docs.path, paths[1]).files.unchanged == 1
    assert sorted(bench.states()) == ["0.md", "1.md"]
    assert bench.sync().files.removed == 1  # the folder's own rules hold again
