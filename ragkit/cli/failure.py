"""How an error ends a command: one sentence, an exit code, and no traceback unless asked for."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass

import typer

from ragkit.cli.terminal import Terminal, one_line
from ragkit_ingest.errors import RagkitError, UsageError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_SOME_FILES_FAILED = 3
EXIT_NOT_PROMOTED = 4
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """An error as a person or a program gets to see it.

    Attributes:
        kind: Name of the error's class.
        message: One sentence or two.
        exit_code: What the command ends with.
    """

    kind: str
    message: str
    exit_code: int

    def to_json(self) -> dict[str, object]:
        """Return the error document of `--json`."""
        return {"error": {"type": self.kind, "message": self.message}}


def explain(error: Exception) -> Explanation:
    """Return what to say of an error, whoever raised it."""
    if isinstance(error, typer.TyperException):
        return _explain_parsing(error)
    kind = type(error).__name__
    if isinstance(error, RagkitError):
        code = EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED
        return Explanation(kind=kind, message=one_line(str(error)), exit_code=code)
    if isinstance(error, OSError):
        return Explanation(kind=kind, message=_explain_os(error), exit_code=EXIT_FAILED)
    if isinstance(error, MemoryError):
        message = "there is not enough memory for this; nothing that was stored is lost"
        return Explanation(kind=kind, message=message, exit_code=EXIT_FAILED)
    message = (
        f"an error that ragkit did not expect: {kind}: {one_line(str(error)) or 'no message'}. "
        "Please report it with the command and the output of `ragkit doctor`; "
        "with RAGKIT_DEBUG=1 set, the command also prints the traceback."
    )
    return Explanation(kind=kind, message=message, exit_code=EXIT_FAILED)


def report(error: Exception, terminal: Terminal, *, one_json_line: bool = False) -> int:
    """Tell of an error on stderr, with `--json` on stdout too; return the exit code."""
    if os.environ.get("RAGKIT_DEBUG"):
        terminal.err.print("".join(traceback.format_exception(error)), soft_wrap=True)
    explanation = explain(error)
    if terminal.json and one_json_line:
        terminal.line(payload=explanation.to_json())
    elif terminal.json:
        terminal.document(explanation.to_json())
    terminal.note(f"ragkit: {explanation.message}")
    return explanation.exit_code


def _explain_parsing(error: typer.TyperException) -> Explanation:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "ragkit"
    message = f"{one_line(error.format_message())} Try: {command} --help"
    return Explanation(kind="UsageError", message=message, exit_code=error.exit_code)


def _explain_os(error: OSError) -> str:
    reason = error.strerror or one_line(str(error)) or type(error).__name__
    where = f" ({one_line(str(error.filename))})" if error.filename else ""
    return f"the operating system refused: {reason}{where}"
