"""A chat at the command line: lines in, answers out, and the commands that begin with a slash."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import suppress

from rich.text import Text

from ragkit.answer import Answer, Citation
from ragkit.chat import Conversation
from ragkit.cli.answer_view import place, print_answer, print_sources
from ragkit.cli.failure import report as report_error
from ragkit.cli.session import Rag
from ragkit.cli.terminal import Terminal, harmless, one_line
from ragkit_ingest.errors import RagkitError, UsageError

CONTEXT_CHARACTERS = 400
PROMPT = "you> "
HELP = """\
Ask a question; a follow-up such as "And for contractors?" is understood.
  /sources   the sources of the last answer
  /open N    source N where it stands in its document
  /new       forget the conversation and start anew
  /help      this text
  /quit      leave (Ctrl-D does too)"""


class Talk:
    """One chat at the command line.

    Attributes:
        exit_code: 0, or that of the first question that failed.
    """

    def __init__(self, rag: Rag, terminal: Terminal, *, index_option: str | None = None) -> None:
        self.exit_code = 0
        self._index_option = index_option
        self._rag = rag
        self._terminal = terminal
        self._conversation = Conversation(rag)
        self._last: Answer | None = None

    def run(self, lines: Iterator[str]) -> None:
        """Answer line after line; an error ends a question, not the chat."""
        for line in lines:
            text = line.strip()
            if text in ("/quit", "/exit", "/q"):
                return
            if not text:
                continue
            try:
                self._take(text)
            except RagkitError as exc:
                code = report_error(exc, self._terminal, one_json_line=True)
                self.exit_code = self.exit_code or code
            except KeyboardInterrupt:
                self._terminal.note("Stopped. Ask something else, or leave with /quit.")

    def _take(self, text: str) -> None:
        if text.startswith("/"):
            self._command(text)
            return
        answer = self._conversation.ask(text)
        self._last = answer
        if self._terminal.json:
            self._terminal.line(payload=answer.to_json())
            return
        print_answer(self._terminal, answer)
        self._terminal.say()

    def _command(self, text: str) -> None:
        name, _, argument = text.partition(" ")
        output = self._terminal.messages()
        if name == "/help":
            for line in HELP.splitlines():
                output.say(line)
        elif name == "/new":
            self._conversation.forget()
            self._last = None
            output.say("Starting anew.")
        elif name == "/sources":
            print_sources(output, self._sources())
        elif name == "/open":
            self._open(output, self._source(argument))
        else:
            raise UsageError(f"{name} is not a command here; /help lists them")
        output.say()

    def _sources(self) -> tuple[Citation, ...]:
        if self._last is None or not self._last.citations:
            raise UsageError("there is no answer with sources yet")
        return self._last.citations

    def _source(self, argument: str) -> Citation:
        sources = self._sources()
        for citation in sources:
            if argument.strip().strip("[]") == str(citation.n):
                return citation
        numbers = ", ".join(str(citation.n) for citation in sources)
        raise UsageError(f"/open needs the number of a source of the last answer: {numbers}")

    def _open(self, output: Terminal, citation: Citation) -> None:
        quoted = self._rag.show(citation.path, span=(citation.start, citation.end))
        start = max(0, citation.start - CONTEXT_CHARACTERS)
        end = min(quoted.length or citation.end, citation.end + CONTEXT_CHARACTERS)
        around = self._rag.show(citation.path, span=(start, end)).text
        before, after = citation.start - start, citation.end - start
        output.say(Text(place(citation), style="bold"))
        text = Text("..." if start else "").append(harmless(around[:before]))
        text.append(harmless(around[before:after]), style="bold reverse")
        text.append(harmless(around[after:]))
        text.append("..." if quoted.length > end else "")
        output.say(text, indent=2)
        output.say(Text(self._show_command(citation), style="dim"), indent=2)

    def _show_command(self, citation: Citation) -> str:
        span = f"{citation.start}:{citation.end}"
        words = ["ragkit", "show", one_line(citation.path), "--span", span]
        if self._index_option is not None:
            words += ["--index", one_line(self._index_option)]
        return shlex.join(words)


def questions(terminal: Terminal) -> Iterator[str]:
    """Yield what is typed, until the end of the input."""
    if sys.stdin is None:
        return iter(())
    if not sys.stdin.isatty():
        return iter(sys.stdin)
    return _typed(terminal)


def _typed(terminal: Terminal) -> Iterator[str]:
    terminal.note("Ask about the documents. /help lists commands, Ctrl-D leaves.", style="dim")
    prompt = _read_line if terminal.json or not terminal.out.is_terminal else _edit_line
    interrupted = False
    while True:
        try:
            line = prompt()
        except EOFError:
            terminal.note("")
            return
        except KeyboardInterrupt:
            terminal.note("")
            if interrupted:
                return
            interrupted = True
            terminal.note("Ctrl-C again, Ctrl-D or /quit leaves.", style="dim")
            continue
        interrupted = False
        yield line


def _edit_line() -> str:
    with suppress(ImportError):
        import readline  # noqa: F401  (gives the prompt its line editing)
    return input(PROMPT)


def _read_line() -> str:
    sys.stderr.write(PROMPT)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line
