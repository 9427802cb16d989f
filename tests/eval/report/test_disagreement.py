"""Which cases are browsed, and how many of them."""

from __future__ import annotations

from dataclasses import replace

from ragkit_eval.report import disagreement
from ragkit_eval.report.disagreement import bounded, disagreements
from tests.support.report import Everything, everything


def found(held: Everything) -> list[disagreement.Disagreement]:
    return disagreements(held.report["rows"], held.answers, held.cases)


def test_cases_with_one_outcome_are_left_out() -> None:
    held = everything()
    outcomes: dict[str, set[str]] = {}
    for row in held.report["rows"]:
        outcomes.setdefault(row["id"], set()).add(row["outcome"])
    assert {one.case.id for one in found(held)} == {i for i, o in outcomes.items() if len(o) > 1}


def test_right_beside_wrong_comes_first_and_order_is_kept() -> None:
    held = everything()
    clash = [{"correct", "wrong"} <= {s.outcome for s in one.said} for one in found(held)]
    assert clash == sorted(clash, reverse=True)
    ids = [int(one.case.id[1:]) for one, both in zip(found(held), clash, strict=True) if both]
    assert ids == sorted(ids)


def test_arms_are_in_the_order_of_the_answers() -> None:
    held = everything()
    names = [arm["name"] for arm in held.report["arms"]]
    assert all([s.answer.arm for s in one.said] == names for one in found(held))


def test_only_so_many_cases_and_characters() -> None:
    one = found(everything())[0]
    assert len(bounded([one] * 500)) == disagreement.MOST_CASES
    long = replace(
        one,
        said=tuple(replace(s, answer=replace(s.answer, text="x" * 10**6)) for s in one.said),
    )
    assert len(bounded([long] * 500)) == disagreement.MOST_CASES  # each is cut to what is shown
    passages = one.said[-1].answer.passages
    assert passages
    wide = tuple(replace(passages[0], text="y" * 10**5) for _ in range(50))
    heavy = replace(
        one,
        said=tuple(
            replace(s, answer=replace(s.answer, passages=wide, citations=wide[:5]))
            for s in one.said * 3
        ),
    )
    assert 1 <= len(bounded([heavy] * 500)) < disagreement.MOST_CASES
