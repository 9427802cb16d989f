"""A classifier of the house voice: samples of it against what the base model writes by itself.

It sees style alone (`ragkit_eval.style`), is checked on texts that it was not fitted on, and says
which signs it goes by. It knows nothing of facts: a text that copies the house's phrases and says
nothing scores high here and fails in every measure of answers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit_eval.metrics.auroc import auroc
from ragkit_eval.stats.area import area_ci95
from ragkit_eval.stats.holm import holm
from ragkit_eval.stats.logistic import fit_logistic
from ragkit_eval.style import IN_PERSONS, MEAN, PER_100, SHARE, Style, style

LEAST_AUC = 0.8
"""With less the voices cannot be told apart surely enough for any figure."""
LEAST_TEXTS = 20
"""Different texts that are needed of the house, and of the base."""
LEAST_GROUPS = 5
"""Groups (prompts, documents) that these must come from."""
FOLDS = 5
RIDGE = 30.0
UNRELIABLE, TOO_FEW = "unreliable", "too_few_samples"
_MOST_PATTERNS = 200
_MOST_MARKERS = 10
_MOST_PHRASES = 6
_COMMON = 0.05  # share of texts in which a sign must stand to be looked at
_REPEATED = 3  # groups that a phrase must open or close to be one


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A sign that the voices differ by.

    Attributes:
        name: What it is, such as 'closes with "kettle's on"'.
        house: How much of it the house samples have.
        base: How much the base's texts have.
        unit: "per 100 words", "share of texts" or "mean".
    """

    name: str
    house: float
    base: float
    unit: str

    def to_json(self) -> dict[str, object]:
        """Return the marker as it stands in a report."""
        return {
            "name": self.name,
            "house": round(self.house, 4),
            "base": round(self.base, 4),
            "unit": self.unit,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A classifier of the house voice, and how far it can be trusted.

    Attributes:
        status: "" if its figures may be shown, "unreliable" if it tells the voices apart too
            seldom, "too_few_samples" if there was nothing to fit it on.
        auc: How often a house sample scores higher than a text of the base, each scored by a model
            that was fitted on neither of their groups; None if none was fitted.
        auc_ci95: Its interval over groups; None without an AUC.
        samples: Different house samples.
        negatives: Different texts of the base.
        markers: The signs that differ beyond chance: phrases, then the rest, the strongest first.
        models: One a fold.
        calibration: Intercept and slope from a margin to log odds.
        held_out: Of each text and group that was fitted on, the fold that left it out.
    """

    status: str
    auc: float | None
    auc_ci95: tuple[float, float] | None
    samples: int
    negatives: int
    markers: tuple[Marker, ...]
    models: tuple[_Model, ...]
    calibration: tuple[float, float]
    held_out: Mapping[Hashable, int]

    @property
    def reliable(self) -> bool:
        """Whether its figures may be shown."""
        return not self.status

    def score(self, text: str, group: Hashable = None) -> float:
        """Return how likely it is that a text is of the house, were half of all texts.

        A text that the classifier was fitted on, or of a group that it was fitted on, is scored by
        the model that left it out; all others by the mean of the models.

        Args:
            text: At least one word.
            group: The prompt or the document that it belongs to, named as when fitting.

        Returns:
            A probability in [0, 1].

        Raises:
            ValueError: If the status is "too_few_samples", or the text is empty.
        """
        if not self.models:
            raise ValueError("there were too few samples to fit a voice, so nothing has a score")
        if not text.strip():
            raise ValueError("an empty text has no voice")
        fold = self.held_out.get(_flat(text), self.held_out.get(("group", group)))
        chosen = self.models if fold is None else (self.models[fold],)
        written = style(text)
        margin = sum(model.margin(written) for model in chosen) / len(chosen)
        intercept, slope = self.calibration
        return _chance(intercept + slope * margin)

    def to_json(self) -> dict[str, Any]:
        """Return the classifier as it stands in a report."""
        return {
            "status": self.status,
            "auc": None if self.auc is None else round(self.auc, 6),
            "auc_ci95": None
            if self.auc_ci95 is None
            else [round(value, 6) for value in self.auc_ci95],
            "samples": self.samples,
            "negatives": self.negatives,
            "markers": [marker.to_json() for marker in self.markers],
        }


def fit_voice(
    house: Sequence[str],
    base: Sequence[str],
    *,
    house_groups: Sequence[Hashable] | None = None,
    base_groups: Sequence[Hashable] | None = None,
    seed: int = 0,
) -> Voice:
    """Return a classifier of the house voice.

    A text that comes twice counts once. The folds keep groups together and hold the two voices in
    like shares; probabilities are calibrated on the scores of texts left out.

    Args:
        house: Samples of the house voice.
        base: What the base model writes by itself, to prompts of the same kind if possible.
        house_groups: What each sample belongs to, such as its prompt; by default each to its own.
        base_groups: What each text of the base belongs to, such as the document it is about. A
            group that is named in both is kept together.
        seed: Of the folds; the same seed gives the same classifier.

    Raises:
        ValueError: If there are not as many groups as texts.

    Source:
        Platt, "Advances in Large Margin Classifiers", 1999 (calibration, with his targets);
        LeDell, Petersen and van der Laan, Electronic Journal of Statistics 9, 2015 (the AUC of
        cross-validation).
    """
    texts = [
        *_unique(house, house_groups, "house"),
        *_unique(base, base_groups, "base"),
    ]
    labels = np.asarray([text.house for text in texts], bool)
    samples, negatives = int(labels.sum()), int((~labels).sum())
    groups = [len({text.group for text in texts if text.house is side}) for side in (True, False)]
    if min(samples, negatives) < LEAST_TEXTS or min(groups) < LEAST_GROUPS:
        return _unfitted(samples, negatives)
    folds = _folds(texts, seed)
    models = tuple(
        _fitted([text for text, own in zip(texts, folds, strict=True) if own != fold])
        for fold in range(FOLDS)
    )
    margins = np.asarray(
        [models[fold].margin(text.style) for text, fold in zip(texts, folds, strict=True)]
    )
    auc = auroc(margins.tolist(), labels.tolist())
    sides = [
        (
            margins[labels == side].tolist(),
            [text.group for text in texts if text.house is side],
        )
        for side in (True, False)
    ]
    (true, true_groups), (false, false_groups) = sides
    held_out: dict[Hashable, int] = {}
    for text, fold in reversed(list(zip(texts, folds, strict=True))):
        held_out[text.flat] = fold
        held_out["group", text.group] = fold
    return Voice(
        status="" if auc is not None and auc >= LEAST_AUC else UNRELIABLE,
        auc=auc,
        auc_ci95=area_ci95(true, false, true_groups, false_groups),
        samples=samples,
        negatives=negatives,
        markers=_markers(texts),
        models=models,
        calibration=_calibrated(margins, labels),
        held_out=held_out,
    )


# -- fitting -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Text:
    flat: str
    style: Style
    house: bool
    group: Hashable


@dataclass(frozen=True, slots=True)
class _Sign:
    """Something to look at in a style: a kind ("rate", "length", "pattern", "opens") and a name."""

    kind: str
    name: str

    def of(self, written: Style) -> float:
        match self.kind:
            case "rate":
                return math.sqrt(written.rates.get(self.name, 0.0))
            case "length":
                return math.log(written.lengths[self.name])
            case "pattern":
                return math.sqrt(written.patterns.get(self.name, 0.0))
            case "opens":
                return float(written.opening == self.name)
            case _:
                return float(written.closing == self.name)


@dataclass(frozen=True, slots=True)
class _Model:
    """A logistic model over standardised signs."""

    signs: tuple[_Sign, ...]
    middle: NDArray[np.float64]
    spread: NDArray[np.float64]
    bias: float
    weights: NDArray[np.float64]

    def margin(self, written: Style) -> float:
        """Return the log odds, not calibrated."""
        values = np.asarray([sign.of(written) for sign in self.signs])
        return float(self.bias + ((values - self.middle) / self.spread) @ self.weights)


def _unfitted(samples: int, negatives: int) -> Voice:
    return Voice(
        status=TOO_FEW,
        auc=None,
        auc_ci95=None,
        samples=samples,
        negatives=negatives,
        markers=(),
        models=(),
        calibration=(0.0, 1.0),
        held_out={},
    )


def _unique(texts: Sequence[str], groups: Sequence[Hashable] | None, side: str) -> list[_Text]:
    own: Sequence[Hashable] = [(side, place) for place in range(len(texts))]
    named = own if groups is None else groups
    if len(named) != len(texts):
        raise ValueError(f"there are {len(texts)} texts of the {side} and {len(named)} groups")
    found: dict[str, _Text] = {}
    for text, group in zip(texts, named, strict=True):
        flat = _flat(text)
        if flat and flat not in found:
            found[flat] = _Text(flat, style(text), side == "house", group)
    return list(found.values())


def _flat(text: str) -> str:
    return " ".join(text.split())


def _folds(texts: Sequence[_Text], seed: int) -> list[int]:
    """Return the fold of each text: groups stay together, each voice is dealt out evenly."""
    sizes: dict[Hashable, list[int]] = {}
    for text in texts:
        sizes.setdefault(text.group, [0, 0])[0 if text.house else 1] += 1
    names = list(sizes)
    order = np.random.default_rng(seed).permutation(len(names))
    held = [[0, 0] for _ in range(FOLDS)]
    chosen: dict[Hashable, int] = {}
    # The large ones first, so that the small ones can even them out.
    for name in sorted((names[place] for place in order), key=lambda name: -sum(sizes[name])):
        side = 0 if sizes[name][0] else 1
        fold = min(range(FOLDS), key=lambda fold: (held[fold][side], sum(held[fold])))
        chosen[name] = fold
        for place in (0, 1):
            held[fold][place] += sizes[name][place]
    return [chosen[text.group] for text in texts]


def _fitted(texts: Sequence[_Text]) -> _Model:
    signs = _signs(texts)
    values = np.asarray([[sign.of(text.style) for sign in signs] for text in texts])
    middle, spread = values.mean(axis=0), values.std(axis=0)
    moving = np.flatnonzero(spread > 1e-9)
    signs = [signs[place] for place in moving]
    middle, spread = middle[moving], spread[moving]
    labels = np.asarray([text.house for text in texts], np.float64)
    bias, weights = fit_logistic(
        (values[:, moving] - middle) / spread,
        labels.tolist(),
        weights=_balanced(labels).tolist(),
        ridge=RIDGE,
    )
    return _Model(tuple(signs), middle, spread, bias, weights)


def _balanced(labels: NDArray[Any]) -> NDArray[np.float64]:
    """Return weights by which either label counts the same, and all count as many as they are."""
    house = float(labels.sum())
    return np.where(
        labels > 0, len(labels) / (2 * house), len(labels) / (2 * (len(labels) - house))
    )


def _signs(texts: Sequence[_Text]) -> list[_Sign]:
    """Return what to look at, chosen without a look at the labels."""
    least = max(_REPEATED, math.ceil(_COMMON * len(texts)))
    rates = Counter(name for text in texts for name in text.style.rates)
    patterns = Counter(name for text in texts for name in text.style.patterns)
    common = sorted((-count, name) for name, count in patterns.items() if count >= least)
    return [
        *(_Sign("length", name) for name in texts[0].style.lengths),
        *(_Sign("rate", name) for name, count in sorted(rates.items()) if count >= least),
        *(_Sign("pattern", name) for _, name in common[:_MOST_PATTERNS]),
        *(_Sign("opens", name) for name in _repeated(texts, "opening")),
        *(_Sign("closes", name) for name in _repeated(texts, "closing")),
    ]


def _repeated(texts: Sequence[_Text], place: str) -> list[str]:
    """Return the phrases that open, or close, texts of several groups."""
    groups: dict[str, set[Hashable]] = {}
    for text in texts:
        phrase = getattr(text.style, place)
        if phrase:
            groups.setdefault(phrase, set()).add(text.group)
    return sorted(phrase for phrase, held in groups.items() if len(held) >= _REPEATED)


def _calibrated(margins: NDArray[np.float64], labels: NDArray[np.bool_]) -> tuple[float, float]:
    """Return intercept and slope of the log odds, of margins that were not fitted on."""
    house, base = int(labels.sum()), int((~labels).sum())
    targets = np.where(labels, (house + 1) / (house + 2), 1 / (base + 2))
    intercept, slope = fit_logistic(
        margins[:, None],
        targets.tolist(),
        weights=_balanced(labels.astype(np.float64)).tolist(),
        ridge=1e-6,
    )
    return intercept, float(slope[0])


def _chance(margin: float) -> float:
    return 0.5 * (1 + math.tanh(0.5 * margin))


# -- markers -----------------------------------------------------------------------------------

_TITLES = {"opens": 'opens with "{}"', "closes": 'closes with "{}"'}
_UNITS = {"rate": PER_100, "length": MEAN}


def _markers(texts: Sequence[_Text]) -> tuple[Marker, ...]:
    """Return the signs that the voices differ by beyond chance, after Holm over all signs."""
    signs = [
        sign for sign in _signs(texts) if sign.kind != "pattern" and sign.name not in IN_PERSONS
    ]
    labels = [text.house for text in texts]
    tested = []
    for sign in signs:
        values = [sign.of(text.style) for text in texts]
        tested.append((_area(values, labels), _p_value(values, labels)))
    adjusted = holm([p for _, p in tested])
    found = [
        (abs(area - 0.5), sign)
        for sign, (area, _), p in zip(signs, tested, adjusted, strict=True)
        if p <= 0.05
    ]
    found.sort(key=lambda pair: (-round(pair[0], 9), pair[1].kind, pair[1].name))
    phrases = [sign for _, sign in found if sign.kind in _TITLES][:_MOST_PHRASES]
    others = [sign for _, sign in found if sign.kind not in _TITLES][:_MOST_MARKERS]
    return tuple(_marker(sign, texts) for sign in (*phrases, *others))


def _marker(sign: _Sign, texts: Sequence[_Text]) -> Marker:
    def mean(house: bool) -> float:
        held = [_shown(sign, text.style) for text in texts if text.house is house]
        return sum(held) / len(held)

    return Marker(
        name=_TITLES.get(sign.kind, "{}").format(sign.name),
        house=mean(True),
        base=mean(False),
        unit=_UNITS.get(sign.kind, SHARE),
    )


def _shown(sign: _Sign, written: Style) -> float:
    if sign.kind == "rate":
        return written.rates.get(sign.name, 0.0)
    return written.lengths[sign.name] if sign.kind == "length" else sign.of(written)


def _p_value(values: Sequence[float], labels: Sequence[bool]) -> float:
    """Return the two-sided p-value of Mann and Whitney's test, by the normal law with ties."""
    found = np.asarray(values)
    house = int(sum(labels))
    base, n = len(labels) - house, len(labels)
    ties = np.unique(found, return_counts=True)[1].astype(np.float64)
    spread = (n + 1 - float((ties**3 - ties).sum()) / (n * (n - 1))) / (12 * house * base)
    if spread <= 0:
        return 1.0
    return math.erfc(abs(_area(values, labels) - 0.5) / math.sqrt(2 * spread))


def _area(values: Sequence[float], labels: Sequence[bool]) -> float:
    area = auroc(values, labels)
    return 0.5 if area is None else area
