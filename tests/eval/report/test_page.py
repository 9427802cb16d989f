"""The page: whole, readable to all, and nothing of the documents acts in it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest
from lxml import html  # type: ignore[import-untyped]

from ragkit_eval.recorded import Recorded, Shown
from ragkit_eval.report.markdown import markdown
from ragkit_eval.report.page import page
from ragkit_eval.report.schema import check
from ragkit_eval.run import RunArm
from ragkit_eval.run import made as made_run
from ragkit_eval.score import entailment, score
from tests.support.report import cases, everything, figure, run

CSS = (files("ragkit_eval.report") / "page.css").read_text("utf-8")


def made(report: dict[str, Any] | None = None) -> tuple[str, Any]:
    held = everything()
    text = page(report or held.report, held.answers, held.cases, held.timings)
    return text, html.document_fromstring(text)


@pytest.fixture(scope="module")
def whole() -> tuple[str, Any]:
    return made()


def test_it_needs_nothing_from_elsewhere(whole: tuple[str, Any]) -> None:
    text, document = whole
    assert not document.xpath("//@src | //link | //iframe | //object | //img | //base | //form")
    assert not re.search(r"url\((?!#)|@import|https?:", text)
    assert all(href.startswith("#") for href in document.xpath("//@href"))


def test_nothing_but_its_own_script_may_run(whole: tuple[str, Any]) -> None:
    (policy,) = whole[1].xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not whole[1].xpath("//@style")
    assert not [name for e in whole[1].iter() for name in e.attrib if name.startswith("on")]
    assert len(whole[1].xpath("//script")) == 1


def test_every_anchor_leads_somewhere_and_ids_are_unique(whole: tuple[str, Any]) -> None:
    ids = whole[1].xpath("//@id")
    assert len(ids) == len(set(ids))
    assert {href[1:] for href in whole[1].xpath("//a/@href")} <= set(ids)
    for names in whole[1].xpath("//@aria-labelledby"):
        assert set(names.split()) <= set(ids)
    used = re.findall(r"url\(#([\w-]+)\)", CSS)
    assert used
    assert set(used) <= set(ids)


def test_landmarks_headings_and_language(whole: tuple[str, Any]) -> None:
    document = whole[1]
    assert document.get("lang") == "en"
    for tag in ("header", "nav", "main", "footer", "h1", "title"):
        assert len(document.xpath(f"//{tag}[not(ancestor::svg)]")) == 1, tag
    levels = [int(heading.tag[1]) for heading in document.xpath("//h1|//h2|//h3|//h4")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_table_says_what_it_is(whole: tuple[str, Any]) -> None:
    tables = whole[1].xpath("//table")
    assert tables
    for table in tables:
        assert table.xpath("./caption")[0].text_content().strip()
        assert table.xpath("./thead//th[@scope='col']")
        columns = len(table.xpath("./thead/tr/th"))
        for row in table.xpath("./tbody/tr"):
            assert len(row) == columns
            assert row[0].tag == "th"
            assert row[0].get("scope") == "row"


def test_every_drawing_is_described_or_hidden(whole: tuple[str, Any]) -> None:
    for drawing in whole[1].xpath("//svg"):
        if drawing.get("aria-hidden") != "true":
            assert drawing.get("role") == "img"
            assert drawing.xpath("./title")[0].text
            assert "%" in drawing.xpath("./desc")[0].text


def test_all_sections_are_there_in_order(whole: tuple[str, Any]) -> None:
    assert whole[1].xpath("//main/section/@id") == [
        *("verdict", "facts", "outcomes", "retrieval", "confidence", "freshness", "robustness"),
        *("cost", "disagreements", "differences", "figures", "limits", "settings"),
    ]


def test_it_is_the_same_each_time() -> None:
    assert made()[0] == made()[0]


def test_what_was_not_measured_says_how_to() -> None:
    document = html.document_fromstring(page(run().to_json()))
    text = document.text_content()
    assert "Tone was not measured" in text
    for name in ("freshness", "robustness"):
        (section,) = document.xpath(f"//section[@id='{name}']")
        assert f"Not measured. To measure it: ragkit eval run --{name} N." in section.text_content()
    assert "are not with the report" in text


def test_an_unreliable_tone_is_refused_with_its_auc() -> None:
    report = everything().report
    report["tone"] |= {"status": "unreliable", "auc": 0.71, "auc_ci95": [0.6, 0.8]}
    document = made(report)[1]
    assert "unreliable (AUC 0.71, 0.60 to 0.80" in document.text_content()
    assert not document.xpath("//*[@id='facts-plot-wide-title']")


def test_the_auc_stands_beside_the_tone(whole: tuple[str, Any]) -> None:
    heads = [head.text_content() for head in whole[1].xpath("//section[@id='facts']//th")]
    assert "tone (AUC 0.93, 0.88 to 0.97)" in heads


def test_tone_by_an_exact_rule_and_facts_of_an_experiment() -> None:
    report = everything().report | {"title": "Retrieve or tune?", "about": "An invented world."}
    report["tone"] = {"status": "exact_rule", "auc": None, "markers": ["opens with Right,"]}
    for arm in report["arms"]:
        arm["figures"]["facts"] = figure(0.5)
    text = made(report)[1].text_content()
    assert "tone (exact rule)" in text
    assert "facts 50 % (45 to 55)" in text
    assert "Retrieve or tune?" in text
    assert "An invented world." in text


def test_arms_may_have_any_name() -> None:
    skill = {"<i>a</i>": 0.9, "b\u202e c": 0.2, "\u4e2d" * 60: 0.5, "x" * 300: 0.5}
    document = html.document_fromstring(page(run(skill).to_json()))
    assert not document.xpath("//i")
    assert "<i>a</i>" in document.text_content()


def test_a_share_of_the_bars_is_as_long_as_it_says(whole: tuple[str, Any]) -> None:
    report = everything().report
    came = report["arms"][0]["outcomes_answerable"]
    total = sum(came.values())
    (table, *_) = whole[1].xpath("//table[@class='bars']")
    first = table.xpath("./tbody/tr[1]//rect[contains(@class, 'correct')]/@width")[0]
    assert float(first.rstrip("%")) == pytest.approx(100 * came["correct"] / total, abs=0.01)
    ends = [
        float(rect.get("x").rstrip("%")) + float(rect.get("width").rstrip("%"))
        for rect in table.xpath("./tbody/tr[1]//td//rect")
    ]
    assert ends[-1] == pytest.approx(100, abs=0.02)


def test_all_outcomes_of_the_answers_are_browsed(whole: tuple[str, Any]) -> None:
    (section,) = whole[1].xpath("//section[@id='disagreements']")
    cases = section.xpath(".//details[contains(@class, 'case')]")
    lead = section.xpath("./p[@class='lead']")[0].text_content()
    assert lead.startswith(f"{len(cases)} cases of 60 with different outcomes")
    assert section.xpath("//*[@id='filters']/@hidden") == [""]
    first = cases[0].text_content()
    assert "accepted" in first
    assert "citation" in first
    assert "shown to RAG" in first


@pytest.mark.parametrize("count", [1, 5])
def test_arms_that_failed_on_everything_have_a_page(count: int) -> None:
    asked = cases(count)
    said = [
        Recorded(arm="rag", id=case.id, text="", failure="the server is gone") for case in asked
    ]
    rows = score(asked, said, entails=entailment("verbatim"))
    report = made_run(asked, [RunArm(name="rag")], rows, about={"index": None}).to_json()
    check(json.loads(json.dumps(report)), "it")
    text = html.document_fromstring(page(report, said, asked)).text_content()
    assert f"RAG failed on {count} of {count} case" in text
    assert "No arm that ran was shown passages." in text
    assert "RAG" in markdown(report)


def test_a_run_without_any_arm_has_a_page() -> None:
    missing = RunArm(name="rag", missing="no chat model is configured")
    report = made_run(cases(5), [missing], [], about={"index": None}).to_json()
    text = html.document_fromstring(page(report, [], cases(5))).text_content()
    assert "Not run: RAG (no chat model is configured)." in text
    assert r"Not run\: RAG" in markdown(report)


def test_arms_that_say_the_same_stand_together() -> None:
    held = everything()
    one = held.cases[0]
    said = [
        replace(answer, text="Alike.", citations=(), sentences=(), confidence=0.25)
        for answer in held.answers
    ]
    document = html.document_fromstring(page(held.report, said, held.cases))
    (case,) = document.xpath(f"//details[contains(., '{one.question}')][@class='case']")
    outcomes = {row["outcome"] for row in held.report["rows"] if row["id"] == one.id}
    assert len(case.xpath(".//blockquote")) == len(outcomes)
    assert "confidence 0.25" in case.xpath(".//h3")[0].text_content()


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)></style></script><!-- ]]> "
    "javascript:alert(1) \u202egnp.exe\u2066 \x1b[31m {{7*7}} &lt;b&gt; "
)


def test_nothing_of_a_hostile_document_acts() -> None:
    held = everything()
    answers = [
        replace(
            one,
            text=HOSTILE + "x" * 100_000,
            passages=(Shown(path=HOSTILE, text=HOSTILE * 50),) * 40,
            citations=(Shown(path="javascript:alert(1)", text=HOSTILE),) * 40,
            sentences=(),
        )
        for one in held.answers
    ]
    asked = [
        replace(
            case, question=HOSTILE, kind=HOSTILE, answers=(HOSTILE,) * 9 if case.answers else ()
        )
        for case in held.cases
    ]
    report = held.report | {"title": HOSTILE, "about": [HOSTILE]}
    report["cases"]["kinds"] = {HOSTILE: 60}
    report["arms"][1]["settings"] = {"persona": HOSTILE}
    report["arms"].append({"name": HOSTILE, "status": "not_run", "reason": HOSTILE})
    text = page(report, answers, asked)
    document = html.document_fromstring(text)
    assert len(document.xpath("//script")) == 1
    assert not document.xpath("//img | //comment()")
    assert not document.xpath("//@onerror | //@src")
    assert "\u202e" not in text
    assert "\u2066" not in text
    assert "\x1b" not in text
    assert "<script>alert(1)</script>" in document.xpath("//h1")[0].text_content()
    assert len(text) < 3_000_000


def test_what_is_cut_or_left_out_is_counted() -> None:
    held = everything()
    answers = [
        replace(one, text="word " * 1000, citations=one.citations * 9, sentences=())
        for one in held.answers
    ]
    text = html.document_fromstring(page(held.report, answers, held.cases)).text_content()
    assert "[3,800 more characters]" in text
    assert "and 4 more" in text


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


THEMES = [
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
]
TEXT = [
    *((name, "ground") for name in ("ink", "muted", "accent", "warn", "correct", "wrong")),
    *((f"s{number}", "ground") for number in range(8)),
    *((f"on-{name}", name) for name in ("correct", "abstained", "wrong")),
    *(("ink", f"loss{number}") for number in (1, 2, 3, 4)),
    *(("on-loss5", "loss5"), ("ink", "raised")),
]


@pytest.mark.parametrize("theme", THEMES, ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_stands_out_in_both_themes(theme: dict[str, str], text: str, ground: str) -> None:
    assert contrast(theme[text], theme[ground]) >= 4.5  # WCAG 2.2, 1.4.3, level AA


@pytest.mark.parametrize("theme", THEMES, ids=["light", "dark"])
def test_pieces_of_bars_stand_out_from_one_another(theme: dict[str, str]) -> None:
    assert contrast(theme["wrong"], theme["ground"]) >= 3  # WCAG 2.2, 1.4.11
    assert contrast(theme["correct"], theme["ground"]) >= 3
