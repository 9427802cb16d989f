"""Small logistic models whose weights a person can read, from `weights.json`.

They are fitted by `bench/fit_evidence.py`, which also writes the file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

Features = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logistic:
    """A logistic model.

    Attributes:
        bias: Added to the weighted sum.
        weights: By feature.
    """

    bias: float
    weights: Mapping[str, float]

    def probability(self, features: Features) -> float:
        """Return the model's probability in [0, 1].

        Raises:
            KeyError: If a feature that has a weight is missing.
        """
        total = self.bias + sum(weight * features[name] for name, weight in self.weights.items())
        return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, total))))


@cache
def packaged(name: str) -> Logistic:
    """Return a packaged model: "sentence", "answer" or "answer_without_tokens"."""
    loaded = json.loads((files("ragkit") / "weights.json").read_text(encoding="utf-8"))
    model = loaded["models"][name]
    return Logistic(bias=model["bias"], weights=model["weights"])
