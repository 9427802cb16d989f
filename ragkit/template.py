"""Prompt templates: texts in files with a version, packaged or of the user's own folder."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template as Substitution

from ragkit_ingest.errors import ConfigError

_PACKAGED = Path(__file__).parent / "prompts"
_FIELDS = {
    "answer": {
        "refusal": "",
        "system": "refusal open close persona",
        "persona": "persona",
        "passage": "open close number place text",
        "user": "passages history question",
        "history": "turns",
        "turn": "question answer",
    },
    "followup": {"system": "", "user": "turns question", "turn": "question answer"},
    "queries": {"system": "", "user": "question"},
    "hyde": {"system": "", "user": "question"},
}
"""The templates, their texts, and what is filled in there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The texts of one prompt.

    Attributes:
        version: Such as "answer-1".
        texts: By name, without the white space around them; what is filled in begins with `$`.
    """

    version: str
    texts: Mapping[str, str]

    def fill(self, name: str, **values: str) -> str:
        """Return a text with its values; a `$` within a value is only a dollar sign."""
        return Substitution(self.texts[name]).substitute(values)


def load(name: str, folder: str = "") -> Template:
    """Return the template of that name.

    Args:
        name: "answer", "followup", "queries" or "hyde".
        folder: Where a file `NAME.toml` wins over the packaged one; "" for none.

    Raises:
        ConfigError: If the folder is missing, or a file is not as it should be.
    """
    own = Path(folder).expanduser()
    if folder and not own.is_dir():
        raise ConfigError(f"there is no folder {folder!r} of prompts; check prompts in ragkit.toml")
    chosen = own / f"{name}.toml"
    path = chosen if folder and chosen.is_file() else _PACKAGED / f"{name}.toml"
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ConfigError(f"the prompt {path} cannot be read: {exc}") from exc
    return _checked(values, _FIELDS[name], path)


def _checked(values: Mapping[str, object], fields: Mapping[str, str], path: Path) -> Template:
    wanted = {"version", *fields}
    if set(values) != wanted:
        odd = ", ".join(sorted(set(values) ^ wanted))
        raise ConfigError(
            f"the prompt {path} must hold exactly {', '.join(sorted(wanted))}; "
            f"missing or unknown: {odd}"
        )
    texts = {name: value.strip() for name, value in values.items() if isinstance(value, str)}
    empty = sorted(name for name in wanted if not texts.get(name))
    if empty:
        raise ConfigError(f"the prompt {path} holds no text for {', '.join(empty)}")
    for name, known in fields.items():
        text = Substitution(texts[name])
        unknown = set(text.get_identifiers()) - set(known.split())
        if unknown or not text.is_valid():
            places = ", ".join(f"${one}" for one in known.split()) or "nothing"
            odd = ", ".join(f"${one}" for one in sorted(unknown)) or "a lone $ (write $$)"
            raise ConfigError(
                f"the prompt {path} holds {odd} in {name}; what is filled in there: {places}"
            )
    _check_needed(texts, fields, path)
    return Template(version=texts.pop("version"), texts=texts)


def _check_needed(texts: Mapping[str, str], fields: Mapping[str, str], path: Path) -> None:
    """Refuse a prompt that leaves out what the model must see."""
    optional = {"persona", "place", "history"}
    for name, known in fields.items():
        missing = set(known.split()) - optional - set(Substitution(texts[name]).get_identifiers())
        if missing:
            raise ConfigError(
                f"the prompt {path} must fill in ${', $'.join(sorted(missing))} in {name}"
            )
