"""What a hosted service has announced to shut down, and whether a tuning is still worth its cost.

The table `shutdown.toml` is for the service's own hosts alone: another endpoint of the same shape
sets its own dates.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from ragkit_ingest.errors import TuneError

NEAR_DAYS = 30
"""A base that ends within so many days is not tuned: what is made of it ends with it."""

_TABLE = Path(__file__).with_name("shutdown.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """The table.

    Attributes:
        source: Where it was read, in words.
        read_on: When.
        hosts: The service's hosts; their subdomains count as well.
        closes_to_new_jobs: The first day without new jobs.
        tuned_models_end: The day on which the last tuned models end.
        models: The day on which each base ends, by name.
    """

    source: str
    read_on: date
    hosts: tuple[str, ...]
    closes_to_new_jobs: date
    tuned_models_end: date
    models: Mapping[str, date]


def announced() -> Announced:
    """Return the packaged table."""
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return Announced(
        source=table["source"],
        read_on=table["read_on"],
        hosts=tuple(table["hosts"]),
        models=table["models"],
        **table["service"],
    )


def is_official(url: str, table: Announced) -> bool:
    """Return whether an address is the service's own."""
    host = (urlsplit(url).hostname or "").lower()
    return any(host == known or host.endswith(f".{known}") for known in table.hosts)


def check_service(url: str, today: date, table: Announced) -> tuple[str, ...]:
    """Return what to know of the service before a job is created there, one sentence each.

    Raises:
        TuneError: If it takes no new jobs any more.
    """
    if not is_official(url, table):
        return ()
    host, closes = urlsplit(url).hostname, table.closes_to_new_jobs
    days = (closes - today).days
    if days <= 0:
        raise TuneError(
            f"{host} takes no new fine-tuning jobs since {closes} ({table.source}, read on "
            f"{table.read_on}); tune a local model (ragkit tune tone --base PATH), or name another "
            "endpoint as --base-url"
        )
    return (
        f"{host} closes to new fine-tuning jobs on {closes}, in {_days(days)}; tuned models end on "
        f"{table.tuned_models_end} ({table.source}, read on {table.read_on}).",
    )


def check_base(
    url: str, model: str, today: date, table: Announced, *, said: str | None = None
) -> tuple[str, ...]:
    """Return what to know of a base before it is tuned, one sentence each.

    Args:
        url: The endpoint.
        model: The base, or a tuned model of it (`ft:BASE:...`).
        today: The day.
        table: What was announced.
        said: The day that the service itself gives, as YYYY-MM-DD; it wins over the table.

    Raises:
        TuneError: If the base has ended, or ends within `NEAR_DAYS`.
    """
    if not is_official(url, table):
        return ()
    base = model.split(":")[1] if model.startswith("ft:") and model.count(":") > 1 else model
    ends = _date(said) or table.models.get(base)
    if ends is None:
        return ()
    days = (ends - today).days
    if days <= 0:
        raise TuneError(f"{base} was shut down on {ends}, and all that was tuned from it; {_ELSE}")
    if days <= NEAR_DAYS:
        raise TuneError(
            f"{base} is shut down on {ends}, in {_days(days)}, and what is tuned from it ends "
            f"then; {_ELSE}"
        )
    return (f"{base} is shut down on {ends}, in {_days(days)}, and what is tuned from it too.",)


_ELSE = "name another base as --model, or tune a local model (ragkit tune tone --base PATH)"


def _date(said: str | None) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError:
        return None


def _days(days: int) -> str:
    return f"{days} day{'' if days == 1 else 's'}"
