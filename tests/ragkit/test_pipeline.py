"""The Pipeline, as an application meets it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from ragkit.answer import Answer
from ragkit.config import Config
from ragkit.generate.protocol import (
    Draft,
    DraftSentence,
    GenerationEvent,
    GenerationRequest,
    Span,
    TextDelta,
)
from ragkit.pipeline import ABSTENTION, Pipeline
from ragkit_ingest.errors import (
    ConfigError,
    MassDeletionError,
    NoIndexError,
    NotAnIndexError,
    NothingToIngestError,
    UsageError,
)
from ragkit_ingest.store.exact import ExactStore
from tests.support.folder import Folder, word
from tests.support.hashing import HashingEmbedder

QUESTION = f"What does the {word(3)} cost?"
CERTAIN = Config(min_confidence=0.0, workers=1)


def pipeline(index: Path, config: Config = CERTAIN, **options: object) -> Pipeline:
    parts: dict[str, object] = {"embedder": HashingEmbedder(), "store": ExactStore()} | options
    return Pipeline(index, config=config, **parts)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with documents in `docs` and their index in `index`, for tests that only read."""
    folder = tmp_path_factory.mktemp("pipeline")
    docs = Folder(folder / "docs")
    docs.fill(12)
    docs.write("leave.html", "<h1>Leave</h1><p>Leave is 28 days.</p><p>It is paid.</p>")
    with pipeline(folder / "index") as rag:
        assert rag.ingest(docs.path).files.indexed == 13
    return folder


@pytest.fixture
def rag(folder: Path) -> Iterator[Pipeline]:
    with pipeline(folder / "index") as opened:
        yield opened


# -- ingest ------------------------------------------------------------------------------------


def test_ingest_takes_strings_and_paths_and_follows_them(tmp_path: Path, docs: Folder) -> None:
    docs.fill(2)
    with pipeline(tmp_path / "index") as rag:
        assert rag.ingest(str(docs.path)).files.indexed == 2
        assert rag.ingest(docs.path).files.unchanged == 2
        docs.write("0.md", "# Note\n\nedited")
        assert rag.ingest().files.indexed == 1
        assert rag.show("0.md").text == "Note\n\nedited"


def test_a_dry_run_makes_no_index(tmp_path: Path, docs: Folder) -> None:
    docs.fill(2)
    with pipeline(tmp_path / "index") as rag:
        assert rag.ingest(docs.path, dry_run=True).added == ("0.md", "1.md")
    assert not (tmp_path / "index").exists()


def test_a_dry_run_of_a_foreign_folder_says_what_the_sync_would(
    tmp_path: Path, docs: Folder
) -> None:
    docs.fill(1)
    with pipeline(docs.path) as rag, pytest.raises(NotAnIndexError, match=r"0.md"):
        rag.ingest(docs.path, dry_run=True)


def test_a_dry_run_of_an_index_changes_nothing(tmp_path: Path, docs: Folder) -> None:
    docs.fill(2)
    with pipeline(tmp_path / "index") as rag:
        rag.ingest(docs.path)
        docs.write("new.md", "new")
        assert rag.ingest(docs.path, dry_run=True).added == ("new.md",)
        assert rag.ingest(dry_run=True).added == ("new.md",)
        assert len(rag.status().documents) == 2


def test_bad_arguments_are_sentences(tmp_path: Path, docs: Folder) -> None:
    with pipeline(tmp_path / "index") as rag:
        with pytest.raises(UsageError, match="there is no file or folder"):
            rag.ingest(tmp_path / "gone")
        assert not (tmp_path / "index").exists()
        with pytest.raises(NothingToIngestError, match="is empty"):
            rag.ingest(docs.path)
        with pytest.raises(NoIndexError, match="nothing is indexed"):
            rag.ask("Anything?")


def test_a_mass_deletion_is_refused_until_allowed(tmp_path: Path, docs: Folder) -> None:
    paths = docs.fill(6)
    with pipeline(tmp_path / "index") as rag:
        rag.ingest(docs.path)
        for path in paths[:5]:
            path.unlink()
        with pytest.raises(MassDeletionError):
            rag.ingest(docs.path)
        assert rag.ingest(docs.path, allow_mass_delete=True).files.removed == 5


def test_without_an_index_there_is_a_sentence(tmp_path: Path) -> None:
    with pipeline(tmp_path / "index") as rag:
        for use in (lambda: rag.ask("x"), lambda: rag.search("x"), rag.status):
            with pytest.raises(NoIndexError, match="run: ragkit ingest PATH"):
                use()
    assert not (tmp_path / "index").exists()


