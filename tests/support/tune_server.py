"""`ragkit tune serve` in a thread or as a process, with or without real training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from openai import OpenAI

from ragkit.tune.serve.server import ServeSettings, address, assembled, listening, runner

TOKEN = "a-token-of-the-tests"
ROOT = Path(__file__).parents[2]


class FakeProcess:
    """Answers an order at once, or when it is let go.

    Args:
        answers: What it answers.
        gate: Waited for before the last answer; None for no wait.
    """

    def __init__(self, answers: Sequence[dict[str, Any]], gate: threading.Event | None) -> None:
        self._answers = answers
        self._gate = gate
        self._ended = threading.Event()

    def answers(self) -> Iterator[dict[str, Any]]:
        for answer in self._answers:
            if "event" not in answer and self._gate is not None:
                while not (self._gate.wait(0.005) or self._ended.is_set()):
                    continue
            if self._ended.is_set():
                return
            yield answer

    def end(self) -> None:
        self._ended.set()

    def close(self) -> None:
        self.end()


class FakeTrainer:
    """Stands in for the processes that check and train; what it was asked lies in `orders`.

    Args:
        steps: Of each training; the last one leaves a checkpoint.
        error: What training ends with; None for a model.
    """

    def __init__(self, steps: int = 3, error: dict[str, Any] | None = None) -> None:
        self.steps = steps
        self.error = error
        self.orders: list[dict[str, Any]] = []
        self.gate: threading.Event | None = None

    def hold(self) -> threading.Event:
        """Let trainings wait at their end until the event that is returned is set."""
        self.gate = threading.Event()
        return self.gate

    def __call__(self, order: Mapping[str, Any], log: Path) -> FakeProcess:
        self.orders.append(dict(order))
        if order["verb"] == "check":
            return FakeProcess([{"result": {}}], None)
        events = [self._event(step, order) for step in range(1, self.steps + 1)]
        adapter(Path(order["out"]))
        last = (
            {"error": self.error}
            if self.error
            else {"result": {"trained_tokens": 1234, "stopped_early": False, "left_out": 2}}
        )
        return FakeProcess([*events, last], self.gate)

    def _event(self, step: int, order: Mapping[str, Any]) -> dict[str, Any]:
        place = ""
        if step == self.steps:
            place = str(adapter(Path(order["out"]).parent / "checkpoints" / f"step-{step}"))
        losses = {"loss": 2.0 / step, "held_out_loss": 2.5 / step if place else None}
        return {"event": {"step": step, "steps": self.steps, "checkpoint": place, **losses}}


def adapter(folder: Path) -> Path:
    """Make what looks like an adapter."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text("{}", encoding="utf-8")
    (folder / "adapter_model.safetensors").write_bytes(b"")
    return folder


@contextmanager
def in_thread(
    base: Path,
    data: Path,
    *,
    begin: Callable[..., Any] | None = None,
    around: Callable[[Any], Any] = lambda app: app,
    **changes: Any,
) -> Iterator[str]:
    """Serve in a thread of this process; yield the base address.

    Args:
        base: A model's folder; its name is the folder's.
        data: The server's folder.
        begin: What checks and trains; None for real processes.
        around: What stands between the server and its clients.
        changes: To the settings.
    """
    options: dict[str, Any] = {"bases": {base.name: base}, "data": data, "token": TOKEN}
    settings = ServeSettings(**options | {"port": 0, "device": "cpu"} | changes)
    with (
        assembled(settings, begin=begin) as guard,
        listening(settings.host, settings.port) as listener,
    ):
        server = runner(around(guard))
        thread = threading.Thread(target=lambda: server.run(sockets=[listener]))
        thread.start()
        try:
            yield address(settings.host, listener)
        finally:
            server.should_exit = True
            thread.join()


class Faults:
    """What goes wrong between a server and its clients.

    Attributes:
        seen: Method and path of each request.
        next: What becomes of the next requests of a kind, such as `("POST /v1/files", "lost")`;
            each counts once. "lost": it is carried out, and its answer is a 500. A number: it is
            not carried out, and that is its status. "html", "away": a page, another address.
        headers: Of the answers that are made here.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.next: list[tuple[str, str | int]] = []
        self.headers: list[tuple[bytes, bytes]] = []

    def count(self, kind: str) -> int:
        """Return how often something was asked."""
        return self.seen.count(kind)

    def around(self, app: Any) -> Any:
        async def between(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            kind = f"{scope['method']} {scope['path']}"
            self.seen.append(kind)
            what = next((one for one in self.next if one[0] == kind), None)
            if what is None:
                await app(scope, receive, send)
                return
            self.next.remove(what)
            if what[1] == "lost":

                async def swallow(_: Any) -> None:
                    return None

                await app(scope, receive, swallow)
            await self._answer(what[1], send)

        return between

    async def _answer(self, what: str | int, send: Any) -> None:
        status = {"lost": 500, "html": 200, "away": 307}.get(str(what), what)
        kind = b"text/html" if what == "html" else b"application/json"
        body = json.dumps({"error": {"message": "so it is", "type": "t", "code": None}}).encode()
        headers = [(b"content-type", kind), *self.headers]
        if what == "away":
            headers.append((b"location", b"http://127.0.0.1:9/v1/elsewhere"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class ServerProcess:
    """`ragkit tune serve` as users start it."""

    def __init__(self, base: Path, data: Path, log: Path, *options: str) -> None:
        paths = [str(ROOT / part) for part in (".", "ingest", "eval")]
        command = [sys.executable, "-m", "ragkit.cli.main", "tune", "serve", "--json"]
        command += ["--base", str(base), "--data", str(data), "--port", "0", "--device", "cpu"]
        with log.open("ab") as said:
            self.process = subprocess.Popen(
                [*command, *options],
                stdout=subprocess.PIPE,
                stderr=said,
                env=os.environ
                | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
                | {"RAGKIT_SERVE_TOKEN": TOKEN},
            )
        assert self.process.stdout is not None
        self.told: dict[str, Any] = json.loads(self.process.stdout.readline())
        self.url: str = self.told["url"]

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait(60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End it as a service manager would, unless it has ended."""
        self.process.terminate()
        self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()


def client(url: str, *, token: str = TOKEN) -> OpenAI:
    """Return a client as users have it, but strict about every answer's shape."""
    return OpenAI(
        base_url=url, api_key=token, max_retries=0, timeout=300, _strict_response_validation=True
    )


def examples(count: int = 12, answer: str = "Aye aye!") -> bytes:
    """Return a file of training examples, all with the same answer."""
    lines = [
        {
            "messages": [
                {"role": "user", "content": f"Question {number}?"},
                {"role": "assistant", "content": answer},
            ]
        }
        for number in range(count)
    ]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()
