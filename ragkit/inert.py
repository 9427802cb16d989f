"""Makes a text inert: wherever it is shown, also rendered as Markdown, nothing in it acts.

A model may have been told by a document to write an image or a link whose address carries
something out; showing the image, or unfurling the link, sends it. So images, links and HTML are
broken up by a space, which a person hardly notices, and an address stays only if it stands in the
passages character by character. Each piece is inert on its own, whatever it is joined with.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator

LEFT_OUT = "[link left out]"
"""What stands in the place of an address that no passage holds."""

_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]*://[^\s<>]*"
    r"|(?<![\w:/])//[\w-]+(?:\.[\w-]+)+[^\s<>]*"
    r"|(?<![a-z0-9])www\.[^\s<>]+"
    r"|(?<![a-z0-9])(?:mailto|xmpp|tel|sms|javascript|vbscript|file|blob|view-source):[^\s<>]+"
    r"|(?<![a-z0-9])data:[\w.+-]*[/;,][^\s<>]*"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w/@.-])(?:[a-z0-9-]+\.)+[a-z]{2,24}(?::\d+)?[/?#][^\s<>]*",
    re.IGNORECASE,
)
# What ends a sentence or closes a bracket around an address is no part of it.
_AROUND = ".,;:!?'\"`*_~()[]{}|\\\u2019\u201d"
_IMAGE = re.compile(r"!(?=\[)")
_TARGET = re.compile(r"\](?=[(\[:])")
_OPENING = re.compile(r"<(?=[a-z/!?])", re.IGNORECASE)
# A type parameter such as `vector<int>`: closed, no attribute, no address.
_PARAMETER = re.compile(r"</?(?P<name>[a-z]\w*)(?![\w-])[^<>=:@]*>", re.IGNORECASE)
_ELEMENT_NAMES = """
    a abbr address area article aside audio b base bdi bdo blockquote body br button canvas caption
    center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed
    fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup
    hr html i iframe image img input ins kbd label legend li link main map mark marquee math menu
    meta meter nav noembed noframes noscript object ol optgroup option output p param picture
    plaintext portal pre progress q rp rt ruby s samp script search section select slot small source
    span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead
    time title tr track tt u ul var video wbr xmp
"""
_ELEMENTS = frozenset(_ELEMENT_NAMES.split())
# Letters of scripts without spaces between words end what is held back as well.
_HELD = re.compile(r"[^\s\u2e80-\uffff]*\Z")
_MOST_HELD = 4096


def addresses(texts: Iterable[str]) -> frozenset[str]:
    """Return all addresses of the web, of mail and so on that stand in the texts."""
    return frozenset(_bare(match[0]) for text in texts for match in _ADDRESS.finditer(text))


def inert(text: str, known: Container[str] | None = None) -> str:
    """Return the text with nothing in it that acts.

    Images, links, link definitions and HTML are broken up by a space: `] (`, `! [`, `< a`.

    Args:
        text: As written.
        known: The addresses that may stay, see `addresses`; others become `LEFT_OUT`. None lets
            all stay.
    """
    if known is not None:
        text = _without_addresses(text, known)
    text = _TARGET.sub("] ", _IMAGE.sub("! ", text))
    return _OPENING.sub(_broken, text)


class InertStream:
    """Makes pieces of a text inert as they arrive; a word is held back until it is whole.

    Args:
        known: As for `inert`.
    """

    def __init__(self, known: Container[str] | None = None) -> None:
        self._known = known
        self._held = ""

    def take(self, piece: str) -> str:
        """Return what can be shown now."""
        text = self._held + piece
        held = _HELD.search(text)
        at = held.start() if held and len(text) - held.start() <= _MOST_HELD else len(text)
        self._held = text[at:]
        return inert(text[:at], self._known)

    def rest(self) -> str:
        """Return what is left at the end."""
        text, self._held = self._held, ""
        return inert(text, self._known)

    def pieces(self, piece: str | None) -> Iterator[str]:
        """Yield what can be shown after a piece, or at the end (None), if there is anything."""
        if text := self.rest() if piece is None else self.take(piece):
            yield text


def _without_addresses(text: str, known: Container[str]) -> str:
    before = ""
    while text != before:  # what is left behind an address may be one itself
        before, text = text, _ADDRESS.sub(lambda match: _kept(match[0], known), text)
    return text


def _kept(address: str, known: Container[str]) -> str:
    bare = _bare(address)
    if bare in known:
        return address
    at = address.index(bare)
    return address[:at] + LEFT_OUT + address[at + len(bare) :]


def _bare(address: str) -> str:
    return address.strip(_AROUND) or address


def _broken(opening: re.Match[str]) -> str:
    whole = _PARAMETER.match(opening.string, opening.start())
    return "<" if whole and whole["name"].lower() not in _ELEMENTS else "< "
