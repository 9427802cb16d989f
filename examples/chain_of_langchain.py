"""Put the documents into a chain of LangChain.

    pip install 'ragkit[langchain]'
    python examples/chain_of_langchain.py examples/company "How long is the leave?"

The chain here ends with the text that a prompt would get, so no model is needed. The index is kept
in `.ragkit` in the working folder.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragkit import Pipeline, RagkitError

if TYPE_CHECKING:
    from langchain_core.documents import Document


def main(arguments: Sequence[str], index: str = ".ragkit") -> int:
    """Ingest the folder, run the chain, print what it gives.

    Args:
        arguments: The folder, and the question.
        index: The index folder; made if it is not there.

    Returns:
        The exit code: 0, 1 after an error, 2 if the arguments are wrong.
    """
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder, question = arguments
    from langchain_core.runnables import RunnableLambda

    try:
        with Pipeline(index) as rag:
            rag.ingest(folder)
            chain = rag.as_langchain_retriever(k=3) | RunnableLambda(context)
            print(chain.invoke(question))  # chain | prompt | model
    except RagkitError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


def context(documents: Sequence[Document]) -> str:
    """Return the passages with where they stand."""
    return "\n".join(
        f"{place['path']} {place['start']}:{place['end']}  {text!r}"
        for place, text in ((one.metadata, one.page_content) for one in documents)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
