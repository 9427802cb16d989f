"""The decoder: deterministic, and it learns what it is told."""

from __future__ import annotations

from itertools import repeat
from pathlib import Path

from ragkit_eval.demo.decoder import Decoder, rounds
from ragkit_eval.demo.lesson import lesson
from ragkit_eval.demo.shape import Shape
from ragkit_eval.demo.vocabulary import decode, prompt, reply

SHAPE = Shape(hidden=32, inner=32, layers=1, heads=2)
ASKED = [prompt(f"Which {word} does Vorlan have?") for word in ("keeper", "stone")]
SAID = ["The keeper of Vorlan is Bardo.", "The stone of Vorlan is unknown."]
LESSONS = [lesson(asked, [((), reply(said))]) for asked, said in zip(ASKED, SAID, strict=True)]


def taught(seed: int) -> Decoder:
    decoder = Decoder(SHAPE, seed=seed)
    decoder.train(repeat([LESSONS]), steps=60, rate=1e-2)
    return decoder


def test_it_says_what_it_was_taught_whatever_else_is_asked_with_it() -> None:
    decoder = taught(1)
    assert [decode(ids) for ids in decoder.write(ASKED)] == SAID
    longer = prompt("Which keeper does Vorlan have?", ["Vorlan"])
    assert decode(decoder.write([longer, ASKED[1], ASKED[0]])[2]) == SAID[0]
    assert decoder.write([]) == []


def test_the_same_seed_gives_the_same_weights_and_another_one_others() -> None:
    import torch

    def weights(seed: int) -> torch.Tensor:
        held = taught(seed)._model.state_dict()
        return torch.cat([held[name].flatten() for name in sorted(held)])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_a_copy_learns_without_its_original() -> None:
    decoder = taught(1)
    copied = decoder.copy()
    other = lesson(ASKED[0], [((), reply(SAID[1]))])
    copied.train(repeat([[other]]), steps=40, rate=1e-2)
    assert decode(copied.write(ASKED[:1])[0]) == SAID[1]
    assert decode(decoder.write(ASKED[:1])[0]) == SAID[0]


def test_rounds_give_every_lesson_once_a_round() -> None:
    found = rounds(LESSONS * 5, 4, seed=1)
    first = [one for _ in range(3) for part in next(found) for one in part]
    assert sorted(map(repr, first)) == sorted(map(repr, LESSONS * 5))


def test_a_batch_comes_in_parts_of_like_length() -> None:
    long = lesson(prompt("Which keeper does Vorlan have?", ["Vorlan is Bardo."] * 3), [])
    for _, batch in zip(range(3), rounds([long, *LESSONS], 3, seed=1), strict=False):
        assert [len(part) for part in batch] == [2, 1]


def test_weights_are_kept_for_the_same_order_only(tmp_path: Path) -> None:
    file = tmp_path / "seeds" / "base.safetensors"
    taught(1).save(file, key="k", error=0.125)
    assert [one.name for one in file.parent.iterdir()] == [file.name]
    other = Decoder(SHAPE, seed=9)
    assert other.load(file, key="another") is None
    assert other.load(tmp_path / "missing", key="k") is None
    assert [decode(ids) for ids in other.write(ASKED)] != SAID
    assert other.load(file, key="k") == 0.125
    assert [decode(ids) for ids in other.write(ASKED)] == SAID
    file.write_bytes(file.read_bytes()[:100])
    assert Decoder(SHAPE, seed=9).load(file, key="k") is None
