"""Kinds of values: what is asked for, and what a text gives."""

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
        ("How many cups does the urn fill?", ("cups",)),
        ("How much does a fire warden get paid extra?", ("money",)),
        ("How much did the new line save last year?", ("money",)),
        ("How much citric acid is in a sachet?", ()),
        ("In how much time is an e-mail answered?", ("duration",)),
        ("How quickly must somebody be there?", ("duration",)),
        ("What is the mobile number of the caretaker?", ("phone",)),
        ("Which number do I call at night?", ("phone",)),
        ("What is the e-mail address of the lab?", ("email",)),
        ("Under which web address is the form?", ("web",)),
        ("What are the opening hours of the canteen?", ("clock",)),
        ("At what time does the bus leave?", ("clock",)),
        ("What colours does the kettle come in?", ("colour",)),
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
        ("cups", "It fills about 60 cups of 0.2 litres."),
        ("clock", "The counter is open from 13:00 to 16:30."),
        ("clock", "Breakfast ends at 9 a.m."),
        ("clock", "Somebody is there round the clock."),
        ("phone", "Call +44 20 7946 0958."),
        ("phone", "Hotline: 0800 555-0142, free."),
        ("email", "Write to care@kettles.example."),
        ("web", "See https://kettles.example/help."),
        ("colour", "It comes in black, cream and copper."),
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
        ("cups", "It holds 24 litres."),
        ("clock", "Weekdays only, 13.05 euro."),
        ("clock", "On 6 February 2026 it was closed."),
        ("phone", "The extension is 4300."),
        ("phone", "From 2024-03-31 to 2025."),
        ("phone", "Article QK-350-200-100-12 costs 1,500,000."),
        ("email", "Meet us @ the fair."),
        ("web", "It ends here.Then comes the next."),
        ("colour", "It is well-read."),
    ],
)
def test_a_number_of_another_kind_is_none(kind: str, text: str) -> None:
    assert not gives(text, (kind,))


def test_any_of_several_kinds_will_do() -> None:
    assert gives("It is 3 m long.", ("duration", "length"))
    assert gives("It takes 3 minutes.", ("duration", "length"))
    assert not gives("It takes 3 minutes.", ())
