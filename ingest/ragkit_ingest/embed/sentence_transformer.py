"""Embeds with any sentence-transformers model: a folder on this machine, or a name on the hub.

A folder never causes a connection. A hub name does so only until its files are in the user's
cache. Only safetensors weights are loaded, and no code that comes with a model is run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit_ingest.embed.protocol import Fingerprint, Vectors
from ragkit_ingest.embed.unit import unit_vectors
from ragkit_ingest.errors import EmbedderError

if TYPE_CHECKING:
    from collections.abc import Iterator

_WANTED = ["*.safetensors", "*.json", "*.txt", "*.model"]
_UNWANTED = ["onnx/*", "openvino/*", "*.msgpack", "*.h5"]
_PICKLED = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
_BATCH_TEXTS = 32
_QUERY_PROMPTS = ("query",)
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")
_OURS = "sentence_transformers."


class SentenceTransformerEmbedder:
    """A sentence-transformers model, computed by PyTorch on CUDA or MPS if present, else the CPU.

    The files are hashed at the first use of `fingerprint`, in pieces; the weights are loaded at
    the first text. The prompts for questions and passages are those of the model's own
    configuration. Instances may be shared between threads; one batch runs at a time.

    Args:
        source: A folder with the model, or its name on the hub, such as "BAAI/bge-small-en-v1.5".
            A folder of that name wins.
        query_prefix: Put before every question; by default the model's own prompt.
        document_prefix: Put before every passage; by default the model's own prompt.
        device: Such as "cpu" or "cuda:1"; by default the best there is.

    Raises:
        EmbedderError: If the source looks like a path and there is no such folder.
    """

    def __init__(
        self,
        source: str,
        *,
        query_prefix: str | None = None,
        document_prefix: str | None = None,
        device: str | None = None,
    ) -> None:
        self._source = source
        self._prefixes = (query_prefix, document_prefix)
        self._device = device
        self._lock = Lock()
        self._local = Path(source).expanduser()
        if not self._local.is_dir() and not _is_hub_name(source):
            raise EmbedderError(
                f"there is no model folder {self._local}; give a folder that holds one, or a name "
                "on the hub such as sentence-transformers/all-mpnet-base-v2"
            )

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """What identifies the vector space; computed from the files without loading the weights.

        Raises:
            EmbedderError: If the model cannot be found, is incomplete, or holds weights that are
                not safetensors, or code.
        """
        layout = self._layout
        query, document = (
            layout.prompt(names) if given is None else given
            for given, names in zip(
                self._prefixes, (_QUERY_PROMPTS, _DOCUMENT_PROMPTS), strict=True
            )
        )
        return Fingerprint(
            name=self._local.resolve().name if self._local.is_dir() else self._source,
            weights_sha256=layout.sha256(),
            dimension=layout.dimension(),
            max_tokens=layout.max_tokens(),
            pooling=layout.pooling(),
            query_prefix=query,
            document_prefix=document,
        )

    @property
    def precision(self) -> str:
        """The arithmetic and the device in use, such as "f32 on cuda:0"; loads the model."""
        weight = next(self._model.parameters())
        kind = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
        name = str(weight.dtype).removeprefix("torch.")
        return f"{kind.get(name, name)} on {weight.device}"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's length in the model's tokens, without special tokens or limit."""
        if not texts:
            return []
        with self._lock, self._translated():
            encoded = self._tokenizer(
                list(texts), add_special_tokens=False, truncation=False, verbose=False
            )
        return [len(ids) for ids in encoded["input_ids"]]

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, in order, shape (len(texts), dimension).

        Raises:
            EmbedderError: If the model cannot be loaded, fails, or answers with anything but
                finite vectors of its dimension.
        """
        return self._embed(texts, "document", self.fingerprint.document_prefix)

    def embed_query(self, text: str) -> Vectors:
        """Return the question's unit vector, shape (dimension,)."""
        vector: Vectors = self._embed([text], "query", self.fingerprint.query_prefix)[0]
        return vector

    def _embed(self, texts: Sequence[str], task: str, prefix: str) -> Vectors:
        dimension = self.fingerprint.dimension
        if not texts:
            return np.zeros((0, dimension), np.float32)
        model = self._model
        with self._lock, self._translated():
            rows = model.encode(
                list(texts),
                task=task,
                prompt=prefix,
                batch_size=_BATCH_TEXTS,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        if rows.shape != (len(texts), dimension):
            raise EmbedderError(
                f"the embedding model {self._source} gave an array of shape {rows.shape} for "
                f"{len(texts)} texts of {dimension} dimensions; its configuration does not match "
                "its weights: get the model again"
            )
        return unit_vectors(list(rows), f"the embedding model {self._source}")

    # -- files -------------------------------------------------------------------------------

    @cached_property
    def _layout(self) -> _Layout:
        folder = self._local if self._local.is_dir() else self._downloaded()
        layout = _Layout(folder)
        layout.check()
        return layout

    def _downloaded(self) -> Path:
        """Return the folder of a hub model in the user's cache; download it if it is not there."""
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        with self._translated("cannot be had from the hub"):
            from huggingface_hub import snapshot_download
            from huggingface_hub.errors import LocalEntryNotFoundError

            options: dict[str, Any] = {
                "repo_id": self._source
                if "/" in self._source
                else f"sentence-transformers/{self._source}",
                "allow_patterns": _WANTED,
                "ignore_patterns": _UNWANTED,
            }
            try:
                return Path(snapshot_download(**options, local_files_only=True))
            except LocalEntryNotFoundError:
                return Path(snapshot_download(**options))

    @cached_property
    def _loaded(self) -> Any:
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        folder = self._layout.folder
        with self._translated("cannot be loaded"), quiet():
            from sentence_transformers import SentenceTransformer

            model = SentenceTransformer(
                str(folder),
                device=self._device,
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
            model.max_seq_length = self.fingerprint.max_tokens
            return model.eval()

    @property
    def _model(self) -> Any:
        fingerprint = self.fingerprint
        with self._lock:
            model = self._loaded
        found = model.get_embedding_dimension()
        if found is not None and found != fingerprint.dimension:
            raise EmbedderError(
                f"the embedding model {self._source} makes vectors of {found} dimensions, but its "
                f"configuration says {fingerprint.dimension}; get the model again"
            )
        return model

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(
            str(self._layout.transformer), local_files_only=True, trust_remote_code=False
        )

    @contextmanager
    def _translated(self, what: str = "failed") -> Iterator[None]:
        """Turn what the model's libraries raise into ours; they have no error root in common."""
        try:
            yield
        except EmbedderError:
            raise
        except ImportError as exc:
            raise EmbedderError(
                f"the embedding model {self._source} needs sentence-transformers ({exc}); run: "
                "pip install sentence-transformers"
            ) from exc
        except Exception as exc:
            said = " ".join(str(exc).split())[:200]
            raise EmbedderError(
                f"the embedding model {self._source} {what} ({type(exc).__name__}: {said}); check "
                "its name and its files"
            ) from exc


class _Layout:
    """The files of a model, read without loading it.

    Args:
        folder: Where `modules.json` is; a folder without one is a plain encoder, mean-pooled.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        modules = self._json(folder / "modules.json", [])
        if not isinstance(modules, list) or not all(isinstance(m, dict) for m in modules):
            raise EmbedderError(f"{folder / 'modules.json'} is not a list; get the model again")
        self._modules: list[tuple[str, Path]] = [
            (str(module.get("type", "")), folder / str(module.get("path", "")))
            for module in modules
        ]

    @property
    def transformer(self) -> Path:
        """The folder of the first module, which holds the encoder and its tokenizer."""
        return self._modules[0][1] if self._modules else self.folder

    def check(self) -> None:
        """Refuse what would run foreign code, and what is not complete.

        Raises:
            EmbedderError: If there is no model, or weights that are not safetensors, or code.
        """
        if not (self.transformer / "config.json").is_file():
            raise EmbedderError(
                f"the folder {self.folder} holds no sentence-transformers model (no config.json); "
                "give the folder that its save_pretrained wrote"
            )
        for kind, place in self._modules:
            if not kind.startswith(_OURS):
                raise EmbedderError(
                    f"the model at {self.folder} needs the code {kind}, and code that comes with "
                    "a model is not run; choose another model"
                )
            if kind.endswith((".Router", ".Asym")):
                raise EmbedderError(
                    f"the model at {self.folder} chooses between several encoders ({kind}), whose "
                    "files are not checked here; choose another model"
                )
            if not place.resolve().is_relative_to(self.folder.resolve()):
                raise EmbedderError(
                    f"the model at {self.folder} names the module {place} outside of its folder; "
                    "get the model again"
                )
        for place in {self.transformer, *(place for _, place in self._modules)}:
            files = sorted(place.iterdir()) if place.is_dir() else []
            safe = any(file.suffix == ".safetensors" for file in files)
            pickled = [file for file in files if file.suffix in _PICKLED]
            if not safe and (pickled or place == self.transformer):
                found = f"only {pickled[0].name}" if pickled else "no weights"
                raise EmbedderError(
                    f"the model at {place} holds {found}; only safetensors weights are loaded, "
                    "because other kinds can run code: save the model again as safetensors"
                )

    def sha256(self) -> str:
        """Return a hash over the names and contents of everything that makes the model."""
        total = hashlib.sha256()
        suffixes = {pattern.removeprefix("*") for pattern in _WANTED}
        places = {self.folder, self.transformer, *(place for _, place in self._modules)}
        files = {
            file
            for place in places
            if place.is_dir()
            for file in place.iterdir()
            if file.suffix in suffixes and file.is_file()
        }
        for file in sorted(files):
            with file.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            total.update(f"{file.relative_to(self.folder).as_posix()}\0{digest}\n".encode())
        return total.hexdigest()

    def dimension(self) -> int:
        """Return the length of a vector: of the last module that says one."""
        for kind, place in reversed(self._modules):
            config = self._config(place)
            if kind.endswith("Dense") and "out_features" in config:
                return int(config["out_features"])
            if kind.endswith("Pooling"):
                width = config.get("embedding_dimension", config.get("word_embedding_dimension"))
                return int(width or self._width()) * len(_pooling_modes(config))
        return self._width()

    def pooling(self) -> str:
        """Return how token vectors become one: "mean", "cls" and so on, and what follows."""
        names = []
        for kind, place in self._modules[1:]:
            name = kind.rsplit(".", 1)[-1]
            if name == "Pooling":
                names += _pooling_modes(self._config(place))
            elif name != "Normalize":
                names.append(name.lower())
        return "+".join(names) or "mean"

    def max_tokens(self) -> int:
        """Return the longest text read, in tokens: as configured, else what model and tokenizer do.

        Raises:
            EmbedderError: If nothing says it.
        """
        said = self._json(self.transformer / "sentence_bert_config.json", {})
        tokenizer = self._json(self.transformer / "tokenizer_config.json", {})
        model = self._json(self.transformer / "config.json", {})
        chosen = said.get("max_seq_length")
        limits = [tokenizer.get("model_max_length"), model.get("max_position_embeddings")]
        known = [int(limit) for limit in limits if isinstance(limit, int | float) and limit < 1e6]
        if isinstance(chosen, int):
            return chosen
        if known:
            return min(known)
        raise EmbedderError(
            f"the model at {self.folder} does not say how long a text it reads; set max_seq_length "
            "in its sentence_bert_config.json"
        )

    def prompt(self, names: Sequence[str]) -> str:
        """Return the configured prompt of the first of the names, else the default one, else ""."""
        config = self._json(self.folder / "config_sentence_transformers.json", {})
        prompts = config.get("prompts") or {}
        for name in (*names, config.get("default_prompt_name")):
            if prompts.get(name):
                return str(prompts[name])
        return ""

    def _width(self) -> int:
        config = self._config(self.transformer)
        width = config.get("hidden_size", config.get("dim", config.get("d_model")))
        if not isinstance(width, int):
            raise EmbedderError(
                f"{self.transformer / 'config.json'} does not say how long a vector is; get the "
                "model again"
            )
        return width

    def _config(self, place: Path) -> dict[str, Any]:
        config: dict[str, Any] = self._json(place / "config.json", {})
        return config

    @staticmethod
    def _json(path: Path, default: Any) -> Any:
        if not path.is_file():
            return default
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as exc:
            raise EmbedderError(
                f"the embedding model's file {path} cannot be read ({exc}); get the model again"
            ) from exc
        if not isinstance(found, type(default)):
            raise EmbedderError(f"the embedding model's file {path} is not as it should be")
        return found


def _pooling_modes(config: Mapping[str, Any]) -> list[str]:
    """Return the kinds of pooling, in either form of the configuration."""
    mode = config.get("pooling_mode")
    if mode is not None:
        return [mode] if isinstance(mode, str) else [str(one) for one in mode]
    old = "pooling_mode_"
    return [
        key.removeprefix(old).removesuffix("_tokens").removesuffix("_token")
        for key, chosen in sorted(config.items())
        if key.startswith(old) and chosen is True
    ] or ["mean"]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the progress bar of transformers off stderr while the body runs."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _is_hub_name(source: str) -> bool:
    """Tell a name on the hub, `owner/name` or `name`, from a path."""
    parts = source.split("/")
    return (
        len(parts) <= 2
        and all(part.strip(".") and part == part.strip() for part in parts)
        and not source.startswith(("~", "."))
        and "\\" not in source
    )
