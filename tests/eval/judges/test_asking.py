"""A judge behind an endpoint: kept replies, named refusals, and a bill that adds up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ragkit.generate.endpoint import ChatEndpointSettings, EndpointChatModel
from ragkit.generate.model import Finish, Message
from ragkit_eval.cache import AnswerCache
from ragkit_eval.judges.asking import (
    AskedModel,
    Estimating,
    JudgeStatus,
    Prices,
    objects,
    unusable,
)
from tests.support import chat_server
from tests.support.chat_server import ChatServer, completion
from tests.support.endpoint_server import Behaviour, error, raw
from tests.support.fake_chat_model import FakeChatModel

ASK = (Message(role="user", content="Which of the two?"),)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server.serving() as server:
        yield server


@pytest.fixture
def asking(server: ChatServer, tmp_path: Path) -> Iterator[AskedModel]:
    model = EndpointChatModel(ChatEndpointSettings(url=server.url, model="m"))
    with closing(model), closing(AnswerCache(tmp_path)) as cache:
        yield AskedModel(model, cache, {"url": server.url})


def ask(asking: AskedModel | Estimating) -> tuple[str, JudgeStatus | None]:
    reply = asking.ask(ASK, max_tokens=50, likely_tokens=10)
    return reply.text, reply.status


def test_a_reply_is_kept_and_paid_for_once(asking: AskedModel, server: ChatServer) -> None:
    server.text = '{"better": "A"}'
    assert [ask(asking) for _ in range(3)] == [('{"better": "A"}', None)] * 3
    assert len(server.requests) == 1
    bill = asking.bill
    assert (bill.calls, bill.cached, bill.prompt_tokens, bill.completion_tokens) == (1, 2, 120, 7)
    assert not bill.estimated
    assert bill.cost(Prices()) is None
    assert bill.cost(Prices(read=1000, written=10_000)) == pytest.approx(0.12 + 0.07)


def test_tokens_that_nobody_counted_are_estimated(asking: AskedModel, server: ChatServer) -> None:
    server.usage = None
    ask(asking)
    assert asking.bill.estimated
    assert asking.bill.prompt_tokens > 0


def test_a_provider_that_withholds_is_a_refusal(asking: AskedModel, server: ChatServer) -> None:
    server.reason = "content_filter"
    assert ask(asking)[1] is JudgeStatus.REFUSED
    assert ask(asking)[1] is JudgeStatus.REFUSED
    assert len(server.requests) == 1


def test_what_is_cut_off_is_asked_again(asking: AskedModel, server: ChatServer) -> None:
    server.reason = "length"
    assert ask(asking)[1] is JudgeStatus.CUT_OFF
    server.reason = "stop"
    assert ask(asking)[1] is None
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "behaviour",
    [
        error(401, "no key"),
        error(404, "no such model"),
        raw(b"<html>", "text/html"),
        raw(b"{broken"),
        lambda *_: completion(7),
    ],
)
def test_a_server_that_fails_is_no_verdict(
    asking: AskedModel, server: ChatServer, behaviour: Behaviour
) -> None:
    server.then = [behaviour]
    reply = asking.ask(ASK, max_tokens=50, likely_tokens=10)
    assert (reply.text, reply.status) == ("", JudgeStatus.FAILED)
    assert "the chat endpoint" in reply.reason
    assert ask(asking)[1] is None  # a failure is not kept


def test_an_estimate_asks_nothing(tmp_path: Path) -> None:
    model = FakeChatModel("never")
    with closing(AnswerCache(tmp_path)) as cache:
        estimating = Estimating(model, cache, {})
        assert ask(estimating) == ("", None)
        assert model.asked == []
        bill = estimating.bill
        assert (bill.calls, bill.prompt_tokens, bill.completion_tokens) == (1, 4, 10)
        assert bill.estimated
        ask(AskedModel(FakeChatModel("yes", finish=Finish()), cache, {}))
        assert ask(estimating) == ("yes", None)
        assert (bill.calls, bill.cached) == (1, 1)


def test_another_judge_or_address_is_asked_anew(tmp_path: Path) -> None:
    with closing(AnswerCache(tmp_path)) as cache:
        one, two = FakeChatModel("one"), FakeChatModel("two")
        assert ask(AskedModel(one, cache, {"url": "a"}))[0] == "one"
        assert ask(AskedModel(two, cache, {"url": "b"}))[0] == "two"
        assert ask(AskedModel(two, cache, {"url": "a"}))[0] == "one"


def test_objects_are_found_in_prose() -> None:
    assert list(objects('Sure! ```json\n{"a": {"b": 1}}\n``` and {"c": 2} {broken')) == [
        {"a": {"b": 1}},
        {"c": 2},
    ]
    assert list(objects("[1, 2] none")) == []
    assert list(objects("{" * 100_000)) == []


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("I can't help with that.", JudgeStatus.REFUSED),
        ("I\u2019m sorry, but I cannot compare these.", JudgeStatus.REFUSED),
        ("I am unable to answer.", JudgeStatus.REFUSED),
        ("A is better, clearly.", JudgeStatus.MALFORMED),
        ("", JudgeStatus.MALFORMED),
    ],
)
def test_refusals_have_their_name(text: str, status: JudgeStatus) -> None:
    assert unusable(text) is status