# -- search ------------------------------------------------------------------------------------


def test_search_finds(rag: Pipeline) -> None:
    hits = rag.search(f"Note 3 the {word(3)} costs 3 euro", k=2).hits
    assert (hits[0].path, len(hits)) == ("3.md", 2)
    assert len(rag.search("costs", k=5, where={"format": "html"})) == 1
    assert rag.search("costs", mode="lexical").mode == "lexical"


def test_the_configured_mode_is_the_default(folder: Path) -> None:
    with pipeline(folder / "index", Config(mode="lexical")) as rag:
        assert rag.search("costs").mode == "lexical"
        assert rag.search("costs", mode="dense").mode == "dense"


# -- ask ---------------------------------------------------------------------------------------


def test_every_quote_is_the_stored_text_at_its_span(rag: Pipeline) -> None:
    answer = rag.ask(QUESTION)
    assert not answer.abstained
    assert answer.citations
    for citation in answer.citations:
        shown = rag.show(citation.path, span=(citation.start, citation.end))
        assert shown.text == citation.quote
        assert citation.verified
    numbers = {citation.n for citation in answer.citations}
    assert all(set(sentence.citations) <= numbers for sentence in answer.sentences)
    assert answer.text == "\n".join(sentence.text for sentence in answer.sentences)
    assert (answer.generation, answer.embedder, answer.generator) == (1, "hashing", "extractive")


def test_k_is_the_number_of_passages(rag: Pipeline) -> None:
    assert len(rag.ask(QUESTION, k=1).passages) == 1
    assert len(rag.ask(QUESTION, k=50).passages) == 13
    assert len(rag.ask(QUESTION).passages) == CERTAIN.k
    assert [p.rank for p in rag.ask(QUESTION, k=3).passages] == [1, 2, 3]


@pytest.mark.parametrize("k", [0, -1])
def test_k_out_of_range_is_refused(rag: Pipeline, k: int) -> None:
    with pytest.raises(UsageError, match=f"k must be 1 or more, not {k}"):
        rag.ask(QUESTION, k=k)
    with pytest.raises(UsageError, match=f"k must be 1 or more, not {k}"):
        rag.search(QUESTION, k=k)


