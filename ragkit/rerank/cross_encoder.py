"""Cross-encoders of sentence-transformers, from a folder or from the Hugging Face hub.

Nothing of it is imported, and no model is loaded, before the first passages are scored. Weights
are read from safetensors files only, and code that comes with a model is never run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from ragkit.answer import Passage
from ragkit_ingest.errors import ConfigError, RerankerError

_BATCH = 16
_WEIGHTS = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")


class CrossEncoderReranker:
    """Reads question and passage together: slower than comparing vectors, and more exact.

    Runs on CUDA or MPS where there is one. The scores are the model's raw outputs, before any
    sigmoid: in the same order, but two very good passages do not both become 1.0.

    Args:
        model: A folder, or the name of a model on the hub, such as
            `"cross-encoder/ms-marco-MiniLM-L6-v2"`; only a name opens a network connection, and
            only while the model is not in the hub's cache.
        max_length: Most tokens of question and passage together that are read, 8 or more; by
            default, and at most, what the model can read.
        device: Such as `"cpu"` or `"cuda:1"`; by default the best one there is.

    Raises:
        ConfigError: If `model` names a folder that is not there, or `max_length` is too small.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        max_length: int | None = None,
        device: str | None = None,
    ) -> None:
        self.name = os.fspath(model)
        if max_length is not None and max_length < 8:
            raise ConfigError(f"max_length must be 8 or more, not {max_length}")
        self._max_length = max_length
        self._device = device
        self._folder = _folder(model)
        self._lock = Lock()

    def scores(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """Return one score a passage, in their order; higher is better.

        Every passage is read behind its title and headings; what is too long is cut at its end.
        Passages of similar length share a batch.

        Raises:
            RerankerError: If the model cannot be loaded, or fails.
        """
        if not passages:
            return []
        with self._lock:  # neither the tokenizer nor a load in progress may be shared
            model = self._model
            pairs = [(question, _read(passage)) for passage in passages]
            try:
                found = model.predict(
                    pairs,
                    batch_size=_BATCH,
                    show_progress_bar=False,
                    activation_fn=_identity,
                    convert_to_numpy=True,
                )
            except (RuntimeError, ValueError, IndexError) as exc:
                raise RerankerError(
                    f"the reranker {self.name} failed on {len(pairs)} passages ({_brief(exc)}); "
                    "search without it, or choose another model"
                ) from exc
        return [float(score) for score in found]

    @cached_property
    def _model(self) -> Any:
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        try:
            from sentence_transformers import CrossEncoder
            from transformers.utils import logging as transformers_logging
        except ImportError as exc:
            raise RerankerError(
                "a cross-encoder needs sentence-transformers, which is not installed; run: "
                "pip install sentence-transformers"
            ) from exc
        if self._folder is not None:
            _refuse_pickles(self._folder)
        logging: Any = transformers_logging
        verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            model = CrossEncoder(
                self.name if self._folder is None else str(self._folder),
                device=self._device,
                local_files_only=self._folder is not None,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except Exception as exc:
            raise RerankerError(self._why(exc)) from exc
        finally:
            logging.set_verbosity(verbosity)
            if bars:
                logging.enable_progress_bar()
        _check_scores_pairs(model, self.name)
        if self._max_length is not None:
            longest = model.max_seq_length
            model.max_seq_length = min(self._max_length, longest or self._max_length)
        return model

    def _why(self, exc: Exception) -> str:
        if self._folder is not None:
            return f"the reranker in {self._folder} could not be loaded ({_brief(exc)})"
        return (
            f"the reranker {self.name!r} could not be loaded: there is no such folder, and the "
            f"Hugging Face hub did not give such a model ({_brief(exc)})"
        )


def _folder(model: str | os.PathLike[str]) -> Path | None:
    """Return the model's folder; None if the value can only be a name on the hub."""
    text = os.fspath(model)
    folder = Path(text).expanduser()
    if text and folder.is_dir():
        return folder
    parts = text.split("/")
    named = isinstance(model, str) and len(parts) <= 2 and all(parts) and "\\" not in text
    if not named or parts[0] in {"~", ".", ".."}:
        raise ConfigError(
            f"there is no folder {text!r} to load a reranker from; give the folder of a "
            "cross-encoder, or the name of one on the Hugging Face hub"
        )
    return None


def _refuse_pickles(folder: Path) -> None:
    """Refuse weights that are only there in a format that can run code when it is read."""
    for pattern in _WEIGHTS:
        for file in sorted(folder.rglob(pattern)):
            if not any(file.parent.glob("*.safetensors")):
                raise RerankerError(
                    f"the reranker in {folder} holds {file.name}, which can run code when it is "
                    "loaded, and no safetensors file beside it; convert it to safetensors first"
                )


def _check_scores_pairs(model: Any, name: str) -> None:
    """Refuse models whose scores would be meaningless: they load, with a head of random weights."""
    architectures = list(getattr(model.config, "architectures", None) or [])
    trained = any(kind.endswith("ForSequenceClassification") for kind in architectures)
    if not trained and len(model) == 1:
        raise RerankerError(
            f"the model {name} is not a cross-encoder but {', '.join(architectures) or 'unknown'}; "
            "choose one that was trained to score pairs, such as "
            "cross-encoder/ms-marco-MiniLM-L6-v2"
        )
    if model.num_labels != 1:
        raise RerankerError(
            f"the model {name} gives {model.num_labels} scores a passage, not one; choose a "
            "cross-encoder that was trained to rank"
        )


def _read(passage: Passage) -> str:
    """Return what is read of a passage: its title and headings, a line break, its text."""
    headings = [name for name in (passage.title, *passage.headings) if name.strip()]
    header = " > ".join(dict.fromkeys(headings))
    return f"{header}\n{passage.text}" if header else passage.text


def _identity(scores: Any) -> Any:
    return scores


def _brief(exc: Exception) -> str:
    lines = str(exc).strip().splitlines()
    return lines[0][:200] if lines else type(exc).__name__
