"""A BERT sentence encoder from a folder, computed as quickly on a CPU as the packaged model.

Tuned copies of the packaged model have its shape, and so do many small models of the hub. Their
weights go into the same OpenVINO graph; neither torch nor sentence-transformers is imported.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit_ingest.embed.bert_graph import BertShape, Graph, build
from ragkit_ingest.embed.inference import MANY, Inference
from ragkit_ingest.embed.protocol import Fingerprint, Vectors
from ragkit_ingest.embed.sentence_transformer import SentenceTransformerEmbedder
from ragkit_ingest.embed.sentences import encoded_with_sentences
from ragkit_ingest.embed.unit import unit_vectors
from ragkit_ingest.errors import EmbedderError

_WEIGHTS = "model.safetensors"
_TOKENIZER = "tokenizer.json"
_KINDS = {"F32", "F16", "I64"}
_MODULES = (".Transformer", ".Pooling", ".Normalize")


def fits(folder: Path) -> bool:
    """Return whether a folder holds what the graph computes, and the CPU is the place for it.

    That is a BERT with absolute positions and GELU, mean pooling and unit length, with weights that
    NumPy knows, on a machine without a graphics card that sentence-transformers would use.
    """
    if sys.platform == "darwin" or os.name == "nt" or Path("/dev/nvidiactl").exists():
        return False
    try:
        config = _read(folder / "config.json")
        pooling = _read(folder / "1_Pooling" / "config.json")
        kinds = [str(module["type"]) for module in _read(folder / "modules.json")]
        paths = [str(module["path"]) for module in _read(folder / "modules.json")]
        own = folder / "sentence_bert_config.json"
        lowers = own.is_file() and _read(own).get("do_lower_case")
        known = _kinds(folder / _WEIGHTS) <= _KINDS
    except (OSError, ValueError, KeyError, TypeError):
        return False  # whatever is wrong, the other embedder says it
    mode = pooling.get("pooling_mode", pooling.get("pooling_mode_mean_tokens"))
    others = [key for key, on in pooling.items() if key.startswith("pooling_mode_") and on is True]
    return (
        len(kinds) == len(_MODULES)
        and all(kind.endswith(end) for kind, end in zip(kinds, _MODULES, strict=True))
        and paths[:2] == ["", "1_Pooling"]
        and config.get("model_type") == "bert"
        and config.get("hidden_act", "gelu") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and (
            mode in ("mean", ["mean"]) or (mode is True and others == ["pooling_mode_mean_tokens"])
        )
        and pooling.get("include_prompt", True) is True
        and known
        and not lowers  # it is the tokenizer that must do so
        and (folder / _TOKENIZER).is_file()
    )


def _kinds(weights: Path) -> set[str]:
    """Return the kinds of numbers in a safetensors file, as its head names them."""
    with weights.open("rb") as file:
        head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return {str(entry["dtype"]) for name, entry in head.items() if name != "__metadata__"}


class BertFolder(SentenceTransformerEmbedder):
    """A model for which `fits` holds; its fingerprint is that of the same folder computed by torch.

    Args:
        source: The folder.
        query_prefix: Put before every question; by default the model's own prompt.
        document_prefix: Put before every passage; by default the model's own prompt.
    """

    def __init__(
        self, source: str, *, query_prefix: str | None = None, document_prefix: str | None = None
    ) -> None:
        super().__init__(source, query_prefix=query_prefix, document_prefix=document_prefix)
        self._folder = Path(source).expanduser()
        self._inference = Inference(self._graph)

    @property
    def precision(self) -> str:
        """The arithmetic in use: "bf16" or "f32"."""
        return self._inference.precision

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's length in the model's tokens, without special tokens or limit."""
        encodings = self._counter.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in encodings]

    def release(self) -> None:
        """Give the model's memory back; the next text loads it again."""
        self._inference.release()

    def embed_with_sentences(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        """Return what `embed_documents` returns, and unit vectors of each text's sentences."""
        if not texts:
            return self.embed_documents(texts), []
        prefixed = [self.fingerprint.document_prefix + text for text in texts]
        read = self._reader.encode_batch(prefixed)
        with self._translated():
            vectors, sentences = encoded_with_sentences(
                self._inference, prefixed, read, self.fingerprint.dimension
            )
        return unit_vectors(list(vectors), f"the embedding model {self._folder}"), sentences

    def _embed(self, texts: Sequence[str], task: str, prefix: str) -> Vectors:
        del task  # the prefix says it
        fingerprint: Fingerprint = self.fingerprint
        if not texts:
            return np.zeros((0, fingerprint.dimension), np.float32)
        read = self._reader.encode_batch_fast([prefix + text for text in texts])
        ids = [encoding.ids for encoding in read]
        one = len(texts) == 1
        with self._translated():
            vectors = self._inference.encoded(
                ids,
                fingerprint.dimension,
                side_by_side=not one,
                change=one or len(texts) >= MANY,
            )
        return unit_vectors(list(vectors), f"the embedding model {self._folder}")

    @cached_property
    def _counter(self) -> Any:
        return self._tokenizer_of_file()

    @cached_property
    def _reader(self) -> Any:
        tokenizer = self._tokenizer_of_file()
        tokenizer.enable_truncation(self.fingerprint.max_tokens)
        return tokenizer

    def _tokenizer_of_file(self) -> Any:
        with self._translated("cannot be loaded"):
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_file(str(self._folder / _TOKENIZER))
            tokenizer.no_padding()
            tokenizer.no_truncation()
            return tokenizer

    def _graph(self) -> Graph:
        from safetensors.numpy import load_file

        config = _read(self._folder / "config.json")
        shape = BertShape(
            layers=int(config["num_hidden_layers"]),
            hidden=int(config["hidden_size"]),
            heads=int(config["num_attention_heads"]),
            layer_norm_eps=float(config.get("layer_norm_eps", 1e-12)),
        )
        weights = _plain(load_file(self._folder / _WEIGHTS))
        if (rows := len(weights["embeddings.position_embeddings.weight"])) < (
            most := self.fingerprint.max_tokens
        ):
            raise EmbedderError(
                f"the embedding model {self._folder} has {rows} positions, but says that it reads "
                f"{most} tokens; get the model again"
            )
        return build(weights, shape)


def _plain(weights: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the weights under the names that the graph knows."""
    return {name.removeprefix("bert."): value for name, value in weights.items()}


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
