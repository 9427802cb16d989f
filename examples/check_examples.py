"""Check the example company, its questions and its voice samples mechanically.

Usage::

    python examples/check_examples.py

The script reads every document with its own small readers, independent of the toolkit, and
exits with 1 if anything is wrong.
"""

from __future__ import annotations

import csv
import email
import email.policy
import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any

import lxml.html
import pypdf
import pypdfium2
from docx import Document
from docx.table import Table

HERE = Path(__file__).resolve().parent
COMPANY = HERE / "company"

ANSWERABLE_KINDS = {
    "fact",
    "number",
    "date",
    "table",
    "list",
    "identifier",
    "paraphrase",
    "comparison",
    "latest",
    "multi_document",
}
UNANSWERABLE_KINDS = {
    "missing_attribute",
    "missing_topic",
    "unknown_entity",
    "false_premise",
    "off_domain",
}
VOICE_KINDS = {"plain", "with_context", "refusal"}

MIN_QUESTIONS = 160
MIN_VOICE = 80
MAX_BYTES = 1_000_000

ADDRESS = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
LINK = re.compile(r"(?:https?://|www\.)([\w.-]+)")


def fold(text: str) -> str:
    """Join all runs of white space to one space."""
    return " ".join(text.split())


# --- readers ---------------------------------------------------------------------------------


def read_pdf(path: Path) -> list[str]:
    """Return the text of a PDF twice, once by each of two readers."""
    one = [page.extract_text() for page in pypdf.PdfReader(path).pages]
    document = pypdfium2.PdfDocument(path)
    two = [page.get_textpage().get_text_range() for page in document]
    return [" ".join(one), " ".join(two)]


def read_docx(path: Path) -> list[str]:
    """Return paragraphs and tables of a DOCX in document order."""
    parts: list[str] = []
    for item in Document(str(path)).iter_inner_content():
        if isinstance(item, Table):
            parts.extend(" ".join(cell.text for cell in row.cells) for row in item.rows)
        else:
            parts.append(item.text)
    return ["\n".join(parts)]


def read_html(path: Path) -> list[str]:
    """Return the visible text of an HTML page."""
    return html_text(path.read_bytes())


def html_text(data: bytes) -> list[str]:
    """Return the visible text of an HTML document."""
    root = lxml.html.fromstring(data, parser=lxml.html.HTMLParser(encoding="utf-8"))
    for element in root.xpath("//script|//style"):
        element.drop_tree()
    for element in root.iter():
        if isinstance(element.tag, str) and element.tag not in ("b", "a", "em", "strong"):
            element.tail = " " + (element.tail or "")
    return [root.text_content()]


def read_csv(path: Path) -> list[str]:
    """Return the cells of a CSV, row by row."""
    with path.open(encoding="utf-8", newline="") as handle:
        return ["\n".join(" ".join(row) for row in csv.reader(handle))]


def read_eml(path: Path) -> list[str]:
    """Return the headers and the text of every part of a message."""
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    heads = "\n".join(f"{key}: {value}" for key, value in message.items())
    texts = [heads]
    for part in message.walk():
        if part.get_content_type() == "text/plain":
            texts.append(str(part.get_content()))
        elif part.get_content_type() == "text/html":
            texts.extend(html_text(str(part.get_content()).encode("utf-8")))
    return texts


def read_plain(path: Path) -> list[str]:
    """Return the text of a plain or Markdown file, as it is and without table bars."""
    text = path.read_text(encoding="utf-8")
    return [text, text.replace("|", " ").replace("**", "")]


READERS: dict[str, Callable[[Path], list[str]]] = {
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".html": read_html,
    ".csv": read_csv,
    ".eml": read_eml,
    ".md": read_plain,
    ".txt": read_plain,
}


@cache
def folded_texts(path: str) -> tuple[str, ...]:
    """Return the folded texts of a document, given its path below ``company``."""
    file = COMPANY / path
    return tuple(fold(text) for text in READERS[file.suffix](file))


def documents() -> list[str]:
    """Return the paths of all documents, relative to ``company``."""
    return sorted(p.relative_to(COMPANY).as_posix() for p in COMPANY.rglob("*") if p.is_file())


