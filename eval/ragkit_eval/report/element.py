"""Elements of HTML and SVG. Every text is escaped, and nothing that acts can be put in.

Documents, answers and names of arms are hostile until shown otherwise: what a person would not see
(bidirectional marks, control characters) is left out of every text, attributes that run scripts or
lead elsewhere are refused, and styles live in classes, so that a policy can forbid all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ragkit.sanitise import visible

_VOID = frozenset(("br", "input", "meta", "wbr"))
_LEADING = frozenset(("href", "src", "action", "formaction", "srcdoc", "xlink:href", "data"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """An element with what stands inside it; `str` of it is markup.

    Attributes:
        tag: Its name.
        attributes: Names and values, in order; an empty value is a bare attribute.
        children: Elements and texts.
        verbatim: Whether the texts are code of ours (a style, a script), and are not escaped.
    """

    tag: str
    attributes: tuple[tuple[str, str], ...] = ()
    children: tuple[Element | str, ...] = ()
    verbatim: bool = False

    def __post_init__(self) -> None:
        for name, value in self.attributes:
            if name.startswith("on") or name == "style":
                raise ValueError(f"the attribute {name} is refused; use a class")
            if name in _LEADING and not value.startswith("#"):
                raise ValueError(f"{name} may lead within the page only, not to {value!r}")
        if self.verbatim and any("</" in str(child) for child in self.children):
            raise ValueError(f"the code of <{self.tag}> may not hold '</'")

    def __str__(self) -> str:
        parts: list[str] = []
        self._write(parts)
        return "".join(parts)

    def _write(self, parts: list[str]) -> None:
        parts.append(f"<{self.tag}")
        for name, value in self.attributes:
            parts.append(f' {name}="{escape(visible(value))}"' if value else f" {name}")
        parts.append(">")
        if self.tag in _VOID:
            return
        for child in self.children:
            if isinstance(child, Element):
                child._write(parts)
            else:
                parts.append(child if self.verbatim else escape(visible(child), quote=False))
        parts.append(f"</{self.tag}>")


Child = Element | str | None
Value = str | float | bool | None


def h(tag: str, *children: Child, **attributes: Value) -> Element:
    """Return an element.

    Args:
        tag: Its name.
        children: What stands inside; None is left out.
        attributes: By name, with `_` for `-` and `class_` for `class`. True is a bare attribute;
            None and False are left out; numbers are written to two digits.

    Raises:
        ValueError: If an attribute would act or lead out of the page.
    """
    return Element(
        tag=tag,
        attributes=tuple(
            (name.rstrip("_").replace("_", "-"), _written(value))
            for name, value in attributes.items()
            if value is not None and value is not False
        ),
        children=tuple(child for child in children if child is not None),
    )


def code(tag: str, text: str) -> Element:
    """Return a `style` or `script` element with code of ours.

    Raises:
        ValueError: If the code could end its element.
    """
    return Element(tag=tag, children=(text,), verbatim=True)


def spread(children: Sequence[Child], between: str = ", ") -> list[Child]:
    """Return the children with a text between them."""
    return [part for child in children for part in (between, child)][1:]


def _written(value: str | float) -> str:
    if isinstance(value, bool):
        return ""
    if isinstance(value, str):
        return value
    return f"{value:.2f}".rstrip("0").rstrip(".")
