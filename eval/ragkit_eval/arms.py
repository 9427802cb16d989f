"""Arms: ways of answering under comparison, as values. Built in, or a user's own in TOML.

model = "openai:llama3"             # writes for the built-in arms; else the configured one
tuned = "local:base+adapter"        # for fine_tuned and rag_fine_tuned
persona = "Warm and brief."         # for persona and rag_persona; else the configured one

[arms.terse]
generator = "openai:llama3"
passages = "retrieved"              # none, retrieved or gold
persona = "One sentence."
k = 4                               # and any other setting of retrieval
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ragkit.generate.name import EXTRACTIVE, check_name
from ragkit_ingest.errors import ConfigError, UsageError

PASSAGES = ("none", "retrieved", "gold")
RETRIEVAL = (
    *("mode", "k", "depth", "fusion", "dense_weight", "sentence_weight"),
    *("feedback", "feedback_weight"),
    *("per_document", "diversity", "reranker", "rerank_depth", "expand", "query_rewriting"),
    "min_confidence",
)
"""The settings of `ragkit.config.Config` that an arm may change, beside its generator's."""
GENERATION = ("generator_url", "generator_temperature", "generator_seed", "max_answer_tokens")
_KEYS = ("generator", "passages", "persona", *RETRIEVAL, *GENERATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A way of answering.

    Attributes:
        name: Letters, digits and underscores.
        passages: What it is shown: "none", "retrieved", or "gold" (those that hold the evidence).
        generator: What writes, by name; empty for the configured one.
        persona: How it should sound; empty for no wish.
        settings: Settings of retrieval and generation that differ from the configured ones.
        missing: Why it cannot run, one sentence; empty if it can.
    """

    name: str
    passages: str
    generator: str = ""
    persona: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    missing: str = ""

    def __post_init__(self) -> None:
        if not self.name.replace("_", "").replace("-", "").isalnum() or not self.name.isascii():
            raise ConfigError(
                f"the arm's name {self.name!r} may hold letters, digits, - and _ only"
            )
        if self.passages not in PASSAGES:
            raise ConfigError(
                f"the arm {self.name} sets passages to {self.passages!r}; it must be one of "
                f"{', '.join(PASSAGES)}"
            )
        if self.passages == "none" and self.generator == EXTRACTIVE:
            raise ConfigError(
                f"the arm {self.name} has no passages, and {EXTRACTIVE} only repeats passages; "
                "give it a chat model, or passages"
            )

    @property
    def retrieval(self) -> Mapping[str, Any]:
        """The settings that decide which passages it is shown."""
        return {name: self.settings[name] for name in RETRIEVAL if name in self.settings}

    def to_json(self) -> dict[str, object]:
        """Return the arm as it stands in a report."""
        return {
            "name": self.name,
            "passages": self.passages,
            "generator": self.generator,
            "persona": self.persona,
            "settings": dict(sorted(self.settings.items())),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSettings:
    """What the built-in arms are made of.

    Attributes:
        model: Name of the chat model; empty if there is none.
        tuned: Name of the fine-tuned one; empty if there is none.
        persona: The house's voice; empty if there is none.
        own: Arms of a file, by name; one with a built-in name replaces that.
    """

    model: str = ""
    tuned: str = ""
    persona: str = ""
    own: Mapping[str, Arm] = field(default_factory=dict)


_NO_MODEL = (
    "no chat model is configured; set generator in ragkit.toml, or give --generator, to "
    "openai:MODEL or local:PATH"
)
_NO_TUNED = "no fine-tuned model is configured; give --tuned openai:MODEL or local:PATH+ADAPTER"
_NO_PERSONA = "no persona is configured; set persona in ragkit.toml"


def arms(settings: ArmSettings) -> dict[str, Arm]:
    """Return all arms by name, the built-in ones first; those that cannot run say why."""
    model, tuned, persona = settings.model, settings.tuned, settings.persona
    no_model = "" if model else _NO_MODEL
    no_tuned = "" if tuned else _NO_TUNED
    no_persona = no_model or ("" if persona else _NO_PERSONA)
    found = [
        Arm(name="no_retrieval", passages="none", generator=model, missing=no_model),
        Arm(name="persona", passages="none", generator=model, persona=persona, missing=no_persona),
        Arm(name="fine_tuned", passages="none", generator=tuned, missing=no_tuned),
        Arm(name="extractive", passages="retrieved", generator=EXTRACTIVE),
        Arm(name="rag", passages="retrieved", generator=model, missing=no_model),
        Arm(
            name="rag_persona",
            passages="retrieved",
            generator=model,
            persona=persona,
            missing=no_persona,
        ),
        Arm(name="rag_fine_tuned", passages="retrieved", generator=tuned, missing=no_tuned),
        Arm(name="oracle", passages="gold", generator=model or EXTRACTIVE),
    ]
    return {arm.name: arm for arm in found} | dict(settings.own)


def chosen(every: Mapping[str, Arm], names: Sequence[str]) -> list[Arm]:
    """Return the arms of these names in the order of `arms`; with no names, all.

    Raises:
        UsageError: If there is no arm of a name, or one that was named cannot run.
    """
    for name in names:
        if name not in every:
            raise UsageError(f"there is no arm {name!r}; the arms are {', '.join(every)}")
        if every[name].missing:
            raise UsageError(f"the arm {name} cannot run: {every[name].missing}")
    return [arm for arm in every.values() if not names or arm.name in names]


def load_settings(file: Path, base: ArmSettings) -> ArmSettings:
    """Return the settings with what a TOML file adds or changes.

    Raises:
        ConfigError: If the file is missing or no TOML, or a key or a value is wrong.
    """
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"the arms {file} cannot be read ({exc.strerror})") from exc
    except ValueError as exc:
        raise ConfigError(f"the arms {file} are not valid TOML: {exc}") from exc
    _check_keys(values, ("model", "tuned", "persona", "arms"), str(file))
    texts = {key: _text(values, key, str(file)) for key in ("model", "tuned", "persona")}
    for name in filter(None, (texts["model"], texts["tuned"])):
        check_name(name)
    base = replace(
        base,
        model=texts["model"] or base.model,
        tuned=texts["tuned"] or base.tuned,
        persona=texts["persona"] or base.persona,
    )
    tables = values.get("arms", {})
    if not isinstance(tables, dict):
        raise ConfigError(f"{file} sets arms to {tables!r}; write a table [arms.NAME] for each")
    own = {name: _own(name, table, base, file) for name, table in tables.items()}
    return replace(base, own=own)


def _own(name: str, table: Any, base: ArmSettings, file: Path) -> Arm:
    where = f"the arm {name} of {file}"
    if not isinstance(table, dict):
        raise ConfigError(f"{where} is {table!r}, not a table [arms.{name}]")
    _check_keys(table, _KEYS, where)
    generator = _text(table, "generator", where)
    passages = _text(table, "passages", where) or "retrieved"
    missing = ""
    if generator:
        check_name(generator)
    else:
        generator = base.model or (EXTRACTIVE if passages != "none" else "")
        missing = "" if generator else _NO_MODEL
    settings = {key: table[key] for key in (*RETRIEVAL, *GENERATION) if key in table}
    return Arm(
        name=name,
        passages=passages,
        generator=generator,
        persona=_text(table, "persona", where),
        settings=settings,
        missing=missing,
    )


def _check_keys(values: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    unknown = sorted(values.keys() - set(known))
    if unknown:
        raise ConfigError(
            f"{where} sets {unknown[0]!r}, which is not known; the keys are {', '.join(known)}"
        )


def _text(values: Mapping[str, Any], key: str, where: str) -> str:
    value = values.get(key, "")
    if not isinstance(value, str):
        raise ConfigError(f"{where} sets {key} to {value!r}; it must be a text")
    return value
