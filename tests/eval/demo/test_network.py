"""The network: what comes later changes nothing before it, and reading word by word is the same."""

from __future__ import annotations

import pytest

from ragkit_eval.demo.shape import Shape

torch = pytest.importorskip("torch")
from ragkit_eval.demo.network import Cache, Network  # noqa: E402

SHAPE = Shape(hidden=16, inner=24, layers=3, heads=4)
IDS = torch.arange(24).reshape(2, 12) % 11


def network() -> Network:
    torch.manual_seed(3)
    return Network(SHAPE, 11)


def test_a_later_word_changes_no_earlier_score() -> None:
    model = network()
    changed = IDS.clone()
    changed[:, 8:] = 1
    assert torch.allclose(model(IDS)[:, :8], model(changed)[:, :8], atol=1e-5)
    assert not torch.allclose(model(IDS)[:, 8:], model(changed)[:, 8:], atol=1e-3)


@pytest.mark.parametrize("first", [1, 5, 11])
def test_word_by_word_gives_the_scores_of_the_whole(first: int) -> None:
    model, cache = network(), Cache()
    scores = [model(IDS[:, :first], cache)]
    scores += [model(IDS[:, place : place + 1], cache) for place in range(first, 12)]
    assert torch.allclose(torch.cat(scores, dim=1), model(IDS), atol=1e-5)


def test_the_order_of_words_counts() -> None:
    model = network()
    turned = IDS.flip(1)
    turned[:, -1] = IDS[:, -1]
    assert not torch.allclose(model(IDS)[:, -1], model(turned)[:, -1], atol=1e-3)


def test_impossible_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="no decoder has this shape"):
        Shape(hidden=10, inner=8, layers=1, heads=4)
    with pytest.raises(ValueError, match="no decoder has this shape"):
        Shape(hidden=8, inner=8, layers=0, heads=4)
