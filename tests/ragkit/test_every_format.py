"""In every format a question is answered with a citation that `ragkit show` prints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit.cli.main import run
from ragkit.config import Config
from ragkit.pipeline import Pipeline
from tests.support.folder import word
from tests.support.sample import SUFFIXES, Section, sample


def _name(suffix: str) -> str:
    """Return a made-up product that only one format's file knows."""
    return word(1000 + SUFFIXES.index(suffix)).title()


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Pipeline]]:
    folder = tmp_path_factory.mktemp("formats")
    docs = folder / "docs"
    docs.mkdir()
    for suffix in SUFFIXES:
        sections = [
            Section(title="Tea", paragraphs=("Tea is made with hot water and some patience.",)),
            Section(
                title=f"{_name(suffix)} kettle",
                paragraphs=(f"The guarantee of the {_name(suffix)} kettle lasts seven years.",),
                rows=(("Part", "Weight"), ("Lid", "90 grams"), ("Spout", "35 grams")),
            ),
        ]
        (docs / f"sample.{suffix}").write_bytes(sample(suffix, sections))
    with Pipeline(folder / "index", config=Config()) as rag:
        report = rag.ingest(docs)
        assert report.failures == ()
        assert report.files.indexed == len(SUFFIXES)
        yield folder / "index", rag


@pytest.mark.parametrize("suffix", sorted({*SUFFIXES} - {"py"}))  # code is found, not quoted
def test_a_citation_is_what_show_prints(
    suffix: str, index: tuple[Path, Pipeline], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, rag = index
    answer = rag.ask(f"How long does the guarantee of the {_name(suffix)} kettle last?")
    cited = [c for c in answer.citations if c.path == f"sample.{suffix}"]
    assert cited
    for citation in cited:
        assert citation.verified
        assert "seven years" in citation.quote
        span = f"{citation.start}:{citation.end}"
        capsys.readouterr()
        assert run(["show", citation.path, "--span", span, "--index", str(folder)]) == 0
        assert capsys.readouterr().out == citation.quote
        stored = rag.show(citation.path, span=(citation.start, citation.end))
        assert stored.page == citation.page
        assert (citation.page is None) == (stored.pages == ())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_hit_is_what_show_prints(
    suffix: str, index: tuple[Path, Pipeline], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, rag = index
    hit = rag.search(f"guarantee {_name(suffix)}", k=1).hits[0]
    assert hit.path == f"sample.{suffix}"
    capsys.readouterr()
    assert run(["show", hit.path, "--span", f"{hit.start}:{hit.end}", "--index", str(folder)]) == 0
    assert capsys.readouterr().out == hit.text
