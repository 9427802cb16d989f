"""Real files of every format, written from the same plain content."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from html import escape
from typing import Any

_ODF = "urn:oasis:names:tc:opendocument:xmlns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a document.

    Attributes:
        title: Its heading: one line.
        paragraphs: One line each.
        rows: Of a table, the header first; all of one length; none for no table.
    """

    title: str
    paragraphs: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    def lines(self) -> list[str]:
        """Return everything it says, piece by piece."""
        cells = [cell for row in self.rows for cell in row]
        return [self.title, *self.paragraphs, *cells]


def sample(suffix: str, sections: Sequence[Section]) -> bytes:
    """Return a file of a format that says what the sections say, in this order.

    Args:
        suffix: One of `SUFFIXES`.
        sections: One or more.
    """
    return _WRITERS[suffix](sections)


def _docx(sections: Sequence[Section]) -> bytes:
    import docx

    document = docx.Document()
    for section in sections:
        document.add_heading(section.title, 1)
        for paragraph in section.paragraphs:
            document.add_paragraph(paragraph)
        if section.rows:
            table = document.add_table(len(section.rows), len(section.rows[0]))
            for row, values in zip(table.rows, section.rows, strict=True):
                for cell, value in zip(row.cells, values, strict=True):
                    cell.text = value
    return _saved(document)


def _pptx(sections: Sequence[Section]) -> bytes:
    import pptx
    from pptx.util import Inches

    deck = pptx.Presentation()
    for section in sections:
        slide: Any = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = section.title
        slide.placeholders[1].text = "\n".join(section.paragraphs)
        if section.rows:
            size = len(section.rows), len(section.rows[0])
            frame = slide.shapes.add_table(*size, Inches(1), Inches(5), Inches(5), Inches(1))
            for row, values in zip(frame.table.rows, section.rows, strict=True):
                for cell, value in zip(row.cells, values, strict=True):
                    cell.text = value
    return _saved(deck)


def _xlsx(sections: Sequence[Section]) -> bytes:
    import openpyxl  # type: ignore[import-untyped]

    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, section in enumerate(sections, start=1):
        sheet = book.create_sheet(f"S{number}")
        for line in (section.title, *section.paragraphs):
            sheet.append([])
            sheet.cell(sheet.max_row + 1, 1, line).data_type = "s"
        for row in section.rows:
            sheet.append(list(row))
            for cell in sheet[sheet.max_row]:
                cell.data_type = "s"
    return _saved(book)


def _saved(file: Any) -> bytes:
    buffer = io.BytesIO()
    file.save(buffer)
    return buffer.getvalue()


def _odf_rows(section: Section) -> str:
    rows = (
        "".join(f"<table:table-cell><text:p>{escape(c)}</text:p></table:table-cell>" for c in row)
        for row in section.rows
    )
    inner = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    return f"<table:table table:name='T'>{inner}</table:table>" if inner else ""


def _odf_text(section: Section) -> str:
    paragraphs = "".join(f"<text:p>{escape(p)}</text:p>" for p in section.paragraphs)
    return f"<text:h text:outline-level='1'>{escape(section.title)}</text:h>{paragraphs}"


def _odt_body(sections: Sequence[Section]) -> str:
    inner = "".join(_odf_text(section) + _odf_rows(section) for section in sections)
    return f"<office:text>{inner}</office:text>"


def _ods_body(sections: Sequence[Section]) -> str:
    tables = []
    for number, section in enumerate(sections, start=1):
        rows = [*[(line,) for line in (section.title, *section.paragraphs)], *section.rows]
        held = Section(title=section.title, rows=tuple(rows))
        tables.append(_odf_rows(held).replace("'T'", f"'S{number}'"))
    return f"<office:spreadsheet>{''.join(tables)}</office:spreadsheet>"


def _odp_body(sections: Sequence[Section]) -> str:
    slides = "".join(
        f"<draw:page draw:name='p{number}'><draw:frame><draw:text-box>{_odf_text(section)}"
        f"</draw:text-box></draw:frame><draw:frame>{_odf_rows(section)}</draw:frame></draw:page>"
        for number, section in enumerate(sections, start=1)
    )
    return f"<office:presentation>{slides}</office:presentation>"


def _odf(
    body: Callable[[Sequence[Section]], str], kind: str, root: str = "document-content"
) -> Callable[[Sequence[Section]], bytes]:
    names = " ".join(
        f"xmlns:{prefix}='{_ODF}:{name}:1.0'"
        for prefix, name in (
            ("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"),
        )
    )  # fmt: skip

    def write(sections: Sequence[Section]) -> bytes:
        text = f"<office:{root} {names}><office:body>{body(sections)}</office:body></office:{root}>"
        if root == "document":
            return text.encode()
        return _zipped(
            {"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": text}
        )

    return write


