"""Other tools' formats become cases whose evidence stands in the documents that come with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragkit_eval.imports.beir import read_beir
from ragkit_eval.imports.imported import Imported, save_documents
from ragkit_eval.imports.ragas import read_ragas
from ragkit_eval.imports.squad import read_squad
from ragkit_ingest.errors import UsageError

CONTEXT = "The kettle is old. It holds 1.7 litres of water. Nobody knows why."


def check_evidence(imported: Imported) -> None:
    for case in imported.cases:
        assert set(case.gold) <= imported.documents.keys()
        for evidence in case.evidence:
            text = imported.documents[evidence.path]
            assert text[evidence.start : evidence.end] == evidence.quote


def squad(folder: Path, *qas: dict[str, object]) -> Path:
    file = folder / "squad.json"
    data = {"data": [{"title": "Kettles", "paragraphs": [{"context": CONTEXT, "qas": list(qas)}]}]}
    file.write_text(json.dumps(data))
    return file


def test_squad(tmp_path: Path) -> None:
    answer = {"text": "1.7 litres", "answer_start": CONTEXT.index("1.7")}
    found = read_squad(
        squad(
            tmp_path,
            {"id": "1", "question": "How much does it hold?", "answers": [answer, answer]},
            {"id": "2", "question": "Who made it?", "answers": [], "is_impossible": True},
            {"id": "3", "question": "Moved?", "answers": [{"text": "1.7", "answer_start": 0}]},
            {"id": "4", "question": "Empty?", "answers": []},
        )
    )
    check_evidence(found)
    first, second = found.cases
    assert (first.answers, first.evidence[0].quote) == (
        ("1.7 litres",),
        "It holds 1.7 litres of water.",
    )
    assert (second.answerable, found.skipped) == (False, 2)
    assert save_documents(found, tmp_path / "docs") == 1
    (document,) = (tmp_path / "docs").iterdir()
    assert document.read_text() == CONTEXT


@pytest.mark.parametrize("text", ["{", "[]", '{"data": 3}', '{"data": [{"paragraphs": [{}]}]}'])
def test_what_is_no_squad(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="no SQuAD file"):
        read_squad(file)


def test_a_missing_file(tmp_path: Path) -> None:
    for read in (read_squad, read_ragas, read_beir):
        with pytest.raises(UsageError, match="cannot be read"):
            read(tmp_path / "no")
    with pytest.raises(UsageError, match="no question that can be used"):
        read_squad(squad(tmp_path))


def test_ragas_lines_and_lists(tmp_path: Path) -> None:
    lines = [
        {"user_input": "How much?", "reference": "1.7 litres", "reference_contexts": [CONTEXT]},
        {"question": "How old?", "ground_truth": "Old", "contexts": [CONTEXT]},
        {"user_input": "Who?", "reference": "The context does not say."},
        {"user_input": "No reference"},
    ]
    file = tmp_path / "set.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    found = read_ragas(file)
    check_evidence(found)
    assert [case.answerable for case in found.cases] == [True, True, False]
    assert found.cases[0].evidence == found.cases[1].evidence
    assert (len(found.documents), found.skipped) == (1, 1)
    file.write_text(json.dumps(lines))
    assert read_ragas(file) == found
    file.write_text("[1]")
    with pytest.raises(UsageError, match="no ragas test set"):
        read_ragas(file)
    for line, said in (
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("1", "1 is not an"),
    ):
        file.write_text(f'{{"a": 1}}\n{line}')
        with pytest.raises(UsageError, match=rf"line 2 of .* is no sample: {said}"):
            read_ragas(file)


def test_beir(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text(
        '{"_id": "d1", "title": "../Kettle", "text": "It is old."}\n'
        '{"_id": "d2", "title": "", "text": "Other"}\n'
    )
    (tmp_path / "queries.jsonl").write_text('{"_id": "q1", "text": "old kettle"}\n')
    (tmp_path / "qrels" / "test.tsv").write_text("q\td\ts\nq1\td2\t1\nq1\td1\t2\n")
    found = read_beir(tmp_path)
    check_evidence(found)
    (case,) = found.cases
    assert case.gold == ("kettle-00000.txt", "d2-00001.txt")
    assert case.answers[0] == "../Kettle\n\nIt is old."
