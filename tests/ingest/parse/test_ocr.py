from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from ragkit_ingest.errors import BrokenFileError, MissingReaderError, UnsupportedFormatError
from ragkit_ingest.parse import ocr
from ragkit_ingest.parse.extra import load
from ragkit_ingest.parse.image import ImageParser
from ragkit_ingest.parse.pdf import PdfParser
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.registry import ParserRegistry
from ragkit_ingest.parse.worker import ParserPool

needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="the program Tesseract is not installed"
)


def scan(folder: Path, name: str) -> Path:
    image = Image.new("L", (1400, 300), 255)
    font = ImageFont.load_default(60)
    ImageDraw.Draw(image).text((60, 100), "The notice period is 30 days", font=font, fill=0)
    path = folder / name
    image.save(path, resolution=200.0)
    return path


@needs_tesseract
def test_a_scanned_page_is_read_only_when_asked(tmp_path: Path) -> None:
    path = scan(tmp_path, "a.pdf")
    without = PdfParser().parse(Source(path=path))
    assert without.text == ""
    assert without.notices == ("page 1 has no text; it may be a scan",)
    document = PdfParser().parse(Source(path=path, ocr=True))
    assert document.text == "The notice period is 30 days"
    assert document.notices == ("page 1 has no text of its own and was read with OCR",)
    assert document.pages[0].end == len(document.text)


@needs_tesseract
def test_images_are_read_by_a_pool_with_ocr(tmp_path: Path) -> None:
    source = Source(path=scan(tmp_path, "a.png"))
    with ParserPool(1, registry=ParserRegistry(ocr=True)) as pool:
        assert pool.parse(source).text == "The notice period is 30 days"


def test_images_are_refused_without_ocr(tmp_path: Path) -> None:
    source = Source(path=scan(tmp_path, "a.png"))
    with ParserPool(1) as pool, pytest.raises(UnsupportedFormatError, match="only with OCR"):
        pool.parse(source)
    with pytest.raises(UnsupportedFormatError, match="switched off"):
        ImageParser().parse(source)


def test_a_broken_image_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG no")
    with pytest.raises(BrokenFileError):
        ImageParser().parse(Source(path=path, ocr=True))


def test_a_missing_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ocr._languages.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingReaderError, match="Tesseract"):
        ImageParser().parse(Source(path=scan(tmp_path, "a.png"), ocr=True))
    document = PdfParser().parse(Source(path=scan(tmp_path, "a.pdf"), ocr=True))
    assert "Tesseract" in document.notices[-1]
    ocr._languages.cache_clear()


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(
        MissingReaderError,
        match=r"Excel files need the extra 'office': pip install 'ragkit\[office\]'",
    ):
        load("openpyxl", "Excel files")


def test_ocr_changes_the_fingerprint_of_what_it_reads() -> None:
    plain, reading = ParserRegistry(), ParserRegistry(ocr=True)
    for name, differs in (("a.pdf", True), ("a.md", False)):
        parser = plain.parser_for(Path(name))
        assert parser is not None
        assert (plain.fingerprint(parser) != reading.fingerprint(parser)) is differs
    assert reading.reads(Path("a.PNG"))
    assert not plain.reads(Path("a.png"))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a.doc", "save it as .docx"),
        ("a.PPT", "save it as .pptx"),
        ("a.png", "only with OCR"),
        ("a.exe", "no parser reads .exe"),
        ("README", "no parser reads files without ending"),
    ],
)
def test_what_is_not_read_says_what_to_do(name: str, sentence: str) -> None:
    assert sentence in ParserRegistry().refusal(Path(name))
