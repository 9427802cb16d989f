from __future__ import annotations

import pytest

from ragkit_ingest.parse.layout.hyphen import Lexicon


@pytest.mark.parametrize(
    ("elsewhere", "lines", "whole"),
    [
        ("", ["agree-", "ment"], "agreement"),
        ("", ["soft\u00ad", "ware"], "software"),
        ("", ["marked\ufffe", "break"], "markedbreak"),
        ("", ["non-", "exclusive"], "non-exclusive"),
        ("a long-term plan", ["long-", "term"], "long-term"),
        ("within the term", ["long-", "term"], "long-term"),
        ("", ["high-", "lights"], "highlights"),
        ("", ["SA-2023-", "017"], "SA-2023-017"),
        ("", ["Port-", "Thistle"], "Port-Thistle"),
        ("", ["ends here -", "and goes on"], "ends here - and goes on"),
    ],
)
def test_joining(elsewhere: str, lines: list[str], whole: str) -> None:
    assert Lexicon([elsewhere]).join(lines) == whole
