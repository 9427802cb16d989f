"""The gates that an adapter must pass before it may be used. Pure: measurements in, verdicts out.

- context: it still answers facts that stand only in the passages;
- abstention: it still says so where the passages do not answer;
- retention: on general dialogues, its loss is not much above the base's;
- tone: it sounds more like the house than the base does.

A gate holds where the measured value is on the right side of its threshold. The interval says how
sure that is; with `strict` the whole interval must be on the right side. An adapter whose gates
do not all hold is not promoted: that is a result, and the numbers are the point of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from ragkit_ingest.errors import UsageError

Interval = Callable[[Sequence[float]], tuple[float, float] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """What is asked of an adapter.

    Attributes:
        least_context: Least share of facts in passages answered right, in [0, 1].
        context_loss: Most that may be lost of the base's share.
        least_abstention: Least share of abstentions where the passages do not answer.
        abstention_loss: Most that may be lost of the base's share.
        retention_loss: Most that the loss on general dialogues may rise, in nats a token; .1 is
            a perplexity about a tenth higher.
        least_tone: Least that the mean tone, in [0, 1], must rise.
        least_probes: Fewest probes that a gate is decided on, 1 or more.
        strict: Whether the whole interval must be on the right side.
    """

    least_context: float = 0.5
    context_loss: float = 0.02
    least_abstention: float = 0.8
    abstention_loss: float = 0.05
    retention_loss: float = 0.1
    least_tone: float = 0.2
    least_probes: int = 10
    strict: bool = False

    def __post_init__(self) -> None:
        for name in ("least_context", "context_loss", "least_abstention", "abstention_loss"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} must be between 0 and 1, not {getattr(self, name)}")
        if self.least_probes < 1:
            raise UsageError(f"least_probes must be 1 or more, not {self.least_probes}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The same probes, tried on the base and on the adapter.

    Attributes:
        base: One value a probe.
        tuned: The same probes, in the same order.
        missing: Why there is nothing to compare; "" if there is.
    """

    base: tuple[float, ...] = ()
    tuned: tuple[float, ...] = ()
    missing: str = ""

    def __post_init__(self) -> None:
        if len(self.base) != len(self.tuned):
            raise ValueError(f"{len(self.base)} values of the base, {len(self.tuned)} of the other")

    @property
    def differences(self) -> list[float]:
        """What the adapter has more, probe by probe."""
        return [tuned - base for base, tuned in zip(self.base, self.tuned, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that the gates are decided on.

    Attributes:
        context: 1 for a right answer, 0 for any other.
        abstention: 1 for an abstention.
        retention: Loss on a general dialogue, in nats a token.
        tone: How likely the house wrote the answer, in [0, 1].
    """

    context: Paired
    abstention: Paired
    retention: Paired
    tone: Paired


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One verdict.

    Attributes:
        name: "context", "abstention", "retention" or "tone".
        what: What the value is, in a few words.
        value: As measured; None if it could not be.
        interval: At 95 %; None if there is none.
        threshold: To be reached, or for retention not to be passed.
        base: The same of the base; None if it could not be measured.
        n: How many probes.
        held: Whether the adapter passes.
        note: Why not, where the number does not say; else "".
    """

    name: str
    what: str
    value: float | None
    interval: tuple[float, float] | None
    threshold: float
    base: float | None
    n: int
    held: bool
    note: str = ""

    @property
    def said(self) -> str:
        """The verdict in a few words."""
        if self.note or self.value is None:
            return self.note or "was not measured"
        sign = "at most" if self.name == "retention" else "at least"
        return f"{self.value:.3f}, wanted {sign} {self.threshold:.3f}"

    def to_json(self) -> dict[str, object]:
        """Return the gate as JSON values."""
        return {
            "name": self.name,
            "what": self.what,
            "value": _rounded(self.value),
            "interval": None if self.interval is None else [round(x, 4) for x in self.interval],
            "threshold": round(self.threshold, 4),
            "base": _rounded(self.base),
            "n": self.n,
            "held": self.held,
            "note": self.note,
            "said": self.said,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """The verdicts on one adapter.

    Attributes:
        gates: All four, in a fixed order.
    """

    gates: tuple[Gate, ...]

    @property
    def promoted(self) -> bool:
        """Whether every gate held."""
        return all(gate.held for gate in self.gates)

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON values."""
        return {"promoted": self.promoted, "gates": [gate.to_json() for gate in self.gates]}


def decide(
    measured: Measured, settings: GateSettings | None = None, *, interval: Interval
) -> GateReport:
    """Return the verdicts that measurements lead to.

    Args:
        measured: On the same probes, base and adapter.
        settings: What is asked.
        interval: Returns the 95 % interval of the mean of values.
    """
    wanted = settings or GateSettings()
    return GateReport(
        gates=(
            _share(
                "context",
                "facts that stand only in the passages, answered right",
                measured.context,
                wanted.least_context,
                wanted.context_loss,
                wanted,
                interval,
            ),
            _share(
                "abstention",
                "abstentions where the passages do not answer",
                measured.abstention,
                wanted.least_abstention,
                wanted.abstention_loss,
                wanted,
                interval,
            ),
            _difference(
                "retention",
                "rise of the loss on general dialogues, nats a token",
                measured.retention,
                wanted.retention_loss,
                wanted,
                interval,
            ),
            _difference(
                "tone",
                "rise of the tone towards the house's",
                measured.tone,
                wanted.least_tone,
                wanted,
                interval,
            ),
        )
    )


def _share(
    name: str,
    what: str,
    paired: Paired,
    least: float,
    loss: float,
    wanted: GateSettings,
    interval: Interval,
) -> Gate:
    """Return the gate of a share: it must reach the least, and the base's but for a loss."""
    base = fmean(paired.base) if paired.base else None
    threshold = least if base is None else max(least, base - loss)
    return _gate(name, what, paired, list(paired.tuned), threshold, base, wanted, interval)


def _difference(
    name: str,
    what: str,
    paired: Paired,
    threshold: float,
    wanted: GateSettings,
    interval: Interval,
) -> Gate:
    base = fmean(paired.base) if paired.base else None
    return _gate(name, what, paired, paired.differences, threshold, base, wanted, interval)


def _gate(
    name: str,
    what: str,
    paired: Paired,
    values: list[float],
    threshold: float,
    base: float | None,
    wanted: GateSettings,
    interval: Interval,
) -> Gate:
    value = fmean(values) if values else None
    around = interval(values) if values else None
    note = paired.missing
    if not note and len(values) < wanted.least_probes:
        note = f"has {len(values)} probes, and needs {wanted.least_probes} to be decided on"
    low, high = around if wanted.strict and around is not None else (value, value)
    held = False
    if not note and low is not None and high is not None:
        held = high <= threshold if name == "retention" else low >= threshold
    return Gate(
        name=name,
        what=what,
        value=value,
        interval=around,
        threshold=threshold,
        base=base,
        n=len(values),
        held=held,
        note=note,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