# --- checks ----------------------------------------------------------------------------------


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Read a file of one JSON object a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def check_question(case: dict[str, Any]) -> list[str]:
    """Return what is wrong with one question."""
    name, kind = case["id"], case["kind"]
    expected = ANSWERABLE_KINDS if case["answerable"] else UNANSWERABLE_KINDS
    errors = [] if kind in expected else [f"{name}: kind {kind} does not fit"]
    if not case["answerable"]:
        if case["answers"] or case["evidence"]:
            errors.append(f"{name}: unanswerable, but has answers or evidence")
        return errors
    if not case["answers"] or not case["evidence"]:
        return [*errors, f"{name}: answers or evidence missing"]
    errors.extend(
        f"{name}: quote not in {item['path']}: {item['quote']!r}"
        for item in case["evidence"]
        if not any(fold(item["quote"]) in text for text in folded_texts(item["path"]))
    )
    paths = [item["path"] for item in case["evidence"]]
    texts = " ".join(text.lower() for path in paths for text in folded_texts(path))
    quotes = fold(" ".join(item["quote"] for item in case["evidence"])).lower()
    found = [fold(answer).lower() for answer in case["answers"]]
    errors.extend(f"{name}: answer not in evidence: {a!r}" for a in found if a not in texts)
    if not any(answer in quotes for answer in found):
        errors.append(f"{name}: no answer stands in a quote")
    return errors


def check_voice(sample: dict[str, Any]) -> list[str]:
    """Return what is wrong with one voice sample."""
    name, context = sample["id"], sample["context"]
    errors = [] if sample["kind"] in VOICE_KINDS else [f"{name}: unknown kind"]
    if (sample["kind"] == "with_context") and not context:
        errors.append(f"{name}: context missing")
    if context and not any(fold(context) in t for path in documents() for t in folded_texts(path)):
        errors.append(f"{name}: context is not in any document")
    if sample["kind"] == "with_context" and context:
        known = set(re.findall(r"\d+", context + sample["prompt"]))
        extra = set(re.findall(r"\d+", sample["reply"])) - known
        errors.extend(f"{name}: number {n} is not in the context" for n in sorted(extra))
    return errors


def check_ids(rows: list[dict[str, Any]]) -> list[str]:
    """Return the identifiers which occur more than once."""
    counts = Counter(row["id"] for row in rows)
    return [f"{name}: used {count} times" for name, count in counts.items() if count > 1]


def check_domains() -> list[str]:
    """Return addresses and links which do not lie in an ``.example`` domain."""
    texts = {path: " ".join(folded_texts(path)) for path in documents()}
    for file in sorted(HERE.glob("*.jsonl")):
        texts[file.name] = file.read_text(encoding="utf-8")
    return [
        f"{path}: {domain} is not an .example domain"
        for path, text in texts.items()
        for pattern in (ADDRESS, LINK)
        for domain in pattern.findall(text)
        if not domain.rstrip(".").endswith(".example")
    ]


def check_totals(cases: list[dict[str, Any]], samples: list[dict[str, Any]]) -> list[str]:
    """Return violated totals: sizes, shares, and documents without a question."""
    errors = []
    unanswerable = sum(not case["answerable"] for case in cases)
    if len(cases) < MIN_QUESTIONS:
        errors.append(f"only {len(cases)} questions")
    if 3 * unanswerable < len(cases):
        errors.append(f"only {unanswerable} of {len(cases)} questions are unanswerable")
    if len(samples) < MIN_VOICE:
        errors.append(f"only {len(samples)} voice samples")
    used = {item["path"] for case in cases for item in case["evidence"]}
    errors.extend(f"{path}: no question uses it" for path in documents() if path not in used)
    size = sum((COMPANY / path).stat().st_size for path in documents())
    if size > MAX_BYTES:
        errors.append(f"the documents have {size} bytes")
    texts = [fold(case["question"]).lower() for case in cases]
    errors.extend(f"asked twice: {t}" for t, count in Counter(texts).items() if count > 1)
    return errors


def print_shares(cases: list[dict[str, Any]], samples: list[dict[str, Any]]) -> None:
    """Print how many questions and samples there are of each kind."""
    words = sum(len(folded_texts(path)[-1].split()) for path in documents())
    print(f"{len(documents())} documents, about {words} words")
    odd = Counter(case["kind"] for case in cases[0::2])
    even = Counter(case["kind"] for case in cases[1::2])
    print(f"{len(cases)} questions, {sum(not c['answerable'] for c in cases)} unanswerable")
    for kind in sorted(odd | even):
        print(f"  {kind:18} {odd[kind] + even[kind]:4}  (odd {odd[kind]}, even {even[kind]})")
    print(f"{len(samples)} voice samples")
    for kind, count in sorted(Counter(sample["kind"] for sample in samples).items()):
        print(f"  {kind:18} {count:4}")


def main() -> int:
    """Run all checks and print what is wrong."""
    cases = read_jsonl(HERE / "questions.jsonl")
    samples = read_jsonl(HERE / "voice.jsonl")
    print_shares(cases, samples)
    errors = [*check_ids(cases), *check_ids(samples)]
    errors.extend(error for case in cases for error in check_question(case))
    errors.extend(error for sample in samples for error in check_voice(sample))
    errors.extend([*check_domains(), *check_totals(cases, samples)])
    for error in errors:
        print(f"error: {error}")
    print(f"{len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
