from __future__ import annotations

from dataclasses import replace

import pytest

from bench.peers.figures import aims, summaries
from tests.bench.peers.recorded import figures


def test_figures_are_medians_over_rounds() -> None:
    ours = summaries(figures())["ragkit"]
    assert ours.ingest_kb_per_cpu_s == 40.0
    assert ours.ingest_kb_per_cpu_s_range == (20.0, 50.0)
    assert ours.ingest_kb_per_wall_s == 80.0
    assert (ours.warm_p50_ms, ours.warm_p95_ms) == (4.5, 9.0)
    assert (ours.disk_mb, ours.chunks, ours.ndcg) == (4.0, 1500, 0.745)


def test_ragkits_cold_start_is_that_of_an_answer_and_the_others_that_of_a_search() -> None:
    found = summaries(figures())
    assert (found["ragkit"].cold_wall_s, found["ragkit"].cold_cpu_s) == (2.5, 5.0)
    assert (found["txtai"].cold_wall_s, found["txtai"].cold_cpu_s) == (5.0, 10.0)


def test_the_peak_is_that_of_the_hungriest_step() -> None:
    found = figures()
    found["systems"]["ragkit"]["runs"]["answer"][0]["peak_mb"] = 999.0
    assert summaries(found)["ragkit"].peak_mb == 999.0


def test_each_aim_is_held_against_the_best_of_the_others_in_that_figure() -> None:
    ingest, whole, cold, cold_cpu, warm, memory = aims(summaries(figures()))
    assert ingest.whose == "LangChain + Chroma"
    assert ingest.factor == pytest.approx(40.0 / (400 / 44))
    assert ingest.reached is True
    assert whole == replace(ingest, what=whole.what)
    assert (cold.whose, cold.factor, cold.reached) == ("txtai", 2.0, False)
    assert (cold_cpu.factor, cold_cpu.reached) == (2.0, False)
    assert (warm.whose, warm.reached) == ("LangChain + Chroma", False)
    assert warm.factor == pytest.approx(8 / 9)
    assert (memory.whose, memory.ours, memory.best) == ("Haystack", 300.0, 290.0)
    assert memory.reached is False


def test_ingest_is_also_held_against_those_that_embed_all_of_their_text() -> None:
    found = figures()
    for run in found["systems"]["llama_index"]["runs"]["ingest"]:
        run["cpu_s"] = 20.0
    any_, whole = aims(summaries(found))[:2]
    assert (any_.whose, any_.factor) == ("LlamaIndex", 2.0)
    assert any_.reached is False
    assert whole.whose == "LangChain + Chroma"
    assert whole.factor == pytest.approx(4.4)
    assert whole.reached is True


def test_an_aim_that_is_just_met_is_reached() -> None:
    found = figures()
    for run in found["systems"]["ragkit"]["runs"]["warm"]:
        run["wall_p95_ms"] = 8.0
    assert aims(summaries(found))[4].reached is True
