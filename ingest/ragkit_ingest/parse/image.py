"""Images (.png, .jpg, .tif): read with OCR, each frame a page."""

from __future__ import annotations

import warnings
from itertools import islice
from typing import Any

from ragkit_ingest.errors import BrokenFileError, ParserLimitError, UnsupportedFormatError
from ragkit_ingest.parse import ocr
from ragkit_ingest.parse.builder import DocumentBuilder
from ragkit_ingest.parse.extra import load
from ragkit_ingest.parse.file import check_plain
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.records import BlockKind, Document

_MAX_FRAMES = 500


class ImageParser:
    """Reads the text of scans and screenshots, if OCR is switched on."""

    name = "image"
    version = 1
    suffixes = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            UnsupportedFormatError: If OCR is not switched on.
            MissingReaderError: If the extra `ocr` or Tesseract is not installed.
            BrokenFileError: If the file is no image.
            ParserLimitError: If it has too many pixels or takes too long.
        """
        if not source.ocr:
            raise UnsupportedFormatError("images are read only with OCR, which is switched off")
        pillow = load("PIL.Image", "images", "ocr")
        check_plain(source.path)
        builder = DocumentBuilder("image")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with pillow.open(source.path) as image:
                    _frames(builder, image)
            except pillow.DecompressionBombError as exc:
                raise ParserLimitError(f"the image is too large: {exc}") from exc
            except (OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError) as exc:
                raise BrokenFileError(f"the image cannot be read: {exc}") from exc
        return builder.build()


def _frames(builder: DocumentBuilder, image: Any) -> None:
    operations = load("PIL.ImageOps", "images", "ocr")
    sequence = load("PIL.ImageSequence", "images", "ocr")
    for number, frame in enumerate(islice(sequence.Iterator(image), _MAX_FRAMES), start=1):
        if frame.width * frame.height > ocr.MAX_PIXELS * 3:
            raise ParserLimitError(f"the image has {frame.width * frame.height} pixels")
        builder.page(str(number))
        before = builder.length
        for text in ocr.paragraphs(operations.exif_transpose(frame).convert("L")):
            builder.add(BlockKind.PARAGRAPH, text)
        if builder.length == before:
            builder.notice(f"no text was found in image {number}")
