"""Each sentence of the verdict says what the interval says, and never more."""

from __future__ import annotations

from typing import Any

import pytest

from ragkit_eval.report.verdict import ROLES, Kind, advice, difference_sentence, verdict
from tests.support.report import everything, run


def difference(
    value: float = 0.12,
    ci95: tuple[float, float] | None = (0.04, 0.2),
    p_holm: float = 0.003,
    **more: Any,
) -> dict[str, Any]:
    return {
        "first": "rag",
        "second": "no_retrieval",
        "measure": "correct",
        "difference": value,
        "ci95": ci95,
        "p_value": p_holm,
        "p_holm": p_holm,
        "test": "permutation",
        "detectable": 0.108,
        "cases": 60,
        "clusters": 41,
        **more,
    }


def said(held: dict[str, Any], of: int = 4) -> tuple[Kind, str]:
    found = difference_sentence(held, of=of)
    return found.kind, found.text


def test_a_difference_that_is_shown() -> None:
    assert said(difference()) == (
        Kind.SHOWN,
        "RAG answers 12 points more questions right than no retrieval "
        "(95 % interval 4 to 20, Holm p = .003).",
    )


def test_the_better_arm_comes_first() -> None:
    kind, text = said(difference(-0.12, (-0.2, -0.04)))
    assert kind is Kind.SHOWN
    assert text == (
        "No retrieval answers 12 points more questions right than RAG "
        "(95 % interval 4 to 20, Holm p = .003)."
    )


def test_one_point_is_singular_and_less_keeps_its_digits() -> None:
    assert "answers 1 point more questions" in said(difference(0.01, (0.004, 0.02)))[1]
    assert "0.5 points more" in said(difference(0.005, (0.001, 0.02)))[1]
    assert "interval 0.1 to 2.0" in said(difference(0.005, (0.001, 0.02)))[1]


def test_other_measures_are_scores() -> None:
    assert said(difference(measure="content_f1"))[1].startswith(
        "RAG scores 12 points higher in content F1 than no retrieval (95 %"
    )


def test_an_interval_that_holds_zero_shows_nothing() -> None:
    assert said(difference(0.02, (-0.03, 0.08), 0.6)) == (
        Kind.NOT_SHOWN,
        "No difference shown between RAG and no retrieval in right answers: RAG scores between "
        "\u22123 and +8 points more; with 60 cases only differences of 11 points or more would "
        "usually be found.",
    )


@pytest.mark.parametrize("ends", [(0.0, 0.09), (-0.09, 0.0)])
def test_an_interval_that_touches_zero_shows_nothing(ends: tuple[float, float]) -> None:
    kind, text = said(difference(sum(ends) / 2, ends, 0.001))
    assert kind is Kind.NOT_SHOWN
    assert text.startswith("No difference shown")


def test_the_interval_decides_where_the_test_says_otherwise() -> None:
    kind, text = said(difference(0.04, (-0.001, 0.08), 0.04))
    assert kind is Kind.NOT_SHOWN
    assert "the test alone would say otherwise (Holm p = .040)" in text


def test_what_does_not_survive_the_correction_is_not_shown() -> None:
    kind, text = said(difference(p_holm=0.08), of=16)
    assert kind is Kind.NOT_SHOWN
    assert text.endswith("after correction for 16 comparisons this may be chance: no difference "
                         "shown.")  # fmt: skip


def test_the_same_on_all_cases_is_no_proof_of_sameness() -> None:
    kind, text = said(difference(0.0, (0.0, 0.0), 1.0, detectable=None))
    assert kind is Kind.NOT_SHOWN
    assert "score the same on all 60 cases" in text
    assert "does not say how small a difference would be found" in text


def test_nothing_is_said_of_what_would_be_found_if_it_is_not_known() -> None:
    assert "usually be found" not in said(difference(0, (-0.01, 0.01), 1.0, detectable=None))[1]


def test_without_an_interval_nothing_is_shown_however_small_p_is() -> None:
    kind, text = said(difference(0.5, None, 0.001, clusters=3))
    assert kind is Kind.NOT_SHOWN
    assert text == (
        "RAG and no retrieval differ by +50 points in right answers over 60 cases, but these are "
        "of only 3 documents: too few for an interval, so nothing is shown."
    )


def pair(first: str, second: str, effect: str) -> dict[str, Any]:
    value, ends, p = {
        "up": (0.2, (0.1, 0.3), 0.001),
        "down": (-0.2, (-0.3, -0.1), 0.001),
        "open": (0.0, (-0.1, 0.1), 1.0),
    }[effect]
    return difference(value, ends, p, first=first, second=second)


RETRIEVE, TUNE, BOTH = ("rag", "no_retrieval"), ("fine_tuned", "no_retrieval"), ("rag_fine_tuned",)