def _zipped(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def _html_body(section: Section) -> str:
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in section.rows
    )
    paragraphs = "".join(f"<p>{escape(p)}</p>" for p in section.paragraphs)
    return f"<h1>{escape(section.title)}</h1>{paragraphs}{f'<table>{rows}</table>' * bool(rows)}"


def _html(sections: Sequence[Section]) -> bytes:
    inner = "".join(map(_html_body, sections))
    return (
        f"<html><head><meta charset=utf-8></head><body><main>{inner}</main></body></html>".encode()
    )


def _mhtml(sections: Sequence[Section]) -> bytes:
    message = EmailMessage()
    message.set_content(_html(sections).decode(), subtype="html")
    return message.as_bytes()


def _epub(sections: Sequence[Section]) -> bytes:
    names = [f"c{number}.xhtml" for number in range(len(sections))]
    items = "".join(
        f"<item id='{n}' href='{n}' media-type='application/xhtml+xml'/>" for n in names
    )
    spine = "".join(f"<itemref idref='{n}'/>" for n in names)
    chapters = {
        f"OPS/{name}": "<html xmlns='http://www.w3.org/1999/xhtml'><body>"
        f"{_html_body(section)}</body></html>"
        for name, section in zip(names, sections, strict=True)
    }
    return _zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": "<container xmlns='urn:oasis:names:tc:opendocument:xmlns:"
            "container'><rootfiles><rootfile full-path='OPS/b.opf'/></rootfiles></container>",
            "OPS/b.opf": f"<package xmlns='http://www.idpf.org/2007/opf'><manifest>{items}"
            f"</manifest><spine>{spine}</spine></package>",
            **chapters,
        }
    )


def _rtf(sections: Sequence[Section]) -> bytes:
    def escaped(text: str) -> str:
        units = text.encode("utf-16-le")
        codes = (int.from_bytes(units[i : i + 2], "little") for i in range(0, len(units), 2))
        return "".join(
            chr(c) if 31 < c < 127 and chr(c) not in "\\{}" else f"\\u{c - 65536 * (c > 32767)}?"
            for c in codes
        )

    parts = []
    for section in sections:
        parts.append(f"\\pard\\outlinelevel0 {escaped(section.title)}\\par\\pard ")
        parts += [f"{escaped(p)}\\par " for p in section.paragraphs]
        for row in section.rows:
            edges = "".join(f"\\cellx{1000 * (n + 1)}" for n in range(len(row)))
            cells = "".join(f"{escaped(cell)}\\cell " for cell in row)
            parts.append(f"\\trowd{edges} \\intbl {cells}\\row\\pard ")
    return ("{\\rtf1\\ansi\\uc1 " + "".join(parts) + "}").encode("ascii")


def _plain(section: Section) -> str:
    rows = "\n".join("\t".join(row) for row in section.rows)
    return "\n\n".join([section.title, *section.paragraphs, *([rows] if rows else [])])


def _txt(sections: Sequence[Section]) -> bytes:
    return "\n\n".join(map(_plain, sections)).encode()


def _mail(sections: Sequence[Section]) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Tamsin <tamsin@quillet.example>"
    message["Subject"] = "Notes"
    message.set_content(_txt(sections).decode(), cte="base64")
    return message


def _eml(sections: Sequence[Section]) -> bytes:
    return _mail(sections).as_bytes()


def _mbox(sections: Sequence[Section]) -> bytes:
    head = b"From a@b.example Thu Oct  2 08:41:00 2025\n"
    return b"".join(head + _mail([section]).as_bytes() + b"\n" for section in sections)


def _markdown(sections: Sequence[Section]) -> bytes:
    def part(section: Section) -> str:
        rows = ["|" + "|".join(row) + "|" for row in section.rows]
        if rows:
            rows.insert(1, "|" + "---|" * len(section.rows[0]))
        return "\n\n".join(
            [f"# {section.title}", *section.paragraphs, *(["\n".join(rows)] if rows else [])]
        )

    return "\n\n".join(map(part, sections)).encode()


def _rest(sections: Sequence[Section]) -> bytes:
    parts = []
    for section in sections:
        parts += [f"{section.title}\n{'=' * (2 * len(section.title) + 4)}", *section.paragraphs]
        if section.rows:
            lines = [
                f"{'   * - ' if n == 0 else '     - '}{cell}"
                for row in section.rows
                for n, cell in enumerate(row)
            ]
            parts.append(".. list-table::\n   :header-rows: 1\n\n" + "\n".join(lines))
    return "\n\n".join(parts).encode()


def _asciidoc(sections: Sequence[Section]) -> bytes:
    parts = []
    for section in sections:
        parts += [f"== {section.title}", *section.paragraphs]
        if section.rows:
            rows = "\n".join("".join(f"|{cell} " for cell in row) for row in section.rows)
            parts.append(f"|===\n{rows}\n|===")
    return "\n\n".join(parts).encode()


def _org(sections: Sequence[Section]) -> bytes:
    parts = []
    for section in sections:
        parts += [f"* {section.title}", *section.paragraphs]
        parts += ["\n".join("|" + "|".join(row) + "|" for row in section.rows)]
    return "\n\n".join(filter(None, parts)).encode()


