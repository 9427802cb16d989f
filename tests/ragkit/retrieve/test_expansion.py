"""Passages that carry their section: exact spans, no overlap, and no place lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.answer import Passage
from ragkit.config import Config
from ragkit.pipeline import Pipeline
from ragkit.retrieve.retriever import RetrievalSettings, Retriever
from ragkit_ingest.errors import ConfigError, UsageError
from ragkit_ingest.index import Index
from ragkit_ingest.split import SplitSettings
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.sync import SyncSettings, sync
from tests.support.counting import CountingParsers
from tests.support.folder import Folder, word
from tests.support.hashing import HashingEmbedder
from tests.support.rerankers import FakeReranker

SYNC = SyncSettings(split=SplitSettings(chunk_tokens=32, header_tokens=8))


def section(n: int) -> str:
    paragraphs = "\n\n".join(
        f"The {word(n)} {m} costs {m} euro \u00e9\u4f60, " + "and so on " * 5 for m in range(6)
    )
    return f"# Part {n}\n\n{paragraphs}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("expansion")
    docs = Folder(folder / "docs")
    for name in ("a", "b"):
        docs.write(f"{name}.md", "\n\n".join(section(n) for n in range(5)))
    docs.write("plain.txt", "\n\n".join(f"line {n} costs " + "so much " * 9 for n in range(20)))
    docs.write("short.md", "# Alone\n\nIt costs little.\n")
    index = Index(folder / "index", embedder=HashingEmbedder(), store=ExactStore(), create=True)
    sync(index, [docs.path], SYNC, parsers=CountingParsers())
    index.close()
    return folder


@pytest.fixture(scope="module")
def index(folder: Path) -> Iterator[Index]:
    index = Index(folder / "index", embedder=HashingEmbedder(), store=ExactStore())
    yield index
    index.close()


def check(index: Index, hits: Sequence[Passage]) -> None:
    for hit in hits:
        document = index.document(hit.document_id)
        assert document is not None
        assert hit.text == document.text[hit.start : hit.end]
    spans = sorted((hit.document_id, hit.start, hit.end) for hit in hits)
    for (document_id, _, end), (other_id, start, _) in pairwise(spans):
        assert document_id != other_id or end <= start


def test_a_passage_carries_its_whole_section_and_no_more(index: Index) -> None:
    query = f"the {word(3)} 2 costs"
    plain = Retriever(index).search(query, k=1).hits[0]
    (hit,) = Retriever(index, RetrievalSettings(expand=5000)).search(query, k=1).hits
    document = index.document(hit.document_id)
    assert document is not None
    start = document.text.index("Part 3")
    assert hit.text == document.text[start : document.text.index("Part 4")].rstrip()
    assert (hit.start, hit.headings) == (start, ("Part 3",))
    assert (hit.chunk_id, hit.score, hit.similarity) == (
        plain.chunk_id,
        plain.score,
        plain.similarity,
    )


def test_what_lies_in_a_better_passage_leaves_its_place_to_others(index: Index) -> None:
    settings = RetrievalSettings(expand=5000)
    hits = Retriever(index, settings).search("costs", k=12).hits
    check(index, hits)
    assert len(hits) == 12  # two documents of five sections, a text of one, a short one
    assert [hit.rank for hit in hits] == list(range(1, 13))
    first = Retriever(index).search("costs", k=1).hits[0]
    assert hits[0].chunk_id == first.chunk_id
    assert len(Retriever(index, settings).search("costs", k=1000)) == 12


def test_the_limit_holds(index: Index) -> None:
    with index.reader() as reading:
        for hit in Retriever(index, RetrievalSettings(expand=70)).search("costs", k=30):
            found = reading.neighbour(hit.chunk_id)
            assert found is not None
            held = [
                c
                for c in [found, *reading.following(found), *reading.preceding(found)]
                if hit.start <= c.start < hit.end
            ]
            assert sum(c.tokens for c in held) <= 70
            assert {c.headings for c in held} == {hit.headings}


def test_less_than_the_chunk_changes_nothing(index: Index) -> None:
    plain = Retriever(index).search("costs", k=20).hits
    assert Retriever(index, RetrievalSettings(expand=1)).search("costs", k=20).hits == plain
    assert Retriever(index, RetrievalSettings()).search("costs", k=20, expand=True).hits == plain


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    query=st.sampled_from(["costs", "line 3", f"the {word(2)} 4", "so much euro"]),
    mode=st.sampled_from(["hybrid", "dense", "lexical"]),
    expand=st.integers(1, 400),
    k=st.integers(1, 60),
    reranked=st.booleans(),
)
def test_spans_are_exact_and_never_overlap(
    index: Index, query: str, mode: str, expand: int, k: int, reranked: bool
) -> None:
    reranker = FakeReranker(lambda place, p: float((p.chunk_id * 7919) % 31)) if reranked else None
    plain = Retriever(index, None, reranker).search(query, mode=mode, k=1000).hits
    hits = (
        Retriever(index, RetrievalSettings(expand=expand), reranker)
        .search(query, mode=mode, k=k)
        .hits
    )
    check(index, hits)
    assert len(hits) <= k
    # What was not yielded stands in something better that was; so no place is lost.
    expected: list[int] = []
    for hit in plain:
        held = any(
            done.document_id == hit.document_id and done.start <= hit.start < done.end
            for done in hits[: len(expected)]
        )
        if not held and len(expected) < k:
            expected.append(hit.chunk_id)
    assert [hit.chunk_id for hit in hits] == expected


def test_the_page_is_the_one_on_which_the_expanded_text_starts(tmp_path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]

    docs = Folder(tmp_path / "docs")
    docs.path.mkdir(exist_ok=True)
    canvas = Canvas(str(docs.path / "long.pdf"))
    for n in range(1, 5):
        for line in range(8):
            canvas.drawString(72, 700 - 14 * line, f"The {word(n)} {line} costs {n} euro a piece.")
        canvas.showPage()
    canvas.save()
    index = Index(tmp_path / "index", embedder=HashingEmbedder(), store=ExactStore(), create=True)
    sync(index, [docs.path], SYNC, parsers=CountingParsers())
    query = f"The {word(3)} 4 costs 3 euro a piece"
    plain = Retriever(index).search(query, k=1).hits[0]
    (hit,) = Retriever(index, RetrievalSettings(expand=5000)).search(query, k=1).hits
    check(index, [hit])
    index.close()
    assert (plain.page, plain.page_label) == (3, "3")
    assert (hit.page, hit.page_label) == (1, "1")


def test_a_limit_below_zero_is_refused() -> None:
    with pytest.raises(UsageError, match="expand must be 0 or more, not -1"):
        RetrievalSettings(expand=-1)
    with pytest.raises(ConfigError, match="expand must be between 0 and 8192, not 9000"):
        Config(expand=9000)


# -- through the pipeline ----------------------------------------------------------------------


def test_an_answer_cites_exactly_what_it_did_without(folder: Path) -> None:
    answers = []
    for expand in (0, 2000):
        config = Config(min_confidence=0.0, expand=expand)
        with Pipeline(
            folder / "index", config=config, embedder=HashingEmbedder(), store=ExactStore()
        ) as rag:
            answer = rag.ask(f"What does the {word(3)} 4 cost?", k=3)
            for citation in answer.citations:
                shown = rag.show(citation.path, span=(citation.start, citation.end))
                assert shown.text == citation.quote
            answers.append(answer)
    plain, carried = answers
    assert carried.confidence == plain.confidence
    assert carried.sentences[0].text == plain.sentences[0].text
    assert len(carried.passages) == 3
    assert [passage.rank for passage in carried.passages] == [1, 2, 3]
    assert len(carried.passages[0].text) > len(plain.passages[0].text)
    assert all(p.start <= b.start < b.end <= p.end for p in carried.passages for b in p.blocks)
