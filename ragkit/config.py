"""The settings of a pipeline: values only, from `ragkit.toml` or from code.

Nothing is built here, and nothing is read that was not asked for.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ragkit.generate.name import EXTRACTIVE
from ragkit.generate.name import check_name as check_generator
from ragkit_ingest.embed.selection import check_name
from ragkit_ingest.endpoint import check_key_env
from ragkit_ingest.errors import ConfigError
from ragkit_ingest.split import CHUNK_TOKENS, HEADER_TOKENS, PIECE_TOKENS

FILE_NAME = "ragkit.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting, with its default.

    Attributes:
        embedder: What makes the vectors: "minilm" (packaged), "st:PATH-OR-NAME" (a
            sentence-transformers model) or "endpoint:MODEL" (OpenAI-compatible); empty for the one
            that made the index, and "minilm" for a new one.
        embedder_url: The endpoint's base address, such as "http://localhost:11434/v1".
        embedder_key_env: The environment variable that holds the endpoint's key.
        embedder_dimensions: Length of the vectors to ask the endpoint for; 0 for the model's own.
        embedder_max_tokens: Longest text that is sent to the endpoint, 32 to 1,000,000.
        embedder_query_prefix: Put before every question; empty for the model's own prompt.
        embedder_document_prefix: Put before every passage; empty for the model's own prompt.
        chunk_tokens: Most tokens of a chunk with its header, 32 or more and at most what the
            embedder reads; the default shrinks to what it reads.
        header_tokens: Most tokens of the title and headings put before a chunk.
        piece_tokens: Most tokens of text in each chunk of a section that does not fit into one,
            16 or more.
        workers: Parsing processes, 1 or more.
        ocr: Whether images, and pages that are images, are read with OCR: "on", "off", or "auto",
            which means as the index was read before.
        mode: How passages are found: "hybrid", "dense" or "lexical".
        k: Passages that an answer looks at, 1 to 100.
        depth: Candidates taken from each ranking before they are fused, 1 or more.
        fusion: How they are fused: "score" or "rank".
        dense_weight: Weight of the dense ranking in the fusion, 0 to 1.
        sentence_weight: How far a candidate's nearest sentence counts beyond the passage as a
            whole, 0 to 1; 0 for not at all.
        feedback: First passages that the question is moved towards, 0 to 100; 0 for none.
        feedback_weight: How far it is moved, 0 to 10.
        per_document: Most passages of one document before those of all others; 0 for no cap.
        diversity: How much a passage unlike those before it is preferred, 0 to 1.
        reranker: Reads the question with each candidate and orders them anew: the folder of a
            cross-encoder, or its name on the hub; empty for none.
        rerank_depth: Candidates that it reads, 1 to 1,000; the others follow in their order.
        expand: Most tokens of a passage with its neighbours of the same section, 0 to 8,192; 0 for
            the passage alone.
        generator: Who writes the answer: "extractive" (the documents' own sentences),
            "openai:MODEL" (OpenAI-compatible endpoint), or "local:PATH" or "local:PATH+ADAPTER"
            (a folder with a Hugging Face model, and one with a LoRA adapter).
        generator_url: The endpoint's base address, such as "http://localhost:11434/v1".
        generator_key_env: The environment variable that holds the endpoint's key.
        generator_timeout_s: Longest silence of the endpoint, in seconds, above 0 to 3,600.
        generator_total_s: Longest time for one answer of the endpoint, in seconds, above 0.
        generator_context_tokens: Most tokens of prompt and answer, 512 to 10,000,000.
        generator_temperature: 0 for the likeliest text, up to 2.
        generator_seed: For models that take one, 0 or more.
        generator_per_document: Most passages of one document in a prompt, if there are others
            too; 0 for no cap.
        generator_price_in: Of a million prompt tokens, in your currency; 0 if unknown.
        generator_price_out: Of a million written tokens; 0 if unknown.
        max_answer_tokens: Most tokens of an answer, 1 or more, less than the context.
        query_rewriting: What else is searched for, worded by the chat model of the generator:
            "multi" (other wordings), "hyde" (a passage that might answer), or empty for nothing.
        persona: How a chat model's answers should sound; empty for no wish.
        prompts: A folder whose prompts win over the packaged ones; empty for none.
        unsupported: What becomes of a generated sentence that the passages do not support: "flag"
            (shown as such) or "drop" (left out).
        audit: A file to which a record of every answer is added; empty for none.
        min_confidence: Below this calibrated probability an answer is withheld, 0 to 1.
    """

    embedder: str = ""
    embedder_url: str = ""
    embedder_key_env: str = "OPENAI_API_KEY"
    embedder_dimensions: int = 0
    embedder_max_tokens: int = 512
    embedder_query_prefix: str = ""
    embedder_document_prefix: str = ""
    chunk_tokens: int = CHUNK_TOKENS
    header_tokens: int = HEADER_TOKENS
    piece_tokens: int = PIECE_TOKENS
    workers: int = 2
    ocr: str = "auto"
    mode: str = "hybrid"
    k: int = 8
    depth: int = 200
    fusion: str = "score"
    dense_weight: float = 0.6
    sentence_weight: float = 0.75
    feedback: int = 2
    feedback_weight: float = 0.4
    per_document: int = 0
    diversity: float = 0.0
    reranker: str = ""
    rerank_depth: int = 50
    expand: int = 0
    generator: str = EXTRACTIVE
    generator_url: str = ""
    generator_key_env: str = "OPENAI_API_KEY"
    generator_timeout_s: float = 60.0
    generator_total_s: float = 600.0
    generator_context_tokens: int = 4096
    generator_temperature: float = 0.0
    generator_seed: int = 0
    generator_per_document: int = 4
    generator_price_in: float = 0.0
    generator_price_out: float = 0.0
    max_answer_tokens: int = 512
    query_rewriting: str = ""
    persona: str = ""
    prompts: str = ""
    unsupported: str = "flag"
    audit: str = ""
    min_confidence: float = 0.36

    def __post_init__(self) -> None:
        if self.embedder:
            check_name(self.embedder)
        _between("embedder_dimensions", self.embedder_dimensions, 0, 65_536)
        _between("embedder_max_tokens", self.embedder_max_tokens, 32, 1_000_000)
        check_key_env("embedder_key_env", self.embedder_key_env)
        _between("chunk_tokens", self.chunk_tokens, 32, 1_000_000)
        _between("header_tokens", self.header_tokens, 0, self.chunk_tokens // 2)
        _between("piece_tokens", self.piece_tokens, 16, 1_000_000)
        _between("workers", self.workers, 1, 64)
        _between("k", self.k, 1, 100)
        _between("depth", self.depth, 1, 10_000)
        _between("dense_weight", self.dense_weight, 0, 1)
        _between("sentence_weight", self.sentence_weight, 0, 1)
        _between("feedback", self.feedback, 0, 100)
        _between("feedback_weight", self.feedback_weight, 0, 10)
        _between("per_document", self.per_document, 0, 1000)
        _between("diversity", self.diversity, 0, 1)
        _between("rerank_depth", self.rerank_depth, 1, 1000)
        _between("expand", self.expand, 0, 8192)
        _between("min_confidence", self.min_confidence, 0, 1)
        self._check_generator()
        if self.ocr not in {"auto", "on", "off"}:
            raise ConfigError(f"ocr must be auto, on or off, not {self.ocr!r}")
        if self.unsupported not in {"flag", "drop"}:
            raise ConfigError(f"unsupported must be flag or drop, not {self.unsupported!r}")
        if self.mode not in {"hybrid", "dense", "lexical"}:
            raise ConfigError(f"mode must be hybrid, dense or lexical, not {self.mode!r}")
        if self.fusion not in {"score", "rank"}:
            raise ConfigError(f"fusion must be score or rank, not {self.fusion!r}")

    def _check_generator(self) -> None:
        check_generator(self.generator)
        check_key_env("generator_key_env", self.generator_key_env)
        _between("generator_timeout_s", self.generator_timeout_s, 0.001, 3600)
        _between("generator_total_s", self.generator_total_s, 0.001, 86_400)
        _between("generator_context_tokens", self.generator_context_tokens, 512, 10_000_000)
        _between("generator_temperature", self.generator_temperature, 0, 2)
        _between("generator_seed", self.generator_seed, 0, 2**31 - 1)
        _between("generator_per_document", self.generator_per_document, 0, 1000)
        _between("generator_price_in", self.generator_price_in, 0, 1_000_000)
        _between("generator_price_out", self.generator_price_out, 0, 1_000_000)
        if self.query_rewriting not in {"", "multi", "hyde"}:
            raise ConfigError(
                f"query_rewriting must be multi, hyde or empty, not {self.query_rewriting!r}"
            )
        _between("max_answer_tokens", self.max_answer_tokens, 1, self.generator_context_tokens - 1)

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None) -> Config:
        """Return the settings of a TOML file; those it does not name keep their defaults.

        Args:
            path: The file; None for `ragkit.toml` in the working folder, if there is one.

        Raises:
            ConfigError: If the file is missing, is not TOML, or holds an unknown key or a wrong
                value.
        """
        file = Path(path) if path is not None else Path(FILE_NAME)
        if path is None and not file.is_file():
            return cls()
        try:
            values = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as exc:
            raise ConfigError(f"the settings file {file} cannot be read ({exc.strerror})") from exc
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
            raise ConfigError(f"the settings file {file} is not valid TOML: {exc}") from exc
        return cls.from_values(values, source=str(file))

    @classmethod
    def from_values(cls, values: dict[str, Any], *, source: str) -> Config:
        """Return settings from parsed values; `source` names them in error messages."""
        known = {field.name: type(field.default) for field in fields(cls)}
        for key, value in values.items():
            if key not in known:
                raise ConfigError(
                    f"{source} sets {key!r}, which ragkit does not know; the settings are: "
                    f"{', '.join(known)}"
                )
            wanted = (int, float) if known[key] is float else (known[key],)
            if isinstance(value, bool) or not isinstance(value, wanted):
                raise ConfigError(
                    f"{source} sets {key} to {value!r}; it must be of type {known[key].__name__}"
                )
        try:
            return cls(**values)
        except ConfigError as exc:
            raise ConfigError(f"{source}: {exc}") from exc


def _between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} must be between {low} and {high}, not {value}")