@pytest.mark.parametrize(
    ("retrieve", "tune", "both_tune", "both_retrieve", "prompt", "concluded"),
    [
        ("up", "open", "open", "up", "open", "Retrieve; more than that is not shown to help."),
        ("up", "up", "up", "up", "open", "Do both; more than that is not shown to help."),
        ("up", "up", "open", "up", "open", "Retrieve; more than that is not shown to help."),
        ("up", "open", "down", "up", "up", "Retrieve, and prompt better; more"),
        ("open", "up", "open", "open", "open", "Tune; more than that is not shown to help."),
        ("open", "up", "open", "up", "open", "Do both; more than that is not shown to help."),
        ("open", "open", "open", "open", "open", "These cases do not tell;"),
        ("down", "down", "down", "down", "down", "These cases do not tell;"),
        ("open", "open", "up", "open", "open", "Only on top of something that is not itself"),
    ],
)
def test_what_to_do(
    retrieve: str, tune: str, both_tune: str, both_retrieve: str, prompt: str, concluded: str
) -> None:
    held = [
        pair(*RETRIEVE, retrieve),
        pair(*TUNE, tune),
        pair("rag_fine_tuned", "rag", both_tune),
        pair("rag_fine_tuned", "fine_tuned", both_retrieve),
        pair("rag_persona", "rag", prompt),
    ]
    found = advice(held, ROLES, "correct")
    assert found is not None
    assert concluded in found.text
    assert found.text.startswith("Retrieve, tune, both, or just prompt better? By right answers:")
    up = "up" in (retrieve, tune, both_tune, both_retrieve, prompt)
    assert (found.kind is Kind.SHOWN) == up


def test_just_prompting_helps() -> None:
    held = [pair(*RETRIEVE, "open"), pair("persona", "no_retrieval", "up")]
    found = advice(held, ROLES, "correct")
    assert found is not None
    assert found.text.endswith("Just prompt better; nothing else is shown to help.")


def test_what_it_costs_is_said() -> None:
    held = [pair(*RETRIEVE, "down"), pair(*TUNE, "open")]
    found = advice(held, ROLES, "correct")
    assert found is not None
    assert "retrieval costs 20 points; fine-tuning is not shown to change anything" in found.text


def test_no_advice_without_the_arms() -> None:
    assert advice([pair(*RETRIEVE, "up")], ROLES, "correct") is None
    assert advice([pair("oracle", "extractive", "up")], ROLES, "correct") is None


def test_a_report_names_who_has_which_role() -> None:
    held = [pair("a", "b", "up"), pair("c", "b", "open")]
    found = advice(held, {"neither": "b", "retrieve": "a", "tune": "c"}, "correct")
    assert found is not None
    assert "Retrieve;" in found.text


def texts(report: dict[str, Any]) -> str:
    return "\n".join(one.text for one in verdict(report))


def test_a_real_run_is_judged_as_its_intervals_are() -> None:
    report = run().to_json()
    found = verdict(report)
    shown = {one.text.split(" (")[0] for one in found if one.kind is Kind.SHOWN}
    assert any(text.startswith("RAG answers") for text in shown)
    for one in report["differences"]:
        if one["ci95"][0] <= 0 <= one["ci95"][1]:
            text = difference_sentence(one, of=len(report["differences"])).text
            assert text.startswith("No difference shown")


@pytest.mark.parametrize(
    ("reviewed", "words"),
    [
        (0, "No person has reviewed the 60 cases"),
        (12, "A person has reviewed 12 of 60 cases"),
        (60, "A person has reviewed all 60 cases."),
    ],
)
def test_how_many_cases_a_person_has_reviewed(reviewed: int, words: str) -> None:
    report = everything().report
    report["cases"]["reviewed"] = reviewed
    assert words in texts(report)


def test_too_few_cases_and_documents_are_said_plainly() -> None:
    said = texts(run(count=12, documents=3).to_json())
    assert "Too few documents: the cases are of" not in said  # unanswerable ones are their own
    said = texts(run({"rag": 0.5, "extractive": 0.5}, count=4, documents=2).to_json())
    assert "Too few documents: the cases are of 2 sources" in said
    assert "Too few cases: with 4 only very large differences" in said
    assert "Too few" not in texts(everything().report)


def test_one_arm_alone_has_its_figure() -> None:
    said = texts(run({"rag": 0.5}).to_json())
    assert "RAG handles " in said
    assert "Nothing is compared" in said


def test_failures_and_arms_that_did_not_run_are_said() -> None:
    report = everything().report
    report["arms"][0]["outcomes"]["failed"] = 2
    report["arms"].append({"name": "oracle", "status": "not_run", "reason": "no model is there"})
    report["unknown_ids"] = 1
    said = texts(report)
    assert "No retrieval failed on 2 of 60 cases" in said
    assert "Not run: oracle (no model is there)." in said
    assert "1 recorded answer to unknown cases left out." in said
