"""BEIR: queries with judged documents. What the answer is, is not known.

Source: Thakur et al., "BEIR", NeurIPS Datasets and Benchmarks 2021.
"""

from __future__ import annotations

from pathlib import Path

from ragkit_eval.beir import load
from ragkit_eval.cases import Case
from ragkit_eval.imports.imported import Imported, file_name


def read_beir(folder: Path) -> Imported:
    """Return the judged queries of a BEIR folder; a relevant document's title and text answer one.

    Such an answer is a whole text: content measures compare with it, exact ones are of no use.

    Raises:
        UsageError: If a file is missing or a line is wrong.
    """
    dataset = load(folder)
    names: dict[str, str] = {}
    documents: dict[str, str] = {}
    for number, document in enumerate(dataset.documents()):
        names[document.id] = file_name(document.title or document.id, number)
        documents[names[document.id]] = f"{document.title}\n\n{document.text}".strip()
    cases = []
    skipped = 0
    for id_, question in dataset.queries.items():
        relevant = [d for d, grade in dataset.judgements[id_].items() if grade > 0 and d in names]
        if not relevant or not question.strip():
            skipped += 1
            continue
        relevant.sort(key=lambda d: -dataset.judgements[id_][d])
        cases.append(
            Case(
                id=id_,
                question=question,
                answers=tuple(documents[names[d]] for d in relevant),
                answerable=True,
                kind="retrieval",
                gold=tuple(names[d] for d in relevant),
            )
        )
    return Imported(cases=tuple(cases), documents=documents, skipped=skipped)
