"""Sentences are whole, are exact spans of the text, and never mix two blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.sentence import SentenceSpan, sentences, split
from ragkit_ingest.records import Block, BlockKind


def parts(text: str) -> list[str]:
    return [text[start:end] for start, end in split(text)]


@pytest.mark.parametrize(
    "sentence",
    [
        # abbreviations and initials
        "Ask e.g. Dr. Smith or Mrs. Jones.",
        "The tenant is Quillfeather Kettleworks Ltd. of Leedle.",
        "Call J. R. Tolkien about the lid.",
        "Order no. 5 came late.",
        "See fig. 3 and pp. 12 to 14.",
        "The annex is part no. iv of the lease.",
        "It closes at 5 p.m. on Fridays.",
        "Bring tea, milk, etc. to the meeting.",
        # decimals, amounts, clause numbers
        "It weighs 2.5 kg and costs €5.00 more.",
        "2.2 Either party may leave.",
        "Clause 2.2 binds both parties.",
        "The file setup.v1.2.zip is enough.",
        # enumerations keep their number
        "1. Switch the kettle on.",
        "a) Fill it.",
        # quotes and brackets
        "He said “Stop.” and left.",
        '"Is it hot?" she asked.',
        "Wait... what?",
        # a bare yes or no is nothing without its reason
        "No. Please do not send it by post.",
        "Yes. The hub needs a socket.",
    ],
)
def test_one_sentence_stays_whole(sentence: str) -> None:
    assert parts(sentence) == [sentence]
    assert parts(f"{sentence} Then we left.") == [sentence, "Then we left."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The answer is no. Ask again.", ["The answer is no.", "Ask again."]),
        ("He said no. I left.", ["He said no.", "I left."]),
        ("It shuts at 5 p.m. The gate stays.", ["It shuts at 5 p.m.", "The gate stays."]),
        ("Fill it to MAX. Close the lid.", ["Fill it to MAX.", "Close the lid."]),
        ("See clause 2.2. It binds.", ["See clause 2.2.", "It binds."]),
        ("2.2 One may leave. 2.3 Two may not.", ["2.2 One may leave.", "2.3 Two may not."]),
        ("(See above.) The rest follows.", ["(See above.)", "The rest follows."]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("Really?! It is.", ["Really?!", "It is."]),
        ("It is hot.\nIt is blue.", ["It is hot.", "It is blue."]),
        ("没有。 有。", ["没有。", "有。"]),
        ("no stop at the end", ["no stop at the end"]),
        ("  spaces around.  ", ["spaces around."]),
        ("*** \u2014 ***", []),
        ("", []),
    ],
)
def test_where_sentences_end(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


def document(*blocks: tuple[BlockKind, str]) -> tuple[str, list[Block]]:
    """Return a text whose blocks are joined by line breaks, and where they are."""
    text, found = "", []
    for kind, content in blocks:
        start = len(text)
        level = 1 if kind is BlockKind.HEADING else 0
        found.append(Block(kind=kind, start=start, end=start + len(content), level=level))
        text += content + "\n"
    return text, found


def texts(found: list[SentenceSpan]) -> list[str]:
    return [sentence.text for sentence in found]


def test_headings_and_code_hold_no_sentences() -> None:
    text, blocks = document(
        (BlockKind.HEADING, "Notice"),
        (BlockKind.PARAGRAPH, "It is two months"),
        (BlockKind.HEADING, "Pay."),
        (BlockKind.CODE, "print(1)"),
        (BlockKind.TABLE_ROW, "Lid | €4.00. Net | In stock."),
    )
    assert texts(list(sentences(text, 0, blocks))) == [
        "It is two months",
        "Lid | €4.00. Net | In stock.",
    ]


def test_list_items_are_never_joined() -> None:
    text, blocks = document(
        (BlockKind.PARAGRAPH, "Bring these:"),
        (BlockKind.LIST_ITEM, "a kettle"),
        (BlockKind.LIST_ITEM, "a lid. It must fit."),
    )
    found = list(sentences(text, 0, blocks))
    assert texts(found) == ["Bring these:", "a kettle", "a lid.", "It must fit."]
    assert [sentence.block for sentence in found] == [0, 1, 2, 2]


def test_a_passage_without_blocks_is_one_paragraph() -> None:
    found = list(sentences("One is here. Two is there.", 100, []))
    assert [(s.start, s.end, s.text) for s in found] == [
        (100, 112, "One is here."),
        (113, 126, "Two is there."),
    ]
    assert {sentence.kind for sentence in found} == {BlockKind.PARAGRAPH}


def test_an_empty_passage_has_none() -> None:
    assert list(sentences("", 0, [])) == []


WORDS = st.lists(
    st.sampled_from(["tea", "Tea", "2.2", "e.g.", "no.", "p.m.", "J.", "Dr.", "12.", '"So."', "\n",
                     "Yes.", "\u2026", "!?", "( x.)", "\u3002", "\u00e9t\u00e9.", "-"]),
    min_size=1,
)  # fmt: skip
CONTENT = (WORDS.map(" ".join) | st.text(min_size=1)).filter(lambda text: bool(text))
BLOCKS = st.lists(st.tuples(st.sampled_from(list(BlockKind)), CONTENT), max_size=6)


@given(BLOCKS, st.integers(0, 1000))
def test_spans_reproduce_the_text_and_never_cross_a_block(
    content: list[tuple[BlockKind, str]], offset: int
) -> None:
    text, local = document(*content)
    blocks = [
        Block(kind=b.kind, start=b.start + offset, end=b.end + offset, level=b.level) for b in local
    ]
    position = offset
    for sentence in sentences(text, offset, blocks):
        assert text[sentence.start - offset : sentence.end - offset] == sentence.text
        assert sentence.start >= position  # in order, without overlap
        position = sentence.end
        if blocks:
            block = blocks[sentence.block]
            if sentence.kind is not block.kind:  # a list that plain text marks with dashes
                assert (block.kind, sentence.kind) == (BlockKind.PARAGRAPH, BlockKind.LIST_ITEM)
                assert text[block.start - offset : sentence.start - offset].strip()
            assert block.start <= sentence.start < sentence.end <= block.end


@given(CONTENT)
def test_no_word_is_lost_or_cut(text: str) -> None:
    kept = " ".join(parts(text)).split()
    assert [w for w in text.split() if any(map(str.isalnum, w))] == [
        w for w in kept if any(map(str.isalnum, w))
    ]


def test_the_mark_of_a_list_item_in_plain_text_stays_out() -> None:
    text = (
        "It changes:\n- The kettle stops. It waits.\n* Cosy is new\n\u2022 E10 is new\nIt is 5 - 6."
    )
    shown = [text[start:end] for start, end in split(text)]
    assert shown[:4] == ["It changes:", "The kettle stops.", "It waits.", "Cosy is new"]
    assert shown[4].startswith("E10 is new")
    spans = list(sentences(text, 10, ()))
    kinds = [span.kind for span in spans]
    assert kinds[0] is BlockKind.PARAGRAPH
    assert kinds[1] is BlockKind.LIST_ITEM
    assert all(text[s.start - 10 : s.end - 10] == s.text for s in spans)
