"""A chat at the command line: lines in, answers out, and the commands that begin with a slash."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from rich.text import Text

from ragkit.answer import Answer, Citation
from ragkit.chat import Conversation
from ragkit.cli.answer_view import place, print_answer, print_sources, shorten
from ragkit.cli.failure import report as report_error
from ragkit.cli.session import Rag
from ragkit.cli.streaming import Stopped, answer_of, can_stream
from ragkit.cli.terminal import Terminal, harmless, one_line
from ragkit.cli.why_view import print_why
from ragkit.saved_chat import SavedChat
from ragkit_ingest.errors import RagkitError, UsageError

CONTEXT_CHARACTERS = 400
PROMPT = "you> "
_QUESTION_CHARACTERS = 80
HELP = """\
Ask a question; a follow-up such as "And for contractors?" is understood.
  /sources    the sources of the last answer
  /open N     source N where it stands in its document
  /why        how the last answer was decided
  /new        start anew: the next question leans on nothing that was said
  /forget     start anew, and erase the saved session
  /save FILE  write this conversation to a file, as Markdown
  /help       this text
  /quit       leave (Ctrl-D does too)"""


class Talk:
    """One chat at the command line.

    Args:
        rag: What answers.
        terminal: Where it is shown.
        index_option: The value of `--index`, for the commands that are shown.
        saved: Where the turns are kept; by default nowhere.

    Attributes:
        exit_code: 0, or that of the first question that failed.
    """

    def __init__(
        self,
        rag: Rag,
        terminal: Terminal,
        *,
        index_option: str | None = None,
        saved: SavedChat | None = None,
    ) -> None:
        self.exit_code = 0
        self._index_option = index_option
        self._rag = rag
        self._terminal = terminal
        self._conversation = Conversation(rag)
        self._saved = saved
        self._answers: list[Answer] = []

    def resume(self) -> None:
        """Take up the saved session, and say what was found there.

        Raises:
            StorageError: If it cannot be read.
        """
        if self._saved is None:
            return
        restored = self._saved.read()
        self._answers = list(restored.answers)
        self._conversation.resume(restored.answers)
        name = self._saved.name
        if restored.unreadable:
            lines = "line" if restored.unreadable == 1 else "lines"
            self._terminal.note(
                f"ragkit: {restored.unreadable} {lines} of the session {name} cannot be read, and "
                "was passed over: it was cut off or changed.",
            )
        if self._answers:
            turns = "turn" if len(self._answers) == 1 else "turns"
            last = shorten(self._answers[-1].question, _QUESTION_CHARACTERS)
            self._terminal.note(
                f"Session {name}: {len(self._answers)} earlier {turns}, the last one: {last}",
                style="dim",
            )

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
            except KeyboardInterrupt as exc:
                self._stopped(exc)

    def _stopped(self, interrupt: KeyboardInterrupt) -> None:
        if isinstance(interrupt, Stopped) and interrupt.draft.strip():
            draft = one_line(interrupt.draft)
            self._terminal.say(Text(f"{draft} (stopped; not verified)", style="dim"))
        self._terminal.note("Stopped. Ask something else, or leave with /quit.")

    def _take(self, text: str) -> None:
        if text.startswith("/"):
            self._command(text)
            return
        answer = self._answer(text)
        self._answers.append(answer)
        if self._terminal.json:
            self._terminal.line(payload=answer.to_json())
        else:
            print_answer(self._terminal, answer)
            self._terminal.say()
            self._terminal.flush()
        if self._saved is not None:
            self._saved.append(answer)

    def _answer(self, text: str) -> Answer:
        if can_stream(self._terminal, self._rag):
            return answer_of(self._terminal, self._conversation.stream(text))
        return self._conversation.ask(text)

    def _command(self, text: str) -> None:
        name, _, argument = text.partition(" ")
        output = self._terminal.messages()
        if name == "/help":
            for line in HELP.splitlines():
                output.say(line)
        elif name == "/new":
            self._start_anew()
            output.say("Starting anew.")
        elif name == "/forget":
            self._forget(output)
        elif name == "/sources":
            print_sources(output, self._sources())
        elif name == "/open":
            self._open(output, self._source(argument))
        elif name == "/why":
            print_why(output, self._last())
        elif name == "/save":
            self._save(output, argument.strip())
        else:
            raise UsageError(f"{name} is not a command here; /help lists them")
        output.say()

    def _start_anew(self) -> None:
        self._conversation.forget()
        self._answers.clear()
        if self._saved is not None:
            self._saved.start_anew()

    def _forget(self, output: Terminal) -> None:
        self._conversation.forget()
        self._answers.clear()
        if self._saved is None:
            output.say("Forgotten; this chat is not saved.")
            return
        self._saved.delete()
        output.say(f"Forgotten, and the session {self._saved.name} is erased from the disk.")

    def _last(self) -> Answer:
        if not self._answers:
            raise UsageError("there is no answer yet")
        return self._answers[-1]

    def _sources(self) -> tuple[Citation, ...]:
        if not self._answers:
            raise UsageError("there is no answer with sources yet")
        if not self._answers[-1].citations:
            raise UsageError("the last answer has no sources; /why says how it was decided")
        return self._answers[-1].citations

    def _source(self, argument: str) -> Citation:
        sources = self._sources()
        for citation in sources:
            if argument.strip().strip("[]") == str(citation.n):
                return citation
        numbers = ", ".join(str(citation.n) for citation in sources)
        raise UsageError(f"/open needs the number of a source of the last answer: {numbers}")

    def _open(self, output: Terminal, citation: Citation) -> None:
        quoted = self._rag.show(citation.path, span=(citation.start, citation.end))
        if quoted.text != citation.quote:
            raise UsageError(
                f"{one_line(citation.path)} was changed since this answer; ask again to see what "
                "it says now"
            )
        length = quoted.length or citation.end
        start = max(0, citation.start - CONTEXT_CHARACTERS)
        end = min(length, citation.end + CONTEXT_CHARACTERS)
        around = self._rag.show(citation.path, span=(start, end)).text
        before, after = around[: citation.start - start], around[citation.end - start :]
        before, after = from_line(before, cut=start > 0), to_line(after, cut=end < length)
        output.say(Text(place(citation), style="bold"))
        text = Text(harmless(before))
        text.append(harmless(citation.quote), style="bold reverse")
        text.append(harmless(after))
        output.say(text, indent=2)
        output.say(Text(self._show_command(citation), style="dim"), indent=2)

    def _save(self, output: Terminal, name: str) -> None:
        if not name:
            raise UsageError("/save needs the name of a file, such as /save leave.md")
        path = Path(name).expanduser()
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(as_markdown(self._answers))
        except FileExistsError:
            raise UsageError(f"{name} exists already; choose another name") from None
        except OSError as exc:
            raise UsageError(f"cannot write {name}: {exc.strerror or exc}") from exc
        turns = len(self._answers)
        output.say(f"{turns} answer{'' if turns == 1 else 's'} written to {one_line(name)}.")

    def _show_command(self, citation: Citation) -> str:
        span = f"{citation.start}:{citation.end}"
        words = ["ragkit", "show", one_line(citation.path), "--span", span]
        if self._index_option is not None:
            words += ["--index", one_line(self._index_option)]
        return shlex.join(words)


def from_line(text: str, *, cut: bool) -> str:
    """Return what stands before a quote, from the beginning of a line or of a word."""
    if not cut:
        return text
    head, line, rest = text.partition("\n")
    if not line:
        _, _, rest = head.partition(" ")
        return "... " + rest
    return "...\n" + rest


def to_line(text: str, *, cut: bool) -> str:
    """Return what stands behind a quote, to the end of a line or of a word."""
    if not cut:
        return text
    rest, line, tail = text.rpartition("\n")
    if not line:
        rest, _, _ = tail.rpartition(" ")
        return rest + " ..."
    return rest + "\n..."


def as_markdown(answers: Sequence[Answer]) -> str:
    """Return a conversation as Markdown, with its sources."""
    return "\n".join(line for answer in answers for line in _turn(answer))


def _turn(answer: Answer) -> Iterator[str]:
    yield f"**{one_line(answer.question)}**\n"
    searched = answer.standalone_question
    if searched and searched != answer.question:
        yield f"*Understood as: {one_line(searched)}*\n"
    for sentence in answer.sentences:
        marks = "".join(f"[{n}]" for n in sentence.citations)
        yield f"{one_line(sentence.text)} {marks}".rstrip() + "\n"
    if not answer.sentences:
        yield f"{one_line(answer.text)}\n"
    for cited in answer.citations:
        yield f'- [{cited.n}] {place(cited)}: "{one_line(cited.quote)}"'
    if answer.citations:
        yield ""


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
