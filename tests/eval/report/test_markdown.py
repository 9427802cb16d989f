"""The report as Markdown: the same sentences and figures, and nothing that acts."""

from __future__ import annotations

from itertools import pairwise

from markdown_it import MarkdownIt

from ragkit_eval.report.markdown import markdown
from ragkit_eval.report.verdict import verdict
from tests.support.report import everything, run

HOSTILE = "<script>alert(1)</script> [x](javascript:alert(1)) ![y](http://x) | `z` \u202e \n# head"


def rendered(text: str) -> str:
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def test_it_says_what_the_page_says() -> None:
    report = everything().report
    shown = " ".join(rendered(markdown(report)).split())
    for one in verdict(report):
        assert one.text.replace("<", "&lt;").replace('"', "&quot;") in shown
    assert shown.count("<table>") == 6
    assert "tone (AUC 0.93, 0.88 to 0.97)" in shown
    assert "RAG fine tuned" in shown
    assert "60 of 60" in shown


def test_it_is_the_same_each_time_and_ends_with_a_line() -> None:
    report = run().to_json()
    assert markdown(report) == markdown(report)
    assert markdown(report).endswith("```\n")


def test_rows_have_as_many_cells_as_their_heads() -> None:
    lines = markdown(everything().report).splitlines()
    width = 0
    for before, line in pairwise(["", *lines]):
        if line.startswith("|"):
            width = line.count(" | ") if not before.startswith("|") else width
            assert line.count(" | ") == width


def test_nothing_acts() -> None:
    report = everything().report | {"title": HOSTILE, "about": HOSTILE}
    report["arms"][0]["name"] = HOSTILE
    report["cases"]["kinds"] = {HOSTILE: 60}
    report["arms"].append({"name": "b", "status": "not_run", "reason": HOSTILE})
    shown = rendered(markdown(report))
    for sign in ("<script", "<img", "<a ", 'javascript:alert(1)"'):
        assert sign not in shown
    assert shown.count("<h1>") == 1
    assert "\u202e" not in shown
