"""The check of training files: each rule is broken alone, and only that one is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragkit.tune.check import CheckReport, check_file, default_epochs
from ragkit_ingest.errors import UsageError

CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"q": 1}'}}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
PNG = "data:image/png;base64,iVBORw0KGgo="


def dialogue(number: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "messages": [
            {"role": "system", "content": "Be warm."},
            {"role": "user", "content": f"What leaks in room {number}?"},
            {"role": "assistant", "content": f"The urn in room {number}. Mind the steam."},
        ]
    } | changes


def count(texts: Any) -> list[int]:
    return [len(text.split()) for text in texts]


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., CheckReport]:
    """Check a file of one line as given after eleven sound ones."""

    def check(*lines: Any, sound: int = 11, **options: Any) -> CheckReport:
        texts = [json.dumps(dialogue(number)) for number in range(1, sound + 1)]
        texts += [line if isinstance(line, str) else json.dumps(line) for line in lines]
        file = tmp_path / "train.jsonl"
        file.write_bytes(b"".join(text.encode("utf-8", "surrogatepass") + b"\n" for text in texts))
        return check_file(file, **{"count_tokens": count} | options)

    return check


def said(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": [*messages], **more}


USER = {"role": "user", "content": "Hi"}
REPLY = {"role": "assistant", "content": "Hello"}


def parts(*contents: dict[str, Any]) -> dict[str, Any]:
    return said({"role": "user", "content": [*contents]}, REPLY)


def image(url: str = PNG, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


BROKEN: list[tuple[str, Any]] = [
    ("json", '{"messages": [}'),
    ("json", '{"messages": NaN}'),
    ("json", "[" * 200_000),
    ("blank", "   "),
    ("example", [1, 2]),
    ("example", "null"),
    ("format", {"prompt": "Hi", "completion": "Hello"}),
    ("format", {"input": {}, "preferred_output": []}),
    ("messages", {"messages": []}),
    ("messages", {"messages": {"role": "user"}}),
    ("messages", {}),
    ("unknown_key", said(USER, REPLY, id="a")),
    ("message", said("Hi", REPLY)),  # type: ignore[arg-type]
    ("role", said({"role": "bot", "content": "Hi"}, REPLY)),
    ("role", said({"content": "Hi"}, REPLY)),
    ("role", said({"role": ["user"], "content": "Hi"}, REPLY)),
    ("unknown_key", said({**USER, "mood": "glad"}, REPLY)),
    ("weight", said({**USER, "weight": 1}, REPLY)),
    ("weight", said(USER, {**REPLY, "weight": 0.5})),
    ("weight", said(USER, {**REPLY, "weight": True})),
    ("nothing_to_learn", said(USER, {**REPLY, "weight": 0})),
    ("name", said({**USER, "name": "Ann Smith"}, REPLY)),
    ("name", said({"role": "function", "content": "1"}, REPLY)),
    ("content", said({"role": "user"}, REPLY)),
    ("content", said({"role": "user", "content": 7}, REPLY)),
    ("content", said({"role": "user", "content": []}, REPLY)),
    ("content", said(USER, {"role": "assistant", "content": None})),
    ("empty", said({"role": "user", "content": " "}, REPLY)),
    ("empty", said(USER, {"role": "assistant", "content": ""})),
    ("part", parts({"type": "audio"})),
    ("part", parts("Hi")),  # type: ignore[arg-type]
    ("part", said({"role": "system", "content": [image()]}, USER, REPLY)),
    ("part", said(USER, {"role": "assistant", "content": [image()]})),
    ("empty", parts({"type": "text", "text": ""})),
    ("unknown_key", parts({"type": "text", "text": "Hi", "size": 1})),
    ("image", parts(image("ftp://x/y.png"))),
    ("image", parts(image("data:image/gif;base64,R0lG"))),
    ("image", parts(image("data:image/png;base64,***"))),
    ("image", parts(image(detail="huge"))),
    ("image", parts({"type": "text", "text": "See"}, *[image()] * 11)),
    ("tool_calls", said(USER, {**REPLY, "tool_calls": []})),
    ("tool_calls", said(USER, {"role": "assistant", "tool_calls": [{**CALL, "id": ""}]})),
    ("tool_calls", said(USER, {"role": "assistant", "tool_calls": [{**CALL, "type": "f"}]})),
    ("tool_calls", said(USER, {"role": "assistant", "tool_calls": [CALL]}, REPLY, tools=TOOLS)),
    (
        "tool_calls",
        said(USER, {"role": "assistant", "function_call": {"name": "look", "arguments": "{"}}),
    ),
    ("tool_call_id", said(USER, {"role": "tool", "content": "1"}, REPLY)),
    ("tool_call_id", said(USER, {"role": "tool", "content": "1", "tool_call_id": "x"}, REPLY)),
    ("tools", said(USER, REPLY, tools=[])),
    ("tools", said(USER, REPLY, tools=[{"type": "function"}])),
    ("name", said(USER, REPLY, functions=[{"name": "a b"}])),
    ("tools", said(USER, REPLY, parallel_tool_calls="no")),
    ("last_message", said(USER, REPLY, USER)),
    ("last_message", said(USER, REPLY, {"role": "system", "content": "Be warm."})),
    (
        "unicode",
        '{"messages":[{"role":"user","content":"\\ud83d"},{"role":"assistant","content":"Hello"}]}',
    ),
    (
        "repeated_key",
        '{"messages": [], "messages": [{"role": "user", "content": "Hi"},'
        ' {"role": "assistant", "content": "Hello"}]}',
    ),
    ("utf8", "caf\udce9"),
]


@pytest.mark.parametrize(
    ("code", "line"), BROKEN, ids=[f"{n}-{c}" for n, (c, _) in enumerate(BROKEN)]
)
def test_each_rule_is_found_alone_with_its_line(
    checked: Callable[..., CheckReport], tmp_path: Path, code: str, line: Any
) -> None:
    if code == "utf8":
        file = tmp_path / "latin.jsonl"
        sound = "".join(json.dumps(dialogue(n)) + "\n" for n in range(11)).encode()
        file.write_bytes(sound + b'{"messages": "caf\xe9"}\n')
        report = check_file(file, count_tokens=count)
    else:
        report = checked(line)
    assert {problem.code for problem in report.problems} == {code}
    assert {problem.line for problem in report.problems} == {12}
    assert not report.ok
    assert report.estimate is None


SOUND = [
    said(USER, REPLY),
    said({**USER, "name": "Ann_1"}, {**REPLY, "weight": 0}, USER, {**REPLY, "weight": 1}),
    said(USER, {"role": "assistant", "refusal": "I cannot."}),
    parts({"type": "text", "text": "See"}, image("https://x.example/a.png", detail="low")),
    said(
        USER,
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "", "tool_call_id": "c1"},
        REPLY,
        tools=TOOLS,
        parallel_tool_calls=False,
    ),
    said(USER, {"role": "assistant", "tool_calls": [CALL]}, tools=TOOLS),
    said(
        USER,
        {"role": "assistant", "function_call": {"name": "look", "arguments": "{}"}},
        {"role": "function", "name": "look", "content": "1"},
        REPLY,
        functions=[{"name": "look"}],
    ),
]


@pytest.mark.parametrize("line", SOUND)
def test_what_the_format_allows_is_no_problem(
    checked: Callable[..., CheckReport], line: Any
) -> None:
    report = checked(line)
    assert report.problems == ()
    assert report.warnings == ()


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("role", said({"role": "developer", "content": "Be warm."}, USER, REPLY)),
        ("system_place", said(USER, {"role": "system", "content": "Be warm."}, REPLY)),
        ("turns", said(USER, REPLY, REPLY)),
        ("no_user", said({"role": "system", "content": "Say hello."}, REPLY)),
        ("tools", said(USER, {"role": "assistant", "tool_calls": [CALL]})),
        ("duplicate", dialogue(3)),
    ],
)
def test_what_is_odd_is_a_warning(
    checked: Callable[..., CheckReport], code: str, line: Any
) -> None:
    report = checked(line)
    assert [(warning.line, warning.code) for warning in report.warnings] == [(12, code)]
    assert report.ok


def test_repeats_and_contradictions_name_the_earlier_line(
    checked: Callable[..., CheckReport],
) -> None:
    other = dialogue(2)
    other["messages"][2]["content"] = "Nothing does."
    report = checked(dialogue(1), other)
    assert (report.duplicates, report.contradictions) == (1, 1)
    assert [warning.message for warning in report.warnings] == [
        "the example is the same as that of line 1",
        "the prompt is the same as that of line 2, but the answer is another",
    ]


def test_at_least_ten_examples_are_needed(checked: Callable[..., CheckReport]) -> None:
    assert checked(sound=10).ok
    (problem,) = checked(sound=9).problems
    assert (problem.line, problem.code) == (0, "few")
    assert "holds 9 examples; at least 10" in problem.message


def test_tokens_are_counted_by_the_counter_or_estimated(
    checked: Callable[..., CheckReport],
) -> None:
    report = checked()
    # the words of three messages, of the empty tools, and 3 tokens around each and the answer
    assert report.tokens.longest == 2 + 5 + 8 + 1 + 3 * 4
    assert report.tokens.total == 11 * report.tokens.longest
    assert report.tokens.trained == 11 * 8
    assert report.tokens.counted
    estimated = checked(count_tokens=None)
    assert not estimated.tokens.counted
    assert estimated.tokens.trained > 11 * 8


def test_an_example_that_is_too_long_is_a_problem_only_if_it_was_counted(
    checked: Callable[..., CheckReport],
) -> None:
    long = said(USER, {"role": "assistant", "content": "steam " * 90})
    (problem,) = checked(long, max_tokens=60).problems
    assert (problem.line, problem.code) == (12, "too_long")
    report = checked(long, max_tokens=60, count_tokens=None)
    assert report.ok
    assert [warning.code for warning in report.warnings] == ["too_long"]


def test_a_file_that_is_too_large_or_begins_with_a_mark(
    checked: Callable[..., CheckReport], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit.tune.check.MOST_BYTES", 100)
    (problem,) = checked().problems
    assert problem.code == "size"
    monkeypatch.undo()
    file = tmp_path / "bom.jsonl"
    lines = "".join(json.dumps(dialogue(number)) + "\n" for number in range(10))
    file.write_text(lines, encoding="utf-8-sig")
    (problem,) = check_file(file, count_tokens=count).problems
    assert (problem.line, problem.code) == (1, "bom")


def test_costs_and_hours_follow_from_tokens_epochs_and_size(
    checked: Callable[..., CheckReport],
) -> None:
    report = checked(prices={"mine": 2.0}, parameters=10**9)
    assert report.estimate is not None
    tokens = report.tokens.total * report.estimate.epochs
    assert report.estimate.billed_tokens == tokens
    assert report.estimate.dollars == {"mine": pytest.approx(tokens * 2 / 1e6)}
    double = checked(parameters=2 * 10**9).estimate
    assert double is not None
    assert double.hours["cpu"] == pytest.approx(2 * report.estimate.hours["cpu"])


@pytest.mark.parametrize(
    ("examples", "epochs"), [(0, 25), (10, 10), (33, 3), (34, 3), (1000, 3), (20_000, 1)]
)
def test_the_default_number_of_epochs(examples: int, epochs: int) -> None:
    assert default_epochs(examples) == epochs


def test_shares_say_what_the_examples_are(checked: Callable[..., CheckReport]) -> None:
    asked = "<<<a1 passage 1 | a.md\nThe urn leaks.\na1>>>\n\nQuestion: What leaks?"
    report = checked(said({"role": "user", "content": asked}, REPLY), sound=9)
    assert report.shares["context"] == pytest.approx(0.1)
    assert report.shares["system"] == pytest.approx(0.9)
    assert report.shares["images"] == 0.0


def test_many_problems_are_counted_and_not_all_kept(
    checked: Callable[..., CheckReport],
) -> None:
    report = checked(*["nope"] * 1200)
    assert (len(report.problems), report.left_out) == (1000, 200)


def test_a_file_that_is_missing_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone.jsonl cannot be read \(No such file"):
        check_file(tmp_path / "gone.jsonl")


def test_the_report_is_json(checked: Callable[..., CheckReport]) -> None:
    told = json.loads(json.dumps(checked("nope").to_json()))
    assert told["problems"] == [
        {
            "line": 12,
            "code": "json",
            "message": "the line is not JSON: Expecting value at character 1",
        }
    ]
    assert (told["ok"], told["examples"], told["estimate"]) == (False, 12, None)
