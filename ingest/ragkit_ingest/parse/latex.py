"""LaTeX: sections, lists, tables and text, as far as they can be read without running it.

Macros are not expanded: an unknown one is dropped, and what stands in its braces is kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.opening import open_text
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.row import Cell, header_of, render_row
from ragkit_ingest.records import BlockKind, Document, MetadataValue

_TOKEN = re.compile(
    r"\\([a-zA-Z@]+)\*?[ \t]*\n?|\\(.|\n)|%[^\n]*(?:\n[ \t]*|$)|(\$\$?)|([{}&~])|(\n[ \t]*\n\s*)|"
    r"([^\\%${}&~\n]+|\n)",
    re.DOTALL,
)
_LEVELS = {
    "part": 1, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4, "paragraph": 5,
    "subparagraph": 6, "frametitle": 2,
}  # fmt: skip
_LISTS = {"itemize": "", "enumerate": "number", "description": "", "thebibliography": "number"}
_TABLES = frozenset({"tabular", "tabularx", "tabulary", "longtable", "array", "supertabular"})
_VERBATIM = re.compile(r"\\begin\{(verbatim\*?|lstlisting|minted|alltt|comment|filecontents\*?)\}")
_MATH_ENVIRONMENTS = frozenset(
    {"equation", "align", "gather", "multline", "eqnarray", "displaymath", "math", "flalign"}
)
_DROPPED_NAMES = """
    label index usepackage documentclass documentstyle
    newenvironment renewenvironment setlength addtolength setcounter addtocounter vspace hspace
    includegraphics input include bibliography bibliographystyle pagestyle thispagestyle
    hypersetup geometry definecolor color textcolor colorbox rule newtheorem theoremstyle
    graphicspath RequirePackage PassOptionsToPackage DeclareMathOperator pagenumbering
    addcontentsline fontsize selectlanguage captionsetup lstset tikzset usetikzlibrary
    numberwithin allowdisplaybreaks hyphenation markboth markright begingroup multicolumn
    multirow cline cmidrule raisebox resizebox scalebox rotatebox parbox href
"""
_DROPPED = frozenset(_DROPPED_NAMES.split())
# How many arguments in braces a dropped macro has, where it is not one; the last is kept.
_KEEPS_LAST = {
    "multicolumn": 3,
    "multirow": 3,
    "textcolor": 2,
    "colorbox": 2,
    "href": 2,
    "resizebox": 3,
    "raisebox": 2,
    "scalebox": 2,
    "rotatebox": 2,
    "parbox": 2,
}
_ARGUMENTS = {
    "newenvironment": 3,
    "renewenvironment": 3, "setlength": 2, "addtolength": 2, "setcounter": 2, "addtocounter": 2,
    "definecolor": 3, "newtheorem": 2, "DeclareMathOperator": 2, "addcontentsline": 3,
    "fontsize": 2, "numberwithin": 2, "markboth": 2, "rule": 2, "begingroup": 0, "tikzset": 1,
    "allowdisplaybreaks": 0, "captionsetup": 1,
}  # fmt: skip
_SIGNS = {
    "ldots": "\u2026", "dots": "\u2026", "cdots": "\u22ef", "textendash": "\u2013",
    "textemdash": "\u2014", "ss": "\u00df", "ae": "\u00e6", "AE": "\u00c6", "oe": "\u0153",
    "OE": "\u0152", "o": "\u00f8", "O": "\u00d8", "aa": "\u00e5", "AA": "\u00c5", "l": "\u0142",
    "L": "\u0141", "i": "i", "j": "j", "S": "\u00a7", "P": "\u00b6", "copyright": "\u00a9",
    "pounds": "\u00a3", "euro": "\u20ac", "LaTeX": "LaTeX", "TeX": "TeX", "textbackslash": "\\",
    "textasciitilde": "~", "quad": " ", "qquad": " ", "newline": " ", "linebreak": " ",
    "times": "\u00d7", "cdot": "\u00b7", "pm": "\u00b1", "leq": "\u2264", "le": "\u2264",
    "geq": "\u2265", "ge": "\u2265", "neq": "\u2260", "ne": "\u2260", "approx": "\u2248",
    "equiv": "\u2261", "sim": "\u223c", "infty": "\u221e", "sum": "\u2211", "prod": "\u220f",
    "int": "\u222b", "partial": "\u2202", "nabla": "\u2207", "in": "\u2208", "notin": "\u2209",
    "subset": "\u2282", "cup": "\u222a", "cap": "\u2229", "forall": "\u2200", "exists": "\u2203",
    "to": "\u2192", "rightarrow": "\u2192", "leftarrow": "\u2190", "Rightarrow": "\u21d2",
    "sqrt": "\u221a", "ell": "\u2113", "hbar": "\u210f", "propto": "\u221d", "langle": "\u27e8",
    "rangle": "\u27e9", "circ": "\u00b0", "degree": "\u00b0", "prime": "\u2032",
}  # fmt: skip
_GREEK_NAMES = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma
    tau upsilon phi chi psi omega
"""
_ACCENTS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306",
    ".": "\u0307", '"': "\u0308", "r": "\u030a", "H": "\u030b", "v": "\u030c", "d": "\u0323",
    "c": "\u0327", "k": "\u0328", "b": "\u0331",
}  # fmt: skip
_MAX_DEPTH = 200


