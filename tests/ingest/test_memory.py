from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ragkit_ingest.memory import give_back


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc on Linux keeps it")
def test_freed_memory_goes_back() -> None:
    # Pieces too small for a mapping of their own, with every other one kept.
    pieces = [bytearray(60_000) for _ in range(4000)]
    kept = pieces[::2]
    del pieces
    before = resident_bytes()
    give_back()
    assert resident_bytes() < before - 50_000_000
    assert len(kept) == 2000
