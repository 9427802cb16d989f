"""The main job in a process that may open no socket, with the defaults that a user has.

    python -m tests.support.private_process WORKING_FOLDER

Writes documents, ingests, searches and asks; prints what it found as JSON. Python's socket module
is held by its audit events. Native code is held by a rule of the kernel (seccomp), where one can
be set: the first call of socket(2), of any family, then kills the process that makes it.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

_SENDERS = ("openvino_telemetry", "posthog")
_FORBIDDEN = ("socket.", "urllib.Request", "http.client.", "ftplib.", "smtplib.")


def forbid_in_python() -> list[str]:
    """Raise at every socket event of Python; return the list in which they are noted."""
    noted: list[str] = []

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(_FORBIDDEN):
            noted.append(f"{event}{arguments!r}")
            raise PermissionError(f"{event} is forbidden here")

    sys.addaudithook(refuse)
    return noted


def forbid_in_the_kernel() -> bool:
    """Have socket(2) kill this process and any that it starts; whether that could be set."""
    if platform.system() != "Linux" or platform.machine() not in {"x86_64", "aarch64"}:
        return False
    import ctypes

    number = 41 if platform.machine() == "x86_64" else 198

    class Instruction(ctypes.Structure):
        _fields_ = (
            ("code", ctypes.c_ushort),
            ("jt", ctypes.c_ubyte),
            ("jf", ctypes.c_ubyte),
            ("k", ctypes.c_uint),
        )

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(Instruction)))

    rules = (Instruction * 4)(
        Instruction(0x20, 0, 0, 0),  # load the number of the system call
        Instruction(0x15, 0, 1, number),  # is it socket(2)?
        Instruction(0x06, 0, 0, 0x80000000),  # then the process is killed
        Instruction(0x06, 0, 0, 0x7FFF0000),  # else allow
    )
    program = Program(len(rules), rules)
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, mode_filter = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, 0, 0, 0):
        return False
    return bool(libc.prctl(set_seccomp, mode_filter, ctypes.byref(program), 0, 0) == 0)


def documents(folder: Path) -> Path:
    """Write a few documents of several formats."""
    import docx

    docs = folder / "docs"
    docs.mkdir()
    (docs / "leave.md").write_text("# Leave\n\nEvery employee has 28 days of paid leave a year.\n")
    (docs / "tea.html").write_text("<h1>Tea</h1><p>The urn is descaled every Friday.</p>")
    (docs / "prices.csv").write_text("item,price\nkettle,59 euro\nurn,240 euro\n")
    (docs / "data.json").write_text('{"office": "The office in Delft opens at eight."}')
    (docs / "mail.eml").write_text(
        "From: ada@example.com\nTo: bob@example.com\nSubject: Car park\n"
        "Date: Mon, 2 Mar 2026 09:00:00 +0000\n\nThe car park closes at ten.\n"
    )
    word = docx.Document()
    word.add_heading("Travel", 1)
    word.add_paragraph("A hotel may cost 140 euro a night.")
    word.save(str(docs / "travel.docx"))
    return docs


def main(folder: str) -> None:
    """Do the main job and print what happened."""
    docs = documents(Path(folder))
    in_kernel = forbid_in_the_kernel()
    noted = forbid_in_python()
    os.chdir(folder)
    from ragkit import Pipeline

    with Pipeline("my.index") as rag:
        report = rag.ingest(docs)
        found = rag.search("days of leave", k=3)
        answer = rag.ask("How many days of paid leave does every employee have?")
    senders = [name for name in _SENDERS if sys.modules.get(name) is not None]
    print(
        json.dumps(
            {
                "in_kernel": in_kernel,
                "indexed": report.files.indexed,
                "failures": report.to_json()["failures"],
                "found": [hit.path for hit in found],
                "answer": answer.text,
                "citations": [citation.path for citation in answer.citations],
                "events": noted,
                "senders": senders,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
