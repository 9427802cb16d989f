"""Ingests a folder of odd files and accounts for every one of them.

    python -m bench.hostile [DIR] [--generate | --quick] [--password-file FILE] [--out FILE]

Without DIR, and with --generate, the files that `tests/support/odd` makes are ingested: bombs,
loops, lies and damage in every format (about 1 GB; --quick makes them small). Parsing runs in the
isolated workers that every ingest uses, under the same limits. Texts are embedded by a stand-in,
unless `--embedder minilm` is given, and the vectors kept in a plain file: what is measured here is
reading.

Printed are one line for each class of outcome, the worst memory of a worker and the worst time of
a file, and whether every file is accounted for. Ends with 1 if a file is not, if a file took more
than its limit, if anything outside the folder was read or asked for over the network, or if the
ingest crashed or stood still.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.corpus import ROOT
from ragkit_ingest.catalog.staging import readable
from tests.support.odd.file import PORT
from tests.support.odd.folder import COMES_AND_GOES, clear, restless, write_all

_MEMORY_BYTES = 1 << 30
_SLACK_S = 15.0
_EXAMPLES = 2
_ORDER = (
    "indexed",
    "no text",
    "needs a password",
    "refused: unsupported",
    "refused: too large",
    "failed: broken",
    "failed: unreadable",
    "failed: reader not installed",
    "failed: changed while read",
    "time limit",
    "memory limit",
    "worker ended",
    "skipped",
)


@dataclass(slots=True)
class Account:
    """What became of every file of a folder.

    Attributes:
        classes: By class of outcome, (path, reason) of its files.
        missing: Files that no outcome names.
        wrong: What must not happen, in sentences.
    """

    classes: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, kind: str, path: str, reason: str) -> None:
        """Count a file."""
        self.classes.setdefault(kind, []).append((path, reason))


def account(folder: Path, found: Mapping[str, Any], timeout_s: float) -> Account:
    """Return what became of every file of a folder.

    Args:
        folder: What was ingested.
        found: What `bench.hostile_run` printed last.
        timeout_s: The limit of one file.
    """
    result = Account()
    documents, skipped, costs = found["documents"], found["skipped"], found["costs"]
    for path, document in documents.items():
        kind = costs.get(path, {}).get("kind", "")
        result.add(_class_of(document, kind), path, document["reason"])
    for path, reason in skipped.items():
        unsupported = reason.startswith("no parser") or " not read" in reason or "OCR" in reason
        result.add("refused: unsupported" if unsupported else "skipped", path, reason)
    known = set(documents) | set(skipped)
    for path in files_beneath(folder):
        parents = {str(parent) for parent in Path(path).parents}
        if path not in known and not parents & set(skipped) and not path.startswith(COMES_AND_GOES):
            result.missing.append(path)
    for path, cost in costs.items():
        if cost["peak_bytes"] > _MEMORY_BYTES:
            result.wrong.append(f"{path} took {cost['peak_bytes'] >> 20} MiB of memory")
        if cost["seconds"] > timeout_s + _SLACK_S and cost["kind"] != "read":
            result.wrong.append(f"{path} took {cost['seconds']:.0f} s")
    result.wrong += [f"{path} says what stands in a file elsewhere" for path in found["leaks"]]
    return result


def files_beneath(folder: Path) -> Iterator[str]:
    """Yield every entry that is no folder and not hidden, as the index would show it."""
    for place, folders, files in os.walk(folder):
        links = [name for name in folders if Path(place, name).is_symlink()]
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in (*files, *links):
            if not name.startswith("."):
                yield readable(Path(place, name).relative_to(folder).as_posix())


def _class_of(document: Mapping[str, str], kind: str) -> str:
    state = document["state"]
    if state in ("indexed", "no_text"):
        return state.replace("_", " ")
    if "changed while" in document["reason"]:
        return "failed: changed while read"
    if kind == "" and "the limit is" in document["reason"]:
        return "refused: too large"
    return kind if kind not in ("", "read") else "failed: unreadable"


def report(result: Account, found: Mapping[str, Any]) -> str:
    """Return the table and the worst figures, for people."""
    lines = [f"{'outcome':<30} {'files':>6}  for example"]
    for kind in sorted(result.classes, key=_ORDER.index):
        files = result.classes[kind]
        examples = "; ".join(
            f"{json.dumps(path)[1:-1]}{f' ({reason})' if reason else ''}"
            for path, reason in files[:: max(1, len(files) // _EXAMPLES)][:_EXAMPLES]
        )
        lines.append(f"{kind:<30} {len(files):>6}  {examples[:300]}")
    costs = found["costs"]
    if costs:
        for label, key, unit, scale in (
            ("most memory of a worker", "peak_bytes", "MiB", 1 << 20),
            ("longest time of a file", "seconds", "s", 1),
        ):
            path = max(costs, key=lambda path: costs[path][key])
            lines.append(f"{label}: {costs[path][key] / scale:.1f} {unit} ({path})")
    lines.append(
        f"memory of the main process: {found['main_peak_bytes'] >> 20} MiB; "
        f"{found['chunks']} chunks; {found['seconds']:.0f} s in all"
    )
    total = sum(map(len, result.classes.values()))
    lines.append(f"accounted for by name and reason: {total}; not accounted for: "
                 f"{len(result.missing)}")  # fmt: skip
    lines += [f"NOT ACCOUNTED FOR: {path}" for path in result.missing]
    lines += [f"WRONG: {sentence}" for sentence in result.wrong]
    return "\n".join(lines)


class StoodStillError(RuntimeError):
    """The ingest crashed, or gave no sign of life."""


def watched(arguments: Sequence[str], silence_s: float) -> dict[str, Any]:
    """Run `bench.hostile_run` and return what it found.

    Args:
        arguments: Its own.
        silence_s: How long it may be silent.

    Raises:
        StoodStillError: If it is silent for longer, or ends without a result.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.hostile_run", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
        )
        heard: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        thread = threading.Thread(target=_hear, args=(process, heard))
        thread.start()
        message: dict[str, Any] = {}
        try:
            while (line := heard.get(timeout=silence_s)) is not None:
                message = json.loads(line)
                if sys.stderr.isatty() and message.get("path"):
                    print(f"\r{message['done']:>7}", end="", file=sys.stderr)
        except queue.Empty:
            raise StoodStillError(f"no sign of life for {silence_s:g} s after {message}") from None
        finally:
            process.kill()
            status = process.wait()
            thread.join()
        if "documents" not in message:
            errors.seek(0)
            told = errors.read().decode(errors="replace")[-3000:]
            raise StoodStillError(f"the ingest ended with {status} after {message}: {told}")
        return message


