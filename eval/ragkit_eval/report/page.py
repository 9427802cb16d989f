"""The report as one HTML file that needs nothing else: no script, style or font from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from ragkit_eval.cases import Case
from ragkit_eval.recorded import Recorded
from ragkit_eval.report.block import Section, unbroken
from ragkit_eval.report.browser import browser_section
from ragkit_eval.report.claims import claims_sections
from ragkit_eval.report.confidence import confidence_section
from ragkit_eval.report.element import Child, Element, code, h
from ragkit_eval.report.estimate import ran
from ragkit_eval.report.facts import facts_section
from ragkit_eval.report.freshness import freshness_section
from ragkit_eval.report.limits import limits
from ragkit_eval.report.outcomes import outcomes_section, patterns
from ragkit_eval.report.retrieval import retrieval_section
from ragkit_eval.report.robustness import robustness_section
from ragkit_eval.report.settings import settings_section
from ragkit_eval.report.spent import spent_section
from ragkit_eval.report.tables import differences_section, figures_section
from ragkit_eval.report.verdict import Kind, Sentence, verdict
from ragkit_eval.report.wording import counted

_MARKS = {Kind.SHOWN: "\u25cf", Kind.NOT_SHOWN: "\u25cb", Kind.CAUTION: "!", Kind.FACT: "\u2013"}
_ORDER = (Kind.FACT, Kind.SHOWN, Kind.NOT_SHOWN, Kind.CAUTION)
_LEADING = 12
"""How many sentences of differences stand open; more are folded away."""


def page(
    report: Mapping[str, Any],
    answers: Sequence[Recorded] = (),
    cases: Sequence[Case] = (),
    timings: Mapping[str, Any] | None = None,
) -> str:
    """Return the page; the same arguments give the same text.

    Args:
        report: What report.json holds; see `ragkit_eval.report.schema`.
        answers: Of the same run, for the browser of disagreements.
        cases: Of the same run.
        timings: What timings.json holds; None if it is not known how long anything took.
    """
    times = timings or {}
    sections = [
        _verdict(report),
        *claims_sections(report),
        facts_section(report),
        outcomes_section(report),
        retrieval_section(report),
        confidence_section(report),
        freshness_section(report, times),
        robustness_section(report),
        spent_section(report, times),
        browser_section(report, answers, cases),
        differences_section(report),
        figures_section(report),
        Section(
            name="limits",
            title="What these numbers do not say",
            body=(h("ul", *(h("li", text) for text in limits(report))),),
        ),
        settings_section(report),
    ]
    title = title_of(report)
    style, script = _packaged("page.css"), _packaged("page.js")
    head = h(
        "head",
        h("meta", charset="utf-8"),
        _policy(style, script),
        h("meta", name="viewport", content="width=device-width, initial-scale=1"),
        h("meta", name="color-scheme", content="light dark"),
        h("meta", name="generator", content="ragkit"),
        h("title", title),
        code("style", style),
    )
    body = h(
        "body",
        h("a", "Skip to the report", href="#verdict", class_="skip"),
        patterns(),
        h(
            "header",
            h("h1", h("bdi", title)),
            h("p", _summary(report), class_="summary"),
            *(h("p", h("bdi", text)) for text in about_of(report)),
        ),
        h(
            "nav",
            h(
                "ul",
                *(h("li", h("a", one.name.capitalize(), href=f"#{one.name}")) for one in sections),
            ),
            aria_label="On this page",
        ),
        h("main", *(one.element() for one in sections)),
        h(
            "footer",
            h(
                "p",
                "Made by ragkit from report.json, answers.jsonl and cases.jsonl of the same "
                "folder. It holds text of the documents.",
            ),
        ),
        code("script", script),
    )
    return f"<!doctype html>\n{h('html', head, body, lang='en')}\n"


def title_of(report: Mapping[str, Any]) -> str:
    """Return what the report is called."""
    return str(report.get("title") or "Evaluation report")


def about_of(report: Mapping[str, Any]) -> list[str]:
    """Return the paragraphs that an experiment says about itself."""
    held = report.get("about") or []
    return [held] if isinstance(held, str) else list(held)


def _summary(report: Mapping[str, Any]) -> str:
    cases = report["cases"]
    without = cases["count"] - cases["answerable"]
    return (
        f"{counted(cases['count'], 'case')}: {cases['answerable']} that the documents answer, "
        f"{without} that they do not. {counted(len(ran(report)), 'arm')} ran; "
        f"{cases['reviewed']} of the cases are reviewed by a person."
    )


def _verdict(report: Mapping[str, Any]) -> Section:
    """Return the sentences: what is shown stands open, and so does the first measure."""
    said = verdict(report)
    first = next((one.measure for one in said if one.measure), "")
    open_ = [one for one in said if one.kind is Kind.SHOWN or one.measure == first != ""]
    rest = [one for one in said if one.measure and one not in open_]
    ranked = sorted(open_, key=lambda one: _ORDER.index(one.kind))
    rest = [*ranked[_LEADING:], *rest]
    body = [_sentences(ranked[:_LEADING])] if ranked else []
    if rest:
        heading = h("summary", f"{counted(len(rest), 'more finding')}")
        body.append(h("details", heading, _sentences(rest)))
    body.append(_sentences([one for one in said if not one.measure]))
    return Section(name="verdict", title="What this shows", body=tuple(body))


def _sentences(said: Sequence[Sentence]) -> Element:
    return h("ul", *map(_sentence, said), class_="verdict")


def _sentence(one: Sentence) -> Element:
    mark: list[Child] = [h("span", _MARKS[one.kind], class_="mark", aria_hidden="true")]
    return h(
        "li",
        *mark,
        h("span", h("bdi", *unbroken(one.text))),
        class_=one.kind.value.replace(" ", "-"),
    )


def _policy(style: str, script: str) -> Element:
    """Return the policy that lets nothing act or load but the page's own style and script."""
    rules = (
        "default-src 'none'",
        f"style-src '{_hash(style)}'",
        f"script-src '{_hash(script)}'",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return h("meta", http_equiv="Content-Security-Policy", content="; ".join(rules))


def _hash(text: str) -> str:
    whole = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(whole).decode()}"


def _packaged(name: str) -> str:
    return (files("ragkit_eval.report") / name).read_text(encoding="utf-8")
