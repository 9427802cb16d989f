"""Real files of every format, cut short, altered, or named as another format."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache

from tests.support.odd.file import OddFile
from tests.support.sample import SUFFIXES, Section, sample

_FLIPS = 20


@cache
def _whole(suffix: str) -> bytes:
    rows = (("Model", "Price"), ("QK-350", "12.50"), ("URN-12", "99"))
    sections = [
        Section(title=f"Part {n}", paragraphs=(f"The kettle {n} boils water.",), rows=rows)
        for n in range(3)
    ]
    return sample(suffix, sections)


def _half(suffix: str) -> bytes:
    return _whole(suffix)[: len(_whole(suffix)) // 2]


def _headless(suffix: str) -> bytes:
    return _whole(suffix)[len(_whole(suffix)) // 3 :]


def _flipped(suffix: str) -> bytes:
    data, number = bytearray(_whole(suffix)), random.Random(suffix)
    for _ in range(_FLIPS):
        data[number.randrange(len(data))] ^= 1 << number.randrange(8)
    return bytes(data)


def _noise(suffix: str) -> bytes:
    return random.Random(suffix).randbytes(50_000)


def _each() -> Iterator[OddFile]:
    kinds: dict[str, Callable[[str], bytes]] = {
        "half": _half,
        "headless": _headless,
        "flipped": _flipped,
        "noise": _noise,
        "zero-bytes": lambda _: b"",
        "blank": lambda _: b" \r\n\t\n",
        "nul": lambda _: bytes(4096),
        "twice": lambda suffix: _whole(suffix) * 2,
    }
    for suffix in SUFFIXES:
        for label, make in kinds.items():
            yield OddFile(
                name=f"{label}.{suffix}",
                make=lambda _, make=make, suffix=suffix: make(suffix),  # type: ignore[misc]
            )
        for other in ("pdf", "docx", "html", "rtf", "eml", "png"):
            if other != suffix:
                yield OddFile(
                    name=f"really-{other}.{suffix}",
                    make=lambda _, other=other: (  # type: ignore[misc]
                        b"\x89PNG\r\n\x1a\n" + bytes(99) if other == "png" else _whole(other)
                    ),
                )


FILES = tuple(_each())
"""Every file of this family."""
