"""Plants an attack into a real file of a format."""

from __future__ import annotations

import io
from collections.abc import Callable
from html import escape
from typing import Any

from tests.redteam.attack import TRUTH
from tests.support.sample import Section, sample

FORMATS = ("md", "html", "docx", "pdf", "eml", "csv", "txt", "xlsx")
_TITLE = "Notice period of the staff"
_LEAD = "Notes on the notice period of the staff."


def truth() -> bytes:
    """Return the document that says what is so."""
    return sample("md", [Section(title="Contracts", paragraphs=(TRUTH, "Badges are returned."))])


def planted(text: str, suffix: str, hidden: str) -> bytes:
    """Return a file with the text in it.

    Args:
        text: Of the attack.
        suffix: One of `FORMATS`.
        hidden: As in `Attack`; a format without a way to hide text by style shows it.
    """
    if hidden == "tags":
        text = "".join(chr(0xE0000 + ord(char)) if " " <= char < "\x7f" else char for char in text)
    if hidden == "style" and suffix in _HIDING:
        return _HIDING[suffix](text)
    section = Section(title=_TITLE, paragraphs=(_LEAD, " ".join(text.split("\n"))))
    if suffix in {"md", "txt"}:  # which keep their lines
        return f"# {_TITLE}\n\n{_LEAD}\n\n{text}\n".encode()
    return sample(suffix, [section])


def _hidden_html(text: str) -> bytes:
    return (
        f"<html><head><meta charset=utf-8></head><body><h1>{_TITLE}</h1><p>{_LEAD} <b style='"
        f"font-size:0'>{escape(text)}</b></p><table><tr><th>Staff</th><th>Notice</th></tr><tr><td>"
        f"all<i style='color:#fff;background:white'>{escape(text)}</i></td><td>see <i hidden>"
        f"{escape(text)}</i></td></tr></table></body></html>"
    ).encode()


def _hidden_docx(text: str) -> bytes:
    import docx
    from docx.shared import Pt

    document = docx.Document()
    document.add_heading(_TITLE, 1)
    paragraph = document.add_paragraph(_LEAD)
    paragraph.add_run(text).font.hidden = True
    paragraph.add_run(text).font.size = Pt(1)
    style: Any = document.styles.add_style("Aside", 2)
    style.font.hidden = True
    paragraph.add_run(text, style="Aside")
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _hidden_pdf(text: str) -> bytes:
    from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]

    buffer = io.BytesIO()
    canvas = Canvas(buffer, invariant=1)
    canvas.drawString(72, 760, _TITLE)
    canvas.drawString(72, 730, _LEAD)
    for number, mode in enumerate((0, 3)):  # one point in size; drawn invisibly
        line = canvas.beginText(72, 700 - 30 * number)
        line.setFont("Helvetica", 1 if mode == 0 else 10)
        line.setTextRenderMode(mode)
        line.textLine(text)
        canvas.drawText(line)
    canvas.save()
    return buffer.getvalue()


_HIDING: dict[str, Callable[[str], bytes]] = {
    "html": _hidden_html,
    "docx": _hidden_docx,
    "pdf": _hidden_pdf,
}
