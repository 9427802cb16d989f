"""Figures as a measurement leaves them, small enough to be checked by hand."""

from __future__ import annotations

from typing import Any

from bench.peers.system import SYSTEMS

_RUNS = {  # ingest CPU s by round, cold s, warm p95 ms, peak MB of ingest, nDCG
    "ragkit": ((10.0, 8.0, 20.0), 2.0, 9.0, 300.0, 0.745),
    "llama_index": ((80.0, 100.0, 90.0), 9.0, 70.0, 700.0, 0.61),
    "llama_index_256": ((90.0, 90.0, 90.0), 9.5, 80.0, 750.0, 0.62),
    "langchain": ((50.0, 40.0, 44.0), 10.0, 8.0, 900.0, 0.64),
    "haystack": ((60.0, 60.0, 60.0), 8.0, 90.0, 290.0, 0.63),
    "txtai": ((70.0, 70.0, 70.0), 5.0, 30.0, 950.0, 0.65),
}


def figures(*, judged: bool = True) -> dict[str, Any]:
    systems = {}
    for system in SYSTEMS:
        ingest, cold, warm, peak, ndcg = _RUNS[system.name]
        started = {"cpu_s": cold * 2, "wall_s": cold, "peak_mb": 250.0}
        runs = {
            "ingest": [
                {"cpu_s": s, "wall_s": s / 2, "peak_mb": peak, "disk_mb": 4.0, "chunks": 1500}
                for s in ingest
            ],
            "cold": [started] * 3,
            "warm": [
                {"wall_p50_ms": warm / 2, "wall_p95_ms": warm, "cpu_p50_ms": 1.0, "peak_mb": 260.0}
            ]
            * 3,
        }
        if system.name == "ragkit":
            runs["answer"] = [{**started, "cpu_s": 5.0, "wall_s": 2.5}] * 3
        systems[system.name] = {
            "label": system.label,
            "setting": system.setting,
            "embeds_all": system.embeds_all,
            "versions": dict.fromkeys(system.packages, "1.0"),
            "runs": runs,
        }
        if judged:
            systems[system.name]["judged"] = {"ndcg@10": ndcg, "ci95": (ndcg - 0.04, ndcg + 0.04)}
    machine = {"cpu": "A CPU", "cores": 2, "system": "Linux", "python": "3.11", "load_before": 0.1}
    found: dict[str, Any] = {
        "date": "2026-01-31",
        "machine": machine,
        "rounds": 3,
        "corpus": {"name": "pages", "pages": 90, "kilobytes": 400.0, "questions": 100},
        "systems": systems,
    }
    if judged:
        found["judged"] = {"name": "scifact", "documents": 1000, "queries": 300}
    return found
