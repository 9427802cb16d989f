"""Arrays are read as they were written, by many threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ragkit_ingest.store.array_file import read_array


def test_many_threads_read_at_once(tmp_path: Path) -> None:
    for number in range(8):
        np.save(tmp_path / f"{number}.npy", np.full((3, number + 1), number))
    with ThreadPoolExecutor(8) as threads:
        wanted = [number % 8 for number in range(400)]
        found = list(
            threads.map(lambda n: read_array(tmp_path / f"{n}.npy", mapped=bool(n % 2)), wanted)
        )
    for number, values in zip(wanted, found, strict=True):
        assert values.shape == (3, number + 1)
        assert (values == number).all()
        assert values.flags.writeable == (number % 2 == 0)


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_what_is_no_array_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.npy").write_bytes(content)
    with pytest.raises((ValueError, EOFError)):
        read_array(tmp_path / "odd.npy")


def test_pickles_are_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "odd.npy", np.asarray([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        read_array(tmp_path / "odd.npy")
