"""The endpoint's chat model against a real server that misbehaves in every documented way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ragkit.generate.endpoint import ChatEndpointSettings, EndpointChatModel
from ragkit.generate.model import ChatEvent, Finish, Message
from ragkit_ingest.embed.backoff import Backoff
from ragkit_ingest.errors import ConfigError, GeneratorError
from tests.support import chat_server, endpoint_server
from tests.support.chat_server import ChatServer, chunk, completion, drip, event, streaming
from tests.support.endpoint_server import Time, error, raw

Make = Callable[..., EndpointChatModel]
ASK = (
    Message(role="system", content="Be brief."),
    Message(role="user", content="What leaks?"),
)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server.serving() as server:
        yield server


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def make(server: ChatServer, time: Time, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    made: list[EndpointChatModel] = []

    def model(**changes: Any) -> EndpointChatModel:
        backoff = Backoff(clock=lambda: time.now)
        values: dict[str, Any] = {"url": server.url, "model": "m", "backoff": backoff} | changes
        made.append(EndpointChatModel(ChatEndpointSettings(**values), sleep=time.asleep))
        return made[-1]

    yield model
    server.released.set()
    for one in made:
        one.close()


def read(model: EndpointChatModel, *, limit: int = 50) -> tuple[str, Finish]:
    *pieces, finish = model.stream(ASK, max_tokens=limit)
    assert isinstance(finish, Finish)
    return "".join(map(str, pieces)), finish


async def aread(model: EndpointChatModel) -> list[ChatEvent]:
    return [event async for event in model.astream(ASK, max_tokens=50)]


# -- requests --------------------------------------------------------------------------------


def test_text_arrives_in_pieces_then_how_it_ended(server: ChatServer, make: Make) -> None:
    *pieces, finish = make().stream(ASK, max_tokens=50)
    assert pieces == ["The ", "urn ", "leaks ", "[1]."]
    assert finish == Finish(
        reason="stop", prompt_tokens=120, completion_tokens=7, counted=True, model="m-2"
    )
    request = server.requests[0]
    assert request["_path"] == "/v1/chat/completions"
    assert (request["model"], request["max_tokens"], request["stream"]) == ("m", 50, True)
    assert (request["temperature"], request["seed"]) == (0.0, 0)
    assert request["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What leaks?"},
    ]


def test_asynchronously_it_is_the_same(make: Make) -> None:
    model = make()
    assert asyncio.run(aread(model)) == list(model.stream(ASK, max_tokens=50))
    assert asyncio.run(aread(model)) == list(model.stream(ASK, max_tokens=50))


def test_within_a_running_event_loop_the_synchronous_form_works_too(make: Make) -> None:
    async def inside() -> str:
        return read(make())[0]

    assert asyncio.run(inside()) == "The urn leaks [1]."


def test_a_server_that_does_not_stream_is_understood(server: ChatServer, make: Make) -> None:
    server.always = chat_server.plain
    text, finish = read(make())
    assert (text, finish.counted, finish.reason) == ("The urn leaks [1].", True, "stop")


def test_usage_that_is_absent_is_not_counted(server: ChatServer, make: Make) -> None:
    server.usage = None
    _, finish = read(make())
    assert (finish.counted, finish.prompt_tokens) == (False, 0)


@pytest.mark.parametrize("usage", [{"prompt_tokens": "9"}, {"prompt_tokens": -1}, 7, []])
def test_usage_that_is_nonsense_is_not_counted(server: ChatServer, make: Make, usage: Any) -> None:
    server.always = lambda *_: completion("Tea.", usage=usage)
    assert not read(make())[1].counted


def test_content_in_parts_is_joined(server: ChatServer, make: Make) -> None:
    parts = [{"type": "thinking", "thinking": [{}]}, {"type": "text", "text": "Tea."}]
    server.always = lambda *_: completion(parts)
    assert read(make())[0] == "Tea."


def test_the_length_that_cut_an_answer_is_told(server: ChatServer, make: Make) -> None:
    server.reason = "length"
    assert read(make())[1].reason == "length"


def test_a_refusal_of_the_provider_is_told(server: ChatServer, make: Make) -> None:
    said = event({"choices": [{"index": 0, "delta": {"refusal": "I cannot"}}]})
    server.always = streaming(said, chunk(reason="stop"))
    assert read(make())[1].reason == "content_filter"


def test_a_key_is_sent_and_without_one_no_header_is(
    server: ChatServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(make())
    assert "authorization" not in server.headers[-1]
    monkeypatch.setenv("MY_KEY", "sk-12345")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    read(make(key_env="MY_KEY"))
    assert server.headers[-1]["authorization"] == "Bearer sk-12345"


def test_nothing_is_contacted_until_a_text_is_asked_for(server: ChatServer, make: Make) -> None:
    model = make()
    assert model.count_tokens(["tea", "the tea"]) == [1, 2]
    model.stream(ASK, max_tokens=5)
    assert server.requests == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'."),
        ("stream_options", "Unexpected fields in the request: {'stream_options'}"),
        ("temperature", "Unsupported value: 'temperature' does not support 0 with this model."),
        ("seed", "extra inputs are not permitted: seed"),
    ],
)
def test_a_parameter_that_a_server_does_not_take_is_left_out(
    server: ChatServer, make: Make, time: Time, name: str, message: str
) -> None:
    server.always = chat_server.refusing(name, message)
    model = make()
    assert read(model)[0] == "The urn leaks [1]."
    assert read(model)[0] == "The urn leaks [1]."
    assert len(server.requests) == 3
    assert name not in server.requests[-1]
    assert (name == "max_tokens") == ("max_completion_tokens" in server.requests[-1])
    assert time.slept == []


def test_an_answer_that_may_vary_is_said_to(server: ChatServer, make: Make) -> None:
    server.always = chat_server.refusing("temperature", "temperature is not supported")
    assert read(make())[1].warnings == ("the model m takes no temperature: answers may vary",)


def test_a_prompt_that_is_too_long_is_no_unknown_parameter(server: ChatServer, make: Make) -> None:
    message = "maximum context length is 4096 tokens; reduce max_tokens or the messages"
    server.always = error(400, message)
    with pytest.raises(GeneratorError, match=r"4096 tokens.*lower generator_context_tokens"):
        read(make())
    assert len(server.requests) == 1


# -- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (error(401, "Incorrect API key"), r"answered 401 \(Incorrect API key\); check the key"),
        (error(403, "no access"), r"answered 403 .*what the key in \$OPENAI_API_KEY may use"),
        (error(404, "model 'm' not found"), "answered 404 .*not found.*check the model's name"),
        (error(429, "no money", "insufficient_quota"), r"answered 429 \(no money\).*limits"),
        (raw(b"not json"), "sent something that is no chat completion"),
        (raw(b'"text"'), "sent something that is no chat completion"),
        (raw(b"[]"), "sent something that is no chat completion"),
        (raw(b"{}"), "answered without any choice"),
        (raw(b'{"choices": []}'), "answered without any choice"),
        (raw(b'{"choices": [null]}'), "sent something that is no chat completion"),
        (raw(b'{"choices": [{"message": {"content": 5}}]}'), "no chat completion"),
        (raw(b'{"error": "out of memory"}'), "answered with an error .*out of memory"),
        (raw(b"<html>hello</html>", "text/html"), "answered with text/html and no chat compl"),
        (raw(b"hello", "text/plain"), "answered with text/plain and no chat completion"),
        (raw(b"", "text/event-stream"), "answered with text/event-stream and no chat compl"),
        (raw(b"data: [DONE]\n\n", "text/event-stream"), "no chat completion in it"),
        (streaming(b"data: {broken\n\n"), "sent something that is no chat completion"),
        (streaming(b"data: 5\n\n"), "sent something that is no chat completion"),
        (streaming(b"garbage\nmore: garbage\n\n"), "no chat completion in it"),
        (streaming(event({"choices": []}), b"data: [DONE]\n\n"), "answered without any choice"),
        (
            streaming(event({"error": {"message": "CUDA out of memory"}})),
            r"broke off with an error \(CUDA out of memory\)",
        ),
        (streaming(event({"error": "plain words"})), r"with an error \(plain words\)"),
    ],
)
def test_a_refusal_is_a_sentence_and_not_tried_again(
    server: ChatServer, make: Make, time: Time, behaviour: Any, message: str
) -> None:
    server.always = behaviour
    with pytest.raises(GeneratorError, match=message) as caught:
        read(make())
    assert f"the chat endpoint {server.url} (model m)" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(server.requests) == 1
    assert time.slept == []
    with pytest.raises(GeneratorError, match=message):
        asyncio.run(aread(make()))


def test_a_server_that_repeats_the_key_does_not_show_it(
    server: ChatServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-77")
    server.then = [error(401, "wrong key sk-secret-77!")]
    with pytest.raises(GeneratorError, match=r"wrong key \[key\]!"):
        read(make())
    server.then = [streaming(event({"error": {"message": "bad sk-secret-77"}}))]
    with pytest.raises(GeneratorError, match=r"bad \[key\]"):
        read(make())
    server.then = [raw(b'{"error": "bad sk-secret-77"}')]
    with pytest.raises(GeneratorError, match=r"bad \[key\]"):
        read(make())


def test_a_redirect_is_not_followed(server: ChatServer, make: Make) -> None:
    with chat_server.serving() as elsewhere:
        address = f"{elsewhere.url}/chat/completions"
        server.always = lambda *_: (307, {"Location": address}, b"")
        with pytest.raises(GeneratorError, match=r"307; redirects are not .*as generator_url"):
            read(make())
        assert elsewhere.requests == []


def test_a_refused_connection_is_a_sentence(make: Make, time: Time) -> None:
    with chat_server.serving() as gone:
        url = gone.url
    with pytest.raises(GeneratorError, match=r"cannot be reached .*generator_url \(5 tries\)"):
        read(make(url=url))
    assert time.slept == [0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://a/v1", "http://", "http://a:99999"])
def test_an_address_that_is_none_is_refused(make: Make, url: str) -> None:
    with pytest.raises(ConfigError, match="give one such as http://localhost:11434/v1 as gener"):
        make(url=url)


# -- failures that pass ----------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_an_overload_that_recovers_is_waited_for(
    server: ChatServer, make: Make, time: Time, status: int
) -> None:
    server.then = [error(status, "busy")] * 3
    assert read(make())[0] == "The urn leaks [1]."
    assert time.slept == [0.5, 1.0, 2.0]


def test_retry_after_is_obeyed(server: ChatServer, make: Make, time: Time) -> None:
    server.then = [
        error(429, "slow down", Retry_After="7"),
        error(503, "soon", retry_after_ms="250"),
    ]
    read(make())
    assert time.slept == [7.0, 0.25]
    server.then = [error(429, "slow down", Retry_After="3600")]
    with pytest.raises(GeneratorError, match="answered 429"):
        read(make())


def test_an_overload_told_within_the_stream_is_waited_for(
    server: ChatServer, make: Make, time: Time
) -> None:
    server.then = [streaming(event({"error": {"message": "overloaded", "code": 529}}))]
    assert read(make())[0] == "The urn leaks [1]."
    assert time.slept == [0.5]


@pytest.mark.parametrize("behaviour", [endpoint_server.cut, streaming(chunk())])
def test_a_connection_cut_before_the_text_is_tried_again(
    server: ChatServer, make: Make, time: Time, behaviour: Any
) -> None:
    server.then = [behaviour] * 2
    assert read(make())[0] == "The urn leaks [1]."
    assert time.slept == [0.5, 1.0]


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (b"", "the answer broke off: .*ended its stream before the answer was finished"),
        (b"data: [DONE]\n\n", "the answer broke off: .*ended its stream before"),
        (b"data: {cut", "the answer broke off"),
        (event({"error": {"message": "worker died"}}), "the answer broke off: .*worker died"),
    ],
)
def test_an_answer_that_breaks_off_is_no_answer_and_not_begun_anew(
    server: ChatServer, make: Make, rest: bytes, message: str
) -> None:
    server.always = streaming(chunk("The "), rest)
    events = make().stream(ASK, max_tokens=5)
    assert next(events) == "The "
    with pytest.raises(GeneratorError, match=message):
        list(events)
    assert len(server.requests) == 1


def test_a_server_that_hangs_is_left_and_asked_again(
    server: ChatServer, make: Make, time: Time
) -> None:
    server.then = [endpoint_server.hang(30)]
    assert read(make(timeout_s=3))[0] == "The urn leaks [1]."
    assert time.slept == [0.5]


def test_a_server_that_only_hangs_is_a_sentence(server: ChatServer, make: Make) -> None:
    server.always = endpoint_server.hang(30)
    with pytest.raises(GeneratorError, match=r"did not answer within 0.1 s; .* \(2 tries\)"):
        read(make(timeout_s=0.1, backoff=Backoff(tries=2)))


@pytest.mark.parametrize("part", [chunk("more "), b": keep alive\n\n"])
def test_a_drip_ends_at_the_longest_time(server: ChatServer, make: Make, part: bytes) -> None:
    server.always = drip([part])
    with pytest.raises(GeneratorError, match=r"within 0.3 s; .*generator_total_s"):
        read(make(total_s=0.3))
    assert server.left.wait(10)


# -- leaving ---------------------------------------------------------------------------------


def test_closing_the_iterator_aborts_the_request(server: ChatServer, make: Make) -> None:
    server.always = drip([chunk("more ")])
    events = make().stream(ASK, max_tokens=5)
    assert next(events) == "The "
    events.close()
    assert server.left.wait(10)


@pytest.mark.parametrize("part", [chunk("more "), b": keep alive\n\n"])
def test_cancelling_the_task_aborts_the_request(
    server: ChatServer, make: Make, part: bytes
) -> None:
    server.always = drip([part])
    model = make()

    async def cancelled() -> None:
        begun = asyncio.Event()

        async def reading() -> None:
            async for _ in model.astream(ASK, max_tokens=5):
                begun.set()

        task = asyncio.create_task(reading())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert server.left.wait(10)


def test_closing_the_model_ends_what_is_read(server: ChatServer, make: Make) -> None:
    server.always = drip([chunk("more ")])
    model = make()
    begun = threading.Event()
    said: list[str] = []

    def reading() -> None:
        try:
            for _ in model.stream(ASK, max_tokens=5):
                begun.set()
        except GeneratorError as exc:
            said.append(str(exc))

    thread = threading.Thread(target=reading)
    thread.start()
    assert begun.wait(10)
    model.close()
    thread.join(10)
    assert said == ["the answer was stopped while it was written"]
    server.always = chat_server.streamed
    assert read(model)[0] == "The urn leaks [1]."


def test_many_threads_share_a_model(server: ChatServer, make: Make) -> None:
    model, texts = make(), []
    threads = [threading.Thread(target=lambda: texts.append(read(model)[0])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert texts == ["The urn leaks [1]."] * 8
