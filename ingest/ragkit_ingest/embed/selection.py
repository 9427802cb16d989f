"""Makes an embedder from its name, and says how long its chunks may be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit_ingest.errors import ConfigError

if TYPE_CHECKING:
    from ragkit_ingest.embed.protocol import Embedder

PACKAGED = "minilm"
_LEAST_TOKENS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderSettings:
    """Which embedder, in words.

    Attributes:
        embedder: "minilm", "st:PATH-OR-NAME" or "endpoint:MODEL".
        url: The endpoint's base address; needed for an endpoint only.
        key_env: The environment variable that holds the endpoint's key.
        dimensions: Length of the vectors to ask the endpoint for; 0 for the model's own.
        max_tokens: Longest text that is sent to the endpoint.
        query_prefix: Put before every question; "" for the model's own prompt, if it has one.
        document_prefix: Put before every passage; "" for the model's own prompt, if it has one.
    """

    embedder: str = PACKAGED
    url: str = ""
    key_env: str = "OPENAI_API_KEY"
    dimensions: int = 0
    max_tokens: int = 512
    query_prefix: str = ""
    document_prefix: str = ""


def check_name(name: str) -> None:
    """Refuse what names no embedder; nothing is loaded or contacted.

    Raises:
        ConfigError: If it is not one of the three forms.
    """
    kind, colon, what = name.partition(":")
    if name != PACKAGED and not (kind in {"st", "endpoint"} and colon and what.strip()):
        raise ConfigError(
            f"there is no embedder {name!r}; give {PACKAGED}, st:PATH-OR-NAME for a "
            "sentence-transformers model, or endpoint:MODEL for an OpenAI-compatible endpoint"
        )


def absolute(name: str) -> str:
    """Return the name with the whole path of a model's folder, so that it holds from anywhere."""
    kind, _, what = name.partition(":")
    folder = Path(what).expanduser()
    return f"st:{folder.resolve()}" if kind == "st" and folder.is_dir() else name


def select(settings: EmbedderSettings) -> Embedder:
    """Return the embedder that is named; its model is loaded at the first text.

    Raises:
        ConfigError: If the name is none, or an endpoint's address is missing.
        EmbedderError: If the model is not there.
    """
    check_name(settings.embedder)
    kind, _, what = settings.embedder.partition(":")
    if kind == "st":
        from ragkit_ingest.embed.bert_folder import BertFolder, fits
        from ragkit_ingest.embed.sentence_transformer import SentenceTransformerEmbedder

        chosen = BertFolder if fits(Path(what).expanduser()) else SentenceTransformerEmbedder
        return chosen(
            what,
            query_prefix=settings.query_prefix or None,
            document_prefix=settings.document_prefix or None,
        )
    if kind == "endpoint":
        return _endpoint(settings, what)
    from ragkit_ingest.embed.minilm import MiniLM

    return MiniLM()


def _endpoint(settings: EmbedderSettings, model: str) -> Embedder:
    from ragkit_ingest.embed.endpoint import EndpointEmbedder, EndpointSettings

    if not settings.url:
        raise ConfigError(
            f"the embedder endpoint:{model} needs an address; set embedder_url in ragkit.toml, "
            "such as http://localhost:11434/v1"
        )
    return EndpointEmbedder(
        EndpointSettings(
            url=settings.url,
            model=model,
            key_env=settings.key_env,
            dimensions=settings.dimensions,
            max_tokens=settings.max_tokens,
            query_prefix=settings.query_prefix,
            document_prefix=settings.document_prefix,
        )
    )


def chunk_limit(embedder: Embedder) -> int:
    """Return the most tokens of a chunk that the embedder reads, special tokens included.

    That is what it reads of a text, less the prefix that it puts before every passage.

    Raises:
        ConfigError: If that is less than the shortest chunk, 32 tokens.
    """
    fingerprint = embedder.fingerprint
    limit = fingerprint.max_tokens
    if fingerprint.document_prefix:
        limit -= embedder.count_tokens([fingerprint.document_prefix])[0]
    if limit < _LEAST_TOKENS:
        raise ConfigError(
            f"the embedder {fingerprint.name} reads {limit} tokens of a chunk, and a chunk needs "
            f"{_LEAST_TOKENS}; choose another model, or a shorter document prefix"
        )
    return limit
