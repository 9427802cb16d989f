from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdf
import pytest
from pypdf.constants import PageLabelStyle
from reportlab.lib import colors  # type: ignore[import-untyped]
from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet  # type: ignore[import-untyped]
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]
from reportlab.platypus import (  # type: ignore[import-untyped]
    BaseDocTemplate,
    Frame,
    PageBreak,
    PageTemplate,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
)

from ragkit_ingest.errors import BrokenFileError, PasswordError
from ragkit_ingest.parse.pdf import PdfParser
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.records import Document

Parse = Callable[[str, bytes], Document]
Blocks = Callable[[Document], list[tuple[str, str]]]

STYLES = getSampleStyleSheet()
BODY = ParagraphStyle("body", parent=STYLES["BodyText"], fontSize=10, leading=12, alignment=4)
SENTENCE = "The supplier delivers the goods within five working days of the order. "


def platypus(story: list[Any]) -> bytes:
    buffer = io.BytesIO()
    SimpleDocTemplate(buffer, pagesize=A4, invariant=1).build(story)
    return buffer.getvalue()


def drawn(draw: Callable[[Canvas], None]) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    draw(canvas)
    canvas.save()
    return buffer.getvalue()


def lines(*texts: str, x: float = 72, y: float = 700) -> bytes:
    def draw(canvas: Canvas) -> None:
        for index, text in enumerate(texts):
            canvas.drawString(x, y - 14 * index, text)

    return drawn(draw)


def test_wrapped_lines_become_paragraphs(parse: Parse, blocks: Blocks) -> None:
    story = [
        Paragraph("4. Term", STYLES["Heading1"]),
        Paragraph(SENTENCE * 5, BODY),
        Paragraph("4.2 Notice", STYLES["Heading2"]),
        Paragraph(SENTENCE * 4, BODY),
        Paragraph("\u2022 one thing", BODY),
        Paragraph("\u2022 another thing", BODY),
    ]
    assert blocks(parse("a.pdf", platypus(story))) == [
        ("h1", "4. Term"),
        ("paragraph", (SENTENCE * 5).strip()),
        ("h2", "4.2 Notice"),
        ("paragraph", (SENTENCE * 4).strip()),
        ("list_item", "one thing"),
        ("list_item", "another thing"),
    ]


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        (("This agree-", "ment ends."), "This agreement ends."),
        (("A non-", "exclusive right."), "A non-exclusive right."),
        (("From 2025-", "2026 only."), "From 2025-2026 only."),
        (("Meet the Anglo-", "Saxon court."), "Meet the Anglo-Saxon court."),
        (("A well-known, well-", "known fact."), "A well-known, well-known fact."),
    ],
)
def test_words_broken_at_a_line_end(parse: Parse, broken: tuple[str, str], whole: str) -> None:
    assert parse("a.pdf", lines(*broken)).text == whole


def test_two_columns_are_read_one_after_the_other(parse: Parse) -> None:
    buffer = io.BytesIO()
    template = BaseDocTemplate(buffer, pagesize=A4, invariant=1)
    frames = [Frame(50, 50, 240, 700), Frame(310, 50, 240, 700)]
    template.addPageTemplates([PageTemplate(frames=frames)])
    words = [
        "".join(letters) for letters in itertools.islice(itertools.permutations("rations", 6), 700)
    ]
    template.build([Paragraph(" ".join(words), BODY)])
    assert parse("a.pdf", buffer.getvalue()).text.split() == words


def test_ruled_tables_become_rows(parse: Parse, blocks: Blocks) -> None:
    rows = [
        ["Article", "Name", "Price"],
        ["LF-2", "Filter for\nlimescale", "7.90"],
        ["SP-1", "", "3"],
    ]
    grid = [("GRID", (0, 0), (-1, -1), 0.5, colors.black)]
    assert blocks(parse("a.pdf", platypus([Table(rows, style=grid)]))) == [
        ("table_row", "Article: LF-2; Name: Filter for limescale; Price: 7.90"),
        ("table_row", "Article: SP-1; Price: 3"),
    ]


