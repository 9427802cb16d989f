"""Other wordings ask for the same: what they keep, and what they change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ragkit.generate.model import Message
from ragkit_eval.cases import load_cases
from ragkit_eval.perturb.emoji import emoji
from ragkit_eval.perturb.kept import free_words, keeps, spans
from ragkit_eval.perturb.letters import lower, upper
from ragkit_eval.perturb.paraphrase import by_model, paraphrase
from ragkit_eval.perturb.slang import slang
from ragkit_eval.perturb.typos import typos
from tests.support.fake_chat_model import FakeChatModel

Reword = Callable[[str, str], str]
KINDS = (lower, upper, typos, slang, emoji, paraphrase)
QUESTIONS = [
    case.question for case in load_cases(Path(__file__).parents[3] / "examples" / "questions.jsonl")
]


@pytest.mark.parametrize("reword", KINDS, ids=lambda kind: kind.__name__)
def test_numbers_codes_and_names_survive_in_every_example_question(reword: Reword) -> None:
    for place, question in enumerate(QUESTIONS):
        worded = reword(question, str(place))
        assert keeps(question, worded), (question, worded)
        assert reword(question, str(place)) == worded
        assert worded.strip()
        assert "\n" not in worded


def test_nearly_every_question_is_changed() -> None:
    for reword in KINDS:
        changed = sum(reword(question, "k") != question for question in QUESTIONS)
        assert changed >= 0.95 * len(QUESTIONS), reword


def test_what_must_stay() -> None:
    question = 'How many QK-350 does Ms Ada send to "the Watch" by 06:30?'
    kept = [question[start:end] for start, end in spans(question)]
    assert kept == ["QK-350", "Ms", "Ada", '"the Watch"', "06:30?"]
    words = [word.group() for word in free_words("How do three clerks pay?")]
    assert words == ["How", "do", "clerks", "pay"]
    assert not keeps("Pay 5 to Ada?", "Pay 6 to Ada?")
    assert not keeps("Pay 5 to Ada?", "Pay 5 to Bob?")
    assert not keeps("Pay Ada?", "Pay Ada 5 times?")
    assert keeps("Pay 5 to Ada?", "pls pay ada 5")


def test_slips_change_few_words_and_never_the_first_letter() -> None:
    question = "How long does the warranty of an Urn-12 from Bonn last in practice?"
    for key in map(str, range(40)):
        before, after = question.split(), typos(question, key).split()
        changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
        assert 1 <= len(changed) <= 2
        for old, new in changed:
            assert old[0] == new[0]
            assert old not in ("Urn-12", "Bonn")
            assert abs(len(old) - len(new)) <= 1


def test_slang_by_hand() -> None:
    assert "whats width of QK-350" in slang("What is the width of the QK-350?", "k")
    assert slang("Do you have the Urn-12?", "k").count("u have Urn-12") == 1
    assert "?" not in slang("What is the width?", "k")


def test_emoji_leave_every_word() -> None:
    for question in QUESTIONS[:50]:
        worded = emoji(question, "k")
        assert [w for w in worded.split() if w.isascii()] == [
            w for w in question.split() if w.isascii()
        ]


@pytest.mark.parametrize(
    ("question", "worded"),
    [
        ("How long is the warranty of it?", "What is the length of the warranty of it?"),
        ("How long does the break last?", "What is the duration of the break?"),
        ("How much does a QK-200 cost?", "What is the price of a QK-200?"),
        ("How many days of leave do we get?", "What number of days of leave do we get?"),
        ("When was the firm founded?", "On what date or at what time was the firm founded?"),
        ("What is the width of the QK-350?", "Please tell me the width of the QK-350."),
        ("Which supplier delivers?", "What supplier delivers?"),
    ],
)  # fmt: skip
def test_paraphrases_by_hand(question: str, worded: str) -> None:
    assert paraphrase(question, "k") == worded


def test_a_question_that_no_rule_fits_is_introduced() -> None:
    assert paraphrase("Did it rain?", "k").endswith(": did it rain?")
    assert paraphrase("QK-350 price?", "k").endswith(": QK-350 price?")


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("By when must Ada pay 5 euros?", True),
        ("By when must she pay 5 euros?", False),
        ("By when must Ada pay?", False),
        ("Sure!\nBy when must Ada pay 5 euros?", False),
        ("", False),
    ],
)
def test_a_model_must_keep_what_must_be_kept(said: str, taken: bool) -> None:
    model = FakeChatModel(said)
    question = "When does Ada have to pay 5 euros?"
    assert by_model(model)(question, "k") == (said if taken else question)
    assert isinstance(model.asked[0][-1], Message)
    assert model.asked[0][-1].content == question
