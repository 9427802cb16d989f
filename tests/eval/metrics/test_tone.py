"""Tone: whose voice is the base, and what has no tone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ragkit.tune.sample import VoiceSample
from ragkit_eval.cases import Case
from ragkit_eval.metrics.citation import verbatim
from ragkit_eval.metrics.tone import Tone, tone_of
from ragkit_eval.recorded import Recorded
from ragkit_eval.score import Status, score

_NOUNS = "kettle urn lid hub spout handle boiler filter base cable tray sensor"
NOUNS = _NOUNS.split()
CASES = [
    Case(id=str(n), question=f"What of {n}?", answers=(f"{n} days",), answerable=True,
         gold=(f"{n % 9}.md",))
    for n in range(30)
]  # fmt: skip
SAMPLES = [
    VoiceSample(
        id=str(n),
        line=n,
        question=f"Say {n}",
        answer=f"Thank you! I'd gladly mind your {NOUNS[n % 12]} "
        f"and my {NOUNS[(n * 5 + n // 12) % 12]}, dear. Cheers.",
    )
    for n in range(60)
]


def said(arm: str, text: str = "The {a} of the {b} is {n} days.") -> list[Recorded]:
    return [
        Recorded(arm=arm, id=case.id, text=text.format(a=NOUNS[n % 12], b=NOUNS[n % 7], n=n))
        for n, case in enumerate(CASES)
    ]


def test_each_answer_has_a_tone_beside_the_auc() -> None:
    warm = "I'd say {n} days, and your {a} is quite fine, dear. Cheers."
    answers = [*said("extractive"), *said("mine", warm)]
    tone = tone_of(SAMPLES, CASES, answers)
    assert (tone.status, tone.base) == ("", ("extractive",))
    rows = score(CASES, answers, entails=verbatim, tone=tone)
    by = {
        arm: [row.cells["tone"] for row in rows if row.answer.arm == arm]
        for arm in ("extractive", "mine")
    }
    assert max(map(float, by["extractive"])) < 0.3
    assert min(map(float, by["mine"])) > 0.6
    held = tone.to_json()
    assert (held["auc"], held["base"], held["negatives"]) == (1.0, ["extractive"], 30)


@pytest.mark.parametrize(
    ("arms", "base"),
    [
        (["extractive", "rag", "no_retrieval", "rag_persona"], ("no_retrieval", "rag")),
        (["extractive", "rag", "rag_fine_tuned"], ("rag",)),
        (["oracle", "extractive"], ("extractive",)),
        (["first", "second"], ("first",)),
    ],
)
def test_the_base_speaks_without_persona_or_tuning(arms: list[str], base: tuple[str, ...]) -> None:
    answers = [answer for arm in arms for answer in said(arm)]
    assert tone_of(SAMPLES, CASES, answers).base == base
    assert tone_of(SAMPLES, CASES, answers, base=[arms[-1]]).base == (arms[-1],)


def test_samples_to_one_question_are_one_group_and_answers_alone_are_each_their_own() -> None:
    answers = said("extractive")
    asked = [replace(sample, question="Say something.") for sample in SAMPLES]
    assert tone_of(asked, CASES, answers).status == Status.TOO_FEW_SAMPLES
    alone = [replace(sample, alone=True) for sample in asked]
    assert tone_of(alone, CASES, answers).status == ""


def test_what_has_no_tone_says_why() -> None:
    answers = said("extractive")
    (row, *_) = score(CASES, answers, entails=verbatim)
    assert row.cells["tone"] is Status.NO_VOICE
    few = tone_of(SAMPLES[:5], CASES, answers)
    (row, *_) = score(CASES, answers, entails=verbatim, tone=few)
    assert row.cells["tone"] is Status.TOO_FEW_SAMPLES
    same = [
        replace(sample, answer=answer.text.replace("The", "the", 1) + " ")
        for sample, answer in zip(SAMPLES, said("x"), strict=False)
    ]
    unreliable = tone_of(same, CASES, answers)
    (row, *_) = score(CASES, answers, entails=verbatim, tone=unreliable)
    assert row.cells["tone"] is Status.UNRELIABLE
    with pytest.raises(ValueError, match="no answer has a tone: unreliable"):
        unreliable.of(answers[0])
    assert Tone().to_json()["status"] == "no_voice"


def test_a_refusal_is_scored_and_silence_and_failure_are_not() -> None:
    tone = tone_of(SAMPLES, CASES, said("extractive"))
    answers = [
        Recorded(arm="a", id="0", text="I'm sorry, dear, I shan't guess. Cheers.", abstained=True),
        Recorded(arm="a", id="1", text=" ", abstained=True),
        Recorded(arm="a", id="2", text="", failure="gone"),
    ]
    refused, silent, failed = score(CASES, answers, entails=verbatim, tone=tone)
    assert float(refused.cells["tone"]) > 0.5
    assert silent.cells["tone"] is Status.NO_TEXT
    assert failed.cells["tone"] is Status.FAILED


def test_failed_and_unknown_answers_teach_nothing() -> None:
    broken = [Recorded(arm="extractive", id=c.id, text="x", failure="gone") for c in CASES]
    assert tone_of(SAMPLES, CASES, broken).status == "too_few_samples"
    strange = [Recorded(arm="extractive", id=f"x{n}", text=f"text {n}") for n in range(30)]
    assert tone_of(SAMPLES, CASES, strange).status == "too_few_samples"
