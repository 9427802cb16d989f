"""Kinds of quantity: what is asked for, and what a text gives."""

from __future__ import annotations

import pytest

from ragkit.quantity import gives, quantities


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("How heavy is the kettle?", ("weight",)),
        ("What does the kettle weigh?", ("weight",)),
        ("What is the width of the QK-350 without its base?", ("length",)),
        ("How long is the cord of the QK-200?", ("length",)),
        ("How long is the notice period?", ("duration", "length")),
        ("What does a lid cost?", ("money",)),
        ("What temperature does the water reach?", ("temperature",)),
        ("How loud is the urn?", ("loudness",)),
        ("Which share of the price is refunded?", ("money",)),
        ("What percentage is recycled?", ("share",)),
        ("Does the rope store belong to what we rent?", ()),
        ("Is a thirteenth salary paid?", ()),
        ("Who signs the lease?", ()),
        ("How many people work here?", ()),
        ("", ()),
    ],
)
def test_what_a_question_asks_for(question: str, kinds: tuple[str, ...]) -> None:
    assert quantities(question) == kinds


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("weight", "Weight without base: 1.34 kg"),
        ("weight", "Nobody lifts more than twenty kilograms alone."),
        ("weight", "weight_kg: 1.34"),
        ("length", "It is 23 cm wide."),
        ("length", "Passphrases have at least 16 characters."),
        ("temperature", "The water reaches 96 °C."),
        ("temperature", "Store it above 5 degrees."),
        ("money", "The fee is €7,120 a month."),
        ("money", "article: QK-200; price_eur: 67.50; price_eur_from_100: 61.90"),
        ("money", "It is repaired free of charge."),
        ("duration", "The notice period is three months."),
        ("duration", "The working week has 37½ hours."),
        ("volume", "It holds 1.2 l."),
        ("loudness", "At most 52 dB(A)."),
        ("power", "It draws 2.2 kW."),
        ("share", "About 87 per cent can be recycled."),
    ],
)
def test_a_value_with_its_unit(kind: str, text: str) -> None:
    assert gives(text, (kind,))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("weight", "About 87 per cent of the weight of a QK-350 can be recycled."),
        ("weight", "There are 12 gates."),
        ("length", "The wall of the QK-350 is thick."),
        ("length", "It lasts 3 months."),
        ("temperature", "Section 5 describes descaling."),
        ("money", "There are 140 rooms."),
        ("power", "version 4 with 2 wheels"),
        ("duration", "Room 12 holds 6 people."),
        ("volume", "Clause 5 lists the parts."),
    ],
)
def test_a_number_of_another_kind_is_none(kind: str, text: str) -> None:
    assert not gives(text, (kind,))


def test_any_of_several_kinds_will_do() -> None:
    assert gives("It is 3 m long.", ("duration", "length"))
    assert gives("It takes 3 minutes.", ("duration", "length"))
    assert not gives("It takes 3 minutes.", ())
