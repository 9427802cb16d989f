"""`ragkit demo`: the example company, three questions, and what to type next."""

from __future__ import annotations

import shlex
from importlib.resources import files
from pathlib import Path

import typer

from ragkit.cli.ingest import exit_code, sync
from ragkit.cli.option import EmbedderOption, IndexOption, JsonOption
from ragkit.cli.session import session_of
from ragkit.cli.terminal import Terminal
from ragkit_ingest.errors import UnreadableFileError

DEMO_INDEX = ".ragkit-demo"
QUESTIONS = (
    ("from a PDF manual", "How long does the QK-350 keep the water warm?"),
    ("from a Word document", "How many days of annual leave may be carried over?"),
    ("which the documents do not answer", "Does the company pay for a gym membership?"),
)


def demo(
    context: typer.Context,
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
) -> None:
    """Index the documents of a fictional company, ask three questions, say what to type next.

    The index is --index, else .ragkit-demo in the working folder.
    """
    from ragkit.cli.answer_view import print_answer
    from ragkit.cli.report_view import print_report

    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    folder = session.index_option or DEMO_INDEX
    company = example_company()
    with session.open(index=folder) as rag:
        terminal.note(f"Reading {company} into {folder}", style="dim")
        report = sync(rag, terminal, [str(company)])
        if not terminal.json:
            print_report(terminal, report)
        answers = []
        for what, question in QUESTIONS:
            answers.append(rag.ask(question))
            if not terminal.json:
                terminal.title(f"A question {what}: {question}")
                print_answer(terminal, answers[-1])
    if terminal.json:
        terminal.document(
            {"ingest": report.to_json(), "answers": [answer.to_json() for answer in answers]}
        )
    else:
        _print_next(terminal, folder, company)
    raise typer.Exit(exit_code(report))


def example_company() -> Path:
    """Return the folder of the example documents: in the wheel, or in a checkout.

    Raises:
        UnreadableFileError: If neither is there.
    """
    packaged = Path(str(files("ragkit"))) / "example_company"
    checkout = Path(str(files("ragkit"))).parent / "examples" / "company"
    for folder in (packaged, checkout):
        if folder.is_dir():
            return folder
    raise UnreadableFileError(
        f"The example documents are missing; looked in {packaged} and {checkout}. "
        "Install ragkit again, or use your own: ragkit chat FOLDER"
    )


def _print_next(terminal: Terminal, index: str, company: Path) -> None:
    from rich.text import Text

    option = f"--index {shlex.quote(index)}"
    try:
        folder = company.relative_to(Path.cwd())
    except ValueError:
        folder = company
    rows = [
        (f"ragkit chat {option}", "talk with the example company"),
        (f'ragkit ask "..." {option} --json', "the same answers for programs"),
        (f"ragkit show PATH --span A:B {option}", "check a citation, character by character"),
        (f"ls {shlex.quote(str(folder))}", "the documents, to see what can be asked"),
        ("ragkit chat YOUR_FOLDER", "your own documents, in an index of their own"),
    ]
    terminal.title("Type next")
    for command, meaning in rows:
        terminal.say(Text("  ").append(command, style="bold"))
        terminal.say(Text(meaning, style="dim"), indent=6)
