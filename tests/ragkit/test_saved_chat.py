"""A saved chat comes back as it was, whatever befell the file."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.answer import Answer, Citation, Sentence
from ragkit.saved_chat import SavedChat, folder_of, listed
from ragkit_ingest.errors import StorageError, UsageError


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAGKIT_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def answer(question: str = "How long?") -> Answer:
    return Answer(
        question=question,
        standalone_question=f"{question} (in full)",
        text="Three months.\u2028\x1b[31m",
        abstained=False,
        confidence=0.75,
        min_confidence=0.4,
        sentences=(Sentence(text="Three months.", citations=(1,), supported=True),),
        citations=(
            Citation(
                n=1,
                path="a\nb.md",
                page=None,
                start=3,
                end=16,
                quote="Three\nmonths.",
                verified=True,
            ),
        ),
        generator="extractive",
    )


def test_what_was_saved_comes_back() -> None:
    chat = SavedChat("work", "index")
    chat.append(answer())
    chat.append(answer("And for interns?"))
    restored = SavedChat("work", "index").read()
    assert restored.answers == (answer(), answer("And for interns?"))
    assert restored.unreadable == 0


def test_a_new_session_is_empty() -> None:
    assert SavedChat("new", "index").read().answers == ()


def test_file_and_folders_are_private(state: Path) -> None:
    chat = SavedChat("work", "index")
    previous = os.umask(0)
    try:
        chat.append(answer())
    finally:
        os.umask(previous)
    assert chat.path.stat().st_mode & 0o777 == 0o600
    assert chat.path.parent.stat().st_mode & 0o777 == 0o700
    assert chat.path.is_relative_to(state / "chats")


@pytest.mark.parametrize("lost", [1, 2, 40, 200])
def test_a_cut_last_line_is_survived_and_counted(lost: int) -> None:
    chat = SavedChat("work", "index")
    chat.append(answer())
    chat.append(answer("And for interns?"))
    os.truncate(chat.path, chat.path.stat().st_size - lost)
    whole = 2 if lost == 1 else 1  # the line break alone is no loss
    assert len(chat.read().answers) == whole
    chat.append(answer("And for trainees?"))
    restored = chat.read()
    assert [a.question for a in restored.answers][-1] == "And for trainees?"
    assert len(restored.answers) == whole + 1
    assert restored.unreadable == 2 - whole


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(st.binary(max_size=300))
def test_any_bytes_are_survived(data: bytes) -> None:
    chat = SavedChat("odd", "index")
    chat.delete()
    chat.append(answer())
    with chat.path.open("ab") as file:
        file.write(data)
    chat.append(answer("Last?"))
    restored = chat.read()
    assert restored.answers[0] == answer() or b'"anew"' in data
    assert restored.answers[-1] == answer("Last?")


@pytest.mark.parametrize(
    "change",
    [
        {"question": 7},
        {"citations": "none"},
        {"citations": [{"n": 1}]},
        {"sentences": [3]},
        {"confidence": "high"},
    ],
)
def test_a_line_that_is_no_turn_is_counted(change: dict[str, object]) -> None:
    chat = SavedChat("work", "index")
    chat.append(answer())
    line = json.loads(chat.path.read_text())
    chat.path.write_text(json.dumps(line | change) + "\n")
    assert (chat.read().answers, chat.read().unreadable) == ((), 1)


def test_what_was_said_before_a_new_start_is_not_resumed() -> None:
    chat = SavedChat("work", "index")
    chat.start_anew()
    assert not chat.path.exists()
    chat.append(answer())
    chat.start_anew()
    assert chat.read().answers == ()
    chat.append(answer("Second?"))
    assert [a.question for a in chat.read().answers] == ["Second?"]


def test_two_writers_lose_nothing() -> None:
    def write(number: int) -> None:
        SavedChat("work", "index").append(answer(f"{number}?"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    restored = SavedChat("work", "index").read()
    assert {a.question for a in restored.answers} == {f"{n}?" for n in range(40)}
    assert restored.unreadable == 0


def test_sessions_are_listed_by_index_the_last_one_first() -> None:
    SavedChat("one", "index").append(answer("One?"))
    SavedChat("two", "index").append(answer("Two?"))
    SavedChat("other", "another").append(answer())
    os.utime(SavedChat("one", "index").path, (2e9, 2e9))
    found = listed("index")
    assert [(one.name, one.turns, one.question) for one in found] == [
        ("one", 1, "One?"),
        ("two", 1, "Two?"),
    ]
    assert found[0].to_json()["last"] == "2033-05-18T03:33:20+00:00"


def test_deleting_erases_the_file_and_may_be_repeated() -> None:
    chat = SavedChat("work", "index")
    chat.append(answer())
    chat.delete()
    chat.delete()
    assert not chat.path.exists()


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 65, "a\0", "-x"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a session"):
        SavedChat(name, "index")


def test_an_index_has_one_folder_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert folder_of("index") == folder_of(tmp_path / "x" / ".." / "index")


def test_without_a_state_variable_the_home_folder_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAGKIT_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert folder_of("i").parent == tmp_path / "xdg" / "ragkit" / "chats"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder_of("i").parent == tmp_path / ".local" / "state" / "ragkit" / "chats"


def test_a_file_that_cannot_be_used_is_one_sentence(state: Path) -> None:
    state.parent.mkdir(exist_ok=True)
    state.write_text("a file, not a folder")
    with pytest.raises(StorageError, match="cannot write the session"):
        SavedChat("work", "index").append(answer())


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    chat = SavedChat("work", "index")
    chat.append(answer())
    chat.delete()
    target = tmp_path / "elsewhere"
    target.write_text("")
    chat.path.symlink_to(target)
    with pytest.raises(StorageError):
        chat.append(answer())
    assert target.read_text() == ""
