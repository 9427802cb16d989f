"""The endpoint embedder against a real server that misbehaves in every way that is documented."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from email.utils import formatdate
from threading import Thread
from typing import Any

import numpy as np
import openai
import pytest

from ragkit_ingest.embed.backoff import Backoff
from ragkit_ingest.embed.endpoint import EndpointEmbedder, EndpointSettings
from ragkit_ingest.embed.unit import check_vectors
from ragkit_ingest.errors import ConfigError, EmbedderError
from tests.support import embedding_server, endpoint_server
from tests.support.embedding_server import EmbeddingServer, answer_with, well
from tests.support.endpoint_server import Time, error, raw

Make = Callable[..., EndpointEmbedder]


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with embedding_server.serving() as server:
        yield server


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def make(server: EmbeddingServer, time: Time, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    made: list[EndpointEmbedder] = []

    def embedder(**changes: Any) -> EndpointEmbedder:
        backoff = Backoff(sleep=time.sleep, clock=lambda: time.now)
        values: dict[str, Any] = {"url": server.url, "model": "m", "backoff": backoff} | changes
        made.append(EndpointEmbedder(EndpointSettings(**values)))
        return made[-1]

    yield embedder
    server.released.set()
    for one in made:
        one.close()


# -- requests --------------------------------------------------------------------------------


def test_vectors_are_those_of_the_server_made_unit(server: EmbeddingServer, make: Make) -> None:
    embedder = make()
    vectors = embedder.embed_documents(["tea", "the urn leaks"])
    check_vectors(vectors, 2, embedder.fingerprint)
    wanted = server.model.embed_documents(["tea", "the urn leaks"])
    np.testing.assert_allclose(vectors, wanted, atol=1e-6)
    assert server.requests[0]["_path"] == "/v1/embeddings"
    assert server.requests[0]["model"] == "m"


def test_lists_of_numbers_are_read_as_base64_is(server: EmbeddingServer, make: Make) -> None:
    coded = make().embed_documents(["tea"])
    server.always = lambda server, request: answer_with(server.entries(request, plain=True))
    np.testing.assert_allclose(make().embed_documents(["tea"]), coded, atol=1e-6)


def test_a_key_is_sent_and_without_one_no_header_is(
    server: EmbeddingServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make().embed_query("tea")
    assert "authorization" not in server.headers[-1]
    monkeypatch.setenv("MY_KEY", " sk-12345 \n")
    make(key_env="MY_KEY").embed_query("tea")
    assert server.headers[-1]["authorization"] == "Bearer sk-12345"


def test_a_key_of_odd_characters_is_refused_and_not_shown(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-\u00fc")
    with pytest.raises(EmbedderError, match=r"\$OPENAI_API_KEY holds characters") as caught:
        make().embed_query("tea")
    assert "\u00fc" not in str(caught.value)


def test_the_address_in_the_environment_is_not_used(
    server: EmbeddingServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    make().embed_query("tea")
    assert len(server.requests) == 1


def test_texts_are_batched_by_number_and_by_tokens(server: EmbeddingServer, make: Make) -> None:
    texts = [f"text {number}" for number in range(7)]
    by_number = make(batch_texts=3).embed_documents(texts)
    assert [len(request["input"]) for request in server.requests] == [3, 3, 1]
    server.requests.clear()
    by_tokens = make(batch_tokens=4).embed_documents(texts)
    assert [len(request["input"]) for request in server.requests] == [2, 2, 2, 1]
    np.testing.assert_allclose(by_number, server.model.embed_documents(texts), atol=1e-6)
    np.testing.assert_allclose(by_tokens, by_number, atol=1e-6)


def test_prefixes_are_put_before(server: EmbeddingServer, make: Make) -> None:
    embedder = make(query_prefix="search_query: ", document_prefix="search_document: ")
    embedder.embed_query("tea")
    embedder.embed_documents(["tea"])
    assert [request["input"] for request in server.requests] == [
        ["search_query: tea"],
        ["search_document: tea"],
    ]


def test_an_empty_text_is_sent_as_a_space_and_broken_unicode_is_mended(
    server: EmbeddingServer, make: Make
) -> None:
    make().embed_documents(["", "a\udc80b"])
    assert server.requests[0]["input"] == [" ", "a?b"]


def test_long_texts_are_cut_before_they_are_sent(server: EmbeddingServer, make: Make) -> None:
    embedder = make(max_tokens=32)
    embedder.embed_documents(["tea " * 100, "\U0001f600" * 100, "x" * 5000])
    sent = server.requests[0]["input"]
    assert sent[0].split() == ["tea"] * 30
    assert max(embedder.count_tokens(sent)) <= 30


def test_unknown_pieces_count_a_token_a_byte(make: Make) -> None:
    assert make().count_tokens(["\U0001f600", "x" * 500, "tea"]) == [4, 500, 1]


# -- the vector space ------------------------------------------------------------------------


def test_the_dimension_is_learnt_once(server: EmbeddingServer, make: Make) -> None:
    embedder = make()
    assert embedder.fingerprint.dimension == 48
    assert embedder.fingerprint == embedder.fingerprint
    assert embedder.embed_documents([]).shape == (0, 48)
    assert len(server.requests) == 1


def test_embedding_first_needs_no_probe(server: EmbeddingServer, make: Make) -> None:
    embedder = make()
    embedder.embed_query("tea")
    assert embedder.fingerprint.dimension == 48
    assert len(server.requests) == 1


def test_a_given_dimension_is_asked_for_and_held(server: EmbeddingServer, make: Make) -> None:
    embedder = make(dimensions=48)
    assert embedder.fingerprint.dimension == 48
    assert server.requests == []
    embedder.embed_query("tea")
    assert server.requests[0]["dimensions"] == 48
    with pytest.raises(EmbedderError, match="gave a vector of 48 dimensions where 16 were"):
        make(dimensions=16).embed_query("tea")


def test_nothing_is_contacted_until_it_is_used(server: EmbeddingServer, make: Make) -> None:
    make().count_tokens(["tea"])
    assert server.requests == []


def test_a_moved_server_is_the_same_space_and_another_model_is_not(make: Make) -> None:
    with embedding_server.serving() as other:
        here, there = make(), make(url=other.url)
        assert here.fingerprint == there.fingerprint
    digests = {
        make(**changes).fingerprint.digest
        for changes in (
            {},
            {"model": "n"},
            {"dimensions": 48},
            {"max_tokens": 64},
            {"query_prefix": "q: "},
            {"document_prefix": "d: "},
        )
    }
    assert len(digests) == 6


# -- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (error(401, "Incorrect API key"), r"answered 401 \(Incorrect API key\); check the key"),
        (error(403, "no access"), r"answered 403 .*what the key in \$OPENAI_API_KEY may use"),
        (error(404, "The model `m` does not exist"), "answered 404 .*check the model's name"),
        (
            error(400, "This model's maximum context length is 8192 tokens"),
            "maximum context length is 8192 tokens.*lower embedder_max_tokens",
        ),
        (error(413, "too large"), "answered 413 .*lower embedder_max_tokens"),
        (error(429, "no money", "insufficient_quota"), r"answered 429 \(no money\).*limits"),
        (raw(b'{"error": "plain"}', status=400), r"answered 400 \(plain\)"),
        (raw(b'{"detail": "Not Found"}', status=404), r"answered 404 \(Not Found\)"),
        (raw(b"<html>\x1b[31m\n" + b"x" * 900, "text/html", 400), r"<html> \[31m x{150,}\.\.\."),
        (raw(b"", status=418), "answered 418; see what the server logged"),
    ],
)
def test_a_refusal_is_a_sentence_and_not_tried_again(
    server: EmbeddingServer, make: Make, time: Time, behaviour: Any, message: str
) -> None:
    server.always = behaviour
    with pytest.raises(EmbedderError, match=message) as caught:
        make().embed_documents(["tea"])
    assert f"the embedding endpoint {server.url} (model m)" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(server.requests) == 1
    assert time.slept == []


def test_a_server_that_repeats_the_key_does_not_show_it(
    server: EmbeddingServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-77")
    server.always = error(401, "wrong key sk-secret-77!")
    with pytest.raises(EmbedderError, match=r"wrong key \[key\]!") as caught:
        make().embed_query("tea")
    assert "sk-secret" not in str(caught.value)


def test_a_redirect_is_not_followed(server: EmbeddingServer, make: Make) -> None:
    with embedding_server.serving() as elsewhere:
        address = f"{elsewhere.url}/embeddings"
        server.always = lambda *_: (307, {"Location": address}, b"")
        with pytest.raises(EmbedderError, match="answered 307; redirects are not followed"):
            make().embed_query("tea")
        assert elsewhere.requests == []


def test_a_request_that_is_too_large_is_halved(server: EmbeddingServer, make: Make) -> None:
    def at_most_two(server: EmbeddingServer, request: dict[str, Any]) -> Any:
        if len(request["input"]) > 2:
            return error(413, "batch size 5 > maximum allowed batch size 2")(server, request)
        return well(server, request)

    server.always = at_most_two
    texts = [f"text {number}" for number in range(5)]
    vectors = make().embed_documents(texts)
    np.testing.assert_allclose(vectors, server.model.embed_documents(texts), atol=1e-6)


# -- failures that pass ----------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_a_failure_that_passes_is_waited_for(
    server: EmbeddingServer, make: Make, time: Time, status: int
) -> None:
    server.then = [error(status, "busy")] * 3
    assert make().embed_query("tea").shape == (48,)
    assert time.slept == [0.5, 1.0, 2.0]
    assert len(server.requests) == 4


def test_seconds_in_retry_after_are_waited(server: EmbeddingServer, make: Make, time: Time) -> None:
    server.then = [
        error(429, "slow down", Retry_After="7"),
        error(429, "slow down", Retry_After="0"),
        error(503, "soon", retry_after_ms="250"),
    ]
    make().embed_query("tea")
    assert time.slept == [7.0, 0.0, 0.25]


def test_a_date_in_retry_after_is_waited_for(
    server: EmbeddingServer, make: Make, time: Time
) -> None:
    server.then = [
        error(429, "slow down", Retry_After=formatdate(time.now + 11, usegmt=True)),
        error(429, "slow down", Retry_After=formatdate(time.now - 99, usegmt=True)),
    ]
    make().embed_query("tea")
    assert time.slept == [11.0, 0.0]


@pytest.mark.parametrize("value", ["soon", "-5", "nan", "inf", ""])
def test_nonsense_in_retry_after_counts_as_nothing(
    server: EmbeddingServer, make: Make, time: Time, value: str
) -> None:
    server.then = [error(429, "slow down", Retry_After=value)]
    make().embed_query("tea")
    assert time.slept == [0.5]


def test_a_server_that_wants_an_hour_is_not_waited_for(
    server: EmbeddingServer, make: Make, time: Time
) -> None:
    server.always = error(429, "come back later", Retry_After="3600")
    with pytest.raises(EmbedderError, match=r"answered 429 \(come back later\)"):
        make().embed_query("tea")
    assert time.slept == []


def test_tries_are_bounded(server: EmbeddingServer, make: Make, time: Time) -> None:
    server.always = error(500, "broken")
    with pytest.raises(EmbedderError, match=r"answered 500 \(broken\).* \(5 tries\)"):
        make().embed_query("tea")
    assert len(server.requests) == 5
    assert time.slept == [0.5, 1.0, 2.0, 4.0]


def test_a_hanging_server_is_left_and_asked_again(
    server: EmbeddingServer, make: Make, time: Time
) -> None:
    server.then = [endpoint_server.hang(30)]
    assert make(timeout_s=3).embed_query("tea").shape == (48,)
    assert time.slept == [0.5]


def test_a_server_that_only_hangs_is_a_sentence(
    server: EmbeddingServer, make: Make, time: Time
) -> None:
    server.always = endpoint_server.hang(30)
    backoff = Backoff(tries=2, sleep=time.sleep)
    with pytest.raises(EmbedderError, match=r"did not answer within 0.1 s; .* \(2 tries\)"):
        make(timeout_s=0.1, backoff=backoff).embed_query("tea")


def test_a_cut_connection_is_tried_again(server: EmbeddingServer, make: Make, time: Time) -> None:
    def halfway(server: EmbeddingServer, request: dict[str, Any]) -> Any:
        status, headers, body = well(server, request)
        assert isinstance(body, bytes)
        return status, {**headers, "Content-Length": str(len(body))}, body[: len(body) // 2]

    server.then = [endpoint_server.cut, halfway]
    assert make().embed_query("tea").shape == (48,)
    assert time.slept == [0.5, 1.0]


def test_no_server_is_a_sentence(make: Make) -> None:
    with embedding_server.serving() as gone:
        url = gone.url
    with pytest.raises(EmbedderError, match=r"cannot be reached .*check that the server runs"):
        make(url=url).embed_query("tea")


# -- nonsense --------------------------------------------------------------------------------


def altered(change: Callable[[list[dict[str, Any]]], Any]) -> Callable[..., Any]:
    """Answer in plain lists, altered."""

    def behave(server: EmbeddingServer, request: dict[str, Any]) -> Any:
        return answer_with(change(server.entries(request, plain=True)))

    return behave


def with_first(entries: list[dict[str, Any]], **changes: Any) -> list[dict[str, Any]]:
    return [entries[0] | changes, *entries[1:]]


def test_indexes_give_the_order(server: EmbeddingServer, make: Make) -> None:
    server.always = altered(lambda entries: entries[::-1])
    texts = ["one", "two", "three"]
    vectors = make().embed_documents(texts)
    np.testing.assert_allclose(vectors, server.model.embed_documents(texts), atol=1e-6)


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (raw(b'{"data": ['), "something that is no list of embeddings"),
        (raw(b"[1, 2]"), "no list of embeddings"),
        (raw(b'"text"'), "no list of embeddings"),
        (raw(b"null"), "no list of embeddings"),
        (raw(b'{"data": null}'), "no list of embeddings"),
        (raw(b'{"data": [{"index": 0}]}'), "no list of embeddings"),
        (raw(b"\xff\xfe"), "no list of embeddings"),
        (raw(b"<html>Sign in</html>", "text/html"), r"no list of embeddings \('<html>Sign in"),
        (raw(b"[" * 100_000), "no list of embeddings"),
        (altered(lambda entries: entries[:1]), "gave 1 vectors"),
        (altered(lambda entries: [*entries, entries[0]]), "gave 3 vectors"),
        (altered(lambda entries: [entries[0], entries[0]]), "gave 2 vectors numbered"),
        (altered(lambda entries: with_first(entries, index=7)), r"numbered \[1, 7\]"),
        (altered(lambda entries: with_first(entries, index=-1)), r"numbered \[-1, 1\]"),
        (altered(lambda entries: with_first(entries, embedding=[1.0] * 47)), "dimensions where"),
        (altered(lambda entries: with_first(entries, embedding=[])), "dimensions"),
        (altered(lambda entries: with_first(entries, embedding=[math.nan] * 48)), "not finite"),
        (altered(lambda entries: with_first(entries, embedding=[math.inf] * 48)), "not finite"),
        (altered(lambda entries: with_first(entries, embedding=[1e300] * 48)), "not finite"),
        (altered(lambda entries: with_first(entries, embedding=[0.0] * 48)), "length 0"),
        (altered(lambda entries: with_first(entries, embedding=["1"] * 48)), "no list of emb"),
        (altered(lambda entries: with_first(entries, embedding=[[1.0]] * 48)), "no list of emb"),
        (altered(lambda entries: with_first(entries, embedding=[None] * 48)), "not finite"),
        (altered(lambda entries: with_first(entries, embedding="?")), "no list of embeddings"),
        (altered(lambda entries: with_first(entries, embedding="AAA=")), "no list of embeddings"),
        (altered(lambda entries: with_first(entries, embedding="AADAfw==" * 12)), "no list of"),
        (altered(lambda entries: with_first(entries, embedding=None)), "no list of embeddings"),
    ],
)
def test_nonsense_is_refused(
    server: EmbeddingServer, make: Make, behaviour: Any, message: str
) -> None:
    server.always = behaviour
    with pytest.raises(EmbedderError, match=message) as caught:
        make().embed_documents(["one", "two"])
    assert server.url in str(caught.value)


def test_nan_in_base64_is_refused(server: EmbeddingServer, make: Make) -> None:
    server.model.embed_documents = lambda texts: np.full((len(texts), 48), np.nan, "f4")  # type: ignore[method-assign]
    with pytest.raises(EmbedderError, match="not finite"):
        make().embed_query("tea")


def test_a_dimension_that_changes_is_refused(server: EmbeddingServer, make: Make) -> None:
    embedder = make()
    embedder.embed_query("tea")
    server.always = altered(lambda entries: with_first(entries, embedding=[1.0] * 47))
    with pytest.raises(EmbedderError, match="gave a vector of 47 dimensions where 48 were"):
        embedder.embed_query("tea")


# -- settings and sharing --------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8080", "ftp://host/v1", "http://", "http://[::1", "http://host:99999/v1"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(repr(url)) + ".*as embedder_url"):
        EndpointSettings(url=url, model="m")


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError, match="holds a user") as caught:
        EndpointSettings(url="https://me:hunter2@host/v1", model="m")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": " "},
        {"dimensions": -1},
        {"max_tokens": 31},
        {"batch_texts": 0},
        {"batch_tokens": 0},
        {"timeout_s": 0},
        {"timeout_s": math.nan},
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any]) -> None:
    values: dict[str, Any] = {"url": "http://host/v1", "model": "m"} | changes
    with pytest.raises(ConfigError):
        EndpointSettings(**values)


def test_threads_share_an_embedder(server: EmbeddingServer, make: Make) -> None:
    embedder, found = make(), {}
    texts = [f"word{number} tea" for number in range(8)]

    def embed(text: str) -> None:
        found[text] = embedder.embed_query(text)

    threads = [Thread(target=embed, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for text in texts:
        np.testing.assert_allclose(found[text], server.model.embed_query(text), atol=1e-6)


def test_a_closed_embedder_opens_again(server: EmbeddingServer, make: Make) -> None:
    embedder = make()
    embedder.embed_query("tea")
    embedder.close()
    embedder.close()
    assert embedder.embed_query("tea").shape == (48,)


def every_error_of_openai() -> list[type[BaseException]]:
    found = [openai.OpenAIError]
    for kind in found:
        found += [sub for sub in kind.__subclasses__() if sub not in found]
    return [kind for kind in found if kind.__module__ == "openai"]


@pytest.mark.parametrize("kind", every_error_of_openai(), ids=lambda kind: kind.__name__)
def test_every_error_of_the_library_is_translated(
    make: Make, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    def fail(*_: object) -> bytes:
        raised = kind.__new__(kind)
        raised.args = ("something",)
        for name, value in {"status_code": 418, "body": None, "response": Response()}.items():
            setattr(raised, name, value)
        raise raised

    embedder = make(dimensions=48)
    monkeypatch.setattr(embedder, "_request", fail)
    with pytest.raises(EmbedderError, match="the embedding endpoint"):
        embedder.embed_query("tea")


class Response:
    text = "{}"

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