def _hear(process: subprocess.Popen[bytes], heard: queue.SimpleQueue[bytes | None]) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            heard.put(line)
    heard.put(None)


@contextmanager
def listening() -> Iterator[list[str]]:
    """Give the list of those who connect to the port that odd files ask for."""
    callers: list[str] = []
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", PORT))
        server.listen()
        server.settimeout(0.2)
        ended = threading.Event()

        def accept() -> None:
            while not ended.is_set():
                try:
                    caller, address = server.accept()
                except TimeoutError:
                    continue
                caller.close()
                callers.append(str(address))

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield callers
        finally:
            ended.set()
            thread.join()


def main() -> int:
    """Ingest and report; return the exit status."""
    options = _options()
    failed = False
    with ExitStack() as stack, listening() as callers:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ragkit-hostile-")))
        folders = [options.folder.resolve()] if options.folder else []
        if options.generate or options.quick or not folders:
            made = scratch / "odd"
            stack.callback(clear, made)
            write_all(made, full=not options.quick, told=lambda family: _tell(f"making {family}"))
            stack.enter_context(restless(made))
            folders.append(made)
        outcomes = {}
        for number, folder in enumerate(folders):
            _tell(f"ingesting {folder}")
            arguments = [str(folder), str(scratch / f"index-{number}"), *_passed_on(options)]
            try:
                found = watched(arguments, options.silence)
            except StoodStillError as exc:
                print(f"{folder}: {exc}")
                failed = True
                continue
            result = account(folder, found, options.timeout)
            print(f"{folder}\n{report(result, found)}\n")
            failed |= bool(result.missing or result.wrong)
            outcomes[str(folder)] = {**found, "classes": result.classes}
        if callers:
            print(f"WRONG: something connected to port {PORT}, {len(callers)} times")
    if options.out is not None:
        options.out.write_text(json.dumps(outcomes, indent=1) + "\n", encoding="utf-8")
    return 1 if failed or callers else 0


def _passed_on(options: argparse.Namespace) -> list[str]:
    arguments = ["--workers", str(options.workers), "--timeout", str(options.timeout)]
    if options.password_file is not None:
        arguments += ["--passwords", str(options.password_file)]
    return [*arguments, "--embedder", options.embedder]


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.hostile",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, nargs="?", metavar="DIR", help="of odd files")
    parser.add_argument("--generate", action="store_true", help="also make odd files, in full size")
    parser.add_argument("--quick", action="store_true", help="make them small")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="passwords, one a line")
    parser.add_argument("--workers", type=int, default=2, help="parsing processes (default: 2)")
    parser.add_argument(
        "--timeout", type=float, default=120.0, help="seconds a file (default: 120)"
    )
    parser.add_argument("--silence", type=float, default=900.0, help="seconds without a sign of "
                        "life that count as a hang (default: 900)")  # fmt: skip
    parser.add_argument("--embedder", choices=("cheap", "minilm"), default="cheap")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write all outcomes as JSON")
    options = parser.parse_args()
    if options.folder is not None and not options.folder.is_dir():
        parser.error(f"{options.folder} is not a folder")
    return options


if __name__ == "__main__":
    sys.exit(main())
