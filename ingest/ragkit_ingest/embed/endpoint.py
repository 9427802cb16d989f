"""Embeds through any endpoint that speaks OpenAI's `/v1/embeddings`, local or remote.

Every text that is indexed, and every question, is sent to the endpoint that was named, and
nowhere else: redirects are not followed, and there is no default address.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ragkit_ingest.embed.backoff import Backoff
from ragkit_ingest.embed.estimate import TokenEstimate, clean
from ragkit_ingest.embed.protocol import Fingerprint, Vectors
from ragkit_ingest.embed.unit import unit_vectors
from ragkit_ingest.endpoint import Endpoint, EndpointFailure
from ragkit_ingest.errors import ConfigError, EmbedderError

_SPECIAL_TOKENS = 2
_PROBE = "The dimension of a vector."
_TOO_MUCH = frozenset({413, 422})
_ADVICE = {
    400: "if a text is too long for the model, lower embedder_max_tokens",
    413: "lower embedder_max_tokens",
    422: "lower embedder_max_tokens",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """Which endpoint and model, and how it is asked.

    Attributes:
        url: The base address up to `/embeddings`, such as "http://localhost:11434/v1".
        model: The model's name there.
        key_env: The environment variable that holds the key; a local server needs none.
        dimensions: Length of the vectors to ask for; 0 for the model's own.
        max_tokens: Longest text that is sent, 32 or more, by a careful estimate; the rest of a
            longer text is not read.
        query_prefix: Put before every question.
        document_prefix: Put before every passage.
        batch_texts: Most texts in a request.
        batch_tokens: Most tokens in a request, estimated, unless one text alone has more.
        timeout_s: Longest wait for one answer, in seconds.
        backoff: When failed requests are tried again.
    """

    url: str
    model: str
    key_env: str = "OPENAI_API_KEY"
    dimensions: int = 0
    max_tokens: int = 512
    query_prefix: str = ""
    document_prefix: str = ""
    batch_texts: int = 32
    batch_tokens: int = 16_384
    timeout_s: float = 60.0
    backoff: Backoff = field(default_factory=Backoff)

    def __post_init__(self) -> None:
        self.endpoint()
        if not self.model.strip():
            raise ConfigError("the embedding model has no name; give it as endpoint:MODEL")
        for name, value, least in (
            ("dimensions", self.dimensions, 0),
            ("max_tokens", self.max_tokens, 32),
            ("batch_texts", self.batch_texts, 1),
            ("batch_tokens", self.batch_tokens, 1),
        ):
            if value < least:
                raise ConfigError(f"the endpoint's {name} must be {least} or more, not {value}")

    def endpoint(self) -> Endpoint:
        """Return where requests go.

        Raises:
            ConfigError: If the address is none.
        """
        return Endpoint(
            url=self.url,
            model=self.model,
            key_env=self.key_env,
            timeout_s=self.timeout_s,
            kind="embedder",
            what="the embedding endpoint",
            error=EmbedderError,
            advice=_ADVICE,
        )


class EndpointEmbedder:
    """A model behind an OpenAI-compatible endpoint.

    The dimension is learnt from one short request at the first use of `fingerprint`, unless
    `dimensions` is set. The fingerprint holds the model's name and not the address: the same
    model on another server is the same vector space. Instances may be shared between threads.

    Args:
        settings: Which endpoint and model.
        estimate: Counts tokens, since the model's own tokenizer is not at hand.
    """

    def __init__(
        self, settings: EndpointSettings, *, estimate: TokenEstimate | None = None
    ) -> None:
        self._settings = settings
        self._endpoint = settings.endpoint()
        self._estimate = estimate or TokenEstimate()
        self._dimension = settings.dimensions
        self._client: Any = None
        self._lock = Lock()

    @property
    def fingerprint(self) -> Fingerprint:
        """What identifies the vector space.

        Raises:
            EmbedderError: If the dimension is not known yet and the endpoint does not tell it.
        """
        settings = self._settings
        identity = json.dumps(["openai-compatible", settings.model, settings.dimensions])
        return Fingerprint(
            name=settings.model,
            weights_sha256=hashlib.sha256(identity.encode()).hexdigest(),
            dimension=self._known_dimension(),
            max_tokens=settings.max_tokens,
            pooling="by the endpoint",
            query_prefix=settings.query_prefix,
            document_prefix=settings.document_prefix,
        )

    @property
    def precision(self) -> str:
        """Where the arithmetic is done; the endpoint does not tell which."""
        return f"computed by {urlsplit(self._settings.url).netloc}"

    def close(self) -> None:
        """Close the connections; they are opened again if the embedder is used again."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's estimated length in tokens, without special tokens or limit."""
        return self._estimate.count([clean(text) for text in texts] if texts else [])

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, in order, shape (len(texts), dimension).

        Raises:
            EmbedderError: If the endpoint cannot be reached, refuses, keeps failing, or answers
                with anything but one finite vector of the right length for each text.
        """
        return self._embed(texts, self._settings.document_prefix)

    def embed_query(self, text: str) -> Vectors:
        """Return the question's unit vector, shape (dimension,)."""
        vector: Vectors = self._embed([text], self._settings.query_prefix)[0]
        return vector

    def _embed(self, texts: Sequence[str], prefix: str) -> Vectors:
        if not texts:
            return np.zeros((0, self._known_dimension()), np.float32)
        limit = self._settings.max_tokens - _SPECIAL_TOKENS
        read = self._estimate.cut([clean(prefix + text) for text in texts], limit)
        rows = [row for batch in self._batches(read) for row in self._answered(batch)]
        self._agree([len(row) for row in rows])
        return unit_vectors(rows, self._endpoint.who)

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        batch: list[str] = []
        tokens = 0
        for text, length in zip(texts, self._estimate.count(texts), strict=True):
            full = len(batch) == self._settings.batch_texts
            if batch and (full or tokens + length > self._settings.batch_tokens):
                yield batch
                batch, tokens = [], 0
            batch.append(text)
            tokens += length
        if batch:
            yield batch

    def _known_dimension(self) -> int:
        if not self._dimension:
            self._agree([len(row) for row in self._answered([_PROBE])])
        return self._dimension

    def _agree(self, lengths: Sequence[int]) -> None:
        """Compare the vectors' lengths with the dimension, or learn it from them."""
        with self._lock:
            wanted = self._dimension or lengths[0]
            wrong = next((length for length in lengths if length != wanted), None)
            if wrong is not None or not wanted:
                raise EmbedderError(
                    f"{self._endpoint.who} gave a vector of {wrong or 0} dimensions where {wanted} "
                    "were expected; check that the model was not changed, and embedder_dimensions"
                )
            self._dimension = wanted

    # -- requests ----------------------------------------------------------------------------

    def _answered(self, texts: list[str]) -> list[Vectors]:
        """Return one vector a text; a request that is too much for the server is halved."""
        try:
            return self._parsed(self._post(texts), len(texts))
        except _TooMuchError as exc:
            if len(texts) == 1:
                raise EmbedderError(str(exc)) from exc
        half = len(texts) // 2
        return self._answered(texts[:half]) + self._answered(texts[half:])

    def _post(self, texts: list[str]) -> bytes:
        """Return the body of a good answer, after as many tries as the backoff allows."""
        failed = 0
        while True:
            try:
                with self._endpoint.translated():
                    return self._request(texts)
            except EndpointFailure as exc:
                if exc.status in _TOO_MUCH:
                    raise _TooMuchError(str(exc)) from exc
                failed += 1
                backoff = self._settings.backoff
                wait = backoff.wait_s(failed, exc.headers) if exc.passing else None
                if wait is None:
                    tries = f" ({failed} tries)" if failed > 1 else ""
                    raise EmbedderError(f"{exc}{tries}") from exc
            backoff.sleep(wait)

    def _request(self, texts: list[str]) -> bytes:
        options = self._endpoint.request_options()
        if self._settings.dimensions:
            options["dimensions"] = self._settings.dimensions
        response = self._opened().embeddings.with_raw_response.create(
            input=texts, model=self._settings.model, encoding_format="base64", **options
        )
        body: bytes = response.http_response.content
        return body

    def _opened(self) -> Any:
        from openai import DefaultHttpxClient, OpenAI

        with self._lock:
            if self._client is None:
                self._client = OpenAI(
                    **self._endpoint.client_options(),
                    http_client=DefaultHttpxClient(follow_redirects=False),
                )
            return self._client

    # -- answers -----------------------------------------------------------------------------

    def _parsed(self, body: bytes, count: int) -> list[Vectors]:
        """Return the answer's vectors in the order of the texts."""
        try:
            answer = json.loads(body)
            entries = {int(entry["index"]): entry["embedding"] for entry in answer["data"]}
            given = len(answer["data"])
            vectors = {index: _vector(value) for index, value in entries.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            raise EmbedderError(
                f"{self._endpoint.who} answered with something that is no list of embeddings "
                f"({self._endpoint.harmless(body[:80].decode('utf-8', 'replace'))!r}); check that "
                "embedder_url leads to an OpenAI-compatible interface"
            ) from exc
        if given != count or set(vectors) != set(range(count)):
            raise EmbedderError(
                f"{self._endpoint.who} gave {given} vectors numbered {sorted(vectors)[:5]}... for "
                f"{count} texts; nothing of it was stored"
            )
        return [vectors[index] for index in range(count)]


class _TooMuchError(EmbedderError):
    """The server takes no request of this size."""


def _vector(value: object) -> Vectors:
    """Return an embedding given as base64 of little-endian float32, or as a list of numbers."""
    try:
        if isinstance(value, str):
            return np.frombuffer(base64.b64decode(value, validate=True), "<f4").astype(np.float32)
        if isinstance(value, list) and not any(isinstance(item, str | bool) for item in value):
            vector = np.asarray(value, np.float64)
            if vector.ndim == 1:
                # What overflows becomes infinite, and is refused as such.
                with np.errstate(over="ignore"):
                    return vector.astype(np.float32)
    except binascii.Error as exc:
        raise ValueError("the embedding is not base64") from exc
    raise TypeError(f"an embedding is of type {type(value).__name__}")
