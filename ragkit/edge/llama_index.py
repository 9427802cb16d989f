"""A retriever and a query engine for LlamaIndex. Importing this imports LlamaIndex's core."""

from __future__ import annotations

import asyncio

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import RESPONSE_TYPE, Response
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.schema import (
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)

from ragkit.answer import Answer, Citation, Passage
from ragkit.edge.metadata import Rag, of_answer, of_citation, of_passage
from ragkit.retrieve.filters import Where


class RagkitRetriever(BaseRetriever):
    """Finds passages; each is a node with its exact span.

    Args:
        rag: The pipeline; not closed here.
        k: How many passages, 1 or more.
        mode: "hybrid", "dense" or "lexical"; None for the configured one.
        where: Conditions on the documents.
    """

    def __init__(
        self, rag: Rag, *, k: int = 10, mode: str | None = None, where: Where | None = None
    ) -> None:
        super().__init__()
        self._rag = rag
        self._k = k
        self._mode = mode
        self._where = where

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self._rag.search(
            query_bundle.query_str, mode=self._mode, k=self._k, where=self._where
        )
        return [_passage_node(hit) for hit in found.hits]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


class RagkitQueryEngine(BaseQueryEngine):
    """Answers questions; the nodes of a response are its verified citations, in order.

    The response is given whole: pieces of a draft would be shown before they are verified.

    Args:
        rag: The pipeline; not closed here.
        k: Passages to look at; None for the configured number.
        where: Conditions on the documents.
    """

    def __init__(self, rag: Rag, *, k: int | None = None, where: Where | None = None) -> None:
        super().__init__(callback_manager=None)
        self._rag = rag
        self._k = k
        self._where = where

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        return _response(self._rag.ask(query_bundle.query_str, k=self._k, where=self._where))

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        return _response(await self._rag.aask(query_bundle.query_str, k=self._k, where=self._where))

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}


def _passage_node(passage: Passage) -> NodeWithScore:
    metadata = of_passage(passage)
    node = TextNode(
        id_=str(passage.chunk_id),
        text=passage.text,
        metadata=metadata,
        start_char_idx=passage.start,
        end_char_idx=passage.end,
        excluded_llm_metadata_keys=[name for name in metadata if name not in {"path", "page"}],
        excluded_embed_metadata_keys=list(metadata),
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=passage.path)},
    )
    return NodeWithScore(node=node, score=passage.score)


def _citation_node(citation: Citation) -> NodeWithScore:
    node = TextNode(
        id_=f"{citation.path}:{citation.start}:{citation.end}",
        text=citation.quote,
        metadata=of_citation(citation),
        start_char_idx=citation.start,
        end_char_idx=citation.end,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=citation.path)},
    )
    return NodeWithScore(node=node)


def _response(answer: Answer) -> Response:
    return Response(
        response=answer.text,
        source_nodes=[_citation_node(citation) for citation in answer.citations],
        metadata=of_answer(answer),
    )
