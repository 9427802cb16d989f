"""RTF, reStructuredText, AsciiDoc, Org, LaTeX and XML that holds a text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit_ingest.errors import BrokenFileError, SourceError
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.registry import ParserRegistry
from ragkit_ingest.records import Document

Parse = Callable[[str, bytes], Document]
Blocks = Callable[[Document], list[tuple[str, str]]]


def test_rich_text(parse: Parse, blocks: Blocks) -> None:
    data = (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial;}}"
        rb"{\stylesheet{\s1 heading 1;}{\s2\outlinelevel1 Part;}}{\info{\title Leave}}"
        rb"{\*\generator Word}{\pard\s1 Rules\par}{\pard\s2 Days\par}"
        rb"\pard You have {\b 26} days\emdash caf\'e9 \u8364?, {\f1\'ef\'f0\'e8}{\footnote a note}"
        rb"{\v hidden}{\field{\*\fldinst HYPERLINK x}{\fldrslt link}} \u-10179?\u-8704?.\par"
        rb"{\pard{\listtext 1.\tab}ask\par}"
        rb"\trowd\trhdr\intbl Model\cell Price\cell\row\intbl QK\cell 12\cell\row\pard end\par"
        rb"{\pict\bin4 {{{{ 00ff}}"
    )
    assert blocks(parse("a.rtf", data)) == [
        ("h1", "Rules"),
        ("h2", "Days"),
        (
            "paragraph",
            "You have 26 days\u2014caf\u00e9 \u20ac, \u043f\u0440\u0438[1]link \U0001f600.",
        ),
        ("paragraph", "[1] a note"),
        ("list_item", "1. ask"),
        ("table_row", "Model: QK; Price: 12"),
        ("paragraph", "end"),
    ]


def test_rest(parse: Parse, blocks: Blocks) -> None:
    data = b"""
=====
Leave
=====

:Author: Tamsin

Days
====

You have **26** days, see :ref:`the rules <rules>`.

.. note:: Ask first.

1. ask
2. wait

term
    what it means

.. code-block:: python

    x = 1

.. versionadded:: 2.0
   More days.

.. list-table::
   :header-rows: 1

   * - Model
     - Price
   * - QK
     - 12

.. include:: /etc/passwd

.. raw:: html

   <b>raw</b>
"""
    document = parse("a.rst", data)
    assert blocks(document) == [
        ("h1", "Leave"),
        ("h2", "Days"),
        ("paragraph", "You have 26 days, see the rules."),
        ("paragraph", "Note: Ask first."),
        ("list_item", "1. ask"),
        ("list_item", "2. wait"),
        ("list_item", "term: what it means"),
        ("code", "x = 1"),
        ("paragraph", "2.0 More days."),
        ("table_row", "Model: QK; Price: 12"),
    ]
    assert document.title == "Leave"
    assert document.metadata["author"] == "Tamsin"


def test_asciidoc(parse: Parse, blocks: Blocks) -> None:
    data = b"""= Leave
Tamsin
:days: 26

== Days
// hidden

You have *{days}* days,
see <<rules,the rules>> and https://example.org[the site].

NOTE: Ask first.

. ask
. wait
* bullet

----
x = 1
----

.Prices
[cols="1,1",options="header"]
|===
|Model |Price

|QK
|12
|===

include::/etc/passwd[]
////
gone
////
"""
    document = parse("a.adoc", data)
    assert blocks(document) == [
        ("h1", "Leave"),
        ("paragraph", "Tamsin"),
        ("h2", "Days"),
        ("paragraph", "You have 26 days, see the rules and the site."),
        ("paragraph", "Note: Ask first."),
        ("list_item", "1. ask"),
        ("list_item", "2. wait"),
        ("list_item", "bullet"),
        ("code", "x = 1"),
        ("caption", "Prices"),
        ("table_row", "Model: QK; Price: 12"),
    ]


def test_org(parse: Parse, blocks: Blocks) -> None:
    data = b"""#+TITLE: Leave
