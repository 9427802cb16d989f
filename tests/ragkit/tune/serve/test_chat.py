"""Chat completions: whole and streamed, stops, limits, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import APIError, OpenAI

from ragkit.generate.endpoint import ChatEndpointSettings, EndpointChatModel
from ragkit.generate.local import LocalChatModel
from ragkit.generate.model import Finish, Message
from ragkit.tune.serve.completion import Stops
from ragkit_ingest.errors import GeneratorError
from tests.ragkit.tune.serve.test_jobs import refused
from tests.support import tiny_chat_model
from tests.support.tune_server import TOKEN, FakeTrainer, client, in_thread

SAYS = ("The", " urn", " leaks", " again", " [1].")
TEXT = "".join(SAYS)
ASK: list[Any] = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "What "}, {"type": "text", "text": "?"}]},
]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    folder = tmp_path_factory.mktemp("chat")
    tiny = tiny_chat_model.save(folder / "tiny", answer=SAYS, context=200)
    babbler = tiny_chat_model.save(folder / "babbler", context=200)
    bases = {"tiny": tiny, "babbler": babbler}
    with (
        in_thread(tiny, folder / "data", begin=FakeTrainer(), bases=bases) as url,
        client(url) as opened,
    ):
        yield opened


def chat(api: OpenAI, **more: Any) -> Any:
    options: dict[str, Any] = {"model": "tiny", "messages": ASK, "temperature": 0}
    return api.chat.completions.create(**options | more)


def test_an_answer_in_one_piece(api: OpenAI) -> None:
    answer = chat(api)
    (choice,) = answer.choices
    assert (choice.message.content, choice.finish_reason, answer.model) == (TEXT, "stop", "tiny")
    prompt = len("Be brief.") + len("What ?") + 3 + 2
    assert answer.usage.completion_tokens == len(SAYS) + 1
    assert answer.usage.prompt_tokens == prompt
    assert answer.usage.total_tokens == prompt + len(SAYS) + 1


def test_an_answer_that_is_streamed(api: OpenAI) -> None:
    chunks = list(chat(api, stream=True, stream_options={"include_usage": True}))
    *texts, usage = chunks
    assert texts[0].choices[0].delta.role == "assistant"
    pieces = [chunk.choices[0].delta.content or "" for chunk in texts]
    assert len([piece for piece in pieces if piece]) > 2
    assert "".join(pieces) == TEXT
    assert [chunk.choices[0].finish_reason for chunk in texts][-2:] == [None, "stop"]
    assert (usage.choices, usage.usage.completion_tokens) == ([], len(SAYS) + 1)
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(not chunk.usage for chunk in chat(api, stream=True))


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_is_cut(api: OpenAI, limit: str, stream: bool) -> None:
    answer = chat(api, **{limit: 2}, stream=stream)
    if stream:
        chunks = list(answer)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        reason = chunks[-1].choices[0].finish_reason
    else:
        text, reason = answer.choices[0].message.content, answer.choices[0].finish_reason
    assert (text, reason) == ("The urn", "length")


@pytest.mark.parametrize(
    ("stop", "text"),
    [
        (" leaks", "The urn"),
        (["ks ag"], "The urn lea"),
        (["never", "urn l", "[1]"], "The "),
        ("The", ""),
        ("", TEXT),
        ([], TEXT),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_sequences_that_end_it(api: OpenAI, stop: Any, text: str, stream: bool) -> None:
    answer = chat(api, stop=stop, stream=stream)
    if stream:
        assert "".join(chunk.choices[0].delta.content or "" for chunk in answer) == text
        return
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (text, "stop")
    assert answer.usage.completion_tokens > 0


@given(
    text=st.text("ab", max_size=30),
    cuts=st.lists(st.integers(0, 30)),
    stops=st.lists(st.text("ab", min_size=1, max_size=4), max_size=3),
)
def test_a_text_is_cut_at_the_first_sequence_however_it_arrives(
    text: str, cuts: list[int], stops: list[str]
) -> None:
    places = sorted({0, len(text), *(cut for cut in cuts if cut <= len(text))})
    stopping = Stops(stops)
    shown = ""
    for start, end in pairwise(places):
        shown += stopping.take(text[start:end])
        assert not any(stop in shown for stop in stops)
    shown += stopping.rest()
    found = [text.find(stop) for stop in stops if stop in text]
    assert stopping.found == bool(found)
    if found:  # one that ends earlier wins over one that begins earlier and ends later
        assert text.startswith(shown)
    else:
        assert shown == text


def test_the_same_seed_draws_the_same(api: OpenAI) -> None:
    def drawn(seed: int, temperature: float = 1.5) -> str:
        options = {"model": "babbler", "temperature": temperature, "max_tokens": 12}
        return str(chat(api, seed=seed, **options).choices[0].message.content)

    assert drawn(3) == drawn(3)
    assert len({drawn(seed) for seed in range(4)}) > 1
    assert len({drawn(seed, 0) for seed in range(3)}) == 1
    assert drawn(-1) == drawn(-1)


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages[0].content",
        ),
        ({"n": 2}, "n"),
        ({"top_p": 0.5}, "top_p"),
        ({"temperature": 2.1}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"logprobs": True}, "logprobs"),
        ({"tools": []}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format.type"),
        ({"extra_body": {"top_k": 3}}, "top_k"),
    ],
)
def test_what_is_not_done_is_refused(api: OpenAI, wrong: dict[str, Any], param: str) -> None:
    said = refused(chat, api, **wrong)
    assert (said["status"], said["param"]) == (400, param)


def test_what_does_nothing_is_let_through(api: OpenAI) -> None:
    more = {"n": 1, "top_p": 1, "presence_penalty": 0, "user": "u", "store": False}
    assert chat(api, **more, response_format={"type": "text"}).choices[0].message.content == TEXT


@pytest.mark.parametrize("name", ["gpt-9", "ft:tiny:ragkit::none", "../tiny", "x" * 5000])
@pytest.mark.parametrize("stream", [False, True])
def test_an_unknown_model(api: OpenAI, name: str, stream: bool) -> None:
    said = refused(chat, api, model=name, stream=stream)
    assert (said["status"], said["code"]) == (404, "model_not_found")
    assert len(said["message"]) < 300


@pytest.mark.parametrize("stream", [False, True])
def test_more_than_the_model_reads(api: OpenAI, stream: bool) -> None:
    long = [{"role": "user", "content": "x" * 300}]
    said = refused(chat, api, messages=long, stream=stream)
    assert (said["status"], said["code"]) == (400, "context_length_exceeded")
    assert "maximum context length is 200 tokens" in said["message"]
    assert refused(chat, api, max_tokens=190)["code"] == "context_length_exceeded"


def test_a_model_that_fails(api: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise GeneratorError("the weights melted")

    monkeypatch.setattr(LocalChatModel, "_write", failing)
    for stream in (False, True):
        said = refused(chat, api, stream=stream)
        assert (said["status"], said["message"]) == (500, "the weights melted")


def test_a_model_that_fails_in_the_middle(api: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: object, __: object, ___: object, put: Any, ____: object) -> None:
        put("The urn")
        raise GeneratorError("the weights melted")

    monkeypatch.setattr(LocalChatModel, "_write", failing)
    seen = []
    with pytest.raises(APIError, match="the weights melted"):
        seen.extend(chat(api, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in seen) == "The urn"
    monkeypatch.undo()
    assert chat(api).choices[0].message.content == TEXT


def test_our_own_generator_talks_with_it(api: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", TOKEN)
    model = EndpointChatModel(ChatEndpointSettings(url=str(api.base_url), model="tiny"))
    asked = (Message(role="system", content="Be brief."), Message(role="user", content="What?"))
    *pieces, finish = model.stream(asked, max_tokens=20)
    model.close()
    assert "".join(map(str, pieces)) == TEXT
    assert isinstance(finish, Finish)
    assert (finish.reason, finish.counted, finish.completion_tokens) == ("stop", True, 6)
    assert finish.warnings == ()


def test_too_many_at_once(api: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit.tune.serve.app._WAITING", 0)
    said = refused(chat, api)
    assert (said["status"], said["type"]) == (429, "rate_limit_error")
    monkeypatch.undo()
    for _ in range(40):
        stream = chat(api, stream=True)
        next(iter(stream))
        stream.close()
    assert chat(api).choices[0].message.content == TEXT


def test_an_answer_that_nobody_waits_for_is_stopped(
    tmp_path: Path, api: OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = tiny_chat_model.save(
        tmp_path / "endless", answer=SAYS, endless=True, context=1_000_000
    )
    with (
        in_thread(endless, tmp_path / "data", begin=FakeTrainer()) as url,
        client(url) as asking,
    ):
        from openai import APITimeoutError

        with pytest.raises(APITimeoutError):
            chat(asking.with_options(timeout=2), model="endless", max_tokens=900_000)
        stream = chat(asking, model="endless", max_tokens=900_000, stream=True)
        next(iter(stream))
        stream.close()
        answer = chat(asking, model="endless", max_tokens=3)  # waits for no other answer
        assert answer.choices[0].finish_reason == "length"
