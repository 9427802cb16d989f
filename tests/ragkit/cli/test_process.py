"""What only a real process shows: streams that are closed, full or not Unicode; import costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PROGRAM = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
from conftest import FakePipeline, answer, citation
from ragkit.answer import Sentence
from ragkit.cli.main import run

quote = "Costs \\u20ac 37\\u00bd, na\\u00efve \\udc80."
sentence = Sentence(text=quote, citations=(1,), supported=True)
known = answer("q?", text=quote, sentences=(sentence,), citations=(citation(quote=quote),))
pipeline = FakePipeline(answers={{"q?": known}}, text="line\\n" * 100_000)
sys.exit(run(sys.argv[1:], opener=pipeline.open))
"""


def start(
    *arguments: str, stdin: Any = subprocess.DEVNULL, **variables: str
) -> subprocess.Popen[bytes]:
    paths = [str(ROOT / part) for part in (".", "ingest", "eval")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "100"} | variables
    return subprocess.Popen(
        [sys.executable, "-W", "error::ResourceWarning", "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=stdin,
        env=environment,
    )


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out.decode(errors="replace"), err.decode()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_of_stdout_will_do(encoding: str) -> None:
    code, _, err = finish(start("ask", "q?", PYTHONIOENCODING=encoding))
    assert (code, err) == (0, "")


def test_ascii_shows_what_it_cannot_print_as_escapes() -> None:
    _, out, _ = finish(start("ask", "q?", PYTHONIOENCODING="ascii"))
    assert "Costs \\u20ac 37\\xbd, na\\xefve" in out


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_json_survives_any_encoding(encoding: str) -> None:
    code, out, err = finish(start("ask", "q?", "--json", PYTHONIOENCODING=encoding))
    assert (code, err) == (0, "")
    assert json.loads(out)["citations"][0]["quote"] == "Costs \u20ac 37\u00bd, na\u00efve \udc80."


def test_a_reader_that_leaves_is_no_news() -> None:
    with tempfile.TemporaryFile() as questions:
        questions.write(b"q?\n" * 20_000)
        questions.seek(0)
        process = start("chat", "--json", stdin=questions)
    assert process.stdout is not None
    assert process.stdout.read(1) == b"{"
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk_under_stdout_is_a_sentence() -> None:
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "ingest", "eval"))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "show", "long.txt"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": paths},
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(b"ragkit: the operating system refused: No space left")
    assert b"Traceback" not in done.stderr


def test_a_closed_stdout_is_no_error() -> None:
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "ingest", "eval"))
    command = f'exec "{sys.executable}" -c "$PROGRAM" status >&-'
    done = subprocess.run(
        ["bash", "-c", command],
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": paths, "PROGRAM": PROGRAM},
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_no_colours_in_a_pipe() -> None:
    _, out, _ = finish(start("ask", "q?", TERM="xterm-256color"))
    assert "\x1b" not in out


def test_colours_only_without_no_color() -> None:
    _, coloured, _ = finish(start("ask", "q?", FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR=""))
    _, plain, _ = finish(start("ask", "q?", FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR="1"))
    assert "\x1b[" in coloured
    assert "\x1b" not in plain


def test_bytes_that_are_no_text_are_taken_as_arguments() -> None:
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "ingest", "eval"))
    done = subprocess.run(
        [sys.executable.encode(), b"-c", PROGRAM.encode(), b"ask", b"caf\xff?", b"--json"],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": paths},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["question"] == "caf\ufffd?"
