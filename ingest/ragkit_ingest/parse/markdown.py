"""Markdown, as a reader sees it rendered: no signs of markup, tables as rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.moment import iso
from ragkit_ingest.parse.opening import open_text
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.row import render_row
from ragkit_ingest.records import BlockKind, Document, MetadataValue

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)


class MarkdownParser:
    """Reads CommonMark with tables and YAML front matter."""

    name = "markdown"
    version = 1
    suffixes = frozenset({".md", ".markdown", ".mdown", ".mkd"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            BrokenFileError: If the file is not text.
        """
        builder, text = open_text("markdown", source.path)
        text, metadata = _front_matter(text, builder)
        try:
            add_markdown(builder, text)
        except RecursionError as exc:
            raise BrokenFileError("the Markdown is nested too deeply to read") from exc
        if "title" in metadata:
            builder.title = str(metadata["title"])
        return builder.build(metadata)


def add_markdown(builder: DocumentBuilder, text: str) -> None:
    """Add the blocks of a Markdown text; its first level 1 heading becomes the title."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    _Walk(builder).walk(parser.parse(text))


def _front_matter(text: str, builder: DocumentBuilder) -> tuple[str, dict[str, MetadataValue]]:
    match = _FRONT.match(text)
    if match is None:
        return text, {}
    try:
        fields = yaml.safe_load(match.group(1))
    except (yaml.YAMLError, ValueError, RecursionError):
        builder.notice("the front matter is not valid YAML; it was left out")
        return text[match.end() :], {}
    if not isinstance(fields, dict):
        return (text, {}) if fields is not None else (text[match.end() :], {})
    named = ((str(key).strip().lower(), _scalar(value)) for key, value in fields.items())
    return text[match.end() :], {key: value for key, value in named if value is not None}


def _scalar(value: object) -> MetadataValue | None:
    if isinstance(value, date):
        return iso(value)
    if isinstance(value, str | int | float | bool):
        return fold_space(value) if isinstance(value, str) else value
    if isinstance(value, list):
        parts = [_scalar(part) for part in value if not isinstance(part, list | dict)]
        return ", ".join(str(part) for part in parts if part is not None)
    return None


class _Walk:
    """Goes through the tokens of one text and writes its blocks."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self._builder = builder
        self._counters: list[int | None] = []
        self._marker: str | None = None

    def walk(self, tokens: Sequence[Token]) -> None:
        """Write every block of the tokens."""
        index = 0
        while index < len(tokens):
            token = tokens[index]
            if token.type == "table_open":
                end = _closing(tokens, index)
                self._table(tokens[index:end])
                index = end
            else:
                self._token(token, tokens[index - 1] if index else token)
            index += 1

    def _token(self, token: Token, before: Token) -> None:
        if token.type == "inline":
            self._inline(token, before)
        elif token.type in {"fence", "code_block"}:
            self._builder.add(BlockKind.CODE, token.content, verbatim=True)
        elif token.type == "html_block":
            self._html(token.content)
        else:
            self._list(token)

    def _list(self, token: Token) -> None:
        if token.type == "bullet_list_open":
            self._counters.append(None)
        elif token.type == "ordered_list_open":
            self._counters.append(int(token.attrGet("start") or 1))
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            self._counters.pop()
        elif token.type == "list_item_open":
            number = self._counters[-1]
            self._marker = "" if number is None else f"{number}. "
            if number is not None:
                self._counters[-1] = number + 1

    def _inline(self, token: Token, before: Token) -> None:
        text = inline_text(token)
        if before.type == "heading_open":
            level = int(before.tag[1])
            if level == 1 and not self._builder.title:
                self._builder.title = text
            self._builder.add(BlockKind.HEADING, text, level=level)
        elif self._marker is not None:
            self._builder.add(BlockKind.LIST_ITEM, self._marker + text)
        else:
            self._builder.add(BlockKind.PARAGRAPH, text)
        self._marker = None

    def _html(self, content: str) -> None:
        from ragkit_ingest.parse.html import add_html

        add_html(self._builder, content)

    def _table(self, tokens: Sequence[Token]) -> None:
        rows = list(_table_rows(tokens))
        header, body = rows[0], rows[1:]
        if not body:
            self._builder.add(BlockKind.TABLE_ROW, render_row((), header))
        for row in body:
            self._builder.add(BlockKind.TABLE_ROW, render_row(header, row))


def inline_text(token: Token) -> str:
    """Return an inline token's text as a reader sees it."""
    parts: list[str] = []
    for child in token.children or ():
        if child.type in {"softbreak", "hardbreak"}:
            parts.append(" ")
        elif child.type == "image":
            parts.append(inline_text(child))
        elif child.type == "html_inline":
            parts.append(" " if child.content.lower().startswith("<br") else "")
        else:
            parts.append(child.content)
    return "".join(parts)


def _closing(tokens: Sequence[Token], start: int) -> int:
    return next(i for i in range(start, len(tokens)) if tokens[i].type == "table_close")


def _table_rows(tokens: Sequence[Token]) -> Iterator[list[str]]:
    row: list[str] = []
    for token in tokens:
        if token.type == "tr_open":
            row = []
        elif token.type == "inline":
            row.append(fold_space(inline_text(token)))
        elif token.type == "tr_close":
            yield row
