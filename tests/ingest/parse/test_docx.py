from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from msoffcrypto.format.ooxml import OOXMLFile  # type: ignore[import-untyped]

from ragkit_ingest.errors import BrokenFileError, ParserLimitError, PasswordError
from ragkit_ingest.parse.docx import DocxParser
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.records import Document

Parse = Callable[[str, bytes], Document]
Blocks = Callable[[Document], list[tuple[str, str]]]


def saved(document: Any) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def replaced(data: bytes, member: str, edit: Callable[[bytes], bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, edit(content) if name == member else content)
    return buffer.getvalue()


def test_a_document_in_order(parse: Parse, blocks: Blocks) -> None:
    document = docx.Document()
    document.core_properties.title = "Leave policy"
    document.core_properties.author = "Tamsin"
    document.core_properties.created = datetime(2025, 1, 6, 9, 0)
    document.add_heading("Leave", level=1)
    document.add_paragraph("Employees have 26 days.")
    document.add_paragraph("ask", style="List Bullet")
    document.add_paragraph("wait", style="List Number")
    document.add_paragraph("again", style="List Number")
    table = document.add_table(rows=2, cols=3)
    for cell, text in zip(table.rows[0].cells, ("Occasion", "Leave", "Pay"), strict=True):
        cell.paragraphs[0].add_run(text).bold = True
    for cell, text in zip(table.rows[1].cells, ("Moving", "1 day", "full"), strict=True):
        cell.text = text
    document.add_heading("Part", level=2)
    result = parse("leave.docx", saved(document))
    assert blocks(result) == [
        ("h1", "Leave"),
        ("paragraph", "Employees have 26 days."),
        ("list_item", "ask"),
        ("list_item", "1. wait"),
        ("list_item", "2. again"),
        ("table_row", "Occasion: Moving; Leave: 1 day; Pay: full"),
        ("h2", "Part"),
    ]
    assert result.title == "Leave policy"
    assert result.metadata["author"] == "Tamsin"
    assert result.metadata["created"].startswith("2025-01-06T09:00:00")  # type: ignore[union-attr]


def test_deletions_and_hidden_text_are_left_out_insertions_and_links_are_in(
    parse: Parse,
) -> None:
    document = docx.Document()
    document.element.body.insert(
        0,
        parse_xml(
            f"<w:p {nsdecls('w')}><w:r><w:t xml:space='preserve'>The term is </w:t></w:r>"
            "<w:del w:id='1' w:author='a'><w:r><w:delText>two</w:delText></w:r></w:del>"
            "<w:ins w:id='2' w:author='a'><w:r><w:t>three</w:t></w:r></w:ins>"
            "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>"
            "<w:hyperlink><w:r><w:t xml:space='preserve"
            "'> years</w:t></w:r></w:hyperlink><w:r><w:noBreakHyphen/><w:br/>"
            "<w:t>more</w:t></w:r></w:p>"
        ),
    )
    assert parse("a.docx", saved(document)).text == "The term is three years- more"


def test_merged_cells_read_sanely(parse: Parse) -> None:
    document = docx.Document()
    table = document.add_table(rows=3, cols=2)
    table.cell(0, 0).merge(table.cell(1, 0)).text = "soft"
    table.cell(0, 1).text = "400"
    table.cell(1, 1).text = "410"
    table.cell(2, 0).merge(table.cell(2, 1)).text = "all of it"
    assert parse("a.docx", saved(document)).text == "soft | 400\nsoft | 410\nall of it"


def test_automatic_numbers_are_part_of_the_text(parse: Parse) -> None:
    document = docx.Document()
    document.add_paragraph("x", style="List Number")
    levels = "".join(
        f"<w:lvl w:ilvl='{depth}'><w:start w:val='1'/><w:numFmt w:val='{kind}'/>"
        f"<w:lvlText w:val='{text}'/></w:lvl>"
        for depth, kind, text in (
            (0, "decimal", "%1."),
            (1, "decimal", "%1.%2"),
            (2, "lowerLetter", "(%3)"),
        )
    )
    numbering = document.part.numbering_part.element
    numbering.insert(
        0, parse_xml(f"<w:abstractNum {nsdecls('w')} w:abstractNumId='99'>{levels}</w:abstractNum>")
    )
    numbering.append(
        parse_xml(f"<w:num {nsdecls('w')} w:numId='99'><w:abstractNumId w:val='99'/></w:num>")
    )
    for depth in (0, 1, 1, 2, 0, 1):
        paragraph = document.add_paragraph("clause")
        paragraph._p.get_or_add_pPr().append(
            parse_xml(
                f"<w:numPr {nsdecls('w')}><w:ilvl w:val='{depth}'/><w:numId w:val='99'/></w:numPr>"
            )
        )
    text = parse("a.docx", saved(document)).text
    assert re.findall(r"^(\S+) clause$", text, re.MULTILINE) == [
        "1.", "1.1", "1.2", "(a)", "2.", "2.1",
    ]  # fmt: skip


def test_a_file_that_is_no_zip_is_refused(parse: Parse) -> None:
    with pytest.raises(BrokenFileError, match="not a zip container"):
        parse("a.docx", b"just text")


def test_another_zip_is_refused(parse: Parse) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "hello")
    with pytest.raises(BrokenFileError, match="not what its name says"):
        parse("a.docx", buffer.getvalue())