def _greek() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _GREEK_NAMES.split():
        spelt = "lamda" if name == "lambda" else name
        found[name] = unicodedata.lookup(f"GREEK SMALL LETTER {spelt.upper()}")
        found[name.title()] = unicodedata.lookup(f"GREEK CAPITAL LETTER {spelt.upper()}")
        found[f"var{name}"] = found[name]
    return found


_LETTERS: Mapping[str, str] = {**_SIGNS, **_greek()}


class LatexParser:
    """Reads LaTeX files one by one; what others include is not read."""

    name = "latex"
    version = 1
    suffixes = frozenset({".tex", ".latex", ".ltx"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            BrokenFileError: If the file is not text, or nested too deeply.
        """
        builder, text = open_text("latex", source.path)
        reader = _Reader(builder, text)
        reader.read()
        return builder.build(reader.metadata)


class _Reader:
    """Goes through the tokens once; arguments are read by the reader itself."""

    def __init__(self, builder: DocumentBuilder, text: str) -> None:
        self._builder = builder
        self._text = text
        self._place = 0
        self._parts: list[str] = []
        self._lists: list[tuple[str, int]] = []
        self._label: str | None = None
        self._environments: list[str] = []
        self._rows: list[list[str]] | None = None
        self._notes: list[str] = []
        self._note_count = 0
        self._depth = 0
        body = re.search(r"\\begin\{document\}", text)
        self._preamble = text[: body.start()] if body else ""
        self._body = body.end() if body else 0
        self.metadata: dict[str, MetadataValue] = {}

    def read(self) -> None:
        """Write the blocks of a text."""
        for name in ("title", "author", "date"):
            match = re.search(rf"\\{name}\s*(?:\[[^\]]*\])?\s*(?=\{{)", self._preamble)
            if match is not None:
                self._place = match.end()
                self._told(name, self._words(self._argument()))
        self._place = self._body
        while self._place < len(self._text) and self._token():
            pass
        self._flush()
        self._end_table()

    def _told(self, name: str, words: str) -> None:
        if name == "title" and words:
            self._builder.title = words
            self._builder.add(BlockKind.HEADING, words, level=1)
        elif words:
            self.metadata[name] = words

    # -- tokens ------------------------------------------------------------------------------

    def _token(self) -> bool:
        """Take the next token; False at the end of the document."""
        verbatim = _VERBATIM.match(self._text, self._place)
        if verbatim is not None:
            self._verbatim(verbatim)
            return True
        match = _TOKEN.match(self._text, self._place)
        if match is None:
            self._place += 1
            return True
        self._place = match.end()
        word, symbol, math, sign, gap, plain = match.groups()
        if word is not None:
            return self._macro(word)
        if symbol is not None:
            self._symbol(symbol)
        elif math is not None:
            self._math(math)
        elif sign is not None:
            self._sign(sign)
        elif gap is not None:
            self._flush() if self._rows is None else self._parts.append(" ")
        elif plain is not None:
            self._parts.append(_quotes(plain))
        return True

    def _sign(self, sign: str) -> None:
        if sign == "&" and self._rows is not None:
            self._end_cell()
        elif sign in "~&":
            self._parts.append(" " if sign == "~" else "&")

    def _symbol(self, symbol: str) -> None:
        if symbol == "\\":
            self._optional()
            self._end_row() if self._rows is not None else self._parts.append(" ")
        elif symbol in _ACCENTS:
            self._parts.append(self._accent(symbol))
        elif symbol in "([":
            self._math("\\)" if symbol == "(" else "\\]")
        elif symbol not in ")]/-":
            self._parts.append(" " if symbol in ",;: \n!" else symbol)

    def _accent(self, mark: str) -> str:
        base = self._argument() if self._peek() == "{" else self._next_character()
        base = {"\\i": "i", "\\j": "j"}.get(base.strip(), base)
        return unicodedata.normalize("NFC", base[:1] + _ACCENTS[mark]) + base[1:] if base else ""

    def _math(self, end: str) -> None:
        """Keep a formula as it is written, its macros as signs where there are any."""
        close = self._text.find(end, self._place)
        close = len(self._text) if close < 0 else close
        formula = self._text[self._place : close]
        self._place = close + len(end)
        self._parts.append(_formula(formula))

    def _verbatim(self, match: re.Match[str]) -> None:
        end = f"\\end{{{match.group(1)}}}"
        close = self._text.find(end, match.end())
        close = len(self._text) if close < 0 else close
        self._place = match.end()
        if match.group(1) == "minted":
            self._optional()
            self._argument()
        elif match.group(1) == "lstlisting":
            self._optional()
        self._flush()
        if match.group(1).rstrip("*") not in {"comment", "filecontents"}:
            code = self._text[min(self._place, close) : close]
            self._builder.add(BlockKind.CODE, code, verbatim=True)
        self._place = close + len(end)

    # -- macros ------------------------------------------------------------------------------

    def _macro(self, word: str) -> bool:
        handler = _HANDLERS.get(word)
        if word == "end" and self._text.startswith("{document}", self._place):
            return False
        if handler is not None:
            handler(self)
        elif word in _LEVELS:
            self._heading(_LEVELS[word])
        elif word in _ACCENTS and len(word) == 1:
            self._parts.append(self._accent(word))
        elif word in _LETTERS:
            self._parts.append(_LETTERS[word])
        elif word in _DROPPED:
            self._drop(word)
        else:
            self._optional()
        return True

    def _drop(self, word: str) -> None:
        count = _KEEPS_LAST.get(word, _ARGUMENTS.get(word, 1))
        for place in range(count):
            self._optional()
            if word in _KEEPS_LAST and place == count - 1:
                return
            self._argument()
            self._optional()

    def _define(self) -> None:
        """Pass over the definition of a macro: its name, its parameters, what it stands for."""
        self._skip_space()
        if self._peek() == "{":
            self._argument()
        else:
            name = re.compile(r"\\(?:[a-zA-Z@]+|.)", re.DOTALL).match(self._text, self._place)
            self._place = name.end() if name is not None else self._place
        opening = re.compile(r"[^{}\n]{0,200}(?=\{)").match(self._text, self._place)
        if opening is not None:
            self._place = opening.end()
            self._argument()

    def _heading(self, level: int) -> None:
        self._flush()
        self._optional()
        text = self._words(self._argument())
        self._builder.add(BlockKind.HEADING, text, level=level)

    def _title(self) -> None:
        self._optional()
        self._told("title", self._words(self._argument()))

    def _caption(self) -> None:
        self._optional()
        text = self._words(self._argument())
        if self._rows is None:
            self._flush()
            self._builder.add(BlockKind.CAPTION, text)
        else:
            self._notes.append(text)

    def _footnote(self) -> None:
        self._note_count += 1
        text = self._words(self._argument())
        self._notes.append(f"[{self._note_count}] {text}")
        self._parts.append(f"[{self._note_count}]")

    def _cite(self) -> None:
        self._optional()
        self._optional()
        self._parts.append(f"[{self._argument()}]")

    def _reference(self) -> None:
        self._parts.append(self._argument())

    def _url(self) -> None:
        self._parts.append(self._argument())

    def _paragraph_end(self) -> None:
        self._flush()

    def _item(self) -> None:
        self._flush()
        label = self._optional()
        if not self._lists:
            self._lists.append(("", 0))
        kind, number = self._lists[-1]
        self._lists[-1] = (kind, number + 1)
        if label:
            self._label = f"{self._words(label)}: "
        else:
            self._label = f"{number + 1}. " if kind else ""

    def _bibitem(self) -> None:
        self._flush()
        self._optional()
        self._label = f"[{self._argument()}] "

    def _begin(self) -> None:
        name = self._argument().strip().rstrip("*")
        if name in _MATH_ENVIRONMENTS:
            close = self._text.find(f"\\end{{{name}", self._place)
            close = len(self._text) if close < 0 else close
            self._parts.append(f" {_formula(self._text[self._place : close])} ")
            self._place = close
        elif name in _LISTS:
            self._flush()
            self._optional()
            if name == "thebibliography":
                self._argument()
            self._lists.append((_LISTS[name], 0))
        elif name in _TABLES and self._rows is None:
            self._begin_table(name)
        elif name in {"frame", "abstract", "quote", "center", "figure", "table"}:
            self._flush()
            self._optional()

    def _begin_table(self, name: str) -> None:
        self._flush()
        if name in {"tabularx", "tabulary"}:
            self._argument()
        self._optional()
        self._argument()
        self._rows = [[]]
        self._environments.append(name)

    def _end(self) -> None:
        name = self._argument().strip().rstrip("*")
        if name in _LISTS:
            self._flush()
            self._lists = self._lists[:-1]
        elif self._environments and name == self._environments[-1]:
            self._environments.pop()
            self._end_table()
        elif self._rows is None and name not in _MATH_ENVIRONMENTS:
            self._flush()

    # -- arguments ---------------------------------------------------------------------------

    def _peek(self) -> str:
        return self._text[self._place : self._place + 1]

    def _skip_space(self) -> None:
        while self._peek() and self._peek() in " \t\n":
            self._place += 1

    def _next_character(self) -> str:
        self._skip_space()
        if self._text.startswith(("\\i", "\\j"), self._place):
            self._place += 2
            return self._text[self._place - 1]
        self._place += 1
        return self._text[self._place - 1 : self._place]

    def _argument(self) -> str:
        """Return what stands in the braces that follow, empty if none do."""
        start = self._place
        self._skip_space()
        if self._peek() != "{":
            self._place = start
            return ""
        return self._balanced("{", "}")

    def _optional(self) -> str:
        """Return what stands in the brackets that follow, empty if none do."""
        return self._balanced("[", "]") if self._peek() == "[" else ""

    def _balanced(self, opening: str, closing: str) -> str:
        depth = 0
        for match in re.compile(r"\\.|[{}\[\]]", re.DOTALL).finditer(self._text, self._place):
            if match.group() == opening:
                depth += 1
            elif match.group() == closing:
                depth -= 1
                if depth == 0:
                    inside = self._text[self._place + 1 : match.start()]
                    self._place = match.end()
                    return inside
        self._place += 1
        return ""

    def _words(self, source: str) -> str:
        """Return the text of an argument."""
        if self._depth >= _MAX_DEPTH:
            raise BrokenFileError("the LaTeX is nested too deeply to read")
        inner = _Reader(self._builder, source)
        inner._depth = self._depth + 1
        inner._rows = [[]]
        inner._body = 0
        while inner._place < len(source) and inner._token():
            pass
        return fold_space("".join([*(cell for row in inner._rows for cell in row), *inner._parts]))

    # -- blocks ------------------------------------------------------------------------------

    def _flush(self) -> None:
        if self._rows is not None:
            return
        text = fold_space("".join(self._parts))
        self._parts = []
        if text:
            label, self._label = self._label, None
            if label is not None:
                self._builder.add(BlockKind.LIST_ITEM, label + text)
            else:
                self._builder.add(BlockKind.PARAGRAPH, text)
        notes, self._notes = self._notes, []
        for note in notes:
            self._builder.add(BlockKind.PARAGRAPH, note)

    def _end_cell(self) -> None:
        assert self._rows is not None
        self._rows[-1].append(fold_space("".join(self._parts)))
        self._parts = []

    def _end_row(self) -> None:
        if self._rows is not None:
            self._end_cell()
            self._rows.append([])

    def _end_table(self) -> None:
        if self._rows is None:
            return
        self._end_cell()
        rows, self._rows = [row for row in self._rows if any(row)], None
        header = header_of([[Cell(cell) for cell in row] for row in rows], marked=True)
        for row in rows[bool(header) :]:
            self._builder.add(BlockKind.TABLE_ROW, render_row(header, row))
        self._flush()


_HANDLERS: Mapping[str, Callable[[_Reader], None]] = {
    "begin": _Reader._begin,
    "end": _Reader._end,
    "item": _Reader._item,
    "bibitem": _Reader._bibitem,
    "title": _Reader._title,
    "caption": _Reader._caption,
    "footnote": _Reader._footnote,
    "footnotetext": _Reader._footnote,
    "cite": _Reader._cite,
    "citep": _Reader._cite,
    "citet": _Reader._cite,
    "parencite": _Reader._cite,
    "textcite": _Reader._cite,
    "ref": _Reader._reference,
    "eqref": _Reader._reference,
    "cref": _Reader._reference,
    "Cref": _Reader._reference,
    "autoref": _Reader._reference,
    "url": _Reader._url,
    "path": _Reader._url,
    "par": _Reader._paragraph_end,
    "tabularnewline": _Reader._end_row,
    "newcommand": _Reader._define,
    "renewcommand": _Reader._define,
    "providecommand": _Reader._define,
    "def": _Reader._define,
    "gdef": _Reader._define,
    "edef": _Reader._define,
}


def _quotes(text: str) -> str:
    text = text.replace("``", "\u201c").replace("''", "\u201d")
    return text.replace("---", "\u2014").replace("--", "\u2013")


def _formula(text: str) -> str:
    """Return a formula in one line, named letters and signs as characters."""
    text = re.sub(r"\\label\{[^}]*\}|(?<!\\)%[^\n]*", "", text)

    def shown(match: re.Match[str]) -> str:
        return _LETTERS.get(match.group(1), match.group())

    return fold_space(re.sub(r"\\([a-zA-Z]+)", shown, text))
