"""Evidence-span recall: how much of the marked evidence do the passages hold?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Span = tuple[str, int, int]
"""(path, start, end): characters of a document's stored text, half-open."""


def span_recall(evidence: Sequence[Span], passages: Iterable[Span]) -> float | None:
    """Return the share of the evidence's characters that stand in a passage.

    Characters in two pieces of evidence count once, as do those in two passages.

    Returns:
        A value in [0, 1]; None without evidence.

    Source:
        Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval", Chroma, 2024: the
        recall over tokens, here over characters.
    """
    wanted = _merged(evidence)
    held = _merged(passages)
    length = sum(end - start for spans in wanted.values() for start, end in spans)
    if not length:
        return None
    found = sum(
        max(0, min(end, its_end) - max(start, its_start))
        for path, spans in wanted.items()
        for start, end in spans
        for its_start, its_end in held.get(path, ())
    )
    return found / length


def _merged(spans: Iterable[Span]) -> Mapping[str, list[tuple[int, int]]]:
    """Return the spans of each path without overlaps."""
    merged: dict[str, list[tuple[int, int]]] = {}
    for path, start, end in sorted(spans):
        own = merged.setdefault(path, [])
        if own and start <= own[-1][1]:
            own[-1] = (own[-1][0], max(own[-1][1], end))
        else:
            own.append((start, end))
    return merged
