"""Adapters: their names, what they were trained on, and whether they may be used.

Each is a folder beside the index, `INDEX.adapters/NAME`, that holds what peft wrote and a record,
`ragkit_adapter.json`. An adapter without a record was made elsewhere: it is used as it is, since
nothing is known of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ragkit.tune.fingerprint import base_fingerprint, weights_sha256
from ragkit_ingest.disk import write_whole
from ragkit_ingest.errors import TuneError, UsageError

RECORD = "ragkit_adapter.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterRecord:
    """What is known of an adapter.

    Attributes:
        name: As it is asked for.
        fingerprint: Of its weights, its shape and its base; "" while it is being trained.
        weights_sha256: Of its weights; "" while it is being trained.
        base: Name of the base's folder.
        base_fingerprint: Of the base.
        training: Settings, figures and the training set's manifest.
        gates: What the gates found; None if they were not tried.
        promoted: Whether every gate held.
        forced: Whether it may be used all the same.
    """

    name: str
    fingerprint: str = ""
    weights_sha256: str = ""
    base: str = ""
    base_fingerprint: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    gates: Mapping[str, Any] | None = None
    promoted: bool = False
    forced: bool = False

    @property
    def usable(self) -> bool:
        """Whether it may be used without being asked for as unpromoted."""
        return self.promoted or self.forced

    def to_json(self) -> dict[str, object]:
        """Return the record as it stands in its file."""
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "weights_sha256": self.weights_sha256,
            "base": self.base,
            "base_fingerprint": self.base_fingerprint,
            "training": dict(self.training),
            "gates": None if self.gates is None else dict(self.gates),
            "promoted": self.promoted,
            "forced": self.forced,
        }


def adapters_folder(index: Path) -> Path:
    """Return where the adapters of an index stand: beside it, which ingesting never touches."""
    return index.with_name(f"{index.name}.adapters")


def check_name(name: str) -> str:
    """Return the name of an adapter.

    Raises:
        UsageError: If it is none.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name of an adapter; use 1 to 64 small letters, digits, dots, _ and -, "
            "such as house-voice"
        )
    return name


def resolved(adapter: str, folder: str) -> str:
    """Return the folder of an adapter that is given by its path or by its name.

    Args:
        adapter: A path, or the name of an adapter in the folder.
        folder: Where adapters stand; "" for nowhere.
    """
    named = Path(folder) / adapter
    known = folder and _NAME.fullmatch(adapter) and (named / RECORD).is_file()
    return str(named) if known and not Path(adapter).expanduser().is_dir() else adapter


def load_record(adapter: Path) -> AdapterRecord | None:
    """Return the record of an adapter; None if it has none.

    Raises:
        TuneError: If it is damaged.
    """
    file = adapter / RECORD
    if not file.is_file():
        return None
    try:
        return AdapterRecord(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as exc:
        raise TuneError(
            f"the record {file} is damaged ({exc}); try the gates again with `ragkit tune tone "
            "--resume`, or train anew"
        ) from exc


def save_record(adapter: Path, record: AdapterRecord) -> None:
    """Write the record of an adapter, so that a reader finds the old one or the new.

    Raises:
        StorageError: If it cannot be written.
    """
    text = json.dumps(record.to_json(), indent=2, ensure_ascii=False)
    write_whole(adapter / RECORD, f"{text}\n")


def judged(
    record: AdapterRecord, gates: Mapping[str, Any], *, promoted: bool, forced: bool
) -> AdapterRecord:
    """Return the record with what the gates found."""
    return replace(record, gates=gates, promoted=promoted, forced=forced and not promoted)


def check_usable(adapter: Path, *, unpromoted: bool = False) -> AdapterRecord | None:
    """Return the record of an adapter that may be used; None if it was made elsewhere.

    Args:
        adapter: Its folder.
        unpromoted: Whether it may be used though its gates were not tried or did not hold.

    Raises:
        TuneError: If it may not be used, or its record is damaged.
    """
    record = load_record(adapter)
    if record is None or record.usable or unpromoted:
        return record
    raise TuneError(
        f"the adapter {record.name} is not promoted: {_why(record)}; see `ragkit tune tone` in "
        "docs/tuning.md, which with --force lets it be used all the same"
    )


def check_base(adapter: Path, record: AdapterRecord | None, base: Path) -> None:
    """Refuse an adapter of another base model, or one whose weights were changed.

    Raises:
        TuneError: If it is so.
    """
    if record is None or not record.fingerprint:
        return
    if record.base_fingerprint != base_fingerprint(base):
        raise TuneError(
            f"the adapter {record.name} was trained on another model ({record.base}, fingerprint "
            f"{record.base_fingerprint[:12]}) than {base}; give that model, or train one on this"
        )
    if record.weights_sha256 != weights_sha256(adapter):
        raise TuneError(
            f"the weights of the adapter {record.name} are not those that were trained and tried; "
            "train it anew"
        )


def _why(record: AdapterRecord) -> str:
    if not record.fingerprint:
        return "its training is not finished"
    if record.gates is None:
        return "its gates were not tried"
    failed = [gate for gate in record.gates.get("gates", ()) if not gate.get("held")]
    said = [f"{gate['name']} {gate['said']}" for gate in failed]
    return "; ".join(said) or "its gates did not hold"
