"""Announced shutdowns: of the official service alone, on the day before, the day, and after."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ragkit.tune.shutdown import (
    NEAR_DAYS,
    announced,
    check_base,
    check_service,
    is_official,
)
from ragkit_ingest.errors import TuneError

TABLE = announced()
OPENAI = "https://api.openai.com/v1"
BASE = "gpt-4o-mini-2024-07-18"
ENDS = date(2027, 1, 14)


@pytest.mark.parametrize(
    ("url", "official"),
    [
        (OPENAI, True),
        ("https://API.OpenAI.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://notapi.openai.com.example/v1", False),
        ("https://my-api.openai.com/v1", False),
        ("http://127.0.0.1:8321/v1", False),
        ("https://resource.openai.azure.com/openai/v1", False),
    ],
)
def test_whose_dates_they_are(url: str, official: bool) -> None:
    assert is_official(url, TABLE) == official
    if not official:
        later = date(2030, 1, 1)
        assert check_service(url, later, TABLE) == ()
        assert check_base(url, BASE, later, TABLE, said="2027-01-01") == ()


@pytest.mark.parametrize(
    ("today", "days"),
    [(date(2026, 11, 21), "46 days"), (date(2027, 1, 4), "2 days"), (date(2027, 1, 5), "1 day;")],
)
def test_before_the_service_closes_it_says_in_how_many_days(today: date, days: str) -> None:
    (note,) = check_service(OPENAI, today, TABLE)
    assert "2027-01-06" in note
    assert days in note
    assert "2027-01-14" in note
    assert "Deprecations" in note


@pytest.mark.parametrize("today", [date(2027, 1, 6), date(2027, 1, 7), date(2028, 1, 1)])
def test_from_the_day_it_closes_nothing_is_tuned_there(today: date) -> None:
    with pytest.raises(TuneError, match="takes no new fine-tuning jobs since 2027-01-06"):
        check_service(OPENAI, today, TABLE)


def test_a_base_that_lasts_is_warned_of() -> None:
    today = ENDS - timedelta(days=NEAR_DAYS + 1)
    (note,) = check_base(OPENAI, BASE, today, TABLE)
    assert f"{BASE} is shut down on 2027-01-14, in 31 days" in note


@pytest.mark.parametrize("left", [NEAR_DAYS, 1])
def test_a_base_that_ends_soon_is_refused(left: int) -> None:
    with pytest.raises(TuneError, match=rf"is shut down on 2027-01-14, in {left} day"):
        check_base(OPENAI, BASE, ENDS - timedelta(days=left), TABLE)


@pytest.mark.parametrize("left", [0, -100])
def test_a_base_that_has_ended_is_refused(left: int) -> None:
    with pytest.raises(TuneError, match="was shut down on 2027-01-14"):
        check_base(OPENAI, BASE, ENDS - timedelta(days=left), TABLE)


def test_a_tuned_model_ends_with_its_base() -> None:
    with pytest.raises(TuneError, match=BASE):
        check_base(OPENAI, f"ft:{BASE}:org:voice:abc", ENDS, TABLE)


def test_the_services_own_word_wins() -> None:
    today = date(2026, 6, 1)
    (note,) = check_base(OPENAI, "gpt-9", today, TABLE, said="2026-12-01")
    assert "2026-12-01" in note
    with pytest.raises(TuneError, match="2026-06-10"):
        check_base(OPENAI, BASE, today, TABLE, said="2026-06-10")
    assert check_base(OPENAI, "gpt-9", today, TABLE, said="soon") == ()
    assert check_base(OPENAI, "gpt-9", today, TABLE) == ()


def test_no_base_of_the_table_outlives_the_service() -> None:
    assert all(ends <= TABLE.tuned_models_end for ends in TABLE.models.values())
    assert TABLE.closes_to_new_jobs < TABLE.tuned_models_end
