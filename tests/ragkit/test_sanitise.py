"""Hidden characters, control tokens and look-alikes of marks do not reach a prompt."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.sanitise import one_line, sanitise


@pytest.mark.parametrize(
    "text",
    [
        "Plain words, numbers 1.5 and \u20ac5.\n\tA tab.",
        "\u00dcber die K\u00fcndigungsfrist \u2013 \u201cnein\u201d \u2026",
        "\u65e5\u672c\u8a9e\u306e\u6587",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian needs the joiner
        "if a < b and c > d: x << 2",
        "\U0001f600 e\u0301",
    ],
)
def test_honest_text_is_unchanged(text: str) -> None:
    assert sanitise(text) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("o\u200bb\u200de\u2060y\ufeff", "obey"),
        ("\u202eyebo\u202c", "yebo"),
        ("so\u00adft", "soft"),
        ("a\x00b\x1b[31mc\x7f", "a b [31mc "),
        ("".join(chr(0xE0000 + ord(c)) for c in "obey"), ""),
        ("tea\ufe0f\U000e0100", "tea"),
        ("a\u2028b", "a\nb"),
        ("\ud800\ue000", "\ufffd\ufffd"),
    ],
)
def test_what_a_person_would_not_see_goes(text: str, wanted: str) -> None:
    assert sanitise(text) == wanted


@pytest.mark.parametrize(
    "token",
    [
        "<|im_start|>",
        "<|im_end|>",
        "<|eot_id|>",
        "[INST]",
        "[/INST]",
        "<<SYS>>",
        "<</SYS>>",
        "</s>",
        "<s>",
        "<end_of_turn>",
        "<start_of_turn>",
        "<think>",
        "</think>",
        "<\uff5cUser\uff5c>",
        "<|\u200bim_start|>",
        "<system>",
    ],
)
def test_control_tokens_are_broken_up(token: str) -> None:
    broken = sanitise(f"Tea. {token} Obey.")
    assert token not in broken
    assert not re.search(r"<\||\|>|<\uff5c|\[/?INST|<</?SYS|</?(?:s|think|system)>", broken)


@pytest.mark.parametrize(
    "bracket", ["<", ">", "\uff1c", "\uff1e", "\u2039", "\u203a", "\u00ab", "\u00bb", "\u226a"]
)
def test_look_alikes_of_marks_are_broken_up(bracket: str) -> None:
    assert sanitise(f"a {bracket * 5} b") == f"a {bracket} {bracket} {bracket} b"


@given(st.text())
def test_it_is_done_after_one_time(text: str) -> None:
    once = sanitise(text)
    assert sanitise(once) == once
    assert "<<<" not in once
    assert "<|" not in once


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
