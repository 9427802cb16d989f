"""ragas' measures: where they define what ours define they agree, and NaN has a name.

ragas cannot be installed beside the pinned rich, so these tests run where it is there; see
docs/evaluation.md for an environment that has it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ragkit.generate.model import Message
from ragkit_eval.cache import AnswerCache
from ragkit_eval.cases import Case
from ragkit_eval.judges.asking import AskedModel, Asking, Estimating, JudgeStatus
from ragkit_eval.judges.item import Item, items
from ragkit_eval.judges.ragas import MEASURES, Ragas, lacks
from ragkit_eval.match import contains_answer
from ragkit_eval.metrics.recall import recall_at
from ragkit_eval.metrics.token_f1 import exact_match
from ragkit_ingest.errors import MissingExtraError
from tests.support.fake_chat_model import FakeChatModel
from tests.support.hashing import HashingEmbedder
from tests.support.saved_run import case, said, write_run

THERE = importlib.util.find_spec("ragas") is not None
with_ragas = pytest.mark.skipif(not THERE, reason="ragas is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")

OFFLINE = [name for name, measure in MEASURES.items() if not measure.judge]
LLM = [name for name, measure in MEASURES.items() if measure.judge]


def item(folder: Path, text: str, one: Case | None = None, **changes: Any) -> Item:
    one = one or case(7)
    run = write_run(folder, [one], [said("a", one, text, **changes)])
    return items(run)["a"][one.id]


def ragas(asking: Asking | None = None) -> Ragas:
    return Ragas(asking, HashingEmbedder)


def asked(says: str | Callable[[Sequence[Message]], str]) -> AskedModel:
    return AskedModel(FakeChatModel(says), AnswerCache(None), {})


@pytest.mark.skipif(THERE, reason="ragas is installed")
def test_without_ragas_the_install_line_is_said() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'ragkit\[eval\]'"):
        ragas()


def test_nothing_of_ragas_is_imported_before_it_is_needed() -> None:
    import subprocess

    script = "import ragkit_eval.judges.judged, sys; print('ragas' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("name", MEASURES)
def test_what_an_answer_lacks_has_a_name(tmp_path: Path, name: str) -> None:
    none = Case(id="u", question="Is there a gym?", answers=(), answerable=False)
    needs = MEASURES[name].needs
    failed = lacks(name, item(tmp_path / "1", "", failure="gone"))
    assert failed is JudgeStatus.NO_ANSWER
    withheld = lacks(name, item(tmp_path / "2", "I do not know.", abstained=True))
    assert withheld is (JudgeStatus.ABSTAINED if "answer" in needs else None)
    bare = lacks(name, item(tmp_path / "3", "7 kg", passages=None))
    assert bare is (JudgeStatus.NO_PASSAGES if "passages" in needs else None)
    unasked = lacks(name, item(tmp_path / "4", "Yes, a gym.", none))
    wanted = JudgeStatus.UNANSWERABLE if {"reference", "evidence"} & set(needs) else None
    assert unasked is (wanted or (JudgeStatus.NO_PASSAGES if "passages" in needs else None))
    gold = case(7, evidence=(), gold=("doc7.md",))
    shown = item(tmp_path / "5", "7 kg", gold, passages=said("a", case(7), "").passages)
    assert lacks(name, shown) is (JudgeStatus.NO_EVIDENCE if "evidence" in needs else None)
    assert lacks(name, item(tmp_path / "6", "7 kg")) is None


@with_ragas
def test_where_both_define_the_same_they_agree(tmp_path: Path) -> None:
    measured = ragas()
    texts = ["7 kg", "it weighs 7 kg today", "77 kg more or less", "seven", "8 kg"]
    for number, text in enumerate(texts):
        found = item(tmp_path / str(number), text)
        assert measured.cell("exact_match", found) == (exact_match(text, ["7 kg"]), "")
        if text != "77 kg more or less":  # ours wants whole words, and this is the difference
            assert measured.cell("string_present", found) == (
                float(contains_answer(text, ["7 kg"])),
                "",
            )
    assert measured.cell("string_present", item(tmp_path / "x", texts[2]))[0] == 1.0
    assert not contains_answer(texts[2], ["7 kg"])


@with_ragas
def test_recall_by_id_is_ours() -> None:
    import asyncio

    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    from ragas.dataset_schema import SingleTurnSample  # type: ignore[import-not-found]
    from ragas.metrics import IDBasedContextRecall  # type: ignore[import-not-found]

    for ranked, wanted in (("abcde", "ax"), ("abc", "abc"), ("abc", "xy"), ("ab", "bcda")):
        sample = SingleTurnSample(
            retrieved_context_ids=list(ranked), reference_context_ids=list(wanted)
        )
        theirs = asyncio.run(IDBasedContextRecall().single_turn_ascore(sample))
        assert recall_at(5, list(ranked), dict.fromkeys(wanted, 1)) == pytest.approx(theirs)


@with_ragas
def test_measures_without_a_model_by_hand(tmp_path: Path) -> None:
    measured = ragas()
    found = item(tmp_path, "17 kg")
    assert measured.cell("non_llm_string_similarity", found)[0] == pytest.approx(4 / 5)
    assert measured.cell("rouge_score", found)[0] == pytest.approx(1 / 2)  # "kg" of two words
    assert measured.cell("non_llm_context_recall", found) == (1.0, "")
    precision, _ = measured.cell("non_llm_context_precision_with_reference", found)
    assert precision == pytest.approx(1.0)
    for name in OFFLINE:
        cell, _ = measured.cell(name, found)
        assert not isinstance(cell, JudgeStatus)
        assert 0 <= cell <= 1 + 1e-9
    assert os.environ["RAGAS_DO_NOT_TRACK"] == "true"


@with_ragas
def test_the_best_of_the_accepted_answers_counts(tmp_path: Path) -> None:
    found = item(tmp_path, "seven kilos", case(7, answers=("7 kg", "seven kilos")))
    assert ragas().cell("exact_match", found) == (1.0, "")


def judge_says(messages: Sequence[Message]) -> str:
    """Answer each prompt of ragas in its own form, as a sound judge would."""
    prompt = messages[-1].content
    if '"classifications"' in prompt:
        rows = [
            {"statement": "x", "reason": "r", "attributed": 1},
            {"statement": "y", "reason": "r", "attributed": 0},
        ]
        return f"Here you are:\n```json\n{json.dumps({'classifications': rows})}\n```"
    if '"noncommittal"' in prompt:
        return json.dumps({"question": "How heavy is thing 7?", "noncommittal": 0})
    if '"verdict"' in prompt and '"statements"' in prompt:
        rows = [
            {"statement": "x", "reason": "r", "verdict": 1},
            {"statement": "y", "reason": "r", "verdict": 0},
        ]
        return json.dumps({"statements": rows})
    if '"verdict"' in prompt:
        return json.dumps({"reason": "r", "verdict": 1})
    return json.dumps({"statements": ["x", "y"], "claims": ["x", "y"]})


@with_ragas
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("faithfulness", 0.5),
        ("answer_relevancy", 1.0),
        ("factual_correctness", 0.5),
        ("context_precision", 1.0),
        ("context_recall", 0.5),
    ],
)
def test_a_judge_is_asked_in_ragas_own_words(tmp_path: Path, name: str, value: float) -> None:
    asking = asked(judge_says)
    cell, reason = ragas(asking).cell(name, item(tmp_path, "It weighs 7 kg."))
    assert reason == ""
    assert cell == pytest.approx(value, abs=1e-6)
    assert asking.bill.calls > 0


@with_ragas
@pytest.mark.parametrize("name", LLM)
@pytest.mark.parametrize(
    ("says", "status"),
    [
        ("I can't help with that.", JudgeStatus.REFUSED),
        ("They are fine.", JudgeStatus.MALFORMED),
        ('{"nothing": 1}', JudgeStatus.MALFORMED),
        ("{", JudgeStatus.MALFORMED),
    ],
)
def test_a_judge_that_says_nothing_gives_no_number(
    tmp_path: Path, name: str, says: str, status: JudgeStatus
) -> None:
    cell, reason = ragas(asked(says)).cell(name, item(tmp_path, "It weighs 7 kg."))
    assert cell is status
    assert reason == says


@with_ragas
def test_nan_has_a_name(tmp_path: Path) -> None:
    empty = ragas(asked('{"statements": []}'))
    assert empty.cell("faithfulness", item(tmp_path, "It weighs 7 kg.")) == (
        JudgeStatus.NOT_A_NUMBER,
        "",
    )


@with_ragas
@pytest.mark.parametrize("name", LLM)
def test_a_dry_run_asks_as_often_as_a_real_one(tmp_path: Path, name: str) -> None:
    found = item(tmp_path, "It weighs 7 kg.")
    real = asked(judge_says)
    ragas(real).cell(name, found)
    model = FakeChatModel("never")
    with closing(AnswerCache(None)) as cache:
        dry = Estimating(model, cache, {})
        ragas(dry).cell(name, found)
    assert (dry.bill.calls, model.asked) == (real.bill.calls, [])
    assert dry.bill.prompt_tokens == pytest.approx(real.bill.prompt_tokens, rel=0.2)
