"""Subtitles (.srt, .vtt): what is said, joined to sentences; every minute is a page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragkit_ingest.parse.builder import DocumentBuilder, clean
from ragkit_ingest.parse.encoding import decode
from ragkit_ingest.parse.file import read_bytes
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.records import BlockKind, Document

_TIME = re.compile(r"^\s*(?:(\d+):)?(\d{1,2}):(\d{2})[.,]\d{1,3}\s*-->")
_TAG = re.compile(r"<[^>]{0,200}>")
_SPEAKER = re.compile(r"<v(?:\.[^ >]*)?\s+([^>]{1,100})>")


class SubtitleParser:
    """Reads SubRip and WebVTT."""

    name = "subtitle"
    version = 1
    suffixes = frozenset({".srt", ".vtt"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document; a page's label is the minute, such as "0:07".

        Raises:
            BrokenFileError: If the file is binary.
        """
        decoded = decode(read_bytes(source.path))
        builder = DocumentBuilder("subtitle")
        minute: int | None = None
        said: list[str] = []
        for begins, text in _cues(clean(decoded.text)):
            if begins != minute:
                builder.add(BlockKind.PARAGRAPH, " ".join(said))
                builder.page(f"{begins // 60}:{begins % 60:02d}")
                minute, said = begins, []
            if not said or said[-1] != text:
                said.append(text)
        builder.add(BlockKind.PARAGRAPH, " ".join(said))
        builder.notice(*decoded.notices)
        return builder.build()


def _cues(text: str) -> Iterator[tuple[int, str]]:
    """Yield the minute in which each cue begins and its text."""
    for cue in re.split(r"\n\s*\n", text):
        lines = cue.strip().split("\n")
        for index, line in enumerate(lines[:3]):
            match = _TIME.match(line)
            if match:
                words = " ".join(lines[index + 1 :])
                words = _TAG.sub("", _SPEAKER.sub(r"\1: ", words)).strip()
                if words:
                    yield int(match.group(1) or 0) * 60 + int(match.group(2)), words
                break
