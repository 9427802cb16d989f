"""The invented world: nothing leaks from one group of places into another."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit_eval.demo.world import (
    FACTS_A_PLACE,
    NAMES,
    VALUES,
    World,
    asked,
    invent,
    write_documents,
)
from ragkit_eval.match import contains_answer


@pytest.fixture(scope="module")
def world() -> World:
    return invent(seed=3, known=64, documents=48)


def test_no_place_belongs_to_two_groups(world: World) -> None:
    groups = [
        *([one.name for one in places] for places in (world.known, world.documented, world.tuning)),
        *([*names] for names in (world.unheard, world.general, world.reading)),
    ]
    assert sorted(name for group in groups for name in group) == sorted(NAMES)
    assert len(set(NAMES)) == 1024
    assert len(set(VALUES)) == 64
    assert all(groups)


def test_the_same_seed_gives_the_same_world_and_another_one_another() -> None:
    assert invent(seed=3, known=8, documents=8) == invent(seed=3, known=8, documents=8)
    assert invent(seed=3, known=8, documents=8) != invent(seed=4, known=8, documents=8)


def test_an_edit_changes_one_fact_to_a_value_that_the_place_did_not_have(world: World) -> None:
    for old, new in zip(world.documented, world.edited, strict=True):
        changed = [name for name in old.facts if old.facts[name] != new.facts[name]]
        assert changed == [next(iter(old.facts))]
        assert new.facts[changed[0]] not in old.facts.values()
        assert [*old.facts] == [*new.facts]


def test_every_kind_of_question_is_asked(world: World) -> None:
    cases = asked(world)
    counts = {kind: sum(case.kind == kind for case in cases) for kind in {c.kind for c in cases}}
    assert counts == {
        "answerable": 96,
        "missing_attribute": 24,
        "unknown_entity": 24,
        "edited": 48,
    }
    assert len({case.id for case in cases}) == len(cases)


def test_documents_hold_what_is_asked_and_not_what_is_unanswerable(world: World) -> None:
    before = {place.path: place.document() for place in world.documented}
    after = {place.path: place.document() for place in world.edited}
    for case in asked(world):
        held = after if case.kind == "edited" else before
        if case.answerable:
            (evidence,) = case.evidence
            assert evidence.quote in held[evidence.path]
            assert contains_answer(evidence.quote, case.answers)
        elif case.kind == "unknown_entity":
            assert case.gold[0] not in held
        else:
            attribute = case.id.rpartition("-")[2]
            assert attribute not in held[case.gold[0]]


def test_an_edited_fact_is_no_longer_true(world: World) -> None:
    old = {place.path: next(iter(place.facts.values())) for place in world.documented}
    for case in asked(world):
        if case.kind == "edited":
            assert not contains_answer(old[case.source], case.answers)


def test_documents_are_files(world: World, tmp_path: Path) -> None:
    write_documents(world.documented, tmp_path / "docs")
    files = sorted((tmp_path / "docs").iterdir())
    assert [file.name for file in files] == sorted(place.path for place in world.documented)
    first = world.documented[0]
    text = (tmp_path / "docs" / first.path).read_text(encoding="utf-8")
    assert text.startswith(f"# {first.name}\n\n")
    assert text.count(".") == FACTS_A_PLACE


def test_too_large_a_world_is_refused() -> None:
    with pytest.raises(ValueError, match="700 documents do not fit"):
        invent(seed=0, known=64, documents=700)
