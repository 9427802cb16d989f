"""Rebuild the PDF and DOCX documents of the example company from their text sources.

The sources lie in ``examples/company_sources``.  Each one is a small text file: a YAML header,
then lines of a markup with one block a line.

======================  ==========================================================
``# Heading``           heading of the first level
``## Heading``          heading of the second level
``- text``              item of a bulleted list
``1. text``             item of a numbered list
``| a | b |``           row of a table; the first row of a table is its header
``@@columns``           begin two-column text (PDF only)
``@@endcolumns``        return to one column (PDF only)
anything else           a paragraph
======================  ==========================================================

The header names the file to write (``output``, relative to ``examples/company``); its ending
decides on the format.  The output is reproducible: dates come from the header, never from the
clock, so that two runs write the same bytes.

Usage::

    python examples/build_company.py            # write all documents
    python examples/build_company.py --check    # fail if a document on disk differs
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import escape

import yaml
from docx import Document
from docx.document import Document as DocxDocument
from docx.shared import Pt
from reportlab.lib import colors
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4, A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "company_sources"
COMPANY = HERE / "company"

BlockKind = Literal["h1", "h2", "bullet", "number", "para", "table", "columns", "endcolumns"]

ZIP_DATE = (1980, 1, 1, 0, 0, 0)
NUMBERED = re.compile(r"^(\d+)\. (.+)$")

PAGES = {"A4": (A4, 22 * mm), "A5": (A5, 17 * mm)}  # size of the page and its margin
GUTTER = 6 * mm
MINUS = "\u2212"
INK = colors.HexColor("#22303a")
RULE = colors.HexColor("#8a9aa5")


@dataclass(frozen=True)
class Block:
    """One block of a source: its kind, its text, or the rows of a table."""

    kind: BlockKind
    text: str = ""
    number: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Source:
    """A parsed source file."""

    output: str
    title: str
    author: str
    day: date
    header: str = ""
    footer: str = ""
    page: str = "A4"
    blocks: tuple[Block, ...] = field(default=())


# --- reading the sources ---------------------------------------------------------------------


def read_source(path: Path) -> Source:
    """Read one source file and split it into header and blocks."""
    _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
    meta = header_fields(head)
    return Source(
        output=meta["output"],
        title=meta["title"],
        author=meta["author"],
        day=date.fromisoformat(meta["date"]),
        header=meta.get("header", ""),
        footer=meta.get("footer", ""),
        page=meta.get("page", "A4"),
        blocks=tuple(parse_blocks(body)),
    )


def header_fields(head: str) -> dict[str, str]:
    """Return the fields of the header as strings; a value may itself contain a colon."""
    quoted = re.sub(r"^(\w+): (.*)$", lambda m: f"{m[1]}: {yaml_quote(m[2])}", head, flags=re.M)
    loaded: dict[str, str] = yaml.safe_load(quoted)
    return loaded


def yaml_quote(value: str) -> str:
    """Quote a value for YAML so that it is always read as a string."""
    return "'" + value.replace("'", "''") + "'"


def parse_blocks(body: str) -> Iterator[Block]:
    """Yield the blocks of the body in order, joining adjacent table rows into one table."""
    rows: list[tuple[str, ...]] = []
    for line in [*body.splitlines(), ""]:
        if line.startswith("| "):
            rows.append(tuple(cell.strip() for cell in line.strip().strip("|").split("|")))
            continue
        if rows:
            yield Block("table", rows=tuple(rows))
            rows = []
        if line.strip():
            yield parse_line(line.strip())


def parse_line(line: str) -> Block:
    """Turn one line which is not a table row into a block."""
    if line.startswith("@@"):
        return Block("columns" if line == "@@columns" else "endcolumns")
    if line.startswith("## "):
        return Block("h2", line[3:])
    if line.startswith("# "):
        return Block("h1", line[2:])
    if line.startswith("- "):
        return Block("bullet", line[2:])
    if numbered := NUMBERED.match(line):
        return Block("number", numbered[2], number=int(numbered[1]))
    return Block("para", line)


# --- PDF -------------------------------------------------------------------------------------


def pdf_style(name: str, **changes: Any) -> ParagraphStyle:
    """Return a paragraph style based on the body text."""
    values: dict[str, Any] = {
        "fontName": "Helvetica",
        "fontSize": 10,
        "leading": 14,
        "spaceAfter": 5,
        "alignment": TA_LEFT,
        "textColor": INK,
        "splitLongWords": 0,
    }
    values.update(changes)
    return ParagraphStyle(name, **values)


PDF_STYLES = {
    "title": pdf_style("title", fontName="Helvetica-Bold", fontSize=20, leading=26, spaceAfter=12),
    "h1": pdf_style(
        "h1", fontName="Helvetica-Bold", fontSize=13, leading=17, spaceBefore=12, keepWithNext=1
    ),
    "h2": pdf_style(
        "h2", fontName="Helvetica-Bold", fontSize=10.5, leading=14, spaceBefore=6, keepWithNext=1
    ),
    "para": pdf_style("para"),
    "item": pdf_style("item", leftIndent=14, bulletIndent=2, spaceAfter=3),
    "cell": pdf_style("cell", fontSize=9, leading=12, spaceAfter=0),
    "head": pdf_style("head", fontName="Helvetica-Bold", fontSize=9, leading=12, spaceAfter=0),
}


def build_pdf(source: Source) -> bytes:
    """Lay out a source as PDF with running header, footer and page numbers."""
    check_winansi(source)
    buffer = io.BytesIO()
    doc = BaseDocTemplate(
        buffer,
        pagesize=PAGES[source.page][0],
        title=source.title,
        author=f"{source.author}, Quillfeather Kettleworks",
        subject=source.day.isoformat(),
        creator="Quillfeather Kettleworks",
        producer="Quillfeather Kettleworks",
        invariant=1,
        pageTemplates=page_templates(source),
    )
    story: list[Flowable] = [Paragraph(escape(source.title), PDF_STYLES["title"])]
    for block in source.blocks:
        story.extend(pdf_flowables(block, inner_width(source)))
    doc.build(story)
    return buffer.getvalue()


def inner_width(source: Source) -> float:
    """Return the width between the margins of the page."""
    (width, _), margin = PAGES[source.page]
    return float(width - 2 * margin)


def check_winansi(source: Source) -> None:
    """Raise if the text has a character which the standard fonts cannot show."""
    for block in source.blocks:
        for text in [block.text, *(cell for row in block.rows for cell in row)]:
            for char in text.replace(MINUS, "-"):
                char.encode("cp1252")


def page_templates(source: Source) -> list[PageTemplate]:
    """Return a one-column and a two-column page, both with the running lines."""
    (width, height), margin = PAGES[source.page]
    inner, tall = inner_width(source), height - 2 * margin
    half = (inner - GUTTER) / 2
    pad = {"leftPadding": 0, "rightPadding": 0, "topPadding": 0, "bottomPadding": 0}

    def running_lines(canvas: Canvas, doc: BaseDocTemplate) -> None:
        canvas.saveState()
        canvas.setFont("Helvetica", 8)
        canvas.setFillColor(RULE)
        canvas.setStrokeColor(RULE)
        canvas.drawString(margin, height - 11 * mm, source.header)
        canvas.line(margin, height - 12.5 * mm, width - margin, height - 12.5 * mm)
        canvas.drawString(margin, 9 * mm, source.footer)
        canvas.drawRightString(width - margin, 9 * mm, f"Page {doc.page}")
        canvas.restoreState()

    one = [Frame(margin, margin, inner, tall, id="full", **pad)]
    two = [
        Frame(margin, margin, half, tall, id="left", **pad),
        Frame(margin + half + GUTTER, margin, half, tall, id="right", **pad),
    ]
    return [
        PageTemplate(id="one", frames=one, onPage=running_lines),
        PageTemplate(id="two", frames=two, onPage=running_lines),
    ]


def pdf_flowables(block: Block, inner: float) -> list[Flowable]:
    """Return the flowables of one block, set in a column of the given inner width."""
    if block.kind == "columns":
        return [NextPageTemplate("two"), PageBreak()]
    if block.kind == "endcolumns":
        return [NextPageTemplate("one"), PageBreak()]
    if block.kind == "table":
        return [pdf_table(block.rows, inner), Spacer(1, 6)]
    text = pdf_text(block.text)
    if block.kind == "bullet":
        return [Paragraph(text, PDF_STYLES["item"], bulletText="\u2013")]
    if block.kind == "number":
        return [Paragraph(text, PDF_STYLES["item"], bulletText=f"{block.number}.")]
    return [Paragraph(text, PDF_STYLES[block.kind])]


def pdf_text(text: str) -> str:
    """Escape text for a paragraph; the minus sign becomes a hyphen, which the fonts have."""
    return escape(text.replace(MINUS, "-"))


def pdf_table(rows: tuple[tuple[str, ...], ...], inner: float) -> Table:
    """Return a ruled table whose columns are as wide as their longest cells ask for."""
    cells = [
        [Paragraph(pdf_text(cell), PDF_STYLES["cell" if index else "head"]) for cell in row]
        for index, row in enumerate(rows)
    ]
    longest = [max(8, *(len(row[i]) for row in rows)) for i in range(len(rows[0]))]
    capped = [min(length, 45) for length in longest]
    table = Table(cells, colWidths=[inner * part / sum(capped) for part in capped], repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("GRID", (0, 0), (-1, -1), 0.4, RULE),
                ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#e6ecef")),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        )
    )
    return table


# --- DOCX ------------------------------------------------------------------------------------


def build_docx(source: Source) -> bytes:
    """Write a source as DOCX with real heading, list and table styles."""
    document = Document()
    document.styles["Normal"].font.name = "Georgia"
    document.styles["Normal"].font.size = Pt(11)
    set_properties(document, source)
    document.add_heading(source.title, level=0)
    for block in source.blocks:
        add_docx_block(document, block)
    buffer = io.BytesIO()
    document.save(buffer)
    return normalise_zip(buffer.getvalue())


def set_properties(document: DocxDocument, source: Source) -> None:
    """Set the document properties to the values of the source header."""
    moment = datetime(source.day.year, source.day.month, source.day.day, 9, 0, 0)
    properties = document.core_properties
    properties.title = source.title
    properties.author = f"{source.author}, Quillfeather Kettleworks"
    properties.last_modified_by = properties.author
    properties.comments = ""
    properties.created = moment
    properties.modified = moment
    properties.revision = 1


def add_docx_block(document: DocxDocument, block: Block) -> None:
    """Append one block to the document."""
    if block.kind in ("h1", "h2"):
        document.add_heading(block.text, level=1 if block.kind == "h1" else 2)
    elif block.kind == "table":
        add_docx_table(document, block.rows)
    elif block.kind == "bullet":
        document.add_paragraph(block.text, style="List Bullet")
    elif block.kind == "number":
        document.add_paragraph(block.text, style="List Number")
    elif block.kind == "para":
        document.add_paragraph(block.text)
    else:
        raise ValueError(f"{block.kind} is for PDF sources only")


def add_docx_table(document: DocxDocument, rows: tuple[tuple[str, ...], ...]) -> None:
    """Append a table whose first row is set in bold."""
    table = document.add_table(rows=len(rows), cols=len(rows[0]), style="Table Grid")
    for index, (row, cells) in enumerate(zip(table.rows, rows, strict=True)):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.paragraphs[0].add_run(text).bold = index == 0
    document.add_paragraph()


def normalise_zip(data: bytes) -> bytes:
    """Rewrite a zip archive with fixed timestamps, and without the stock thumbnail."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in sorted(old.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            if name.startswith("docProps/thumbnail"):
                continue
            content = old.read(name)
            if name == "_rels/.rels":
                content = re.sub(rb"<Relationship [^>]*thumbnail[^>]*/>", b"", content)
            info = zipfile.ZipInfo(name, ZIP_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = 0o644 << 16
            new.writestr(info, content)
    return out.getvalue()


# --- command ---------------------------------------------------------------------------------


def build(source: Source) -> bytes:
    """Build the document which the source asks for."""
    return build_pdf(source) if source.output.endswith(".pdf") else build_docx(source)


def main() -> int:
    """Write all documents, or compare them with the files on disk."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="compare only; write nothing")
    check = bool(parser.parse_args().check)
    stale = 0
    for path in sorted(SOURCES.glob("*.md")):
        source = read_source(path)
        target, data = COMPANY / source.output, build(source)
        same = target.exists() and target.read_bytes() == data
        if check:
            stale += not same
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        print(f"{'same' if same else 'differs' if check else 'written'}  {source.output}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
