"""Which parser reads which file. Parser modules are imported when first needed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from ragkit_ingest.parse.protocol import Parser

_HERE = "ragkit_ingest.parse"
CODE_SUFFIXES = """
    .py .pyi .js .mjs .ts .tsx .jsx .java .kt .scala .go .rs .c .h .cc .cpp .hpp .cs .rb .php
    .swift .m .sql .sh .bash .ps1 .r .jl .lua .pl .hs .ex .exs .clj .css .scss .toml .yaml .yml
    .ini .cfg .conf .tf .proto .graphql .vue .dart
"""
"""What `code` reads."""
_BUILT_IN = {
    "pdf:PdfParser": ".pdf",
    "markdown:MarkdownParser": ".md .markdown .mdown .mkd",
    "html:HtmlParser": ".html .htm .xhtml",
    "text:TextParser": ".txt .text .log .rst .adoc .asciidoc .org",
    "docx:DocxParser": ".docx .docm .dotx",
    "delimited:DelimitedParser": ".csv .tsv .tab",
    "email:EmailParser": ".eml",
    "structured:JsonParser": ".json .jsonl .ndjson",
    "structured:XmlParser": ".xml",
    "notebook:NotebookParser": ".ipynb",
    "subtitle:SubtitleParser": ".srt .vtt",
    "code:CodeParser": CODE_SUFFIXES,
}
BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        suffix: f"{_HERE}.{target}"
        for target, suffixes in _BUILT_IN.items()
        for suffix in suffixes.split()
    }
)
"""By suffix, "module:class" of the parser that reads it."""


class ParserRegistry:
    """Finds the parser of a file by its name's ending.

    Args:
        parsers: By suffix (lower case, with the dot), "module:class" of a parser whose class
            takes no argument. By default those that come with ragkit.
    """

    def __init__(self, parsers: Mapping[str, str] = BUILT_IN) -> None:
        self._targets = dict(parsers)
        self._loaded: dict[str, Parser] = {}

    @property
    def targets(self) -> dict[str, str]:
        """By suffix, "module:class" of its parser."""
        return dict(self._targets)

    def formats(self) -> tuple[str, ...]:
        """Return the suffixes that can be read, sorted."""
        return tuple(sorted(self._targets))

    def reads(self, path: Path) -> bool:
        """Whether a file of this name has a parser; imports nothing."""
        return path.suffix.lower() in self._targets

    def parser_for(self, path: Path) -> Parser | None:
        """Return the parser that reads a file of this name, None if there is none."""
        target = self._targets.get(path.suffix.lower())
        return None if target is None else self._load(target)

    def fingerprint(self, parser: Parser) -> str:
        """Return what changes whenever the parser's Documents change: "name/version"."""
        return f"{parser.name}/{parser.version}"

    def _load(self, target: str) -> Parser:
        parser = self._loaded.get(target)
        if parser is None:
            module, _, name = target.partition(":")
            parser = getattr(import_module(module), name)()
            self._loaded[target] = parser
        return parser
