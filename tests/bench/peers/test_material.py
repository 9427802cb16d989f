from __future__ import annotations

import json
from pathlib import Path

from bench.peers.material import judged, pages, questions, ranked_documents


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        file = folder / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.with_suffix(".md").write_text(text, encoding="utf-8")


def test_pages_are_the_first_by_path_without_hidden_and_empty_ones(tmp_path: Path) -> None:
    write(tmp_path / "in", b__two="2", a__one="1", c="3", a__none="")
    (tmp_path / "in" / ".github").mkdir()
    (tmp_path / "in" / ".github" / "x.md").write_text("hidden")
    (tmp_path / "in" / "other.txt").write_text("no Markdown")
    copies = pages(tmp_path / "in", tmp_path / "out", 2)
    assert [copy.relative_to(tmp_path / "out").as_posix() for copy in copies] == [
        "a/one.md",
        "b/two.md",
    ]
    assert [copy.read_text() for copy in copies] == ["1", "2"]
    assert len(pages(tmp_path / "in", tmp_path / "all", 99)) == 3


def test_questions_come_from_headings_once_each(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="# Parental leave ##\n\ntext\n\n## How much do we pay?\n\n### [Our team](x.md) goals\n",
        b="# Overview\n\n## Parental leave\n\n# not a heading of " + "many words " * 9 + "\n",
    )
    files = [tmp_path / "a.md", tmp_path / "b.md"]
    assert questions(files, 10) == [
        "What is said about Parental leave?",
        "How much do we pay?",
        "What is said about Our team goals?",
    ]
    assert questions(files, 2) == ["What is said about Parental leave?", "How much do we pay?"]


def test_all_judged_documents_are_written_and_others_fill_up(tmp_path: Path) -> None:
    source = tmp_path / "set"
    (source / "qrels").mkdir(parents=True)
    corpus = [{"_id": str(n), "title": f"T{n}", "text": f"text {n}"} for n in range(9)]
    (source / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (source / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "what?"}))
    (source / "qrels" / "test.tsv").write_text("query\tdoc\tgrade\nq\t3\t1\nq\t4\t0\n")
    few = judged(source, tmp_path / "few", 1)
    assert sorted(file.stem for file in few.folder.iterdir()) == ["3", "4"]
    assert (few.folder / "3.md").read_text() == "# T3\n\ntext 3\n"
    many = judged(source, tmp_path / "many", 5)
    assert many.documents == len(list(many.folder.iterdir())) == 5
    assert {"3.md", "4.md"} <= {file.name for file in many.folder.iterdir()}
    assert many.queries == {"q": "what?"}
    assert many.judgements == {"q": {"3": 1, "4": 0}}
    again = judged(source, tmp_path / "again", 5)
    assert {f.name for f in again.folder.iterdir()} == {f.name for f in many.folder.iterdir()}


def test_a_document_ranks_by_its_best_chunk() -> None:
    assert ranked_documents(["/x/7.md", "3.md", "/x/7.md", "1.md", "3.md"]) == ["7", "3", "1"]
