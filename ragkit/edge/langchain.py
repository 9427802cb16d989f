"""A retriever for LangChain. Importing this imports LangChain's core."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import Field

from ragkit.answer import Passage
from ragkit.edge.metadata import of_passage


class RagkitRetriever(BaseRetriever):
    """Finds passages; each is a document with its exact span in its metadata.

    Attributes:
        rag: The pipeline; not closed here.
        k: How many passages, 1 or more.
        mode: "hybrid", "dense" or "lexical"; None for the configured one.
        where: Conditions on the documents.
    """

    rag: Any = Field(exclude=True, repr=False)
    k: int = 10
    mode: str | None = None
    where: dict[str, Any] | None = None

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002  (part of the interface)
    ) -> list[Document]:
        return self._found(query)

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002
    ) -> list[Document]:
        return await asyncio.to_thread(self._found, query)

    def _found(self, query: str) -> list[Document]:
        result = self.rag.search(query, mode=self.mode, k=self.k, where=self.where)
        return [_document(hit) for hit in result.hits]


def _document(passage: Passage) -> Document:
    return Document(
        id=str(passage.chunk_id), page_content=passage.text, metadata=of_passage(passage)
    )
