"""Does topic leak into tone? AUC of the voice's classifier on texts that differ by topic.

    RAGKIT_DATA=~/ragkit-data python -m bench.tone_by_topic

Data: `scale/sourcegraph_handbook` (pages of one company, by department) and `qa/squad2` (articles
of Wikipedia). Paragraphs of the one are "house", those of the other "base"; pages are groups.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from bench.squad import paragraphs
from ragkit.sentence import split
from ragkit_eval.voice import fit_voice

DEPARTMENTS = (
    *("engineering", "technical-success", "people-talent", "security", "product", "sales"),
    "marketing",
)
MOST = 120
SENTENCES = 3
LEAST_PARAGRAPHS = 30
Text = tuple[str, str]  # and its group


def main() -> None:
    """Print the AUC of each pair, and the mean."""
    data = Path(os.environ["RAGKIT_DATA"]).expanduser()
    folder = data / "scale" / "sourcegraph_handbook" / "content" / "departments"
    report("departments", {name: list(pages(folder / name)) for name in DEPARTMENTS})
    report("articles", articles(data / "qa" / "squad2"))


def report(title: str, topics: Mapping[str, Sequence[Text]]) -> None:
    """Print how well each pair of topics is told apart."""
    found = []
    for one, two in combinations(topics, 2):
        (house, house_groups), (base, base_groups) = (
            zip(*sorted(topics[name], key=_shuffled)[:MOST], strict=True) for name in (one, two)
        )
        voice = fit_voice(house, base, house_groups=house_groups, base_groups=base_groups)
        if voice.auc is not None:
            found.append((voice.auc, one, two))
            print(f"{voice.auc:.3f}  {one}, {two}")
    areas = [area for area, *_ in found]
    print(
        f"{title}: {len(areas)} pairs, mean {sum(areas) / len(areas):.2f}, "
        f"from {min(areas):.2f} to {max(areas):.2f}\n"
    )


def _shuffled(text: Text) -> bytes:
    return hashlib.sha256(text[0].encode()).digest()


def pages(folder: Path) -> Iterator[Text]:
    """Yield the plain paragraphs of a folder's pages."""
    for file in sorted(folder.rglob("*.md")):
        for paragraph in re.split(r"\n\s*\n", file.read_text(encoding="utf-8")):
            text = re.sub(r"\]\([^)]*\)", "]", paragraph.strip())
            if 120 < len(paragraph.strip()) < 600 and not re.match(r"[#|<\-*!\d>{]", text):
                yield text.replace("[", "").replace("]", ""), str(file)


def articles(squad: Path) -> dict[str, list[Text]]:
    """Return the first sentences of the paragraphs of each article."""
    found: dict[str, list[Text]] = {}
    for one in paragraphs(squad).values():
        spans = split(one.text)[:SENTENCES]
        found.setdefault(one.title, []).append((one.text[: spans[-1][1]], one.id))
    return {name: texts for name, texts in found.items() if len(texts) >= LEAST_PARAGRAPHS}


if __name__ == "__main__":
    main()
