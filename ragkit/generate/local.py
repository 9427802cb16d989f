"""Writes with a causal language model of Hugging Face's transformers, from a folder.

Nothing is downloaded. Only safetensors weights are loaded, and no code that comes with a model is
run. Needs the extra `local-llm`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from ragkit.generate.dialogue import endings, harmless, learnt, prompt
from ragkit.generate.model import ChatEvent, Finish, Message
from ragkit.generate.relay import End, Put, Stop, aconsumed, consumed
from ragkit.tune.adapter import check_base, check_usable
from ragkit_ingest.errors import ConfigError, GeneratorError, MissingExtraError, RagkitError


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModelSettings:
    """Which model, and how it writes.

    Attributes:
        model: The folder that `save_pretrained` wrote: config, tokenizer, safetensors.
        adapter: The folder of a LoRA adapter for it; "" for none.
        temperature: 0 for the likeliest text, up to 2.
        seed: Of the draws, if the temperature is above 0.
        device: Such as "cpu" or "cuda:1"; "" for CUDA or MPS if present, else the CPU.
        unpromoted: Whether an adapter may be used whose gates were not tried or did not hold.
    """

    model: str
    adapter: str = ""
    temperature: float = 0.0
    seed: int = 0
    device: str = ""
    unpromoted: bool = False


class LocalChatModel:
    """A model in this process. It is loaded at the first text; one answer is written at a time.

    Messages go through the tokenizer's chat template; without one they are set as questions and
    answers. Special tokens that stand in the messages' text are broken up, so that no text can
    pass for the structure of the dialogue.

    Args:
        settings: Which model.

    Raises:
        ConfigError: If a folder is missing or is no model or adapter.
        TuneError: If the adapter may not be used; see `ragkit.tune.adapter`.
    """

    def __init__(self, settings: LocalModelSettings) -> None:
        self._settings = settings
        self._folder = Path(settings.model).expanduser()
        self._adapter = Path(settings.adapter).expanduser() if settings.adapter else None
        check_folder(self._folder, "config.json", "a causal language model")
        self._record = None
        if self._adapter is not None:
            self._record = check_usable(self._adapter, unpromoted=settings.unpromoted)
            check_folder(self._adapter, "adapter_config.json", "a LoRA adapter")
        self.name = f"local:{self._folder.resolve().name}"
        if self._adapter is not None:
            self.name += f"+{self._adapter.resolve().name}"
            if self._record is not None and not self._record.promoted:
                self.name += " (unpromoted)"
        self._loading = Lock()
        self._writing = Lock()
        self._loaded: tuple[Any, Any] | None = None

    @property
    def context_tokens(self) -> int:
        """Most tokens of the messages and the answer together; 0 if the model does not say."""
        model, _ = self._parts()
        config = model.config.get_text_config()
        return int(getattr(config, "max_position_embeddings", 0) or 0)

    @property
    def device(self) -> str:
        """Where it computes, such as "cuda:0"; loads the model."""
        model, _ = self._parts()
        return str(model.device)

    def close(self) -> None:
        """Release the memory; the model is loaded again if it is used again."""
        with self._writing, self._loading:
            self._loaded = None

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's length in the model's tokens."""
        if not texts:
            return []
        _, tokenizer = self._parts()
        with self._translated():
            encoded = tokenizer([harmless(text, tokenizer) for text in texts], verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[ChatEvent]:
        """Yield pieces of text as they are written, then one `Finish`; closing it stops at once.

        Raises:
            GeneratorError: If the model cannot be loaded or fails, or the messages are longer
                than it reads.
        """
        return consumed(partial(self._produce, tuple(messages), max_tokens))

    def astream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[ChatEvent]:
        """Yield what `stream` yields, without blocking the event loop."""
        return aconsumed(partial(self._produce, tuple(messages), max_tokens))

    def losses(self, dialogues: Sequence[Sequence[Message]]) -> list[float]:
        """Return the mean loss of each dialogue's last message, in nats a token.

        Raises:
            GeneratorError: If the model cannot be loaded or fails.
        """
        import torch

        model, tokenizer = self._parts()
        found = []
        with self._translated(), self._writing, torch.inference_mode():
            for messages in dialogues:
                only_last = [False] * (len(messages) - 1) + [True]
                one = learnt(messages, only_last, tokenizer, endings(model, tokenizer))
                ids = torch.tensor([one.ids], device=model.device)
                labels = torch.tensor([one.labels], device=model.device)
                found.append(float(model(input_ids=ids, labels=labels).loss))
        return found

    def _produce(self, messages: Sequence[Message], limit: int, put: Put[ChatEvent]) -> Stop:
        stopped = Event()

        def run() -> None:
            try:
                with self._translated():
                    put(self._write(messages, limit, put, stopped))
            except BaseException as exc:  # noqa: BLE001  (raised again by the consumer)
                put(End(error=exc))
            else:
                put(End())

        Thread(target=run, name="ragkit-local-model", daemon=True).start()
        return stopped.set

    def _write(
        self, messages: Sequence[Message], limit: int, put: Put[ChatEvent], stopped: Event
    ) -> Finish:
        """Write the answer in this thread; return how it ended."""
        import torch
        from transformers import StoppingCriteriaList

        model, tokenizer = self._parts()
        encoded = _encoded(messages, tokenizer)
        length = int(encoded["input_ids"].shape[1])
        self._check_length(length, limit)
        sampled = self._settings.temperature > 0
        options: dict[str, Any] = {"do_sample": sampled}
        if sampled:
            options["temperature"] = self._settings.temperature
        else:  # the likeliest text; what the model's own settings say of sampling is put off
            options |= {"temperature": None, "top_p": None, "top_k": None}
        with self._writing, torch.inference_mode(), torch.random.fork_rng(enabled=sampled):
            if sampled:
                torch.manual_seed(self._settings.seed)
            written = model.generate(
                **{name: tensor.to(model.device) for name, tensor in encoded.items()},
                **options,
                max_new_tokens=limit,
                pad_token_id=_padding(tokenizer, model),
                streamer=_streamer(tokenizer, put, stopped),
                stopping_criteria=StoppingCriteriaList([lambda *_, **__: stopped.is_set()]),
            )
        ids = written[0, length:].tolist()
        cut = len(ids) >= limit and ids[-1] not in endings(model, tokenizer)
        return Finish(
            reason="length" if cut else "stop",
            prompt_tokens=length,
            completion_tokens=len(ids),
            counted=True,
            model=self.name.removeprefix("local:"),
        )

    def _check_length(self, length: int, limit: int) -> None:
        context = self.context_tokens
        if context and length + limit > context:
            raise GeneratorError(
                f"the model {self.name} reads {context} tokens, but the prompt has {length} and "
                f"{limit} are kept for the answer; lower max_answer_tokens or "
                "generator_context_tokens"
            )

    # -- files -------------------------------------------------------------------------------

    def _parts(self) -> tuple[Any, Any]:
        """Return the model and its tokenizer; load them if need be."""
        with self._loading:
            if self._loaded is None:
                with self._translated("cannot be loaded"):
                    self._loaded = self._load()
            return self._loaded

    def _load(self) -> tuple[Any, Any]:
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        shown = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            local = {"local_files_only": True, "trust_remote_code": False}
            tokenizer: Any = AutoTokenizer.from_pretrained(str(self._folder), **local)
            model: Any = AutoModelForCausalLM.from_pretrained(
                str(self._folder), dtype="auto", use_safetensors=True, **local
            )
            if self._adapter is not None:
                check_base(self._adapter, self._record, self._folder)
                from peft import PeftModel

                with warnings.catch_warnings():  # peft asks transformers by a deprecated name
                    warnings.simplefilter("ignore", FutureWarning)
                    adapted = PeftModel.from_pretrained(model, str(self._adapter))
                    model = adapted.merge_and_unload()
        finally:
            if shown:
                logging.enable_progress_bar()  # type: ignore[no-untyped-call]
        device = self._settings.device or best_device()
        if device == "cpu" and model.dtype == torch.float16:
            model = model.float()
        return model.to(device).eval(), tokenizer

    @contextmanager
    def _translated(self, what: str = "failed") -> Iterator[None]:
        """Turn what transformers raises into ours; its errors have no root in common."""
        try:
            yield
        except RagkitError:
            raise
        except ImportError as exc:
            raise MissingExtraError(f"the generator {self.name} ({exc})", "local-llm") from exc
        except Exception as exc:
            said = " ".join(str(exc).split())[:200]
            raise GeneratorError(
                f"the local model {self._folder} {what} ({type(exc).__name__}: {said}); check its "
                "files"
            ) from exc


def check_folder(folder: Path, config: str, what: str) -> None:
    """Refuse a folder that holds no model, or one whose weights could run code.

    Args:
        folder: Where it should be.
        config: The file that makes it one.
        what: What it should be, in words.

    Raises:
        ConfigError: If the file or safetensors weights are missing.
    """
    if not (folder / config).is_file():
        raise ConfigError(
            f"{folder} holds no {config}, so it is no folder of {what}; give the one that "
            "save_pretrained wrote, as local:PATH or local:PATH+ADAPTER"
        )
    if not any(folder.glob("*.safetensors")):
        raise ConfigError(
            f"{folder} holds no safetensors weights, and other kinds are not loaded because they "
            "can run code; save it again as safetensors"
        )


def _encoded(messages: Sequence[Message], tokenizer: Any) -> dict[str, Any]:
    """Return the tensors of the messages, shape (1, tokens) each."""
    text, special = prompt(messages, tokenizer)
    encoded = tokenizer(text, add_special_tokens=special, return_tensors="pt")
    return {name: encoded[name] for name in ("input_ids", "attention_mask")}


def _streamer(tokenizer: Any, put: Put[ChatEvent], stopped: Event) -> Any:
    from transformers import TextStreamer

    class Putting(TextStreamer):
        """Hands finished words over instead of printing them."""

        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:  # noqa: ARG002
            if text and not stopped.is_set():
                put(text)

    return Putting(tokenizer, skip_prompt=True, skip_special_tokens=True)


def _padding(tokenizer: Any, model: Any) -> int | None:
    if tokenizer.pad_token_id is not None:
        return int(tokenizer.pad_token_id)
    return min(endings(model, tokenizer), default=None)


def best_device() -> str:
    """Return "cuda" or "mps" if present, else "cpu"."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