def _latex(sections: Sequence[Section]) -> bytes:
    parts = ["\\documentclass{article}\n\\begin{document}"]
    for section in sections:
        parts += [f"\\section{{{section.title}}}", *section.paragraphs]
        if section.rows:
            rows = " \\\\\n".join(" & ".join(row) for row in section.rows)
            width = "l" * len(section.rows[0])
            parts.append(f"\\begin{{tabular}}{{{width}}}\n{rows} \\\\\n\\end{{tabular}}")
    return "\n\n".join([*parts, "\\end{document}"]).encode()


def _records(sections: Sequence[Section]) -> list[dict[str, object]]:
    return [
        {
            "title": section.title,
            "paragraphs": list(section.paragraphs),
            "rows": [list(row) for row in section.rows],
        }
        for section in sections
    ]


def _json(sections: Sequence[Section]) -> bytes:
    return json.dumps(_records(sections), indent=1).encode()


def _jsonl(sections: Sequence[Section]) -> bytes:
    return "\n".join(map(json.dumps, _records(sections))).encode()


def _xml(sections: Sequence[Section]) -> bytes:
    inner = "".join(
        f"<section>{''.join(f'<line>{escape(line)}</line>' for line in section.lines())}</section>"
        for section in sections
    )
    return f"<?xml version='1.0' encoding='utf-8'?><doc>{inner}</doc>".encode()


def _notebook(sections: Sequence[Section]) -> bytes:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": _markdown([section]).decode()}
        for section in sections
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


def _cues(sections: Sequence[Section], separator: str) -> str:
    lines = [line for section in sections for line in section.lines()]
    return "\n\n".join(
        f"{n}\n00:{n // 60:02}:{n % 60:02}{separator}000 --> 00:{n // 60:02}:{n % 60:02}{separator}"
        f"900\n{line}"
        for n, line in enumerate(lines, start=1)
    )


def _table(delimiter: str) -> Callable[[Sequence[Section]], bytes]:
    def write(sections: Sequence[Section]) -> bytes:
        width = max(2, *(len(row) for s in sections for row in s.rows), 2)
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter=delimiter)
        writer.writerow([f"column {n}" for n in range(width)])
        for section in sections:
            for line in (section.title, *section.paragraphs):
                writer.writerow([line] * width)
            for row in section.rows:
                writer.writerow([*row, *["-"] * (width - len(row))])
        return buffer.getvalue().encode()

    return write


def _python(sections: Sequence[Section]) -> bytes:
    parts = []
    for number, section in enumerate(sections):
        lines = "\n".join(f"    # {line}" for line in section.lines())
        parts.append(f"def part_{number}():\n{lines}\n    return {number}\n")
    return "\n\n".join(parts).encode()


def _pdf(sections: Sequence[Section]) -> bytes:
    from reportlab import platypus  # type: ignore[import-untyped]
    from reportlab.lib.styles import getSampleStyleSheet  # type: ignore[import-untyped]

    buffer, styles = io.BytesIO(), getSampleStyleSheet()
    story: list[Any] = []
    for section in sections:
        story.append(platypus.Paragraph(escape(section.title), styles["Heading1"]))
        story += [platypus.Paragraph(escape(p), styles["BodyText"]) for p in section.paragraphs]
        if section.rows:
            story.append(
                platypus.Table(section.rows, style=[("GRID", (0, 0), (-1, -1), 1, "black")])
            )
        story.append(platypus.PageBreak())
    platypus.SimpleDocTemplate(buffer, invariant=1).build(story)
    return buffer.getvalue()


_WRITERS: dict[str, Callable[[Sequence[Section]], bytes]] = {
    "pdf": _pdf,
    "docx": _docx,
    "pptx": _pptx,
    "xlsx": _xlsx,
    "odt": _odf(_odt_body, "text"),
    "ods": _odf(_ods_body, "spreadsheet"),
    "odp": _odf(_odp_body, "presentation"),
    "fodt": _odf(_odt_body, "text", "document"),
    "epub": _epub,
    "rtf": _rtf,
    "html": _html,
    "mhtml": _mhtml,
    "md": _markdown,
    "rst": _rest,
    "adoc": _asciidoc,
    "org": _org,
    "tex": _latex,
    "txt": _txt,
    "json": _json,
    "jsonl": _jsonl,
    "xml": _xml,
    "csv": _table(","),
    "tsv": _table("\t"),
    "eml": _eml,
    "mbox": _mbox,
    "ipynb": _notebook,
    "srt": lambda sections: _cues(sections, ",").encode(),
    "vtt": lambda sections: f"WEBVTT\n\n{_cues(sections, '.')}".encode(),
    "py": _python,
}
SUFFIXES = tuple(_WRITERS)
"""The formats that can be written; old binary ones, which no library writes, are not among them."""
