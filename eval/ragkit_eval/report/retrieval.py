"""What each arm was shown: was the evidence among its passages?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragkit_eval.report.block import Section, arm_head, figure_cell, table
from ragkit_eval.report.element import Child, h
from ragkit_eval.report.estimate import of_measure, ran
from ragkit_eval.report.wording import label

MEASURES = ("hit@5", "span_recall@5", "doc_recall@5", "doc_mrr@5", "doc_ndcg@5", "groundedness")


def retrieval_section(report: Mapping[str, Any]) -> Section:
    """Return the measures of retrieval of the arms that were shown passages."""
    arms = [
        arm
        for arm in ran(report)
        if any(of_measure(arm, name).value is not None for name in MEASURES)
    ]
    if not arms:
        return Section(
            name="retrieval",
            title="Retrieval",
            body=(h("p", "No arm that ran was shown passages.", class_="none"),),
        )
    rows = [
        h("tr", arm_head(arm["name"]), *(figure_cell(of_measure(arm, name)) for name in MEASURES))
        for arm in arms
    ]
    heads: list[Child] = ["arm", *map(label, MEASURES)]
    depth = report.get("depth", 5)
    return Section(
        name="retrieval",
        title="Retrieval",
        lead=f"Whether the evidence of each answerable question is among the first {depth} "
        "passages, and whether what is said stands in them (groundedness). All from 0 to 1, more "
        "is better.",
        body=(table("Passages, with 95 % intervals", heads, rows),),
    )
