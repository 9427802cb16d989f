"""OCR is one switch: for the plan, for the workers, and for the syncs that come later."""

from __future__ import annotations

import io
import shutil
from email.message import EmailMessage
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]
import pytest
from PIL import Image, ImageDraw, ImageFont

from ragkit_ingest.errors import UsageError
from ragkit_ingest.index import Index
from ragkit_ingest.parse import ocr
from ragkit_ingest.report import IngestReport
from ragkit_ingest.sync import SyncSettings, plan_sync, sync
from tests.support.folder import Folder

needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="the program Tesseract is not installed"
)


def picture(text: str) -> Image.Image:
    image = Image.new("L", (1400, 300), 255)
    font = ImageFont.load_default(60)
    ImageDraw.Draw(image).text((60, 100), text, font=font, fill=0)
    return image


def saved(images: list[Image.Image], format: str) -> bytes:
    buffer = io.BytesIO()
    more = {"save_all": True, "append_images": images[1:]} if len(images) > 1 else {}
    images[0].save(buffer, format, resolution=200.0, **more)
    return buffer.getvalue()


def with_text_between(scans: bytes, written: Path) -> bytes:
    """Return a PDF of two scans with the pages of a written PDF between them."""
    pdf = pypdfium2.PdfDocument(scans)
    with pypdfium2.PdfDocument(written) as other:
        pdf.import_pages(other, [0], 1)
        buffer = io.BytesIO()
        pdf.save(buffer)
    pdf.close()
    return buffer.getvalue()


def run(index: Index, docs: Folder, ocr: bool | None = None) -> IngestReport:
    return sync(index, [docs.path], SyncSettings(ocr=ocr))


@needs_tesseract
def test_the_pages_of_scans_and_of_text_keep_their_numbers(index: Index, docs: Folder) -> None:
    manual = Path(__file__).parents[2] / "examples/company/product/qk-350-manual.pdf"
    scans = saved([picture("The lease ends in June"), picture("The notice is 30 days")], "PDF")
    docs.write("mixed.pdf", with_text_between(scans, manual))
    run(index, docs, ocr=True)
    shown = index.show("mixed.pdf")
    pages = {number: shown.text[start:end] for number, _, start, end in shown.pages}
    assert list(pages) == [1, 2, 3]
    assert pages[1] == "The lease ends in June"
    assert pages[3] == "The notice is 30 days"
    assert len(pages[2]) > 20
    (status,) = index.status().documents
    assert "page 1 has no text of its own and was read with OCR" in status.reason
    assert "page 2" not in status.reason


@needs_tesseract
def test_the_index_remembers_the_switch(index: Index, docs: Folder) -> None:
    docs.write("note.md", "# Note\n\nThe kettle is red.")
    docs.write("scan.pdf", saved([picture("The lease ends in June")], "PDF"))
    docs.write("permit.png", saved([picture("The permit is number 4711")], "PNG"))
    first = run(index, docs)
    assert (first.no_text, first.files.skipped, first.files.indexed) == (("scan.pdf",), 1, 1)
    assert "switched off" in first.skipped[0][1]
    read = run(index, docs, ocr=True)
    assert (read.files.indexed, read.files.unchanged, read.files.skipped) == (2, 1, 0)
    assert index.show("permit.png").text == "The permit is number 4711"
    assert run(index, docs).files.unchanged == 3
    plan = plan_sync(index, [docs.path], SyncSettings(ocr=False))
    assert (plan.edited, plan.removed) == (("scan.pdf",), ("permit.png",))
    assert run(index, docs).files.unchanged == 3  # a plan decides nothing
    off = run(index, docs, ocr=False)
    assert (off.no_text, off.files.removed, off.files.unchanged) == (("scan.pdf",), 1, 1)
    assert run(index, docs).files.skipped == 1


@needs_tesseract
def test_images_in_mails_are_read_when_it_is_switched_on(index: Index, docs: Folder) -> None:
    message = EmailMessage()
    message["Subject"] = "Permit"
    message.set_content("Attached.")
    data = saved([picture("The permit is number 4711")], "PNG")
    message.add_attachment(data, maintype="image", subtype="png", filename="permit.png")
    docs.write("a.eml", message.as_bytes())
    run(index, docs)
    (document,) = index.status().documents
    assert "permit.png (images are read only with OCR, which is switched off)" in document.reason
    assert run(index, docs, ocr=True).files.attachments == 1
    assert index.show("a.eml/permit.png").text == "The permit is number 4711"
    run(index, docs, ocr=False)
    assert [d.path for d in index.status().documents] == ["a.eml"]


def test_what_is_missing_is_said_before_anything_changes(
    index: Index, docs: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs.write("scan.pdf", saved([picture("The lease ends in June")], "PDF"))
    ocr._languages.cache_clear()
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(tmp_path))
        sentence = r"OCR is switched on, but cannot be done: OCR needs the program Tesseract"
        with pytest.raises(UsageError, match=sentence):
            run(index, docs, ocr=True)
        with pytest.raises(UsageError, match="--no-ocr"):
            plan_sync(index, [docs.path], SyncSettings(ocr=True))
        assert index.status().roots == ()
        assert run(index, docs).no_text == ("scan.pdf",)  # nothing was remembered
    ocr._languages.cache_clear()


def test_a_missing_extra_is_named(
    index: Index, docs: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    docs.write("note.md", "text")
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(UsageError, match=r"pip install 'ragkit\[ocr\]'"):
        run(index, docs, ocr=True)
