"""Ask a folder of documents a question, and see where the answer stands.

    python examples/ask_your_documents.py examples/company "How long is the notice period?"

The index is kept in `.ragkit` in the working folder, so that a second question is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ragkit import Pipeline, RagkitError


def main(arguments: Sequence[str], index: str = ".ragkit") -> int:
    """Ingest the folder, ask the question, print the answer and its sources.

    Args:
        arguments: The folder and the question.
        index: The index folder; made if it is not there.

    Returns:
        The exit code: 0, 1 after an error, 2 if the arguments are wrong.
    """
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder, question = arguments
    try:
        with Pipeline(index) as rag:
            report = rag.ingest(folder)  # only what changed is read and embedded
            for failure in report.failures:
                print(f"not read: {failure.path}: {failure.reason}", file=sys.stderr)
            answer = rag.ask(question)
    except RagkitError as exc:
        print(exc, file=sys.stderr)
        return 1

    print(answer.text)
    print(f"confidence {answer.confidence:.2f}")
    for citation in answer.citations:
        page = f", page {citation.page}" if citation.page else ""
        print(f'[{citation.n}] {citation.path}{page}: "{citation.quote}"')
    if answer.abstained:
        print("looked at:", ", ".join(dict.fromkeys(p.path for p in answer.passages)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