def test_aligned_tables_become_rows(parse: Parse, blocks: Blocks) -> None:
    rows = [["Target", "Normal", "Quiet"], ["70 C", "2 min", "4 min"], ["80 C", "3 min", "5 min"]]
    bold = [("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold")]
    table = Table(rows, style=bold, colWidths=[90, 90, 90])
    story = [Paragraph(SENTENCE * 3, BODY), Spacer(1, 12), table, Paragraph(SENTENCE * 3, BODY)]
    assert blocks(parse("a.pdf", platypus(story)))[1:3] == [
        ("table_row", "Target: 70 C; Normal: 2 min; Quiet: 4 min"),
        ("table_row", "Target: 80 C; Normal: 3 min; Quiet: 5 min"),
    ]


def test_a_table_over_a_page_break_keeps_its_header(parse: Parse) -> None:
    rows = [["Number", "Name", "Price"], *([str(n), f"thing {n}", f"{n}.50"] for n in range(90))]
    grid = [("GRID", (0, 0), (-1, -1), 0.5, colors.black)]
    document = parse("a.pdf", platypus([Table(rows, style=grid)]))
    assert len(document.pages) == 3
    assert document.text.split("\n\n") == [
        "\n".join(f"Number: {n}; Name: thing {n}; Price: {n}.50" for n in range(90))
    ]


def paged(count: int) -> bytes:
    def draw(canvas: Canvas) -> None:
        for number in range(1, count + 1):
            canvas.drawString(72, 810, "Service contract SC-31, 2 May 2025")
            canvas.drawString(290, 30, f"Page {number} of {count}")
            for line in range(5):
                canvas.drawString(
                    72, 700 - 14 * line, f"Body {number} of chapter {line} stands here."
                )
            canvas.showPage()

    return drawn(draw)


def test_running_lines_become_metadata_and_page_numbers_go(parse: Parse) -> None:
    document = parse("a.pdf", paged(4))
    assert "SC-31" not in document.text
    assert "Service contract SC-31" in str(document.metadata["running_lines"])
    assert "Page" not in document.text
    for page in document.pages:
        assert f"Body {page.number} of chapter 4" in document.text[page.start : page.end]


def test_pages_and_labels_are_exact(parse: Parse, tmp_path: Path) -> None:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(paged(4)))
    writer.set_page_label(0, 1, style=PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(2, 3, style=PageLabelStyle.DECIMAL, start=1)
    buffer = io.BytesIO()
    writer.write(buffer)
    document = parse("a.pdf", buffer.getvalue())
    assert [page.label for page in document.pages] == ["i", "ii", "1", "2"]
    assert [page.number for page in document.pages] == [1, 2, 3, 4]


def test_a_page_without_text_is_told(parse: Parse) -> None:
    story = [Paragraph("One", BODY), PageBreak(), Spacer(1, 1), PageBreak(), Paragraph("3", BODY)]
    document = parse("a.pdf", platypus(story))
    assert document.notices == ("page 2 has no text; it may be a scan",)
    assert document.pages[1].start == document.pages[1].end


@pytest.mark.parametrize(
    ("angle", "x", "y"), [(90, 100, -300), (180, -400, -500), (270, -500, 200)]
)
def test_pages_on_their_side_read_upright(parse: Parse, angle: int, x: int, y: int) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.rotate(angle)
        for line in range(3):
            canvas.drawString(x, y - 14 * line, f"turned line number {line} here")

    expected = " ".join(f"turned line number {line} here" for line in range(3))
    assert parse("a.pdf", drawn(draw)).text == expected


def encrypted(password: str, algorithm: str) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(lines("secret text")))
    writer.encrypt(password, "owner", algorithm=algorithm)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_passwords_are_tried(tmp_path: Path, algorithm: str) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(encrypted("kettle", algorithm))
    parser = PdfParser()
    assert parser.parse(Source(path=path, passwords=("no", "kettle"))).text == "secret text"
    with pytest.raises(PasswordError, match="give its password"):
        parser.parse(Source(path=path))
    with pytest.raises(PasswordError, match="none of the 1 passwords"):
        parser.parse(Source(path=path, passwords=("no",)))
    path.write_bytes(encrypted("", algorithm))
    assert parser.parse(Source(path=path)).text == "secret text"


def test_what_is_no_pdf_is_refused(parse: Parse) -> None:
    with pytest.raises(BrokenFileError, match="not a readable PDF"):
        parse("a.pdf", b"hello, this is no PDF")


def test_every_truncation_is_read_or_refused(parse: Parse) -> None:
    data = paged(3)
    for cut in range(20, len(data), len(data) // 25):
        with contextlib.suppress(BrokenFileError):
            parse("a.pdf", data[:cut])
