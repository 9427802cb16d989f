"""What a run was made with, and how to make it again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ragkit_eval.report.block import Section, facts_list
from ragkit_eval.report.element import Child, Element, h
from ragkit_eval.report.estimate import ran, training_seeds
from ragkit_eval.report.wording import arm_label, counted


def settings_section(report: Mapping[str, Any]) -> Section:
    """Return the settings of the run and of each arm."""
    pairs: list[tuple[str, Child]] = [(name, text) for name, text in made_with(report)]
    return Section(
        name="settings",
        title="Settings, and how to run this again",
        body=(
            facts_list(pairs),
            *(h("pre", h("code", command)) for command in commands(report)),
            *map(_arm, ran(report)),
        ),
    )


def made_with(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the settings of a run: what each is called, and what it is."""
    cases, index = report["cases"], report.get("index")
    kinds = ", ".join(f"{count} {kind or 'of no kind'}" for kind, count in cases["kinds"].items())
    pairs = [
        ("cases", f"{counted(cases['count'], 'case')} of {cases['sources']} sources: {kinds}"),
        ("digest of the cases", f"SHA-256 {cases['digest']}"),
        ("index", _index(index)),
        ("entailment", str(report.get("entailment", "not known"))),
        ("seed", str(report.get("seed", 0))),
    ]
    if report.get("seeds"):
        pairs.append(("training seeds", ", ".join(map(str, training_seeds(report)))))
    return pairs


def commands(report: Mapping[str, Any]) -> Sequence[str]:
    """Return the commands that make the run again from its folder."""
    source = "" if report.get("index") else " --answers answers.jsonl"
    seed = f" --seed {report['seed']}" if report.get("seed") else ""
    how = report.get("entailment", "words")
    entailment = "" if how == "words" else f" --entailment {how}"
    if report.get("title"):  # an experiment, made by a command of its own
        return ("ragkit eval run cases.jsonl --answers answers.jsonl --out again",)
    return (f"ragkit eval run cases.jsonl{source}{entailment}{seed} --out again",)


def _index(index: Mapping[str, Any] | None) -> str:
    if not index:
        return "none: the answers were recorded"
    parts = [f"{index[name]:,} {name}" for name in ("documents", "chunks") if name in index]
    parts += [f"embedder {index['embedder']}"] if "embedder" in index else []
    parts += [f"SHA-256 {index['digest']}"] if "digest" in index else []
    return ", ".join(parts)


def _arm(arm: Mapping[str, Any]) -> Element:
    name = h("bdi", arm_label(arm["name"]))
    held = json.dumps(arm.get("settings") or {}, ensure_ascii=False, indent=1, sort_keys=True)
    models = arm.get("models") or []
    return h(
        "details",
        h("summary", name, f" ({', '.join(models)})" if models else None),
        h("pre", h("code", held)),
    )
