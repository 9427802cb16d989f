"""What every chat model keeps: pieces of text, then how it ended, in both forms."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ragkit.generate.endpoint import ChatEndpointSettings, EndpointChatModel
from ragkit.generate.llama_index import LlamaIndexChatModel
from ragkit.generate.local import LocalChatModel, LocalModelSettings
from ragkit.generate.model import ChatEvent, ChatModel, Finish, Message, written
from tests.support import chat_server, tiny_chat_model
from tests.support.fake_chat_model import FakeChatModel

ASK = (Message(role="system", content="Be brief."), Message(role="user", content="What leaks?"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    return tiny_chat_model.save(folder, answer=("The", " urn", " leaks", " [1]."))


def llama_index() -> LlamaIndexChatModel:
    pytest.importorskip("llama_index.core", reason="the extra llama-index is not installed")
    from llama_index.core.llms import MockLLM

    return LlamaIndexChatModel(MockLLM())


@pytest.fixture(params=["fake", "openai", "local", "llama-index"])
def model(request: pytest.FixtureRequest, folder: Path) -> Iterator[ChatModel]:
    with ExitStack() as stack:
        made: Any
        if request.param == "fake":
            made = FakeChatModel("The urn\nleaks [1].")
        elif request.param == "openai":
            server = stack.enter_context(chat_server.serving())
            made = EndpointChatModel(ChatEndpointSettings(url=server.url, model="m"))
        elif request.param == "local":
            made = LocalChatModel(LocalModelSettings(model=str(folder)))
        else:
            made = llama_index()
        stack.callback(made.close)
        yield made


def read(model: ChatModel) -> list[ChatEvent]:
    return list(model.stream(ASK, max_tokens=20))


async def aread(model: ChatModel) -> list[ChatEvent]:
    return [event async for event in model.astream(ASK, max_tokens=20)]


def test_pieces_of_text_come_first_and_one_finish_last(model: ChatModel) -> None:
    *pieces, finish = read(model)
    assert len(pieces) > 1
    assert all(isinstance(piece, str) and piece for piece in pieces)
    assert isinstance(finish, Finish)
    assert finish.reason == "stop"
    assert "leaks" in "".join(map(str, pieces))
    assert written(model, ASK, max_tokens=20) == "".join(map(str, pieces))


def test_both_forms_give_the_same_again_and_again(model: ChatModel) -> None:
    first = read(model)
    assert asyncio.run(aread(model)) == first
    assert asyncio.run(aread(model)) == first
    assert read(model) == first


def test_a_stream_may_be_left(model: ChatModel) -> None:
    events = model.stream(ASK, max_tokens=20)
    next(events)
    events.close()

    async def left() -> None:
        later = model.astream(ASK, max_tokens=20)
        await anext(later)
        await later.aclose()

    asyncio.run(left())
    assert isinstance(read(model)[-1], Finish)


def test_tokens_are_counted_text_by_text(model: ChatModel) -> None:
    one, two = model.count_tokens(["tea", "tea and more tea"])
    assert 1 <= one < two
    assert model.count_tokens([]) == []


def test_it_has_a_name_and_a_length(model: ChatModel) -> None:
    assert ":" in model.name
    assert model.context_tokens >= 0
