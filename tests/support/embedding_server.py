"""A server that speaks `/v1/embeddings`."""

from __future__ import annotations

import base64
import json
from contextlib import AbstractContextManager
from typing import Any

from tests.support.endpoint_server import Answer, EndpointServer, serving_as
from tests.support.hashing import HashingEmbedder


def well(server: EmbeddingServer, request: dict[str, Any]) -> Answer:
    """Answer as a sound server does, in the encoding asked for."""
    return answer_with(server.entries(request))


def answer_with(entries: object, status: int = 200, **headers: str) -> Answer:
    body = json.dumps({"object": "list", "model": "m", "data": entries}).encode()
    return status, {"Content-Type": "application/json", **headers}, body


class EmbeddingServer(EndpointServer):
    """Embeds with the hashing embedder."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.always = well
        self.model = HashingEmbedder(max_tokens=100_000)

    def entries(self, request: dict[str, Any], *, plain: bool = False) -> list[dict[str, Any]]:
        texts = request["input"]
        vectors = self.model.embed_documents([texts] if isinstance(texts, str) else texts) * 3
        coded = request.get("encoding_format") == "base64" and not plain
        return [
            {
                "object": "embedding",
                "index": index,
                "embedding": base64.b64encode(vector.astype("<f4").tobytes()).decode()
                if coded
                else [float(value) for value in vector],
            }
            for index, vector in enumerate(vectors)
        ]


def serving() -> AbstractContextManager[EmbeddingServer]:
    """Run a server on a free port of the loopback interface."""
    return serving_as(EmbeddingServer)
