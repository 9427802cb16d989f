from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bench.peers.plot import svg
from bench.peers.report import markdown
from bench.peers.system import SYSTEMS
from tests.bench.peers.recorded import figures


def row(text: str, label: str, table: int = 0) -> list[str]:
    found = [line for line in text.splitlines() if line.startswith(f"| {label} |")]
    return [cell.strip() for cell in found[table].strip("|").split("|")]


def test_tables_hold_every_system() -> None:
    text = markdown(figures())
    for system in SYSTEMS:
        for table in range(3):
            assert row(text, system.label, table)
    assert row(text, "ragkit") == [
        "ragkit",
        "40.0 (20.0 to 50.0)",
        "80.0",
        "2.50",
        "5.00",
        "4.5",
        "9.0",
    ]
    assert row(text, "txtai", 1) == [
        "txtai", "950", "250", "260", "4.0", "1,500", "0.650 (0.610 to 0.690)",
    ]  # fmt: skip


def test_every_table_is_rectangular() -> None:
    for table in markdown(figures()).split("\n\n"):
        lines = [line for line in table.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) <= 1


def test_missed_aims_are_said() -> None:
    text = markdown(figures())
    assert row(text, "cold first answer, at least 3 times sooner")[-1] == "no"
    assert row(text, "ingest, at least 4 times as much a CPU second")[-1] == "yes"
    assert "A cold search alone takes ragkit 2.00 s, 4.00 CPU s." in text


def test_origin_names_machine_date_pages_and_finished_rounds() -> None:
    found = figures()
    for system in found["systems"].values():
        system["runs"]["warm"].pop()
    text = markdown(found)
    assert "2026-01-31: A CPU, 2 cores" in text
    assert "90 Markdown pages of pages, 400 KB" in text
    assert "median of 2 rounds" in text
    assert "300 queries of scifact over 1,000 of its documents" in text


def test_without_a_judged_set_nothing_is_claimed_of_it() -> None:
    text = markdown(figures(judged=False))
    assert row(text, "ragkit", 1)[-1] == "not measured"
    assert "queries of" not in text


def test_the_plot_has_a_bar_for_each_value_as_long_as_it_is() -> None:
    root = ElementTree.fromstring(svg(figures()))
    space = "{http://www.w3.org/2000/svg}"
    bars = [float(bar.attrib["width"]) for bar in root.iter(f"{space}rect") if "x" in bar.attrib]
    texts = [text.text for text in root.iter(f"{space}text")]
    assert len(bars) == 4 * len(SYSTEMS)
    ingest = bars[: len(SYSTEMS)]
    assert ingest[0] == max(ingest)
    assert ingest[3] / ingest[0] == pytest.approx((400 / 44) / 40, abs=0.001)
    assert texts.count("LangChain + Chroma") == 4
    assert {"40.0", "2.5", "9.0", "300.0"} <= set(texts)
