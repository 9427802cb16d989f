"""JSON Lines from people's hands: every form is read, and every fault is said with its line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.json_lines import fields, lines, text_of
from ragkit.tune.example import load_examples
from ragkit.tune.probe import load_probes
from ragkit.tune.sample import load_samples
from ragkit_eval.cases import load_cases
from ragkit_eval.claims import load_claims
from ragkit_eval.judges.calibration import load_labels
from ragkit_eval.recorded import load_recorded
from ragkit_ingest.errors import UsageError

CASE = {"id": "q1", "question": "How long?", "answers": ["3 days"], "answerable": True}
MESSAGES = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Tea."}]
READERS: list[tuple[Callable[[Path], Any], dict[str, object]]] = [
    (load_cases, CASE),
    (load_claims, {"context": "Three days.", "claim": "It is three.", "label": 1}),
    (load_examples, {"messages": MESSAGES}),
    (load_labels, {"id": "q1", "arm": "rag", "label": 1}),
    (load_probes, {"id": "p1", "kind": "tone", "messages": MESSAGES[:1]}),
    (load_recorded, {"arm": "rag", "id": "q1", "text": "Three days."}),
    (load_samples, {"question": "Hi", "answer": "Tea."}),
]
every_reader = pytest.mark.parametrize(
    ("load", "good"), READERS, ids=[load.__name__ for load, _ in READERS]
)


def read(content: bytes, folder: Path) -> list[tuple[int, object]]:
    file = folder / "some.jsonl"
    file.write_bytes(content)
    return [(line.number, line.read(lambda value: value, "is none")) for line in lines(file, "it")]


@pytest.mark.parametrize(
    ("content", "held"),
    [
        (b"", []),
        (b"\n \t\n\r\n", []),
        (b'{"a": 1}', [(1, {"a": 1})]),
        (b'{"a": 1}\n', [(1, {"a": 1})]),
        (b'\xef\xbb\xbf{"a": 1}\n[2]\n', [(1, {"a": 1}), (2, [2])]),
        (b"1\r\n\r\n2\r\n", [(1, 1), (3, 2)]),
        (b"1\r2", [(1, 1), (2, 2)]),
        (b"\n\n 3 \n", [(3, 3)]),
        (b'"\\ud83d\\ude00"', [(1, "\U0001f600")]),
        (b'{"a": 1, "a": 2}', [(1, {"a": 2})]),
        (b"Infinity", [(1, float("inf"))]),
    ],
)
def test_every_form_of_a_file_is_read(
    content: bytes, held: list[tuple[int, object]], tmp_path: Path
) -> None:
    assert read(content, tmp_path) == held


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x7f"])
def test_a_separator_within_a_text_ends_no_line(mark: str, tmp_path: Path) -> None:
    content = json.dumps([f"one{mark}two"], ensure_ascii=False)
    assert read(f"{content}\n{content}".encode(), tmp_path) == [
        (1, [f"one{mark}two"]),
        (2, [f"one{mark}two"]),
    ]


def test_a_line_of_many_megabytes_is_read(tmp_path: Path) -> None:
    text = "x" * 20_000_000
    assert read(f'"{text}"\n[]'.encode(), tmp_path) == [(1, text), (2, [])]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None
)
@given(st.lists(values), st.booleans(), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_what_is_written_is_read(
    tmp_path: Path, written: list[Any], ascii_: bool, end: str
) -> None:
    text = "".join(json.dumps(value, ensure_ascii=ascii_) + end for value in written)
    assert [value for _, value in read(text.encode(), tmp_path)] == written


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "it is not JSON (Expecting property name enclosed in double quotes at character 2)"),
        (b"nope", "it is not JSON (Expecting value at character 1)"),
        (b"1 2", "it is not JSON (Extra data at character 3)"),
        (b"[" * 100_000, "it is not JSON (it is nested too deeply)"),
        (b"9" * 5000, "it is not JSON (Exceeds the limit"),
        (b'"a\tb"', "it is not JSON (Invalid control character at at character 3)"),
    ],
)
def test_what_is_not_json_is_said_with_its_line(line: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        read(b"1\n\n" + line, tmp_path)
    assert str(raised.value).startswith(f"line 3 of {tmp_path / 'some.jsonl'} is none: {said}")


def refused(value: dict[str, int]) -> int:
    if value["a"] < 0:
        raise ValueError("its a is below 0")
    return int(float(value["a"]))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"a": -1}', "is no a: its a is below 0; see above"),
        ('{"b": 1}', "lacks the field 'a'; see above"),
        (
            '{"a": "x"}',
            "is no a: '<' not supported between instances of 'str' and 'int'; see above",
        ),
        (f'{{"a": {"9" * 400}}}', "is no a: int too large to convert to float; see above"),
    ],
)
def test_what_nothing_can_be_made_of_is_said_with_advice(
    line: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "some.jsonl"
    file.write_text(line)
    (held,) = lines(file, "it")
    with pytest.raises(UsageError) as raised:
        held.read(refused, "is no a", advice="see above")
    assert str(raised.value) == f"line 1 of {file} {said}"


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        text_of(tmp_path / "gone", "cups")
    assert str(raised.value) == (
        f"the cups {tmp_path / 'gone'} cannot be read (No such file or directory)"
    )
    with pytest.raises(UsageError, match=r"^the cups .* cannot be read \(Is a directory\)$"):
        list(lines(tmp_path, "cups"))
    for content, number in ((b"\xff\xfe[\x00]\x00", 1), (b"\xef\xbb\xbf1\r\n\n2\n\xe9\n", 4)):
        (tmp_path / "odd").write_bytes(content)
        with pytest.raises(UsageError) as raised:
            text_of(tmp_path / "odd", "cups")
        assert str(raised.value) == (
            f"the cups {tmp_path / 'odd'} cannot be read (line {number} is not UTF-8; save the "
            "file as UTF-8)"
        )


def test_fields_are_those_of_an_object() -> None:
    assert fields({"a": 1, "z": 2}) == {"a": 1, "z": 2}
    assert fields({"a": 1, "z": 2}, {"a", "b"}, {"z"}) == {"a": 1, "z": 2}
    with pytest.raises(ValueError, match=r"^unknown field 'y'; the fields are a, b$"):
        fields({"z": 2, "y": 1}, {"b", "a"})
    with pytest.raises(TypeError, match=r'^\["a"\] is not an object with named fields$'):
        fields(["a"], {"a"})


# -- every reader of such files --------------------------------------------------------------------


@every_reader
def test_each_takes_a_mark_windows_lines_and_gaps(
    load: Callable[[Path], Any], good: dict[str, object], tmp_path: Path
) -> None:
    file = tmp_path / "some.jsonl"
    file.write_text(json.dumps(good) + "\n", encoding="utf-8")
    plain = load(file)
    assert len(plain) == 1
    file.write_text(json.dumps(good) + "\n \n", encoding="utf-8-sig", newline="\r\n")
    assert load(file) == plain


@every_reader
@pytest.mark.parametrize("line", ["{", "[1]", "7", "null", "{}", "[" * 100_000])
def test_each_names_the_line_that_is_wrong(
    load: Callable[[Path], Any], good: dict[str, object], line: str, tmp_path: Path
) -> None:
    file = tmp_path / "some.jsonl"
    file.write_text(f"\n{json.dumps(good)}\n{line}\n")
    with pytest.raises(UsageError) as raised:
        load(file)
    assert str(raised.value).startswith(f"line 3 of {file} ")
    if line.startswith(("{", "[")) and line not in ("{}", "[1]"):
        assert "it is not JSON (" in str(raised.value)


@every_reader
def test_each_says_which_file_cannot_be_read(
    load: Callable[[Path], Any], good: dict[str, object], tmp_path: Path
) -> None:
    file = tmp_path / "some.jsonl"
    with pytest.raises(UsageError, match=r"some.jsonl cannot be read \(No such file"):
        load(file)
    file.write_bytes(json.dumps(good).encode() + b"\n\xff")
    with pytest.raises(UsageError, match=r"some.jsonl cannot be read \(line 2 is not UTF-8"):
        load(file)
