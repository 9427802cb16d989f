"""How large the small decoder is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The size of a decoder.

    Attributes:
        hidden: Width, a multiple of `heads`.
        inner: Width of the feed-forward part.
        layers: Blocks.
        heads: Of attention.
    """

    hidden: int
    inner: int
    layers: int
    heads: int

    def __post_init__(self) -> None:
        if min(self.hidden, self.inner, self.layers, self.heads) < 1 or self.hidden % self.heads:
            raise ValueError(f"no decoder has this shape: {self}")