def test_a_truncated_file_is_refused(parse: Parse) -> None:
    data = saved(docx.Document())
    with pytest.raises(BrokenFileError):
        parse("a.docx", data[: len(data) // 2])


def test_an_encrypted_file_needs_its_password(parse: Parse, tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("the secret is out")
    locked = encrypted(saved(document), "sesame")
    with pytest.raises(PasswordError, match="give its password"):
        parse("a.docx", locked)
    path = tmp_path / "b.docx"
    path.write_bytes(locked)
    with pytest.raises(PasswordError, match="none of the 1 passwords"):
        DocxParser().parse(Source(path=path, passwords=("wrong",)))
    opened = DocxParser().parse(Source(path=path, passwords=("wrong", "sesame")))
    assert opened.text == "the secret is out"


def test_encryption_that_is_damaged_is_told(parse: Parse) -> None:
    data = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000) + "EncryptedPackage".encode("utf-16-le")
    )
    with pytest.raises(BrokenFileError, match="encryption cannot be read"):
        parse("a.docx", data)


def encrypted(data: bytes, password: str) -> bytes:
    buffer = io.BytesIO()
    OOXMLFile(io.BytesIO(data)).encrypt(password, buffer)
    return buffer.getvalue()


def test_a_zip_bomb_is_refused_before_it_unpacks(parse: Parse) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b"<a/>")
        archive.writestr("word/document.xml", b"\x00" * (32 << 20))
    with pytest.raises(ParserLimitError, match="times its size"):
        parse("bomb.docx", buffer.getvalue())


def test_entities_are_not_expanded(parse: Parse) -> None:
    document = docx.Document()
    document.add_paragraph("MARK")
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    head = f'<!DOCTYPE w [<!ENTITY l0 "ha">{laughs}]>'.encode()

    def edit(xml: bytes) -> bytes:
        begin = xml.index(b"<w:document")
        return xml[:begin] + head + xml[begin:].replace(b"MARK", b"a&l9;b")

    data = replaced(saved(document), "word/document.xml", edit)
    try:
        assert len(parse("a.docx", data).text) < 100
    except BrokenFileError:
        return


def test_text_hidden_by_a_style_or_too_small_to_read_is_left_out_and_said(parse: Parse) -> None:
    document = docx.Document()
    parent = document.styles.add_style("Aside", 2)
    parent.font.hidden = True
    child: Any = document.styles.add_style("Child", 2)
    child.base_style = parent
    shown: Any = document.styles.add_style("Shown", 2)
    shown.base_style, shown.font.hidden = parent, False
    paragraph = document.add_paragraph("Seen")
    for style in (parent, child):
        paragraph.add_run(" unseen", style=style)
    paragraph.add_run(" tiny").font.size = docx.shared.Pt(1)
    paragraph.add_run(" small").font.size = docx.shared.Pt(4)
    paragraph.add_run(" shown", style=shown)
    paragraph.add_run(" plain", style=parent).font.hidden = False
    whole: Any = document.styles.add_style("Whole", 1)
    whole.font.hidden = True
    document.add_paragraph("unseen", style=whole)
    read = parse("a.docx", saved(document))
    assert read.text == "Seen small shown plain"
    (notice,) = read.notices
    assert notice.startswith("4 runs of text that no reader sees")
