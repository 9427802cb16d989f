"""How an answer, its sources and found passages look to a person."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from ragkit.answer import Answer, Citation, Passage, SearchResult, Sentence, ShortAnswer
from ragkit.cli.terminal import Terminal, one_line
from ragkit.weighed import Weighed

QUOTE_CHARACTERS = 200
EXCERPT_CHARACTERS = 280
LABEL_CHARACTERS = 60
LOOKED_AT = 3
LIKELY = 0.25


def shorten(text: str, limit: int) -> str:
    """Return the text on one line, cut between words to at most `limit` characters."""
    flat = one_line(text)
    if len(flat) <= limit:
        return flat
    cut = flat[: limit - 3]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut) + "..."


def place(found: Passage | Citation | Weighed) -> str:
    """Return where a person finds it: the path, and the page by number or by what it is called."""
    path, label = one_line(found.path), one_line(found.page_label)
    if found.page is None:
        return path
    if label in ("", str(found.page)):
        return f"{path}, page {found.page}"
    if path.lower().endswith(".pdf"):  # whose pages may be called `iv`, or `5` on the seventh
        return f"{path}, page {label} ({found.page} in the file)"
    return f"{path}, {shorten(label, LABEL_CHARACTERS)}"


def print_answer(terminal: Terminal, answer: Answer) -> None:
    """Print the answer with its marks, then its sources; for an abstention what was looked at."""
    if answer.standalone_question and answer.standalone_question != answer.question:
        understood = f"Understood as: {one_line(answer.standalone_question)}"
        terminal.say(Text(understood, style="dim"))
    for warning in answer.warnings:
        terminal.note(f"ragkit: {one_line(warning)}.")
    if answer.abstained:
        terminal.say(answer.text)
        _print_looked_at(terminal, answer.passages)
        return
    terminal.say(_marked(answer))
    print_disagreements(terminal, answer)
    print_sources(terminal, answer.citations)


def print_disagreements(terminal: Terminal, answer: Answer) -> None:
    """Print which documents disagree about what is cited, and which of two is the newer one."""
    if answer.disagreements:
        terminal.title("The documents disagree")
    for found in answer.disagreements:
        words = ("newer", "older") if found.dated else ("one", "another")
        for word, statement in zip(words, (found.first, found.other), strict=True):
            cited = [
                c.n
                for c in answer.citations
                if c.path == statement.path and c.start < statement.end and statement.start < c.end
            ]
            line = Text(f"  {word:<7}  ", style="cyan")
            line.append(f"{statement.date:<10}  " if statement.date else "")
            line.append(one_line(statement.path), style="bold")
            line.append(f" [{cited[0]}]" if cited else "", style="cyan")
            terminal.say(line, hang=11)
            if not cited:
                terminal.say(f'"{shorten(statement.quote, QUOTE_CHARACTERS)}"', indent=11)


def print_sources(terminal: Terminal, citations: Sequence[Citation]) -> None:
    """Print each citation: number, place, character span and the quote."""
    if not citations:
        return
    terminal.title("Sources")
    for citation in citations:
        mark = f"[{citation.n}] "
        line = Text("  ").append(mark, style="cyan")
        line.append(place(citation), style="bold")
        line.append(f"  {citation.start}:{citation.end}", style="dim")
        if not citation.verified:
            line.append("  not verified", style="red")
        terminal.say(line, hang=2 + len(mark))
        terminal.say(f'"{shorten(citation.quote, QUOTE_CHARACTERS)}"', indent=2 + len(mark))


def print_hits(terminal: Terminal, result: SearchResult) -> None:
    """Print found passages, best first: place, headings, score, and how the text begins."""
    if not result.hits:
        terminal.say("Nothing found.")
    for hit in result.hits:
        line = Text(f"{hit.rank:>3}  ", style="cyan")
        line.append(place(hit), style="bold")
        line.append(f"  {hit.start}:{hit.end}  score {hit.score:.3f}", style="dim")
        terminal.say(line, hang=5)
        if hit.headings:
            terminal.say(Text(_trail(hit), style="dim"), indent=5)
        terminal.say(shorten(hit.text, EXCERPT_CHARACTERS), indent=5)


def _marked(answer: Answer) -> Text:
    if not answer.sentences:
        return Text(one_line(answer.text))
    prose = all(sentence.text.rstrip().endswith((".", "!", "?")) for sentence in answer.sentences)
    between = " " if prose else "\n"  # a table row or a list item stands on a line of its own
    text = Text()
    for sentence in answer.sentences:
        if text:
            text.append(between)
        text.append(_emphasised(sentence, answer.short_answer))
        if sentence.citations:
            marks = "".join(f"[{n}]" for n in sentence.citations)
            text.append(f" {marks}", style="cyan")
        if (said := answer.disagreement(sentence)).startswith(("older", "disagrees")):
            text.append(f" ({said})", style="yellow")
        if not (sentence.supported or sentence.neutral):
            text.append(" (no source)", style="red")
    return text


def _emphasised(sentence: Sentence, short: ShortAnswer | None) -> Text:
    """Return the sentence with the words that answer in bold, if they are likely the right ones."""
    text = Text(one_line(sentence.text))
    if short and short.citation in sentence.citations and short.probability >= LIKELY:
        at = text.plain.find(one_line(short.text))
        if at >= 0:
            text.stylize("bold", at, at + len(one_line(short.text)))
    return text


def _print_looked_at(terminal: Terminal, passages: Sequence[Passage]) -> None:
    if not passages:
        return
    terminal.title("Looked at")
    places = list(dict.fromkeys((place(passage), _trail(passage)) for passage in passages))
    for where, trail in places[:LOOKED_AT]:
        line = Text("  ").append(where, style="bold")
        line.append(f"  {trail}" if trail else "", style="dim")
        terminal.say(line, hang=4)
    rest = len(places) - LOOKED_AT
    if rest > 0:
        terminal.say(Text(f"  and {rest} more place{'' if rest == 1 else 's'}", style="dim"))


def _trail(passage: Passage) -> str:
    return " > ".join(one_line(heading) for heading in passage.headings)
