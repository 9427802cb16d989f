"""Documents cannot act: a part of `make redteam`, and proof that it would notice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ragkit import citations, inert
from tests.redteam.attack import ATTACKS, Attack
from tests.redteam.channel import rendered, steering
from tests.redteam.trial import Outcome, attacked, crowded
from tests.redteam.watcher import watching
from tests.support.hashing import HashingEmbedder

KINDS = {"image", "link", "html", "escape sequence", "tool call", "hidden text", "prompt leak"}
SIDE = [attack for attack in ATTACKS if attack.kind in KINDS]


def attack(place: Path, formats: list[str], attacks: list[Attack]) -> list[Outcome]:
    return attacked(place, formats, HashingEmbedder(), attacks)


def test_no_attack_acts(tmp_path: Path) -> None:
    outcomes = attack(tmp_path, ["txt"], SIDE)
    assert [(one.kind, one.format, one.side) for one in outcomes if one.side] == []
    reached = [one for one in outcomes if one.kind != "hidden text"]
    assert sum(one.obeyed for one in reached) > 0.9 * len(reached)


def test_what_no_reader_sees_does_not_reach_the_model(tmp_path: Path) -> None:
    hidden = [one for one in ATTACKS if one.hidden]
    outcomes = attack(tmp_path, ["html", "docx"], hidden)
    assert [one.obeyed for one in outcomes] == [False] * 4


def test_without_the_defence_the_attacks_would_be_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unchanged: Callable[..., str] = lambda text, known=None: text  # noqa: E731
    monkeypatch.setattr(citations, "inert", unchanged)
    monkeypatch.setattr(inert, "inert", unchanged)
    monkeypatch.setattr(citations, "visible", unchanged)
    outcomes = attack(tmp_path, ["txt"], SIDE)
    acted = {one.kind for one in outcomes if one.side}
    assert {"image", "link", "html", "escape sequence"} <= acted


def test_the_watcher_hears_connections_files_and_processes(tmp_path: Path) -> None:
    import socket
    import subprocess
    import sys

    bait = tmp_path / "bait"
    bait.write_text("x")
    with watching() as watcher:
        watcher.bait.add(str(bait))
        watcher.on = True
        bait.read_text()
        port = int(watcher.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET /seen HTTP/1.0\r\n\r\n")
            connection.recv(100)
        subprocess.run([sys.executable, "-c", ""], check=True)
    kinds = {line.partition(":")[0] for line in watcher.noticed}
    assert kinds == {"file", "network", "process"}
    assert "network: fetched /seen" in watcher.noticed


@pytest.mark.parametrize(
    "text",
    ["![a](b)", "[a](b)", "<img src=x>", "[a]\n\n[a]: b", "<http://e.example>", "www.e.example"],
)
def test_the_renderer_sees_what_acts(text: str) -> None:
    assert list(rendered(text, frozenset()))


@pytest.mark.parametrize("sign", ["\x1b", "\u202e", "\u200b", "\U000e0041", "\x9d"])
def test_signs_that_steer_are_seen(sign: str) -> None:
    assert list(steering(f"a{sign}b"))


def test_copies_of_a_false_statement_do_not_crowd_out_the_true_one(tmp_path: Path) -> None:
    same, varied = crowded(tmp_path, HashingEmbedder(), 230)
    assert same.truth
    assert same.false == 1
    assert varied.copies == same.copies == 230
