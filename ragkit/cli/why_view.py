"""Why an answer is as it is: its confidence, what was weighed, what documents disagree about."""

from __future__ import annotations

import re

from rich.text import Text

from ragkit.answer import Answer
from ragkit.cli.answer_view import place, print_disagreements, shorten
from ragkit.cli.terminal import Terminal, one_line
from ragkit_ingest.lexical import content_words, words

SENTENCE_CHARACTERS = 160
_TOPIC = "documents"
_CLOSE = 0.01


def print_why(terminal: Terminal, answer: Answer) -> None:
    """Print how the answer was decided."""
    asked = answer.standalone_question or answer.question
    terminal.say(Text("Searched for: ").append(one_line(asked), style="bold"))
    terminal.say(_decision(answer))
    missing = missing_words(answer)
    if missing and answer.passages:
        terminal.say(f"Nowhere in what was looked at: {', '.join(missing)}.")
    _print_evidence(terminal, answer)
    print_disagreements(terminal, answer)
    if answer.passages:
        terminal.say()
        documents = len({passage.document_id for passage in answer.passages})
        terminal.say(
            Text(
                f"Looked at {_count(len(answer.passages), 'passage')} of "
                f"{_count(documents, 'document')}; written by {one_line(answer.generator)} in "
                f"{answer.timing_ms.get('total', 0.0):.0f} ms.",
                style="dim",
            )
        )


def missing_words(answer: Answer) -> list[str]:
    """Return the question's words of content that stand in no passage that was looked at."""
    held = {
        word
        for p in answer.passages
        for word in words(" ".join((p.path, p.title, *p.headings, p.text)))
    }
    asked = answer.standalone_question or answer.question
    found = re.findall(r"[^\W_]+(?:[-'\u2019][^\W_]+)*", asked)
    kept = [word for word in found if _tells(word) and held.isdisjoint(words(word))]
    return list(dict.fromkeys(one_line(word) for word in kept))


def _tells(word: str) -> bool:
    """Whether a word carries a topic; alone, a stop word would be kept as one."""
    return len(word) > 1 and len(content_words(f"{word} {_TOPIC}")) > 1


def _decision(answer: Answer) -> str:
    close = abs(answer.confidence - answer.min_confidence) < _CLOSE
    sure, limit = (f"{p:.{4 if close else 2}f}" for p in (answer.confidence, answer.min_confidence))
    odds = f"The estimated probability that the documents hold the answer is {sure}"
    if not answer.abstained:
        return f"Answered: {_lower(odds)}, and {limit} is asked for."
    if answer.confidence < answer.min_confidence:
        return f"Withheld: {_lower(odds)}, and {limit} is asked for."
    return (
        f"Withheld: {_lower(odds)}, enough for an answer ({limit}), but no sentence that "
        f"{one_line(answer.generator)} wrote is supported by the documents."
    )


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _print_evidence(terminal: Terminal, answer: Answer) -> None:
    if not answer.evidence:
        if not answer.passages:
            terminal.say("What was weighed is not kept with a session; ask again to see it.")
        return
    cited = [(c.path, c.start, c.end) for c in answer.citations]
    terminal.title("Weighed most")
    for weighed in answer.evidence:
        used = any(
            path == weighed.path and start < weighed.end and weighed.start < end
            for path, start, end in cited
        )
        line = Text(f"  {weighed.score:.2f}  ", style="cyan")
        line.append(place(weighed), style="bold")
        line.append("  used" if used else "", style="dim")
        terminal.say(line, hang=8)
        terminal.say(shorten(weighed.text, SENTENCE_CHARACTERS), indent=8)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