@pytest.mark.parametrize(
    ("question", "message"),
    [("", "is empty"), (" \n", "is empty"), ("why " * 25_000, "100,000 characters")],
)
def test_a_question_that_cannot_be_asked(rag: Pipeline, question: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        rag.ask(question)


@pytest.mark.parametrize("question", ["?", "\ud800", "x" * 4000, "\u4f60\u597d", "\0", "a " * 2000])
def test_odd_questions_are_answered_or_abstained_on(rag: Pipeline, question: str) -> None:
    answer = rag.ask(question)
    assert answer.question == question
    assert answer.text
    answer.to_json()


def test_an_unsure_answer_is_withheld(folder: Path) -> None:
    with pipeline(folder / "index", Config(min_confidence=1.0)) as rag:
        answer = rag.ask(QUESTION)
    assert (answer.abstained, answer.text) == (True, ABSTENTION)
    assert (answer.sentences, answer.citations) == ((), ())
    assert answer.passages


def test_a_filter_limits_what_is_answered_from(rag: Pipeline) -> None:
    answer = rag.ask("How long is leave?", where={"format": "html"})
    assert {passage.path for passage in answer.passages} == {"leave.html"}
    with pytest.raises(UsageError, match="no document has the field"):
        rag.ask(QUESTION, where={"author": "Ada"})


def test_a_stream_ends_with_the_answer(rag: Pipeline) -> None:
    *pieces, answer = rag.stream(QUESTION)
    assert isinstance(answer, Answer)
    assert all(isinstance(piece, str) for piece in pieces)
    assert "".join(map(str, pieces)) == answer.text
    assert answer.text == rag.ask(QUESTION).text


def test_a_stream_may_be_left(rag: Pipeline) -> None:
    next(rag.stream(QUESTION))
    assert rag.ask(QUESTION).text


def test_answers_do_not_block_the_event_loop(rag: Pipeline) -> None:
    async def everything() -> tuple[list[Answer], list[str | Answer]]:
        answers = await asyncio.gather(*(rag.aask(QUESTION) for _ in range(4)))
        return answers, [event async for event in rag.astream(QUESTION)]

    answers, events = asyncio.run(everything())
    assert {answer.text for answer in answers} == {rag.ask(QUESTION).text}
    assert isinstance(events[-1], Answer)
    assert "".join(str(event) for event in events[:-1]) == events[-1].text


# -- generators --------------------------------------------------------------------------------


class Liar:
    """Claims what it likes."""

    name = "liar"

    def __init__(self, *sentences: DraftSentence) -> None:
        self.sentences = sentences

    def generate(self, request: GenerationRequest) -> Iterator[GenerationEvent]:
        yield TextDelta(text="The moon ")
        yield TextDelta(text="is cheese.")
        yield Draft(sentences=self.sentences)


def test_a_claim_that_stands_nowhere_is_withheld(folder: Path) -> None:
    nowhere = DraftSentence(
        text="The moon is cheese.", sources=(Span(document_id=1, start=0, end=10),)
    )
    with pipeline(folder / "index", generator=Liar(nowhere)) as rag:
        *pieces, answer = rag.stream(QUESTION)
    assert "".join(pieces) == "The moon is cheese."  # type: ignore[arg-type]
    assert isinstance(answer, Answer)
    assert (answer.abstained, answer.text, answer.citations) == (True, ABSTENTION, ())
    assert answer.generator == "liar"


def test_a_generated_sentence_is_cited_where_it_stands_and_an_invented_one_is_flagged(
    folder: Path,
) -> None:
    drafted = (
        DraftSentence(text="Here is what I found:"),
        DraftSentence(text="The leave is 28 days [4]."),
        DraftSentence(text="The leave is 30 days [1]."),
    )
    with pipeline(folder / "index", generator=Liar(*drafted)) as rag:
        answer = rag.ask("How long is the leave?")
        (citation,) = answer.citations
        stored = rag.show(citation.path, span=(citation.start, citation.end))
    assert [sentence.supported for sentence in answer.sentences] == [False, True, False]
    assert [sentence.neutral for sentence in answer.sentences] == [True, False, False]
    assert answer.text.splitlines()[1:] == ["The leave is 28 days.", "The leave is 30 days."]
    assert (citation.path, citation.quote) == ("leave.html", "Leave is 28 days.")
    assert stored.text == citation.quote
    flagged = answer.to_json()["sentences"]
    assert isinstance(flagged, list)
    assert flagged[2]["supported"] is False
    assert flagged[2]["citations"] == []


def test_what_is_not_supported_can_be_dropped(folder: Path) -> None:
    config = Config(min_confidence=0.0, workers=1, unsupported="drop")
    good, bad = (DraftSentence(text=f"The leave is {days} days.") for days in (28, 30))
    with pipeline(folder / "index", config, generator=Liar(good, bad)) as rag:
        assert rag.ask("How long is the leave?").text == "The leave is 28 days."
    talk = DraftSentence(text="Here is what I found:")
    with pipeline(folder / "index", config, generator=Liar(talk, bad)) as rag:
        answer = rag.ask("How long is the leave?")
    assert (answer.abstained, answer.sentences) == (True, ())


def test_a_generator_with_nothing_to_say_abstains(folder: Path) -> None:
    with pipeline(folder / "index", generator=Liar()) as rag:
        assert rag.ask(QUESTION).abstained


def test_an_unknown_generator_is_refused_at_once(folder: Path) -> None:
    with pytest.raises(
        ConfigError, match="there is no generator 'oracle'; give extractive, openai"
    ):
        pipeline(folder / "index", generator="oracle")


# -- a pipeline's life -------------------------------------------------------------------------


def test_a_closed_pipeline_opens_again(folder: Path) -> None:
    rag = pipeline(folder / "index")
    first = rag.ask(QUESTION).text
    rag.close()
    rag.close()
    assert rag.ask(QUESTION).text == first
    rag.close()


def test_show_gives_spans_and_refuses_others(rag: Pipeline) -> None:
    assert rag.show("leave.html").text == "Leave\n\nLeave is 28 days.\n\nIt is paid."
    assert rag.show("leave.html", span=(7, 12)).text == "Leave"
    with pytest.raises(UsageError, match="is not within"):
        rag.show("leave.html", span=(7, 1000))


def test_two_pipelines_on_one_index_see_each_others_work(tmp_path: Path, docs: Folder) -> None:
    docs.fill(3)
    with (
        Pipeline(tmp_path / "index", config=CERTAIN, embedder=HashingEmbedder()) as writer,
        Pipeline(tmp_path / "index", config=CERTAIN, embedder=HashingEmbedder()) as reader,
    ):
        writer.ingest(docs.path)
        assert len(reader.search("costs")) == 3
        docs.write("3.md", "# Note 3\n\nThe kettle costs 3 euro.")
        writer.ingest(docs.path)
        assert "3.md" in {hit.path for hit in reader.search("The kettle costs")}
        writer.close()
        assert len(reader.search("costs")) == 4


def test_threads_share_a_pipeline(tmp_path: Path, docs: Folder) -> None:
    docs.fill(5)
    errors: list[BaseException] = []
    with pipeline(tmp_path / "index") as rag:
        rag.ingest(docs.path)
        rag.close()
        barrier = threading.Barrier(5)

        def ask() -> None:
            barrier.wait()
            try:
                for _ in range(5):
                    assert rag.ask(QUESTION).passages
            except BaseException as error:  # noqa: BLE001 - handed on to the test
                errors.append(error)

        def write() -> None:
            barrier.wait()
            try:
                for edition in range(3):
                    docs.write("0.md", f"# Note 0\n\nEdition {edition}.")
                    rag.ingest(docs.path)
            except BaseException as error:  # noqa: BLE001 - handed on to the test
                errors.append(error)

        threads = [threading.Thread(target=job) for job in (ask, ask, ask, ask, write)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []


def test_a_relative_index_stays_where_it_was(
    tmp_path: Path, docs: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs.fill(1)
    monkeypatch.chdir(tmp_path)
    with pipeline(Path("my.index")) as rag:
        rag.ingest("docs")
        monkeypatch.chdir("/")
        rag.close()
        assert len(rag.search("costs")) == 1
    assert (tmp_path / "my.index" / "catalog.sqlite").exists()


def test_a_sheet_a_slide_and_an_attachment_are_cited_by_their_place(tmp_path: Path) -> None:
    openpyxl, pptx = pytest.importorskip("openpyxl"), pytest.importorskip("pptx")
    docs = Folder(tmp_path / "docs")
    book = openpyxl.Workbook()
    book.active.title = "Prices"
    for row in (("item", "euro"), (word(1), 59), (word(2), 240)):
        book.active.append(row)
    book.save(docs.path / "prices.xlsx")
    deck = pptx.Presentation()
    for title, text in (("First", "Nothing here."), ("Second", f"The {word(3)} is red.")):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = title, text
    deck.save(docs.path / "deck.pptx")
    message = EmailMessage()
    message["Subject"] = "Prices"
    message.set_content("See the sheet.")
    data = (docs.path / "prices.xlsx").read_bytes()
    message.add_attachment(data, maintype="application", subtype="xlsx", filename="copy.xlsx")
    docs.write("offer.eml", message.as_bytes())
    with pipeline(tmp_path / "index") as rag:
        assert rag.ingest(docs.path).files.attachments == 1
        for path, words, page, label in (
            ("prices.xlsx", word(2), 1, "Prices!A1:B3"),
            ("offer.eml/copy.xlsx", word(2), 1, "Prices!A1:B3"),
            ("deck.pptx", f"{word(3)} is red", 2, "Slide 2"),
        ):
            (hit, *_) = rag.search(words, where={"path": path})
            starts = rag.show(path, span=(hit.start, hit.end))  # a passage may begin a slide before
            assert (hit.page, hit.page_label) == (starts.page, starts.page_label)
            answer = rag.ask(f"What is {words}?", where={"path": path})
            (citation, *_) = answer.citations
            assert (citation.path, citation.page, citation.page_label) == (path, page, label)
            shown = rag.show(path, span=(citation.start, citation.end))
            assert (shown.text, shown.page_label) == (citation.quote, label)


def test_settings_of_ocr_and_retry_reach_the_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ragkit_ingest import sync as module

    docs = Folder(tmp_path / "docs")
    docs.fill(1)
    seen: list[tuple[bool | None, bool]] = []

    def note(*arguments: object, **_: object) -> None:
        settings = arguments[2]
        assert isinstance(settings, module.SyncSettings)
        seen.append((settings.ocr, settings.retry))

    monkeypatch.setattr(module, "sync", note)
    for config, given in (("auto", None), ("on", None), ("off", None), ("off", True)):
        with pipeline(tmp_path / "index", Config(ocr=config)) as rag:
            rag.ingest(docs.path, ocr=given, retry=given is not None)
    assert seen == [(None, False), (True, False), (False, False), (True, True)]
