"""Text formats: nested too deep, repeated too often, including other files, mis-encoded."""

from __future__ import annotations

import codecs
import gzip
import json
from collections.abc import Iterator

from tests.support.odd.archive import laughs, outside, quadratic
from tests.support.odd.file import PORT, SECRET, OddFile

_PATTERNS = {
    "a": "a",
    "blank": " ",
    "tab": "\t",
    "line": "\n",
    "return": "\r",
    "star": "*",
    "under": "_",
    "tick": "`",
    "open": "[",
    "close": "]",
    "paren": "(",
    "brace": "{",
    "unbrace": "}",
    "less": "<",
    "more": ">",
    "amp": "&",
    "hash": "#",
    "dash": "-",
    "equal": "=",
    "pipe": "|",
    "quote": '"',
    "back": "\\",
    "dollar": "$",
    "colon": ":",
    "dot": ".",
    "percent": "%",
    "bang": "!",
    "nul": "\0",
    "one": "1",
    "comma": ",",
    "tilde": "~",
    "caret": "^",
    "plus": "+",
    "at": "@",
    "accent": "\u0301",
    "list": "- a\n",
    "nest": "- ",
    "link": "[a](",
    "image": "![",
    "quotes": "> ",
    "row": "|a|b|\n",
    "tag": "<b>",
    "comment": "<!--",
    "entity": "&amp;",
    "word": "word ",
    "wide": "\U0001f600",
    "foot": "[^1]",
    "star-a": "*a ",
    "under-a": "_a_",
    "tick-a": "`a",
    "emph": "**a*",
    "from": "From a\n",
    "head": "A: b\n",
    "time": "00:00:01,000 --> 00:00:02,000\n",
    "begin": "\\begin{a}",
    "role": ":a:`b`",
    "rule": "=====\n",
    "cell": "|===\n",
    "block": "----\n",
    "sub": "|a|_",
    "def": "a\n  b\n",
    "def2": "\\def\\a{\\a\\a}",
    "group": "{\\b ",
    "hex": "\\'e9",
    "uni": "\\u233?",
    "item": "1. a\n",
    "css": "/*",
    "string": "'''",
    "cdata": "<![CDATA[",
    "fence": "```\n",
    "math": "$$a",
    "indent": " a\n",
}
_URLS = {"path": str(SECRET), "file": SECRET.as_uri(), "http": f"http://127.0.0.1:{PORT}/x"}
_SUFFIXES = (
    "md html rst adoc org tex txt csv tsv json jsonl xml rtf srt vtt eml mbox mhtml py ipynb"
)
_HEADS = {
    "rtf": "{\\rtf1\\ansi ",
    "html": "<html><body><p>",
    "eml": "From: a@b.example\nSubject: s\n\n",
    "mbox": "From a Thu Oct  2 08:41:00 2025\nSubject: s\n\n",
    "vtt": "WEBVTT\n\n",
    "xml": "<a>",
    "mhtml": "MIME-Version: 1.0\nContent-Type: text/html\n\n",
    "ipynb": '{"cells":[{"cell_type":"markdown","source":"',
    "tex": "\\documentclass{article}\\begin{document}\n",
    "json": '["',
}


