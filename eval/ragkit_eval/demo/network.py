"""The network of the small decoder: causal blocks, each a short convolution, attention, and more.

A block mixes each word with the six before it by a convolution of its own for every feature,
then attends to all words before it, then transforms each word by itself. The convolution is what
lets a model of so few weights learn to look things up in minutes on a CPU: the last words are
gathered without having to learn where they are. Half of the heads see how far away a word is, by
rotation; the others see only what it is.

Sources:
    Vaswani et al., "Attention is all you need", NeurIPS 2017; Shazeer, "GLU variants improve
    Transformer", 2020 (the gated feed-forward part); Arora et al., "Zoology: measuring and
    improving recall in efficient language models", ICLR 2024 (short convolutions and recall); Su
    et al., "RoFormer", Neurocomputing 568, 2024 (rotation).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ragkit_eval.demo.shape import Shape

WINDOW = 7
"""Words that the convolution sees: a word, and those before it."""

_SLOWEST = 0.005  # of the angles by which a head turns from word to word; the fastest is 1

Cache = list[dict[str, Tensor]]
"""What each block remembers of the words read so far: `near`, `keys` and `values`."""


class Network(nn.Module):
    """A causal language model.

    Args:
        shape: Its size.
        words: How many ids there are.
    """

    def __init__(self, shape: Shape, words: int) -> None:
        super().__init__()
        self.scale = shape.hidden**0.5  # so that a word is as loud as what blocks add to it
        self.words = nn.Embedding(words, shape.hidden)
        self.blocks = nn.ModuleList(_Block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.hidden)
        nn.init.normal_(self.words.weight, std=shape.hidden**-0.5)

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """Return the scores of the word after each word.

        Args:
            ids: Integers of shape (texts, words).
            cache: An empty list to be filled, or one filled by the words before these; one word
                at a time may follow.

        Returns:
            Floats of shape (texts, words, ids).
        """
        held: Tensor = self.words(ids) * self.scale
        new = cache is not None and not cache
        for place, block in enumerate(self.blocks):
            if cache is not None and new:
                cache.append({})
            held = block(held, None if cache is None else cache[place])
        scores: Tensor = functional.linear(self.norm(held), self.words.weight)
        return scores


class _Block(nn.Module):
    """One block; shapes in and out are (texts, words, hidden)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        hidden, inner = shape.hidden, shape.inner
        self.heads = shape.heads
        self.norms = nn.ModuleList(nn.RMSNorm(hidden) for _ in range(3))
        self.near = nn.Conv1d(hidden, hidden, WINDOW, groups=hidden)
        self.asked = nn.Linear(hidden, 3 * hidden, bias=False)
        self.found = nn.Linear(hidden, hidden, bias=False)
        self.up = nn.Linear(hidden, 2 * inner, bias=False)
        self.down = nn.Linear(inner, hidden, bias=False)

    def forward(self, held: Tensor, cache: dict[str, Tensor] | None) -> Tensor:
        held = held + self._gathered(self.norms[0](held), cache)
        held = held + self._looked_up(self.norms[1](held), cache)
        gate, value = self.up(self.norms[2](held)).chunk(2, dim=-1)
        changed: Tensor = held + self.down(functional.silu(gate) * value)
        return changed

    def _gathered(self, held: Tensor, cache: dict[str, Tensor] | None) -> Tensor:
        across = held.transpose(1, 2)
        if cache is not None and "near" in cache:
            across = torch.cat([cache["near"], across], dim=2)
        else:
            across = functional.pad(across, (WINDOW - 1, 0))
        if cache is not None:
            cache["near"] = across[:, :, 1 - WINDOW :]
        mixed: Tensor = self.near(across)
        return mixed.transpose(1, 2)

    def _looked_up(self, held: Tensor, cache: dict[str, Tensor] | None) -> Tensor:
        texts, words, hidden = held.shape
        parts: Any = self.asked(held).view(texts, words, 3, self.heads, hidden // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        before = cache["keys"].shape[2] if cache is not None and "keys" in cache else 0
        query, key = self._turned(query, before), self._turned(key, before)
        if cache is not None:
            if "keys" in cache:
                key = torch.cat([cache["keys"], key], dim=2)
                value = torch.cat([cache["values"], value], dim=2)
            cache["keys"], cache["values"] = key, value
        seen = functional.scaled_dot_product_attention(
            query, key, value, is_causal=words == key.shape[2]
        )
        mixed: Tensor = self.found(seen.transpose(1, 2).reshape(texts, words, hidden))
        return mixed

    def _turned(self, part: Tensor, before: int) -> Tensor:
        """Return queries or keys, those of the first half of the heads turned by their places.

        Args:
            part: Floats of shape (texts, heads, words, features).
            before: How many words stand before the first of these.
        """
        heads, words, features = part.shape[1:]
        turned, left = part[:, : heads // 2], part[:, heads // 2 :]
        first, second = turned.chunk(2, dim=-1)
        places = torch.arange(before, before + words, device=part.device, dtype=part.dtype)
        rates = _SLOWEST ** torch.linspace(0, 1, features // 2, device=part.device)
        angles = places[:, None] * rates
        cos, sin = angles.cos(), angles.sin()
        turned = torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
        return torch.cat([turned, left], dim=1)
