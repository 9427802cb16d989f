"""A table of follow-ups as people type them, and what each is understood as."""

from __future__ import annotations

import pytest

from ragkit.followup import standalone
from ragkit.generate.protocol import Turn

LEAVE = "How many days of annual leave may be carried over into the next year?"
HOTEL = "What may a hotel in a big city cost per night?"
PRICE = "What is the price of the QK-350?"
END = "When does the Grindlebrook agreement end?"
HEAD = "Who is the head of the Spout Lab?"
JOIN = "Which three hotels join the Marlinspike contract in July?"
CORE = "What was decided about core hours?"
ANSWERS = {
    LEAVE: "It was decided that up to eight days of annual leave may be carried over.",
    HOTEL: "Hotel in a city of more than 300,000 people: 145 a night.",
    PRICE: "92.00",
    END: "The agreement ends on 31 March 2029.",
    HEAD: "The head of the Spout Lab is Ignatius Dapplefrost.",
    JOIN: "Three hotels join: Saltmarsh Lodge, the Cormorant and the Old Customs House.",
    CORE: "Core hours become 10:00 to 15:00.",
}

UNDERSTOOD = [
    (
        LEAVE,
        "And by when must they be taken?",
        "And by when must days of annual leave carried over be taken?",
    ),
    (LEAVE, "Who decided that?", "Who decided days of annual leave carried over?"),
    (
        LEAVE,
        "Why?",
        "How many days of annual leave may be carried over into the next year, and why?",
    ),
    (
        LEAVE,
        "Why is that?",
        "How many days of annual leave may be carried over into the next year, and why?",
    ),
    (LEAVE, "When was it decided?", "When was days of annual leave carried over decided?"),
    (
        LEAVE,
        "and for part-time employees?",
        "How many days of annual leave may be carried over into the next year"
        " for part-time employees?",
    ),
    (
        LEAVE,
        "And for contractors?",
        "How many days of annual leave may be carried over into the next year for contractors?",
    ),
    (
        LEAVE,
        "what about in 2024?",
        "How many days of annual leave may be carried over into the next year in 2024?",
    ),
    (
        LEAVE,
        "What was it before?",
        "How many days of annual leave may be carried over into the next year, before?",
    ),
    (
        LEAVE,
        "And in 2025?",
        "How many days of annual leave may be carried over into the next year in 2025?",
    ),
    (
        LEAVE,
        "Since when?",
        "How many days of annual leave may be carried over into the next year, and since when?",
    ),
    (
        LEAVE,
        "How many was it before?",
        "How many days of annual leave may be carried over into the next year, before?",
    ),
    (PRICE, "What about the QK-200?", "What is the price of the QK-200?"),
    (PRICE, "And the QK-200?", "What is the price of the QK-200?"),
    (PRICE, "And from 100 pieces?", "What is the price of the QK-350 from 100 pieces?"),
    (PRICE, "And in 2025?", "What is the price of the QK-350 in 2025?"),
    (PRICE, "Is it cheaper than the QK-200?", "Is the QK-350 cheaper than the QK-200?"),
    (PRICE, "How heavy is it?", "How heavy is the QK-350?"),
    (PRICE, "no, I meant the QK-200", "What is the price of the QK-200?"),
    (PRICE, "No, the navy one.", "What is the price of the QK-350, the navy one?"),
    (PRICE, "I meant the list price of 2025", "What is the list price of 2025 of the QK-350?"),
    (PRICE, "Sorry, I mean the Urn 12", "What is the price of the Urn 12?"),
    (PRICE, "not the QK-350, the QK-200", "What is the price of the QK-200?"),
    (
        HOTEL,
        "No, I meant the one for the trade fair.",
        "What may a hotel in a big city cost per night for the trade fair?",
    ),
    (
        HOTEL,
        "no, I meant the hotel in Eastermere",
        "What may the hotel in Eastermere cost per night?",
    ),
    (
        HOTEL,
        "And in smaller places?",
        "What may a hotel in a big city cost per night in smaller places?",
    ),
    (HOTEL, "with breakfast?", "What may a hotel in a big city cost per night with breakfast?"),
    (HOTEL, "and outside cities?", "What may a hotel in a big city cost per night outside cities?"),
    (
        HOTEL,
        "Does that include breakfast?",
        "Does a hotel in a big city cost per night include breakfast?",
    ),
    (END, "who signed it?", "who signed the Grindlebrook agreement?"),
    (END, "When was it signed?", "When was the Grindlebrook agreement signed?"),
    (END, "Can it be terminated earlier?", "Can the Grindlebrook agreement be terminated earlier?"),
    (
        END,
        "What does it say about late deliveries?",
        "What does the Grindlebrook agreement say about late deliveries?",
    ),
    (END, "And the lease?", "When does the lease end?"),
    (END, "And when did it begin?", "And when did the Grindlebrook agreement begin?"),
    (HEAD, "What is his extension?", "What is Ignatius Dapplefrost's extension?"),
    (HEAD, "How can I reach them?", "How can I reach Ignatius Dapplefrost?"),
    (HEAD, "And of the Boiler Hall?", "Who is the head of the Boiler Hall?"),
    (HEAD, "What does he do?", "What does Ignatius Dapplefrost do?"),
    (HEAD, "Who is his deputy?", "Who is Ignatius Dapplefrost's deputy?"),
    (
        JOIN,
        "Which of them has the most rooms?",
        "Which of the three hotels that join the Marlinspike contract in July has the most rooms?",
    ),
    (
        JOIN,
        "How many rooms do they have?",
        "How many rooms do three hotels that join the Marlinspike contract in July have?",
    ),
    (
        JOIN,
        "Which one is the largest?",
        "Which of the three hotels that join the Marlinspike contract in July is the largest?",
    ),
    (CORE, "the same for desk staff?", "What was decided about core hours for desk staff?"),
    (CORE, "from when?", "What was decided about core hours, and from when?"),
    (CORE, "what were they before that?", "what were core hours before that?"),
    (CORE, "who decided it and when?", "who decided core hours and when?"),
    (CORE, "more details please", "more details please, about core hours?"),
    (CORE, "ok, and on Fridays?", "What was decided about core hours on Fridays?"),
]
LEFT_ALONE = [
    (JOIN, "How many rooms does the Cormorant have?"),
    (JOIN, "Are you sure?"),
    (JOIN, "Now something else: how often is the lift inspected?"),
    (JOIN, "Anyway, what are the core hours?"),
    (JOIN, "Who fixes the printers?"),
    (JOIN, "Different topic: where do I park?"),
    (JOIN, "What was decided about core hours?"),
    (JOIN, "What did he say about the discount?"),
    (JOIN, "How is the QK-200 descaled?"),
    (PRICE, "no"),
    (PRICE, "No, thanks"),
    (PRICE, "Sorry"),
    (PRICE, "By the way: who fixes the lift when it breaks?"),
    (LEAVE, "What is the warranty of the Urn 12?"),
    (HEAD, "Who signs for deliveries at the slip gate?"),
]