#+AUTHOR: Tamsin
* TODO Days :hr:
:PROPERTIES:
:ID: x
:END:
You have *26* days, see [[https://example.org][the rules]].
# hidden
1. ask
2. wait
- [X] done

#+BEGIN_SRC python
x = 1
#+END_SRC
#+BEGIN_COMMENT
gone
#+END_COMMENT
| Model | Price |
|-------+-------|
| QK    | 12    |
"""
    document = parse("a.org", data)
    assert blocks(document) == [
        ("h1", "Leave"),
        ("h1", "Days"),
        ("paragraph", "You have 26 days, see the rules."),
        ("list_item", "1. ask"),
        ("list_item", "2. wait"),
        ("list_item", "done"),
        ("code", "x = 1"),
        ("table_row", "Model: QK; Price: 12"),
    ]
    assert document.metadata == {"author": "Tamsin"}


def test_latex(parse: Parse, blocks: Blocks) -> None:
    data = rb"""\documentclass[a4paper]{article}
\usepackage{amsmath} % hidden
\title{Leave \& rest}
\author{Tamsin}
\begin{document}
\maketitle
\newcommand{\days}[1]{#1 days}
\section{Days}\label{sec:days}
You have \textbf{26} days~--- see \cite{rules}, \"Uber caf\'e, $\alpha \leq 2$\footnote{A note.}.
%% gone

\begin{enumerate}
\item ask
\item wait
\end{enumerate}
\begin{description}\item[Term] meaning\end{description}
\begin{verbatim}
x = 1 % kept
\end{verbatim}
\begin{tabular}{l|r}
\hline
Model & Price & Left \\
QK & 12 & 3 \\
HE & 15 & 4 \\
\end{tabular}
\end{document}
after
"""
    document = parse("a.tex", data)
    assert blocks(document) == [
        ("h1", "Leave & rest"),
        ("h2", "Days"),
        (
            "paragraph",
            "You have 26 days \u2014 see [rules], \u00dcber caf\u00e9, \u03b1 \u2264 2[1].",
        ),
        ("paragraph", "[1] A note."),
        ("list_item", "1. ask"),
        ("list_item", "2. wait"),
        ("list_item", "Term: meaning"),
        ("code", "x = 1 % kept"),
        ("table_row", "Model: QK; Price: 12; Left: 3"),
        ("table_row", "Model: HE; Price: 15; Left: 4"),
    ]
    assert document.title == "Leave & rest"
    assert document.metadata == {"author": "Tamsin"}


def test_docbook(parse: Parse, blocks: Blocks) -> None:
    data = b"""<book xmlns="http://docbook.org/ns/docbook"><title>Kettles</title>
    <chapter><title>Water</title><para>Boil <emphasis>it</emphasis>.</para>
    <orderedlist><listitem><para>fill</para></listitem></orderedlist>
    <section><title>Prices</title><informaltable><tgroup><thead><row><entry>Model</entry>
    <entry>Price</entry></row></thead><tbody><row><entry>QK</entry><entry>12</entry></row></tbody>
    </tgroup></informaltable></section></chapter></book>"""
    document = parse("a.xml", data)
    assert blocks(document) == [
        ("h1", "Kettles"),
        ("h2", "Water"),
        ("paragraph", "Boil it."),
        ("list_item", "fill"),
        ("h3", "Prices"),
        ("table_row", "Model: QK; Price: 12"),
    ]
    assert [page.label for page in document.pages] == ["Water"]


def test_fictionbook(parse: Parse) -> None:
    data = b"""<FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0"><description>
    <title-info><author><first-name>Leo</first-name><last-name>T</last-name></author>
    <book-title>Peace</book-title></title-info></description><body><section>
    <title><p>One</p></title><p>Well, prince.</p></section></body><binary>AAAA</binary>
    </FictionBook>"""
    document = parse("a.fb2", data)
    assert document.title == "Peace"
    assert document.metadata == {"author": "Leo T"}
    assert [page.label for page in document.pages] == ["One"]
    assert document.text.endswith("One\n\nWell, prince.")


_HOSTILE = {
    "a.rtf": b"{\\rtf1 " + b"{" * 100_000,
    "a.tex": b"\\textbf{" * 50_000 + b"\\section{" * 300 + b"\\title{" * 300,
    "a.rst": b"> " * 2000 + b"x\n",
    "a.org": b"*" * 100_000 + b" [[" * 50_000,
    "a.adoc": b"{a" * 50_000 + b"*x" * 20_000,
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", sorted(_HOSTILE))
def test_hostile_markup_ends_in_time(parse: Parse, name: str) -> None:
    try:
        parse(name, _HOSTILE[name])
    except BrokenFileError:
        return


_PIECES = {
    ".rtf": ["{\\rtf1 ", "{", "}", "\\par ", "\\b ", "\\'e9", "\\u-10179?", "\\cell ", "\\row ",
             "\\intbl "],
    ".tex": ["\\section{", "}", "{", "\\begin{tabular}{l}", "\\end{tabular}", "&", "\\\\", "$", "%",
             "\\item ", "\\begin{itemize}", "\\end{itemize}", "\\footnote{", "\\'", "[", "]"],
    ".rst": ["\n====\n", "* ", "1. ", ".. note::", "`", "**", "|", "+--+", ":ref:`", "::\n\n  "],
    ".org": ["* ", "| ", "|-+-|", "#+BEGIN_SRC", "#+END_SRC", ":END:", "[[", "]]", "- ",
             "#+TITLE: "],
    ".adoc": ["= ", "== ", "|===", "----", "* ", ". ", "[cols=2*]", "a::", "{x}", ":x: y", "////"],
    ".xml": ["<p>", "</p>", "<article>", "</article>", "<title>", "</title>", "<sec>", "</sec>"],
    ".md": ["# ", "| ", "|-|", "```", "- ", "1. ", "<p>", "> "],
    ".html": ["<p>", "</p>", "<table>", "<tr>", "<td>", "<h1>", "</h1>", "<ul>", "<li>", "<pre>"],
    ".srt": ["1\n", "00:00:01,000 --> 00:00:02,000", "\n\n", "<i>"],
    ".csv": [",", ";", '"', "1", "a"],
    ".eml": ["Subject: ", "From: ", "Content-Type: multipart/mixed; boundary=x", "--x", "\n\n"],
    ".mbox": ["From a Thu Oct 2 08:41:00 2025\n", "Subject: ", "\n\n", "Content-Type: text/html"],
}  # fmt: skip


@pytest.mark.parametrize("suffix", sorted(_PIECES))
def test_positions_are_exact_whatever_the_text(
    suffix: str, tmp_path: Path, check_exact: Callable[[Document], Document]
) -> None:
    parser = ParserRegistry().parser_for(Path(f"a{suffix}"))
    assert parser is not None
    path = tmp_path / f"a{suffix}"
    pieces = st.sampled_from([*_PIECES[suffix], "word", " ", "\n", "\n\n", "\u00e9", "12"])

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(pieces, max_size=40))
    def check(parts: list[str]) -> None:
        start = "{\\rtf1 " if suffix == ".rtf" else ""
        path.write_text(start + "".join(parts), encoding="utf-8")
        try:
            check_exact(parser.parse(Source(path=path)))
        except SourceError:
            return

    check()
