"""Give an agent of LlamaIndex the documents: as a tool that answers, and as a retriever.

    pip install 'ragkit[llama-index]'
    python examples/agent_of_llama_index.py examples/company "How long is the leave?"

The tool is called here as an agent would call it, so no model is needed. The index is kept in
`.ragkit` in the working folder.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ragkit import Pipeline, RagkitError


def main(arguments: Sequence[str], index: str = ".ragkit") -> int:
    """Ingest the folder, call the tool, print its answer, its citations and the passages.

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
    from llama_index.core.tools import QueryEngineTool

    try:
        with Pipeline(index) as rag:
            rag.ingest(folder)
            tool = QueryEngineTool.from_defaults(
                rag.as_query_engine(), name="documents", description="Answers, with citations."
            )
            response = tool.call(question).raw_output  # FunctionAgent(tools=[tool], llm=...)
            nodes = rag.as_retriever(k=3).retrieve(question)
    except RagkitError as exc:
        print(exc, file=sys.stderr)
        return 1
    print(response)
    for cited in response.source_nodes:
        print(f"[{cited.metadata['n']}] {cited.metadata['path']}: {cited.text!r}")
    for node in nodes:
        span = f"{node.metadata['start']}:{node.metadata['end']}"
        print(f"found: {node.metadata['path']} {span}  {node.score:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