@pytest.mark.parametrize(("before", "follow_up", "understood"), UNDERSTOOD)
def test_a_follow_up_is_understood(before: str, follow_up: str, understood: str) -> None:
    history = [Turn(question=before, answer=ANSWERS[before])]
    assert standalone(follow_up, history) == understood


@pytest.mark.parametrize(("before", "follow_up"), LEFT_ALONE)
def test_another_topic_is_not_rewritten(before: str, follow_up: str) -> None:
    assert standalone(follow_up, [Turn(question=before, answer=ANSWERS[before])]) == follow_up


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len(UNDERSTOOD) >= 40
    assert len(LEFT_ALONE) >= 10


@pytest.mark.parametrize(
    ("correction", "understood"),
    [
        ("No, I meant who approves it", "Who approves it?"),
        ("Sorry, I meant how long is sick leave", "How long is sick leave?"),
    ],
)
def test_a_correction_may_be_a_question_of_its_own(correction: str, understood: str) -> None:
    assert standalone(correction, [Turn(question=PRICE, answer="")]) == understood


def test_a_correction_of_a_correction_works_on_what_was_understood() -> None:
    history = [Turn(question=PRICE, answer="")]
    first = standalone("no, I meant the QK-200", history)
    history.append(Turn(question=first, answer=""))
    assert standalone("I mean the Urn 12", history) == "What is the price of the Urn 12?"


def test_an_owner_keeps_one_apostrophe() -> None:
    history = [Turn(question="What is Ignatius Dapplefrost's extension?", answer="4200")]
    asked = standalone("What was his salary?", history)
    assert asked == "What was Ignatius Dapplefrost's salary?"
