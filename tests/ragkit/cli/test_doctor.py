"""`ragkit doctor`: every check ends in a sentence, whatever is broken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ragkit.cli import check
from ragkit.cli.check import Outcome
from ragkit.generate.chat import ChatGenerator
from ragkit.generate.endpoint import ChatEndpointSettings, EndpointChatModel
from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.errors import DamagedIndexError, EmbedderError, NoIndexError
from tests.support import chat_server
from tests.support.endpoint_server import error
from tests.support.fake_chat_model import FakeChatModel
from tests.support.hashing import HashingEmbedder

NAMES = [
    "Python",
    "packages",
    "SQLite",
    "processor",
    "embedder",
    "generator",
    "vector store",
    "telemetry",
    "index",
    "writable",
    "disk",
]


def test_json_has_every_check_with_a_sentence(ragkit: Any, tmp_path: Path) -> None:
    result = ragkit("doctor", "--index", str(tmp_path / "index"), "--json")
    assert [item["name"] for item in result.json["checks"]] == NAMES
    assert all(item["detail"] for item in result.json["checks"])
    by_name = {item["name"]: item for item in result.json["checks"]}
    assert "weights verified" in by_name["embedder"]["detail"]
    assert by_name["vector store"]["outcome"] == "ok"
    assert by_name["telemetry"]["outcome"] == "ok"
    assert result.json["sound"] is True
    assert result.code == 0
    assert list(tmp_path.iterdir()) == []


def test_a_failed_check_is_1_and_the_others_go_on(
    ragkit: Any, pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("check_embedder", "check_store"):
        monkeypatch.setattr(check, name, lambda *_: check.check_python())
    pipeline.held = DamagedIndexError("the catalog is damaged; run: ragkit verify")
    result = ragkit("doctor")
    assert result.code == 1
    assert "fail index        the catalog is damaged; run: ragkit verify" in result.out
    assert "disk" in result.out
    assert result.out.endswith("Not sound: index\n")


def test_no_index_yet_is_no_fault(pipeline: Any, make_session: Any) -> None:
    pipeline.held = NoIndexError("none")
    found = check.check_index(make_session())
    assert found.outcome is Outcome.OK
    assert "ragkit ingest" in found.detail


def test_failed_files_are_a_warning(pipeline: Any, make_session: Any) -> None:
    found = check.check_index(make_session())
    assert found.outcome is Outcome.WARN
    assert "1 files failed" in found.detail


def test_little_room_warns_and_no_room_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Path.cwd()
    monkeypatch.setattr(check, "LOW_DISK_BYTES", 10**18)
    assert check.check_disk(here).outcome is Outcome.WARN
    monkeypatch.setattr(check, "NO_DISK_BYTES", 10**18)
    assert check.check_disk(here).outcome is Outcome.FAIL


def test_a_place_that_cannot_be_written_to_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    assert check.check_writable(tmp_path / "not" / "yet" / "there").outcome is Outcome.OK
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    found = check.check_writable(tmp_path)
    assert found.outcome is Outcome.FAIL
    assert "Permission denied" in found.detail


def test_the_embedder_in_use_is_what_is_checked(
    make_session: Any, pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = check.check_embedder(make_session())
    assert found.outcome is Outcome.OK
    assert found.detail.startswith("all-MiniLM-L6-v2, 384 dimensions, ")
    monkeypatch.setattr(type(pipeline), "embedder", property(lambda _: HashingEmbedder()))
    found = check.check_embedder(make_session())
    assert found.detail == "hashing, 48 dimensions, reads 256 tokens, pooling mean"


def test_a_processor_that_computes_something_else_fails(
    make_session: Any, pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong(MiniLM):
        precision = "bf16"

        def embed_documents(self, texts: Sequence[str]) -> Vectors:
            vectors = MiniLM(precision="f32").embed_documents(texts)
            vectors[1] = -vectors[1]
            return vectors

    monkeypatch.setattr(type(pipeline), "embedder", property(lambda _: Wrong()))
    found = check.check_embedder(make_session())
    assert found.outcome is Outcome.FAIL
    assert "lowest cosine to f32 of 5 texts -1.00000; at least 0.999" in found.detail


def test_an_endpoint_that_is_gone_fails_and_the_others_go_on(
    ragkit: Any, pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: object) -> HashingEmbedder:
        raise EmbedderError("the embedding endpoint cannot be reached")

    monkeypatch.setattr(type(pipeline), "embedder", property(gone))
    result = ragkit("doctor")
    assert "fail embedder     the embedding endpoint cannot be reached" in result.out
    assert result.code == 1


def test_the_generator_in_use_is_asked_and_where_it_sends_is_said(
    make_session: Any, pipeline: Any
) -> None:
    found = check.check_generator(make_session(), None, None)
    assert found.outcome is Outcome.OK
    assert found.detail == "extractive; questions and passages stay on this machine"
    with chat_server.serving() as server:
        model = EndpointChatModel(ChatEndpointSettings(url=server.url, model="m"))
        pipeline.writer = ChatGenerator(model)
        found = check.check_generator(make_session(), None, None)
        assert found.outcome is Outcome.OK
        assert f"questions and passages are sent to {server.url}; it answers" in found.detail
        server.text = ""
        found = check.check_generator(make_session(), None, None)
        assert (found.outcome, "wrote no text" in found.detail) == (Outcome.WARN, True)
        server.always = error(404, "no such model")
        found = check.check_generator(make_session(), None, None)
        assert found.outcome is Outcome.FAIL
        assert f"are sent to {server.url}; the chat endpoint" in found.detail
        assert "no such model" in found.detail
        model.close()
    pipeline.writer = ChatGenerator(FakeChatModel("Hello."))
    found = check.check_generator(make_session(), "local:x", None)
    assert found.detail == "fake:one, prompt answer-1; it runs in this process; it answers"
