"""Which parser reads which file. Parser modules are imported when first needed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from ragkit_ingest.parse.protocol import Container, Parser

_HERE = "ragkit_ingest.parse"
CODE_SUFFIXES = """
    .py .pyi .js .mjs .cjs .ts .tsx .jsx .java .kt .kts .scala .groovy .gradle .go .rs .c .h .cc
    .cpp .cxx .hpp .hh .hxx .mm .cs .fs .fsx .vb .rb .php .swift .m .sql .sh .bash .zsh .fish
    .ps1 .bat .cmd .r .jl .lua .pl .pm .hs .elm .ml .mli .ex .exs .erl .clj .cljs .lisp .el .scm
    .rkt .f .f90 .f95 .pas .ada .adb .ads .asm .s .v .sv .vhd .vhdl .zig .nim .d .sol .tcl .awk
    .css .scss .sass .less .toml .yaml .yml .ini .cfg .conf .properties .tf .hcl .nix .cmake .mk
    .bzl .proto .thrift .graphql .prisma .vue .svelte .dart
"""
"""What `code` reads."""
_BUILT_IN = {
    "pdf:PdfParser": ".pdf",
    "markdown:MarkdownParser": ".md .markdown .mdown .mkd",
    "html:HtmlParser": ".html .htm .xhtml",
    "mhtml:MhtmlParser": ".mhtml .mht",
    "text:TextParser": ".txt .text .log",
    "rest:RestParser": ".rst .rest",
    "asciidoc:AsciiDocParser": ".adoc .asciidoc",
    "org:OrgParser": ".org",
    "latex:LatexParser": ".tex .latex .ltx",
    "rtf:RtfParser": ".rtf",
    "docx:DocxParser": ".docx .docm .dotx",
    "pptx:PptxParser": ".pptx .pptm .ppsx .ppsm .potx",
    "xlsx:XlsxParser": ".xlsx .xlsm .xltx .xltm",
    "xls:XlsParser": ".xls .xlt",
    "xlsb:XlsbParser": ".xlsb",
    "opendocument:OpenDocumentParser": ".odt .ott .ods .ots .odp .otp .fodt .fods .fodp",
    "epub:EpubParser": ".epub",
    "delimited:DelimitedParser": ".csv .tsv .tab",
    "email:EmailParser": ".eml",
    "mbox:MboxParser": ".mbox .mbx",
    "msg:MsgParser": ".msg",
    "structured:JsonParser": ".json .jsonl .ndjson",
    "structured:XmlParser": ".xml .fb2 .dbk .docbook .jats .tei .nxml .rss .atom",
    "notebook:NotebookParser": ".ipynb",
    "subtitle:SubtitleParser": ".srt .vtt",
    "code:CodeParser": CODE_SUFFIXES,
}
_IMAGES = {"image:ImageParser": ".png .jpg .jpeg .tif .tiff .bmp .webp"}
_ADVICE = {
    ".doc .dot": "old Word files are not read; save it as .docx",
    ".ppt .pps .pot": "old PowerPoint files are not read; save it as .pptx",
    ".pages": "Pages documents are not read; export it as .docx or .pdf",
    ".numbers": "Numbers documents are not read; export it as .xlsx",
    ".key": "Keynote documents are not read; export it as .pptx or .pdf",
    ".vsd .vsdx": "Visio drawings are not read; export it as .pdf",
    ".pst .ost": "Outlook stores are not read; export its folders as .mbox, its mails as .eml",
    ".wpd .wps": "this word processor's files are not read; save it as .docx or .odt",
    ".mobi .azw .azw3": "Kindle books are not read; convert it to .epub",
    ".zip .7z .rar .tar .gz .tgz .bz2 .xz": "archives are not read; unpack it",
}


def _by_suffix(targets: Mapping[str, str]) -> dict[str, str]:
    return {
        suffix: f"{_HERE}.{target}"
        for target, suffixes in targets.items()
        for suffix in suffixes.split()
    }


BUILT_IN: Mapping[str, str] = MappingProxyType(_by_suffix(_BUILT_IN))
"""By suffix, "module:class" of the parser that reads it."""
IMAGES: Mapping[str, str] = MappingProxyType(_by_suffix(_IMAGES))
"""The same for images, which are read only with OCR."""
_SENTENCES = {suffix: advice for suffixes, advice in _ADVICE.items() for suffix in suffixes.split()}
_READ_WITH_OCR = frozenset({"pdf", "image"})


class ParserRegistry:
    """Finds the parser of a file by its name's ending.

    Args:
        parsers: By suffix (lower case, with the dot), "module:class" of a parser whose class
            takes no argument. By default those that come with ragkit.
        ocr: Whether images, and pages that are images, are read with OCR.
    """

    def __init__(self, parsers: Mapping[str, str] = BUILT_IN, *, ocr: bool = False) -> None:
        self._targets = {**IMAGES, **parsers} if ocr else dict(parsers)
        self._loaded: dict[str, Parser] = {}
        self.ocr = ocr

    @property
    def targets(self) -> dict[str, str]:
        """By suffix, "module:class" of its parser."""
        return dict(self._targets)

    def formats(self) -> tuple[str, ...]:
        """Return the suffixes that can be read, sorted."""
        return tuple(sorted(self._targets))

    def suffix_of(self, path: Path) -> str:
        """Return the ending that says what a file is, in lower case."""
        return path.suffix.lower()

    def reads(self, path: Path) -> bool:
        """Whether a file of this name has a parser; imports nothing."""
        return self.suffix_of(path) in self._targets

    def refusal(self, path: Path) -> str:
        """Return why no parser reads a file of this name, and what would help."""
        suffix = self.suffix_of(path)
        if suffix in IMAGES:
            return "images are read only with OCR, which is switched off"
        if suffix in _SENTENCES:
            return _SENTENCES[suffix]
        return f"no parser reads {suffix or 'files without ending'}"

    def parser_for(self, path: Path) -> Parser | None:
        """Return the parser that reads a file of this name, None if there is none."""
        target = self._targets.get(self.suffix_of(path))
        return None if target is None else self._load(target)

    def fingerprint(self, parser: Parser) -> str:
        """Return what changes whenever the parser's Documents change: "name/version".

        For a parser whose files hold others, that includes which formats are read.
        """
        ocr = "+ocr" if self.ocr and parser.name in _READ_WITH_OCR else ""
        within = f" within/{self._formats_digest}" if isinstance(parser, Container) else ""
        return f"{parser.name}/{parser.version}{ocr}{within}"

    @cached_property
    def _formats_digest(self) -> str:
        return hashlib.sha256(" ".join(self.formats()).encode()).hexdigest()[:8]

    def _load(self, target: str) -> Parser:
        parser = self._loaded.get(target)
        if parser is None:
            module, _, name = target.partition(":")
            parser = getattr(import_module(module), name)()
            self._loaded[target] = parser
        return parser
