"""Small logistic models whose weights a person can read.

`bench/fit_evidence.py` fits those of `weights.json`, `bench/fit_groundedness.py` those of
`support.json`; each writes its file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

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


FLAT = Logistic(bias=0.0, weights={})
"""Says one half whatever the features are: it stands in for a model that is yet to be fitted."""


def logit(probability: float) -> float:
    """Return the logarithm of the odds, between -13.9 and 13.9."""
    bounded = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(bounded / (1 - bounded))


@cache
def packaged(name: str, file: str = "weights.json") -> Logistic:
    """Return a packaged model, such as "sentence" of `weights.json`, or one of another file."""
    model = _models(file)[name]
    return Logistic(bias=model["bias"], weights=model["weights"])


@cache
def packaged_threshold(name: str, file: str) -> float:
    """Return the probability from which a packaged model says yes, chosen as it was fitted."""
    return float(_models(file)[name]["threshold"])


def _models(file: str) -> dict[str, Any]:
    loaded = json.loads((files("ragkit") / file).read_text(encoding="utf-8"))
    models: dict[str, Any] = loaded["models"]
    return models
