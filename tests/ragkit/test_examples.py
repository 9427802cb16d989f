"""The example company: every citation is exact, every answer reads well, and the figures hold."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from types import ModuleType

import pytest

from ragkit.inert import inert
from ragkit_eval.answers import AnswerReport, evaluate
from ragkit_eval.cases import Case, half, load_cases
from ragkit_ingest.records import BlockKind
from tests.support.company import Company

EXAMPLES = Path(__file__).parents[2] / "examples"
CASES = load_cases(EXAMPLES / "questions.jsonl")
SAMPLE = 150
# Well below what is measured (`make evaluate`), so that only a regression falls under them.
AT_LEAST = {"hit_rate@5": 0.90, "contains_answer": 0.65, "abstained": 0.60}
AT_MOST = {"refused": 0.15}
SAMPLING_ERROR = 0.05  # about one standard error of a share among the sample's 91 answerable cases


def sample() -> list[Case]:
    """Return a fixed sample of the half that no model was fitted on."""
    return random.Random(0).sample(half(CASES, "odd"), SAMPLE)


def problems(company: Company, case: Case) -> list[str]:
    """Return what is wrong with the citations and the sentences of an answer."""
    answer = company.ask(case.question)
    found = []
    for citation in answer.citations:
        stored = company.show(citation.path, span=(citation.start, citation.end)).text
        if not citation.verified or citation.quote != stored:
            found.append(f"{case.id}: {citation.path} does not say {citation.quote!r}")
        kinds = {block.kind for block in company.blocks_at(answer, citation)}
        if not kinds or BlockKind.HEADING in kinds:
            found.append(f"{case.id}: {citation.quote!r} is of {kinds or 'no passage'}")
        text = company.show(citation.path).text
        if _cuts_a_word(text, citation.start) or _cuts_a_word(text, citation.end):
            found.append(f"{case.id}: {citation.quote!r} begins or ends within a word")
    for sentence in answer.sentences:
        quotes = [
            inert(" ".join(c.quote.split())) for c in answer.citations if c.n in sentence.citations
        ]
        if not sentence.supported or sentence.text not in quotes:
            found.append(f"{case.id}: {sentence.text!r} is not its quote")
    if answer.abstained and (answer.citations or answer.sentences):
        found.append(f"{case.id}: abstained, yet it cites")
    return found


def _cuts_a_word(text: str, offset: int) -> bool:
    return 0 < offset < len(text) and text[offset - 1].isalnum() and text[offset].isalnum()


def check_floors(report: AnswerReport, slack: float = 0.0) -> None:
    shares = {name: share.value or 0.0 for name, share in report.shares.items()}
    low = {name: shares[name] for name, floor in AT_LEAST.items() if shares[name] < floor - slack}
    high = {name: shares[name] for name, most in AT_MOST.items() if shares[name] > most + slack}
    assert (low, high) == ({}, {})
    assert shares["citations_verified"] == 1.0
    assert report.failed == ()


def test_every_citation_and_sentence_of_a_sample(company: Company) -> None:
    assert [problem for case in sample() for problem in problems(company, case)] == []


def test_the_figures_of_a_sample_hold(company: Company) -> None:
    check_floors(evaluate(company, sample()), slack=SAMPLING_ERROR)


@pytest.mark.slow
def test_every_citation_and_sentence_of_every_question(company: Company) -> None:
    assert [problem for case in CASES for problem in problems(company, case)] == []


@pytest.mark.slow
def test_the_figures_of_the_odd_half_hold(company: Company) -> None:
    check_floors(evaluate(company, half(CASES, "odd")))


def script(name: str) -> ModuleType:
    """Import an example script."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A few documents; what the scripts write lands in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return str(EXAMPLES / "company" / "policies")


def test_ask_your_documents(policies: str, capsys: pytest.CaptureFixture[str]) -> None:
    main = script("ask_your_documents").main
    assert main([policies, "How many days of annual leave may be carried over?"]) == 0
    out = capsys.readouterr().out
    assert "[1] leave-policy-2025.docx: " in out
    assert "confidence 0." in out
    assert main([policies, "Who won the chess world championship of 1972?"]) == 0
    assert "looked at: " in capsys.readouterr().out


def test_search_and_cite(policies: str, capsys: pytest.CaptureFixture[str]) -> None:
    main = script("search_and_cite").main
    assert main([policies, "How many days of annual leave may be carried over?"]) == 0
    out = capsys.readouterr().out
    assert "1. leave-policy-2025.docx " in out
    assert "exact: leave-policy-2025.docx " in out
    assert main([policies, "annual leave", "format=pdf"]) == 0
    assert capsys.readouterr().out == ""


def test_ask_a_database(policies: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("llama_index.readers.database", reason="needs the extra llama-index")
    main = script("ask_a_database").main
    assert main(["What is wrong with the urn at the Cormorant?"]) == 0
    first, second, answer, citation = capsys.readouterr().out.splitlines()
    assert first == "first:  5 read, 0 unchanged, 0 removed, 5 embedded"
    assert second == "second: 1 read, 4 unchanged, 0 removed, 1 embedded"
    assert "A heating element has a short circuit" in answer
    assert citation.startswith('[1] repairs/RMA-4713: "')
    assert main([]) == 2
    assert "python examples/ask_a_database.py" in capsys.readouterr().err


def test_agent_of_llama_index(policies: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("llama_index.core", reason="needs the extra llama-index")
    main = script("agent_of_llama_index").main
    assert main([policies, "How many days of annual leave may be carried over?"]) == 0
    out = capsys.readouterr().out
    assert "[1] leave-policy-2025.docx: 'Up to five days of annual leave" in out
    assert out.count("found: ") == 3


def test_chain_of_langchain(policies: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("langchain_core", reason="needs the extra langchain")
    main = script("chain_of_langchain").main
    assert main([policies, "How many days of annual leave may be carried over?"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("leave-policy-2025.docx ")


@pytest.mark.parametrize(
    "name",
    ["ask_your_documents", "search_and_cite", "agent_of_llama_index", "chain_of_langchain"],
)
def test_wrong_arguments_and_a_missing_folder(
    name: str, policies: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main = script(name).main
    assert main([]) == 2
    assert f"python examples/{name}.py" in capsys.readouterr().err
    assert main(["nowhere", "What?"]) == 1
    assert "nowhere" in capsys.readouterr().err
