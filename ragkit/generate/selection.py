"""Makes a generator from its name, or from an object of another kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

from ragkit.generate.chat import ChatGenerator, ChatSettings
from ragkit.generate.model import ChatModel
from ragkit.generate.name import EXTRACTIVE, check_name
from ragkit.generate.protocol import Generator
from ragkit.template import load
from ragkit_ingest.errors import ConfigError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorSettings:
    """Which generator, in words, and how a chat model is used.

    Attributes:
        url: The endpoint's base address; needed for "openai:MODEL" only.
        key_env: The environment variable that holds the endpoint's key.
        context_tokens: Most tokens of prompt and answer.
        temperature: 0 for the likeliest text, up to 2.
        seed: For models that take one.
        timeout_s: Longest silence of an endpoint, in seconds.
        total_s: Longest time for one answer of an endpoint, in seconds.
        prompts: A folder whose prompts win over the packaged ones; "" for none.
        adapters: The folder of adapters that are known by name; "" for none.
        chat: How the model is used.
    """

    url: str = ""
    key_env: str = "OPENAI_API_KEY"
    context_tokens: int = 4096
    temperature: float = 0.0
    seed: int = 0
    timeout_s: float = 60.0
    total_s: float = 600.0
    prompts: str = ""
    adapters: str = ""
    chat: ChatSettings = field(default_factory=ChatSettings)


def select(given: object, settings: GeneratorSettings) -> Generator:
    """Return the generator that is named or given; a model is loaded at the first question.

    Args:
        given: A name, a generator, a chat model, or an LLM of LlamaIndex.
        settings: How a chat model is used.

    Raises:
        ConfigError: If the name is none, or an endpoint's address or a model's folder is missing.
        UsageError: If the object is none of these.
    """
    if given == EXTRACTIVE:
        from ragkit.generate.extractive import ExtractiveGenerator

        return ExtractiveGenerator()
    if not isinstance(given, str) and isinstance(given, Generator):
        return given
    model = chat_model(given, settings)
    return ChatGenerator(model, settings.chat, template=load("answer", settings.prompts))


def chat_model(given: object, settings: GeneratorSettings) -> ChatModel:
    """Return the chat model that is named or given.

    Raises:
        ConfigError: If the name is none of a chat model, or the model cannot be found.
        UsageError: If the object is none.
    """
    if isinstance(given, str):
        check_name(given)
        kind, _, what = given.partition(":")
        return _endpoint(what, settings) if kind == "openai" else _local(what, settings)
    from ragkit.generate.llama_index import LLM, LlamaIndexChatModel

    if isinstance(given, LLM):
        return LlamaIndexChatModel(given)
    if _is_chat_model(given):
        return given
    raise UsageError(
        f"a {type(given).__name__} is no generator; give a name, or an object with generate(), "
        "with stream() and astream(), or an LLM of LlamaIndex"
    )


def _is_chat_model(given: object) -> TypeGuard[ChatModel]:
    """Look at the methods only: the length of a local model's context needs the model."""
    return all(callable(getattr(given, name, None)) for name in ("stream", "astream"))


def _endpoint(model: str, settings: GeneratorSettings) -> ChatModel:
    from ragkit.generate.endpoint import ChatEndpointSettings, EndpointChatModel

    if not settings.url:
        raise ConfigError(
            f"the generator openai:{model} needs an address; set generator_url in ragkit.toml or "
            "give --generator-url, such as http://localhost:11434/v1"
        )
    return EndpointChatModel(
        ChatEndpointSettings(
            url=settings.url,
            model=model,
            key_env=settings.key_env,
            context_tokens=settings.context_tokens,
            temperature=settings.temperature,
            seed=settings.seed,
            timeout_s=settings.timeout_s,
            total_s=settings.total_s,
        )
    )


def _local(paths: str, settings: GeneratorSettings) -> ChatModel:
    from ragkit.generate.local import LocalChatModel, LocalModelSettings
    from ragkit.tune.adapter import resolved

    model, adapter = _folders(paths)
    return LocalChatModel(
        LocalModelSettings(
            model=model,
            adapter=resolved(adapter, settings.adapters) if adapter else "",
            temperature=settings.temperature,
            seed=settings.seed,
        )
    )


def _folders(paths: str) -> tuple[str, str]:
    """Return the folders of PATH+ADAPTER; a plus sign may stand in a name as well."""
    parts = paths.split("+")
    for end in range(len(parts), 0, -1):
        model = "+".join(parts[:end])
        if Path(model).expanduser().is_dir():
            return model, "+".join(parts[end:])
    return paths, ""
