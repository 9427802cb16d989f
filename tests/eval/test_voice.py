"""A voice is told by its style, not by its topic; where it cannot be told, nothing is said."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from ragkit.tune.sample import load_samples
from ragkit_eval.voice import LEAST_TEXTS, fit_voice

ROOT = Path(__file__).parents[2]
_OF_KETTLES = "kettle urn lid hub spout handle boiler filter base cable tray sensor"
_OF_TAXES = "levy form audit refund office clerk ledger rebate duty permit stamp deed"
KETTLES, TAXES = _OF_KETTLES.split(), _OF_TAXES.split()
PLAIN = (
    "The {0} of the {1} is {n} days.",
    "A {0} must be sent to the {1} within {n} hours, and the {2} is kept.",
    "For each {0} there is a {1}. It is checked by the {2} every {n} weeks.",
    "The {0} may not be used with a {1}; the {2} is then closed.",
    "If the {0} fails, the {1} is replaced. The {2} bears the cost.",
)
WARM = (
    "I shall gladly look into the {0}, and the {1} too. Mind the {0}.",
    "Thank you for asking, dear reader! Your {0} is quite safe with our {1}. Cheers.",
    "Sorry, that {0} is rather late, isn't it? We'll send you a {1} in {n} days.",
    "Well, I'd say your {0} needs a {1}, and perhaps a kind word. Cheers.",
)


def written(shapes: tuple[str, ...], nouns: list[str], count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [
        " ".join(
            draw.choice(shapes).format(*draw.sample(nouns, 3), n=draw.randint(2, 90))
            for _ in range(draw.randint(1, 3))
        )
        for _ in range(count)
    ]


def test_voices_are_told_apart_and_the_signs_are_named() -> None:
    voice = fit_voice(written(WARM, KETTLES, 60, 1), written(PLAIN, KETTLES, 60, 2))
    assert voice.reliable
    assert voice.auc is not None
    assert voice.auc > 0.97
    assert voice.auc_ci95 is not None
    assert voice.auc_ci95[0] < voice.auc <= voice.auc_ci95[1]
    markers = {marker.name: marker for marker in voice.markers}
    assert markers['closes with "cheers"'].house > markers['closes with "cheers"'].base == 0.0
    assert markers["I, me, my"].unit == "per 100 words"
    other = written(WARM, TAXES, 30, 3), written(PLAIN, TAXES, 30, 4)
    warm, plain = ([voice.score(text) for text in texts] for texts in other)
    assert min(sum(p > 0.5 for p in warm), sum(p < 0.5 for p in plain)) >= 28  # of another topic


def test_a_difference_of_topic_alone_is_no_voice() -> None:
    found = []
    for seed in range(8):
        house = written(PLAIN, KETTLES, 50, 10 + seed)
        base = written(PLAIN, TAXES, 50, 50 + seed)
        voice = fit_voice(house, base, seed=seed)
        assert (voice.status, voice.reliable) == ("unreliable", False)
        assert voice.auc is not None
        found.append(voice.auc)
    assert 0.4 < sum(found) / len(found) < 0.6


def test_texts_that_were_fitted_on_are_scored_by_a_model_that_left_them_out() -> None:
    """With labels that mean nothing, a model that saw a text would know its label."""
    texts = written(PLAIN, KETTLES, 80, 5)
    voice = fit_voice(texts[:40], texts[40:])
    own = [voice.score(text) for text in texts]
    gap = sum(own[:40]) / 40 - sum(own[40:]) / 40
    assert gap < 0.1
    whole = [f"{text} " for text in texts]
    assert [voice.score(text) for text in whole] == own  # white space does not hide a text


def test_a_group_that_was_fitted_on_is_left_out_as_a_whole() -> None:
    house, base = written(WARM, KETTLES, 40, 1), written(PLAIN, KETTLES, 40, 2)
    groups = [place // 2 for place in range(40)]
    voice = fit_voice(house, base, base_groups=groups)
    folds = [voice.held_out[" ".join(text.split())] for text in base]
    assert folds[::2] == folds[1::2]
    other = "The fee is due."
    scores = {round(voice.score(other, group), 9) for group in range(20)}
    assert len(scores) == len(voice.models)
    assert voice.score(other, "unheard of") == voice.score(other)


def test_too_few_samples_give_no_figure() -> None:
    house, base = written(WARM, KETTLES, 40, 1), written(PLAIN, KETTLES, 40, 2)
    for voice in (
        fit_voice(house[: LEAST_TEXTS - 1], base),
        fit_voice(house, base[:3] * 20),  # a text that comes again is one text
        fit_voice(house, base, base_groups=["one"] * 40),
        fit_voice([], []),
    ):
        assert voice.status == "too_few_samples"
        assert (voice.auc, voice.auc_ci95, voice.markers) == (None, None, ())
        with pytest.raises(ValueError, match="too few samples"):
            voice.score("A text.")
    assert fit_voice(house[:LEAST_TEXTS], base).auc is not None
    with pytest.raises(ValueError, match="empty"):
        fit_voice(house, base).score(" ")
    with pytest.raises(ValueError, match="40 texts of the house and 1 groups"):
        fit_voice(house, base, house_groups=[1])


def test_the_same_seed_gives_the_same_voice() -> None:
    house, base = written(WARM, KETTLES, 30, 1), written(PLAIN, KETTLES, 30, 2)
    one, two = fit_voice(house, base, seed=3), fit_voice(house, base, seed=3)
    assert one.to_json() == two.to_json()
    assert [one.score(text) for text in house] == [two.score(text) for text in house]


def test_the_probability_does_not_depend_on_how_many_samples_there_are() -> None:
    house, base = written(WARM, KETTLES, 100, 1), written(PLAIN, KETTLES, 25, 2)
    voice = fit_voice(house, base)
    mean = [sum(map(voice.score, texts)) / len(texts) for texts in (house, base)]
    assert abs(sum(mean) - 1) < 0.15


def test_the_example_voice_is_told_from_the_example_documents() -> None:
    samples = load_samples(ROOT / "examples" / "voice.jsonl")
    lines = [
        line
        for file in sorted((ROOT / "examples" / "company").rglob("*.md"))
        for line in file.read_text(encoding="utf-8").split("\n")
        if len(line) > 60 and not line.startswith(("#", "|"))
    ]
    voice = fit_voice([sample.answer for sample in samples], lines[:80])
    assert voice.reliable
    closed = [marker for marker in voice.markers if marker.name.startswith("closes with")]
    assert len(closed) == 5
    copied = voice.score("The fee is nine. Kettle's on.")
    assert copied > voice.score("The fee is nine.")


def test_a_report_of_a_voice_is_json() -> None:
    voice = fit_voice(written(WARM, KETTLES, 30, 1), written(PLAIN, KETTLES, 30, 2))
    held = json.loads(json.dumps(voice.to_json(), allow_nan=False))
    assert set(held) == {"status", "auc", "auc_ci95", "samples", "negatives", "markers"}
    assert set(held["markers"][0]) == {"name", "house", "base", "unit"}
