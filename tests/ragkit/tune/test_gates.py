"""The gates: each verdict follows from its numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from ragkit.tune.gates import Gate, GateSettings, Measured, Paired, decide
from ragkit_ingest.errors import UsageError

GOOD: dict[str, Paired] = {
    "context": Paired(base=(1.0,) * 18 + (0.0,) * 2, tuned=(1.0,) * 18 + (0.0,) * 2),
    "abstention": Paired(base=(1.0,) * 20, tuned=(1.0,) * 20),
    "retention": Paired(base=(2.0,) * 20, tuned=(2.05,) * 20),
    "tone": Paired(base=(0.2,) * 20, tuned=(0.9,) * 20),
}


def around(values: Sequence[float]) -> tuple[float, float]:
    mean = sum(values) / len(values)
    return mean - 0.1, mean + 0.1


def gates(settings: GateSettings | None = None, /, **changes: Paired) -> dict[str, Gate]:
    report = decide(Measured(**GOOD | changes), settings, interval=around)
    assert report.promoted == all(gate.held for gate in report.gates)
    assert json.loads(json.dumps(report.to_json()))["promoted"] is report.promoted
    return {gate.name: gate for gate in report.gates}


def failed(settings: GateSettings | None = None, /, **changes: Paired) -> list[str]:
    return [name for name, gate in gates(settings, **changes).items() if not gate.held]


def test_an_adapter_that_keeps_all_and_sounds_right_is_promoted() -> None:
    found = gates()
    assert failed() == []
    assert list(found) == ["context", "abstention", "retention", "tone"]
    assert found["context"].value == pytest.approx(0.9)
    assert found["context"].threshold == pytest.approx(0.88)  # what the base does, less .02
    assert found["retention"].value == pytest.approx(0.05)
    assert found["tone"].value == pytest.approx(0.7)
    assert found["tone"].interval == pytest.approx((0.6, 0.8))


@pytest.mark.parametrize(
    ("name", "paired"),
    [
        ("context", Paired(base=(1.0,) * 20, tuned=(1.0,) * 19 + (0.0,))),  # .95, wanted .98
        ("context", Paired(base=(0.0,) * 20, tuned=(1.0,) * 9 + (0.0,) * 11)),  # under the floor
        ("abstention", Paired(base=(1.0,) * 20, tuned=(1.0,) * 18 + (0.0,) * 2)),
        ("abstention", Paired(base=(0.0,) * 20, tuned=(0.0,) * 20)),
        ("retention", Paired(base=(2.0,) * 20, tuned=(2.2,) * 20)),
        ("tone", Paired(base=(0.9,) * 20, tuned=(0.95,) * 20)),
        ("tone", Paired(missing="cannot be told apart")),
        ("context", Paired()),
        ("abstention", Paired(base=(1.0,) * 9, tuned=(1.0,) * 9)),
    ],
)
def test_one_gate_that_fails_is_enough(name: str, paired: Paired) -> None:
    assert failed(**{name: paired}) == [name]


def test_what_could_not_be_measured_says_why() -> None:
    assert gates(tone=Paired(missing="cannot be told apart"))["tone"].said == "cannot be told apart"
    few = gates(context=Paired(base=(1.0,), tuned=(1.0,)))["context"]
    assert few.said == "has 1 probes, and needs 10 to be decided on"
    assert gates()["retention"].said == "0.050, wanted at most 0.100"


def test_strictly_the_whole_interval_must_hold() -> None:
    assert failed(GateSettings(strict=True)) == ["context", "abstention", "retention"]


@pytest.mark.parametrize(
    "changes", [{"least_context": 1.1}, {"abstention_loss": -0.1}, {"least_probes": 0}]
)
def test_settings_out_of_range(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        GateSettings(**changes)


def test_values_must_be_paired() -> None:
    with pytest.raises(ValueError, match="1 values of the base, 0 of the other"):
        Paired(base=(1.0,))
