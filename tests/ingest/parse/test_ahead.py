from __future__ import annotations

import threading
from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit_ingest.parse.ahead import read_ahead


@given(st.lists(st.integers(1, 9)), st.integers(1, 30))
def test_order_is_kept_and_what_waits_is_bounded(weights: list[int], limit: int) -> None:
    given_out = used = 0

    def items() -> Generator[int, None, None]:
        nonlocal given_out
        for weight in weights:
            # Asked for one more only while what waits is below the limit.
            assert given_out - used < limit + 9
            given_out += weight
            yield weight

    found: list[int] = []
    for weight in read_ahead(items(), weigh=lambda item: item, limit=limit, stop=lambda: None):
        used += weight
        found.append(weight)
    assert found == weights


def test_a_failure_comes_after_what_was_yielded_before_it() -> None:
    def items() -> Generator[int, None, None]:
        yield 1
        yield 2
        raise LookupError("three")

    found: list[int] = []
    with pytest.raises(LookupError, match="three"):
        found.extend(read_ahead(items(), weigh=lambda _: 1, limit=9, stop=lambda: None))
    results = read_ahead(items(), weigh=lambda _: 1, limit=9, stop=lambda: None)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(LookupError):
        next(results)


def test_who_wants_no_more_is_obeyed_and_the_generator_closed_in_its_thread() -> None:
    told = threading.Event()
    closed_in: list[threading.Thread] = []

    def items() -> Generator[int, None, None]:
        try:
            yield 1
            told.wait(60)
            yield 2
        finally:
            closed_in.append(threading.current_thread())

    results = read_ahead(items(), weigh=lambda _: 1, limit=9, stop=told.set)
    assert next(results) == 1
    results.close()
    assert told.is_set()
    assert len(closed_in) == 1
    assert closed_in[0] is not threading.current_thread()
