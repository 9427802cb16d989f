"""Against a real OpenAI-compatible server (`transformers serve`) that runs a tiny local model."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit.answer import Answer
from ragkit.chat import Conversation
from ragkit.cli.main import run
from ragkit.config import Config
from ragkit.pipeline import Pipeline
from tests.support import tiny_chat_model

pytest.importorskip("fastapi", reason="transformers' server is not installed")
pytestmark = pytest.mark.slow

SENTENCE = "Every employee has 28 days of paid leave a year."
ANSWER = ("Every", " employee", " has", " 28", " days", " of", " paid", " leave", " a", " year.")
QUESTION = "How many days of paid leave does every employee have?"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    return tiny_chat_model.save(folder, answer=(*ANSWER, " [1]"), endless=True, context=100_000)


@pytest.fixture(scope="module")
def url(model: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(model)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with open(model.parent / "server.log", "wb") as log:  # noqa: PTH123
        server = subprocess.Popen(
            command, env=os.environ | offline, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait(f"http://127.0.0.1:{port}/health", server)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait(30)


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 200
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.2)
    pytest.fail("the server did not start")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    (folder / "docs").mkdir()
    (folder / "docs" / "leave.md").write_text(f"# Leave\n\n{SENTENCE}\n", encoding="utf-8")
    (folder / "docs" / "tea.md").write_text("# Tea\n\nThe urn leaks.\n", encoding="utf-8")
    with Pipeline(folder / "index", config=Config()) as rag:
        rag.ingest(folder / "docs")
    return folder / "index"


@pytest.fixture
def rag(index: Path, model: Path, url: str) -> Iterator[Pipeline]:
    config = Config(
        generator=f"openai:{model}",
        generator_url=url,
        generator_context_tokens=50_000,
        max_answer_tokens=11,
    )
    with Pipeline(index, config=config) as opened:
        yield opened


def check(answer: Answer) -> None:
    assert not answer.abstained
    assert answer.text == SENTENCE
    assert [citation.path for citation in answer.citations] == ["leave.md"]
    assert SENTENCE in answer.citations[0].quote
    assert answer.usage.completion_tokens == 11
    assert answer.usage.prompt_tokens > 500
    assert not answer.usage.estimated
    assert "cut off at 11 tokens" in answer.warnings[-1]


def test_ask_and_stream(rag: Pipeline) -> None:
    check(rag.ask(QUESTION))
    *pieces, answer = rag.stream(QUESTION)
    assert isinstance(answer, Answer)
    check(answer)
    assert len(pieces) > 3
    assert "".join(map(str, pieces)) == f"{SENTENCE} [1]"


def test_asynchronously_and_many_at_once(rag: Pipeline) -> None:
    async def everything() -> None:
        for answer in await asyncio.gather(*(rag.aask(QUESTION) for _ in range(4))):
            check(answer)
        events = [event async for event in rag.astream(QUESTION)]
        assert isinstance(events[-1], Answer)
        check(events[-1])

    asyncio.run(everything())


def test_a_conversation(rag: Pipeline) -> None:
    talk = Conversation(rag)
    check(talk.ask(QUESTION))
    check(talk.ask(QUESTION))


def test_a_cancelled_answer_does_not_hold_the_server(index: Path, model: Path, url: str) -> None:
    config = Config(
        generator=f"openai:{model}",
        generator_url=url,
        generator_context_tokens=90_000,
        max_answer_tokens=80_000,
        generator_total_s=3000,
    )

    async def cancelled(rag: Pipeline) -> None:
        begun = asyncio.Event()

        async def reading() -> None:
            async for _ in rag.astream(QUESTION):
                begun.set()

        task = asyncio.create_task(reading())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with Pipeline(index, config=config) as rag:
        asyncio.run(cancelled(rag))
        events = rag.stream(QUESTION)
        assert isinstance(next(events), str)
        events.close()  # type: ignore[attr-defined]
    short = Config(generator=f"openai:{model}", generator_url=url, max_answer_tokens=11)
    with Pipeline(index, config=short) as rag:
        check(rag.ask(QUESTION))


def test_the_command_line(
    index: Path,
    model: Path,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ragkit.toml").write_text("max_answer_tokens = 11\n", encoding="utf-8")
    options = ["--generator", f"openai:{model}", "--generator-url", url, "--index", str(index)]
    assert run(["ask", QUESTION, "--json", *options]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["text"] == SENTENCE
    assert said["generator"] == f"openai:{model}"
    assert said["usage"]["completion_tokens"] == 11
    assert "cut off" in said["warnings"][-1]

    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{QUESTION}\n{QUESTION}\n"))
    assert run(["chat", "--json", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["text"] for line in lines] == [SENTENCE] * 2

    assert run(["doctor", *options]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert f"questions and passages are sent to {url}; it answers" in out

    options[1] = "openai:another"
    assert run(["ask", QUESTION, *options]) == 1
    assert "answered 400 (Server is pinned to" in capsys.readouterr().err
