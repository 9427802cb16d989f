"""BEIR folders: what is read, what is left out, and what is wrong with a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragkit_eval.beir import CorpusDocument, load
from ragkit_ingest.errors import UsageError

CORPUS = [
    {"_id": "d1", "title": "Kettles", "text": "They boil."},
    {"_id": "d2", "title": "", "text": "Line\u2028separators stay within a line."},
    {"_id": "d3", "text": "No title."},
]
QUERIES = [{"_id": "q1", "text": "what boils?"}, {"_id": "q2", "text": "unjudged"}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "corpus.jsonl", CORPUS)
    write(tmp_path / "queries.jsonl", QUERIES)
    judge(tmp_path, "q1\td1\t1\nq1\td2\t0\n")
    return tmp_path


def write(file: Path, entries: list[dict[str, str]]) -> None:
    file.write_text(
        "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries),
        encoding="utf-8",
    )


def judge(folder: Path, lines: str, header: str = "query-id\tcorpus-id\tscore\n") -> None:
    (folder / "qrels").mkdir(exist_ok=True)
    (folder / "qrels" / "test.tsv").write_text(header + lines)


def test_a_set_holds_its_judged_queries_and_streams_its_corpus(folder: Path) -> None:
    dataset = load(folder)
    assert dataset.name == folder.name
    assert dataset.queries == {"q1": "what boils?"}
    assert dataset.judgements == {"q1": {"d1": 1, "d2": 0}}
    assert list(dataset.documents()) == [
        CorpusDocument(id="d1", title="Kettles", text="They boil."),
        CorpusDocument(id="d2", title="", text="Line\u2028separators stay within a line."),
        CorpusDocument(id="d3", title="", text="No title."),
    ]


def test_judgements_may_come_without_a_header(folder: Path) -> None:
    judge(folder, "q1\td1\t2\n", header="")
    assert load(folder).judgements == {"q1": {"d1": 2}}


def test_a_query_without_a_relevant_document_is_counted_not_scored(folder: Path) -> None:
    judge(folder, "q1\td1\t1\nq2\td1\t0\n")
    dataset = load(folder)
    assert (list(dataset.queries), dataset.without) == (["q1"], 1)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("qrels/test.tsv", "a\tb\tc\nq1 d1 1\n", r"line 2 of .*test.tsv is not QUERY, DOCUMENT"),
        ("qrels/test.tsv", "a\tb\tc\nq1\td1\thigh\n", r"line 2 of .*test.tsv is not QUERY"),
        ("qrels/test.tsv", "a\tb\tc\n", "judges no document"),
        ("qrels/test.tsv", "a\tb\tc\nq1\td1\t0\n", "there is nothing to score"),
        ("qrels/test.tsv", "a\tb\tc\nq9\td1\t1\n", "judges the query 'q9', which"),
        ("queries.jsonl", "{\n", r"line 1 of .*queries.jsonl is not JSON"),
        ("queries.jsonl", "[" * 100_000, "is not JSON: it is nested too deeply"),
        ("queries.jsonl", "[]\n", "is not an object with named fields"),
        ("queries.jsonl", '{"_id": 7, "text": "x"}\n', "lacks the text field '_id'"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    folder: Path, file: str, content: str, message: str
) -> None:
    (folder / file).write_text(content)
    with pytest.raises(UsageError, match=message):
        load(folder)


def test_a_line_of_the_corpus_without_text_is_named(folder: Path) -> None:
    (folder / "corpus.jsonl").write_text('{"_id": "d1", "text": "ok"}\n\n{"_id": "d2"}\n')
    with pytest.raises(UsageError, match=r"line 3 of .*corpus.jsonl lacks the text field 'text'"):
        list(load(folder).documents())


@pytest.mark.parametrize("file", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_a_missing_file_is_named_with_the_layout(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(UsageError, match="a BEIR folder holds corpus"):
        load(folder)