def _repeated() -> Iterator[OddFile]:
    """Every pattern in every format, over and over, after what the format begins with."""
    for suffix in _SUFFIXES.split():
        for label, pattern in _PATTERNS.items():
            yield OddFile(
                name=f"repeat-{label}.{suffix}",
                make=lambda n, s=suffix, p=pattern: (  # type: ignore[misc]
                    _HEADS.get(s, "") + p * (n // len(p))
                ).encode(),
                size=100_000,
                quick=3000,
            )


def _deep_html(size: int, tag: str) -> bytes:
    return f"<html><body>{f'<{tag}>' * size}deep{f'</{tag}>' * size}</body></html>".encode()


def _rows(size: int, cell: str = "a") -> bytes:
    return "\n".join(",".join([cell] * 10) for _ in range(size)).encode()


def _encoded(size: int) -> Iterator[tuple[str, bytes]]:
    text = "Zürich costs 12 €, Ελλάδα, 東京, нет.\n" * size
    for codec in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-7", "utf-8-sig", "gb18030"):
        yield f"{codec}.txt", text.encode(codec)
    yield "cut-utf-16.txt", codecs.BOM_UTF16_LE + text.encode("utf-16-le")[:-1]
    yield "overlong.txt", b"\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf" * size
    yield "surrogates.txt", b"\xed\xa0\x80\xed\xb0\x80 words " * size
    yield "mixed.txt", (text.encode() + text.encode("gb18030")) * size
    yield "controls.txt", bytes(range(256)) * size
    yield "bidi.txt", ("\u202e\u2066words\u2069\ufeff" * size).encode()
    yield "accents.txt", ("e" + "\u0301" * 1000 * size).encode()
    latin = text.encode("latin-1", "replace")
    head = b"<html><head><meta charset=utf-16></head><body><p>"
    yield "says-utf-16.html", head + latin
    yield "says-nothing-known.html", head.replace(b"utf-16", b"x-klingon") + latin
    yield "says-utf-7.html", head.replace(b"utf-16", b"utf-7") + b"+ADw-script+AD4-" * size
    for codec in ("utf-16", "bogus", "idna", "base64", "rot13"):
        head = f"<?xml version='1.0' encoding='{codec}'?><a>".encode()
        yield f"says-{codec}.xml", head + latin + b"</a>"
        head = f"Content-Type: text/plain; charset={codec}\nSubject: s\n\n".encode()
        yield f"says-{codec}.eml", head + latin
    yield "surrogate.json", b'{"a": "\\ud800 \\udfff", "\\udc00": 1}' * size
    yield "surrogate.ipynb", b'{"cells":[{"cell_type":"markdown","source":"\\ud800"}]}'


def _encodings() -> Iterator[OddFile]:
    for name, _ in _encoded(1):
        yield OddFile(
            name=name,
            make=lambda n, name=name: dict(_encoded(n))[name],  # type: ignore[misc]
            size=200,
            quick=2,
        )


def _including() -> Iterator[OddFile]:
    """Files that ask for another one, by its path and by an address on this machine."""
    templates = {
        "rst": ".. include:: {u}\n\n.. csv-table::\n   :file: {u}\n\n.. raw:: html\n   :file: {u}"
        "\n\n.. literalinclude:: {u}\n\n.. image:: {u}\n\nwords\n",
        "adoc": "include::{u}[]\n\n----\ninclude::{u}[]\n----\n\nimage::{u}[]\n\nwords\n",
        "org": '#+INCLUDE: "{u}"\n#+SETUPFILE: {u}\n[[file:{u}]]\n\nwords\n',
        "tex": "\\documentclass{{article}}\\input{{{u}}}\\include{{{u}}}\\openin0={u}\n"
        "\\begin{{document}}\\input{{{u}}}\\verbatiminput{{{u}}}\\lstinputlisting{{{u}}}\n"
        "\\write18{{cat {u}}} words\\end{{document}}",
        "html": "<base href='{u}'><link rel=stylesheet href='{u}'><p>words</p><iframe src='{u}'>"
        "</iframe><object data='{u}'></object><img src='{u}'><script src='{u}'></script>",
        "md": "![a]({u}) <img src='{u}'> words\n\n{{% include {u} %}}\n",
        "xml": "<a xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='{u}' parse='text'/>"
        "<?xml-stylesheet href='{u}'?>words</a>",
        "rtf": '{{\\rtf1 words {{\\field{{\\*\\fldinst INCLUDETEXT "{u}"}}}}}}',
        "eml": "Subject: s\nContent-Type: message/external-body; access-type=local-file;"
        ' name="{u}"\n\nwords\n',
        "mhtml": "MIME-Version: 1.0\nContent-Type: text/html\n\n<iframe src='{u}'></iframe>words",
    }
    for suffix, template in templates.items():
        for label, url in _URLS.items():
            yield OddFile(
                name=f"include-{label}.{suffix}",
                make=lambda _, t=template, u=url: t.format(u=u).encode(),  # type: ignore[misc]
            )
    for label, url in _URLS.items():
        yield OddFile(
            name=f"entity-{label}.xml",
            make=lambda _, u=url: f"{outside(u)}<x>words &a;</x>".encode(),  # type: ignore[misc]
        )


FILES = (
    *_repeated(),
    *_encodings(),
    *_including(),
    OddFile(name="laughs.xml", make=lambda n: f"{laughs(n)}<x>&a9;</x>".encode(), size=10, quick=6),
    OddFile(name="laughs.fb2", make=lambda n: f"{laughs(n)}<x>&a9;</x>".encode(), size=10, quick=6),
    OddFile(
        name="quadratic.xml",
        make=lambda n: "{}<x>{}</x>".format(*quadratic(n)).encode(),
        size=100_000,
        quick=1000,
    ),
    *(
        OddFile(
            name=f"deep-{tag}.html",
            make=lambda n, tag=tag: _deep_html(n, tag),  # type: ignore[misc]
            size=300_000,
            quick=2000,
        )
        for tag in ("div", "b", "table", "ul", "blockquote", "span", "a", "p", "svg", "select")
    ),
    OddFile(
        name="deep-rows.html",
        make=lambda n: _deep_html(n, "table><tr><td"),
        size=100_000,
        quick=500,
    ),
    OddFile(
        name="deep.xml", make=lambda n: b"<a>" * n + b"x" + b"</a>" * n, size=1_000_000, quick=5000
    ),
    OddFile(name="deep-open.json", make=lambda n: b"[" * n, size=5_000_000, quick=20_000),
    OddFile(
        name="deep.json", make=lambda n: b'{"a":' * n + b"1" + b"}" * n, size=1_000_000, quick=5000
    ),
    OddFile(name="deep-list.json", make=lambda n: b"[" * n + b"1" + b"]" * n, size=900, quick=300),
    OddFile(name="deep.jsonl", make=lambda n: b"[" * n + b"\n1\n", size=1_000_000, quick=5000),
    OddFile(
        name="deep.ipynb",
        make=lambda n: b'{"cells":' * n + b"1" + b"}" * n,
        size=1_000_000,
        quick=5000,
    ),
    OddFile(
        name="number.json",
        make=lambda n: b"[" + b"9" * n + b", 1e999, NaN]",
        size=2_000_000,
        quick=9000,
    ),
    OddFile(
        name="many-keys.json",
        make=lambda n: json.dumps({str(i): i for i in range(n)}).encode(),
        size=500_000,
        quick=500,
    ),
    OddFile(
        name="deep.rtf",
        make=lambda n: b"{\\rtf1 " + b"{" * n + b"deep" + b"}" * n + b"}",
        size=2_000_000,
        quick=5000,
    ),
    OddFile(name="bin.rtf", make=lambda n: b"{\\rtf1 words\\bin%d x}" % (10**n), size=18, quick=9),
    OddFile(
        name="deep.tex",
        make=lambda n: b"\\begin{document}" + b"\\textbf{" * n + b"deep" + b"}" * n,
        size=300_000,
        quick=2000,
    ),
    OddFile(
        name="deep-lists.md",
        make=lambda n: "".join(f"{'  ' * i}- a\n" for i in range(n)).encode(),
        size=3000,
        quick=200,
    ),
    OddFile(
        name="deep-lists.rst",
        make=lambda n: "".join(f"{'  ' * i}- a\n\n" for i in range(n)).encode(),
        size=2000,
        quick=100,
    ),
    OddFile(
        name="deep-lists.org",
        make=lambda n: "".join(f"{'  ' * i}- a\n" for i in range(n)).encode(),
        size=3000,
        quick=200,
    ),
    OddFile(
        name="deep-lists.adoc",
        make=lambda n: "".join(f"{'*' * i} a\n" for i in range(1, n)).encode(),
        size=3000,
        quick=200,
    ),
    OddFile(
        name="substitutions.rst",
        make=lambda n: (
            "".join(f".. |a{i}| replace:: {f'|a{i - 1}| ' * n}\n" for i in range(1, 10)).encode()
            + b"\n|a9|\n"
        ),
        size=10,
        quick=3,
    ),
    OddFile(
        name="attributes.adoc",
        make=lambda n: (
            "".join(f":a{i}: {f'{{a{i - 1}}}' * n}\n" for i in range(1, 10)).encode() + b"\n{a9}\n"
        ),
        size=10,
        quick=4,
    ),
    OddFile(
        name="macros.tex",
        make=lambda n: b"\\newcommand{\\a}{\\a\\a}" * n + b"\\begin{document}\\a\\end{document}",
        size=1000,
        quick=10,
    ),
    OddFile(name="one-line.txt", make=lambda n: b"x" * n, size=20_000_000, quick=20_000),
    OddFile(name="one-line-of-words.txt", make=lambda n: b"word " * n, size=2_000_000, quick=2000),
    OddFile(name="one-line-of-words.md", make=lambda n: b"word " * n, size=2_000_000, quick=2000),
    OddFile(
        name="one-line.html", make=lambda n: b"<p>" + b"<i>a</i> " * n, size=1_000_000, quick=500
    ),
    OddFile(
        name="one-line.xml",
        make=lambda n: b"<a>" + b"<i>a</i>" * n + b"</a>",
        size=1_000_000,
        quick=500,
    ),
    OddFile(name="one-line.py", make=lambda n: b"a = 1; " * n, size=1_000_000, quick=500),
    OddFile(name="too-much.txt", make=lambda n: b"many words\n\n" * n, size=6_500_000, quick=100),
    OddFile(name="wide.csv", make=lambda n: b"a," * n + b"\n" + b"1," * n, size=500_000, quick=500),
    OddFile(
        name="open-quote.csv", make=lambda n: b'a,b\n1,"' + b"x,y\n" * n, size=3_000_000, quick=500
    ),
    OddFile(name="long.csv", make=_rows, size=100_000, quick=100),
    OddFile(name="nul.csv", make=lambda n: b"a,b\n\0,\0\n" * n, size=100_000, quick=100),
    OddFile(
        name="gzip.txt",
        make=lambda n: gzip.compress(b"words " * n, mtime=0),
        size=10_000_000,
        quick=999,
    ),
    OddFile(
        name="gzip.xml",
        make=lambda n: gzip.compress(b"<a>" + b" " * n + b"</a>", mtime=0),
        size=900_000_000,
        quick=999,
    ),
    OddFile(
        name="gzip.csv",
        make=lambda n: gzip.compress(b"a,b\n" * n, mtime=0),
        size=10_000_000,
        quick=999,
    ),
    OddFile(
        name="gzip.html",
        make=lambda n: gzip.compress(b"<p>words" * n, mtime=0),
        size=10_000_000,
        quick=999,
    ),
)
"""Every file of this family."""
