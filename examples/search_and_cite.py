"""Search, filter by metadata, and check every citation against the stored text.

    python examples/search_and_cite.py examples/company "days of annual leave"
    python examples/search_and_cite.py examples/company "descaling" format=html

The index is kept in `.ragkit` in the working folder.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ragkit import Citation, Pipeline, RagkitError


def main(arguments: Sequence[str], index: str = ".ragkit") -> int:
    """Ingest the folder, print the passages found and the checked citations of the answer.

    Args:
        arguments: The folder, what to look for, and conditions such as `format=pdf`.
        index: The index folder; made if it is not there.

    Returns:
        The exit code: 0, 1 after an error or a citation that does not hold, 2 if the arguments
        are wrong.
    """
    if len(arguments) < 2 or not all("=" in condition for condition in arguments[2:]):
        print(__doc__, file=sys.stderr)
        return 2
    folder, query, *conditions = arguments
    where = {key: value for key, _, value in (text.partition("=") for text in conditions)}
    try:
        with Pipeline(index) as rag:
            rag.ingest(folder)
            for hit in rag.search(query, k=3, where=where):
                print(f"{hit.rank}. {hit.path} {hit.start}:{hit.end}  {' > '.join(hit.headings)}")
            citations = rag.ask(query, where=where).citations
            checked = [(citation, holds(rag, citation)) for citation in citations]
    except RagkitError as exc:
        print(exc, file=sys.stderr)
        return 1
    for citation, exact in checked:
        print(f"{'exact' if exact else 'WRONG'}: {citation.path} {citation.quote!r}")
    return 0 if all(exact for _, exact in checked) else 1


def holds(rag: Pipeline, citation: Citation) -> bool:
    """Return whether the quote is, character by character, what is stored at its span."""
    stored = rag.show(citation.path, span=(citation.start, citation.end))
    return stored.text == citation.quote


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
