"""Chat models behind the Pipeline: what they write becomes drafts, answers, warnings, costs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragkit.answer import Answer
from ragkit.config import Config
from ragkit.generate.chat import ChatGenerator, ChatSettings
from ragkit.generate.model import Finish
from ragkit.generate.protocol import Draft, GenerationRequest, Span, TextDelta
from ragkit.pipeline import ABSTENTION, Pipeline
from ragkit.prompt import PromptSettings
from ragkit_ingest.errors import ConfigError, GeneratorError, UsageError
from ragkit_ingest.store.exact import ExactStore
from tests.support import chat_server
from tests.support.chat_server import ChatServer, chunk, drip
from tests.support.endpoint_server import error
from tests.support.fake_chat_model import FakeChatModel
from tests.support.folder import Folder
from tests.support.hashing import HashingEmbedder
from tests.support.passage import passage

URN, HUM = "The urn leaks at the tap.", "The kettle hums at night."
QUESTION = "What leaks at the tap?"
ASK = GenerationRequest(
    question=QUESTION,
    passages=(passage(URN, document=1, start=40), passage(HUM, document=2, rank=2)),
)
FIRST = Span(document_id=1, start=40, end=40 + len(URN))
SECOND = Span(document_id=2, start=0, end=len(HUM))


def draft(says: str, finish: Finish | None = None, **settings: Any) -> Draft:
    generator = ChatGenerator(FakeChatModel(says, finish=finish), ChatSettings(**settings))
    *pieces, last = generator.generate(ASK)
    assert isinstance(last, Draft)
    shown = "".join(piece.text for piece in pieces if isinstance(piece, TextDelta))
    assert shown == says.rpartition("</think>")[2].lstrip()
    return last


# -- drafts ----------------------------------------------------------------------------------


def test_sentences_claim_the_passages_that_they_name() -> None:
    drafted = draft("The urn leaks. [1]\nThe kettle hums [2][1]. It is hot. [7]")
    assert [(one.text, one.sources) for one in drafted.sentences] == [
        ("The urn leaks.", (FIRST,)),
        ("The kettle hums.", (SECOND, FIRST)),
        ("It is hot.", ()),
    ]


@pytest.mark.parametrize(
    "says",
    [
        ABSTENTION,
        "the documents do not say",
        "\u201cThe documents do not say.\u201d [1]",
        "I am sorry. The documents do not say.",
        "The documents do not say. In general, urns last for ten years or more in most offices.",
        "<think>Nothing here.</think>**The documents do not say.**",
        "",
        " \n",
        "[1]",
    ],
)
def test_a_refusal_is_an_empty_draft(says: str) -> None:
    assert draft(says).sentences == ()


def test_a_partial_answer_is_kept_without_the_refusal_of_the_rest() -> None:
    drafted = draft("The urn leaks. [1] The documents do not say since when.")
    assert [sentence.text for sentence in drafted.sentences] == ["The urn leaks."]


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        (["<think>", "It may ", "be tea.</thi", "nk>\n\nTea", " is hot."], "Tea is hot."),
        ([" <th", "ink>x</think>", "Tea."], "Tea."),
        (["<", "5 euro."], "<5 euro."),
        (["<think>", "never ends"], ""),
        (["Tea <think>is</think> hot."], "Tea <think>is</think> hot."),
    ],
)
def test_a_thought_is_not_shown_while_it_is_written(pieces: list[str], shown: str) -> None:
    class Thinking(FakeChatModel):
        def stream(self, messages: Any, *, max_tokens: int) -> Any:
            yield from pieces
            yield Finish()

    *deltas, _ = ChatGenerator(Thinking("")).generate(ASK)
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == shown


def test_a_sentence_that_only_holds_the_words_is_no_refusal() -> None:
    says = (
        "The documents do not say who, but the urn leaks at the tap in the hall of the house. [1]"
    )
    assert len(draft(says).sentences) == 1


def test_usage_cost_and_name_are_carried() -> None:
    finish = Finish(prompt_tokens=3000, completion_tokens=200, counted=True, model="one-2027")
    drafted = draft("The urn leaks. [1]", finish, price_in=2.5, price_out=10.0)
    assert (drafted.prompt_tokens, drafted.completion_tokens) == (3000, 200)
    assert (drafted.estimated, drafted.model) == (False, "one-2027")
    assert drafted.cost == pytest.approx(0.0095)
    assert drafted.prompt_version.startswith("answer-")
    assert drafted.finish_reason == "stop"


def test_absent_usage_is_estimated_and_said_to_be() -> None:
    drafted = draft("The urn leaks. [1]")
    assert drafted.estimated
    assert drafted.completion_tokens == 4
    assert drafted.prompt_tokens > 100
    assert drafted.cost is None


@pytest.mark.parametrize(
    ("finish", "message"),
    [
        (Finish(reason="length"), "cut off at 512 tokens; raise max_answer_tokens"),
        (Finish(reason="tool_calls"), "for an unusual reason: tool_calls"),
        (Finish(warnings=("it rains",)), "it rains"),
    ],
)
def test_what_is_unusual_is_said_aloud(finish: Finish, message: str) -> None:
    (warning,) = draft("The urn leaks. [1]", finish).warnings
    assert message in warning


def test_what_the_provider_withheld_is_no_answer() -> None:
    drafted = draft("I cannot help.", Finish(reason="content_filter"))
    assert drafted.sentences == ()
    assert "provider withheld" in drafted.warnings[0]


def test_an_empty_text_is_said_aloud() -> None:
    assert draft("", Finish(reason="length")).warnings[-1] == "the model wrote nothing"


def test_a_server_that_read_half_of_the_prompt_is_noticed() -> None:
    long = GenerationRequest(question=QUESTION, passages=(passage("leak " * 1500),))
    finish = Finish(prompt_tokens=500, completion_tokens=3, counted=True)
    *_, drafted = ChatGenerator(FakeChatModel("Tea. [1]", finish=finish)).generate(long)
    assert isinstance(drafted, Draft)
    assert "the server read 500 tokens of a prompt of about" in drafted.warnings[0]


def test_the_tokens_of_the_answer_are_kept_free() -> None:
    model = FakeChatModel("Tea. [1]", context=900)
    long = GenerationRequest(question=QUESTION, passages=(passage("leak " * 1500),))
    *_, drafted = ChatGenerator(model, ChatSettings(max_answer_tokens=300)).generate(long)
    assert isinstance(drafted, Draft)
    assert model.limits == [300]
    assert drafted.prompt_tokens <= 600
    assert "shown 1 of 1 passages, the last one cut" in drafted.warnings[0]
    source = drafted.sentences[0].sources[0]
    assert 0 < source.end < len("leak " * 1500)


def test_where_no_passage_fits_there_is_a_sentence() -> None:
    generator = ChatGenerator(FakeChatModel("x", context=600), ChatSettings(max_answer_tokens=580))
    with pytest.raises(ConfigError, match=r"no passage fits .* raise generator_context_tokens"):
        list(generator.generate(ASK))


def test_a_model_that_does_not_finish_is_a_sentence() -> None:
    class Endless(FakeChatModel):
        def stream(self, messages: Any, *, max_tokens: int) -> Any:
            yield "Tea."

    with pytest.raises(GeneratorError, match="stopped without saying how it ended"):
        list(ChatGenerator(Endless("")).generate(ASK))


def test_every_request_has_marks_of_its_own() -> None:
    model = FakeChatModel("Tea. [1]")
    generator = ChatGenerator(model, ChatSettings(prompt=PromptSettings(persona="Pirate.")))
    list(generator.generate(ASK))
    first = model.prompt
    list(generator.generate(ASK))
    marks = [text.split("<<<")[1].split()[0] for text in (first, model.prompt)]
    assert marks[0] != marks[1]
    assert all(len(mark) >= 16 for mark in marks)
    assert "Pirate." in first


def test_leaving_closes_the_models_stream() -> None:
    model = FakeChatModel("One.\nTwo.\nThree.\n")
    events = ChatGenerator(model).generate(ASK)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert model.closed == 1


# -- the pipeline ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chat")
    docs = Folder(folder / "docs")
    docs.write("urn.md", f"# Urn\n\n{URN}\n")
    docs.write("kettle.md", f"# Kettle\n\n{HUM}\n")
    with pipeline(folder / "index") as rag:
        assert rag.ingest(docs.path).files.indexed == 2
    return folder / "index"


def pipeline(index: Path, generator: Any = None, **settings: Any) -> Pipeline:
    config = Config(**{"min_confidence": 0.0, "workers": 1} | settings)
    parts: Any = {"embedder": HashingEmbedder(), "store": ExactStore()}
    return Pipeline(index, config=config, generator=generator, **parts)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server.serving() as server:
        server.text = f"{URN} [1]"
        yield server


def over_http(index: Path, server: ChatServer, **settings: Any) -> Pipeline:
    return pipeline(index, generator="openai:m", generator_url=server.url, **settings)


def test_an_endpoint_by_name_answers_with_citations(index: Path, server: ChatServer) -> None:
    with over_http(index, server, generator_price_in=1.0) as rag:
        *pieces, answer = rag.stream(QUESTION)
        assert isinstance(answer, Answer)
        assert "".join(map(str, pieces)) == f"{URN} [1]"
        assert (answer.text, answer.generator) == (URN, "openai:m")
        assert {citation.path for citation in answer.citations} == {"urn.md"}
        said = answer.to_json()
    assert said["warnings"] == []
    usage = said["usage"]
    assert isinstance(usage, dict)
    assert {name: usage[name] for name in ("prompt_tokens", "completion_tokens", "estimated")} == {
        "prompt_tokens": 120,
        "completion_tokens": 7,
        "estimated": False,
    }
    assert usage["cost"] == pytest.approx(0.00012)
    assert "passage 1 | urn.md, Urn" in server.prompt()
    assert QUESTION in server.prompt()


def test_extractive_answers_cost_nothing(index: Path) -> None:
    with pipeline(index) as rag:
        usage = rag.ask(QUESTION).to_json()["usage"]
    assert isinstance(usage, dict)
    assert (usage["prompt_tokens"], usage["cost"], usage["estimated"]) == (0, 0.0, False)


def test_a_claim_of_another_document_is_withheld(index: Path, server: ChatServer) -> None:
    server.text = "The moon is made of cheese. [1]"
    with over_http(index, server) as rag:
        answer = rag.ask(QUESTION)
    assert not any(sentence.supported for sentence in answer.sentences)


def test_a_refusal_is_an_abstention(index: Path, server: ChatServer) -> None:
    server.text = ABSTENTION
    with over_http(index, server) as rag:
        answer = rag.ask(QUESTION)
    assert (answer.abstained, answer.text, answer.sentences) == (True, ABSTENTION, ())
    assert answer.usage.completion_tokens == 7


def test_weak_evidence_costs_no_request(index: Path, server: ChatServer) -> None:
    with over_http(index, server, min_confidence=1.0) as rag:
        assert rag.ask("Who won the cup in 1966?").abstained
    assert server.requests == []


def test_a_failing_endpoint_is_a_sentence(index: Path, server: ChatServer) -> None:
    server.always = error(401, "no")
    with over_http(index, server) as rag:
        with pytest.raises(GeneratorError, match="answered 401"):
            rag.ask(QUESTION)
        with pytest.raises(GeneratorError, match="answered 401"):
            asyncio.run(rag.aask(QUESTION))
        server.always = chat_server.streamed
        assert rag.ask(QUESTION).text == URN


def test_cancelling_an_answer_aborts_its_request(index: Path, server: ChatServer) -> None:
    server.always = drip([chunk("more ")])

    async def cancelled(rag: Pipeline) -> None:
        task = asyncio.create_task(rag.aask(QUESTION))
        while not server.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with over_http(index, server) as rag:
        asyncio.run(cancelled(rag))
        assert server.left.wait(10)


def test_leaving_a_stream_aborts_its_request(index: Path, server: ChatServer) -> None:
    server.always = drip([chunk("more ")])
    with over_http(index, server) as rag:
        events = rag.stream(QUESTION)
        assert next(events) == "The "
        events.close()  # type: ignore[attr-defined]
        assert server.left.wait(10)


def test_a_chat_model_or_a_generator_may_be_given(index: Path) -> None:
    model = FakeChatModel(f"{URN} [1]")
    with pipeline(index, model) as rag:
        assert rag.ask(QUESTION).text == URN
        assert asyncio.run(rag.aask(QUESTION)).text == URN
    assert model.closed == 2  # its streams; a model that was given is not closed
    with pipeline(index, ChatGenerator(model)) as rag:
        assert rag.ask(QUESTION).generator == "fake:one"
    assert model.closed == 3


def test_an_llm_of_llama_index_may_be_given(index: Path) -> None:
    pytest.importorskip("llama_index.core", reason="the extra llama-index is not installed")
    from llama_index.core.base.llms.types import CompletionResponse, LLMMetadata
    from llama_index.core.llms import CustomLLM

    class Reciting(CustomLLM):
        fails: bool = False

        @property
        def metadata(self) -> LLMMetadata:
            return LLMMetadata(model_name="reciter", context_window=8000)

        def complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
            raise NotImplementedError

        def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
            assert "never an instruction" in prompt
            said = ""
            for piece in chat_server.pieces(f"{URN} [1]"):
                said += piece
                if self.fails:
                    raise OSError("no such host")
                yield CompletionResponse(text=said, delta=piece)

    with pipeline(index, Reciting()) as rag:
        *pieces, answer = rag.stream(QUESTION)
        assert isinstance(answer, Answer)
        assert (answer.text, answer.generator) == (URN, "llama-index:reciter")
        assert len(pieces) == 7
        assert answer.usage.estimated
        assert asyncio.run(rag.aask(QUESTION)).text == URN
    with (
        pipeline(index, Reciting(fails=True)) as rag,
        pytest.raises(GeneratorError, match=r"reciter of LlamaIndex failed \(OSError: no such ho"),
    ):
        rag.ask(QUESTION)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ("openai:", ConfigError, "there is no generator 'openai:'"),
        ("gpt-5", ConfigError, "there is no generator 'gpt-5'; give extractive, openai:MODEL"),
        ("openai:m", ConfigError, "the generator openai:m needs an address; set generator_url"),
        ("local:/no/such/folder", ConfigError, "holds no config.json"),
        (5, UsageError, "a int is no generator"),
    ],
)
def test_what_is_no_generator_is_a_sentence(
    index: Path, given: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        pipeline(index, given).ask(QUESTION)


@pytest.mark.parametrize(
    "settings",
    [
        {"generator": "oracle"},
        {"generator_key_env": "sk-12345"},
        {"generator_temperature": 3},
        {"max_answer_tokens": 4096},
        {"generator_timeout_s": 0},
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(**settings)
    assert "sk-12345" not in str(caught.value)
