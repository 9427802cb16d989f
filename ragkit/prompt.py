"""Passages become the messages of a prompt. Pure: the marks are given, nothing is read or sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ragkit.answer import Passage
from ragkit.generate.model import Message
from ragkit.generate.protocol import GenerationRequest, Span, Turn
from ragkit.sanitise import one_line, sanitise
from ragkit.template import Template

_MESSAGE_TOKENS = 8
_LEAST_TOKENS = 48
_TURNS = 3
_TURN_CHARACTERS = 300

CountTokens = Callable[[Sequence[str]], list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a chat model is given for one question.

    Attributes:
        messages: The system's and the user's.
        spans: What stands in the prompt as passage 1, 2 and so on.
        tokens: Of the messages, as counted.
        warnings: What had to be left out, one sentence each.
    """

    messages: tuple[Message, ...]
    spans: tuple[Span, ...]
    tokens: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSettings:
    """What shapes a prompt, beside its template.

    Attributes:
        persona: How the answer should sound; "" for no wish.
        per_document: Most passages of one document if there are others too; 0 for no cap.
    """

    persona: str = ""
    per_document: int = 0


def build(
    request: GenerationRequest,
    template: Template,
    settings: PromptSettings,
    *,
    mark: str,
    budget_tokens: int | None,
    count_tokens: CountTokens,
) -> Prompt:
    """Return the prompt for a request.

    Passages enter best first while they fit; the first that does not fit is cut if a useful part
    of it fits, and those after it are left out.

    Args:
        request: The question, the passages and earlier turns.
        template: "answer".
        settings: What shapes the prompt.
        mark: A word that no document can know, new for each request.
        budget_tokens: Most tokens of all messages; None for no limit.
        count_tokens: Counts texts in the model's tokens.
    """
    passages = _capped(request.passages, settings.per_document)
    marks = {"open": f"<<<{mark}", "close": f"{mark}>>>"}
    frame = _messages(request, template, settings, marks, "")
    used = sum(count_tokens([message.content for message in frame]))
    used += _MESSAGE_TOKENS * len(frame)
    shown: list[str] = []
    spans: list[Span] = []
    cut = False
    for number, passage in enumerate(passages, start=1):
        text = _shown(passage, number, template, marks)
        tokens = count_tokens([text])[0]
        if budget_tokens is not None and used + tokens > budget_tokens:
            room = budget_tokens - used
            shorter = _shortened(passage, number, template, marks, room, count_tokens)
            if shorter is None:
                break
            passage, cut = shorter, True  # noqa: PLW2901
            text = _shown(passage, number, template, marks)
            tokens = count_tokens([text])[0]
        shown.append(text)
        spans.append(Span(document_id=passage.document_id, start=passage.start, end=passage.end))
        used += tokens
        if cut:
            break
    return Prompt(
        messages=_messages(request, template, settings, marks, "\n".join(shown)),
        spans=tuple(spans),
        tokens=used,
        warnings=_warnings(len(passages), len(shown), cut=cut),
    )


def _capped(passages: Sequence[Passage], per_document: int) -> list[Passage]:
    """Return the passages, at most so many of one document if there are several documents."""
    if not per_document or len({passage.document_id for passage in passages}) == 1:
        return list(passages)
    seen: dict[int, int] = {}
    kept = []
    for passage in passages:
        seen[passage.document_id] = seen.get(passage.document_id, 0) + 1
        if seen[passage.document_id] <= per_document:
            kept.append(passage)
    return kept


def _messages(
    request: GenerationRequest,
    template: Template,
    settings: PromptSettings,
    marks: dict[str, str],
    passages: str,
) -> tuple[Message, ...]:
    persona = template.fill("persona", persona=settings.persona) if settings.persona else ""
    system = template.fill("system", refusal=template.texts["refusal"], persona=persona, **marks)
    user = template.fill(
        "user",
        passages=passages,
        history=_history(request.history, template),
        question=sanitise(request.question).strip(),
    )
    return (
        Message(role="system", content=system.strip()),
        Message(role="user", content=user.strip()),
    )


def _history(history: Sequence[Turn], template: Template) -> str:
    if not history:
        return ""
    turns = (
        template.fill(
            "turn",
            question=one_line(turn.question)[:_TURN_CHARACTERS],
            answer=one_line(turn.answer)[:_TURN_CHARACTERS],
        )
        for turn in history[-_TURNS:]
    )
    return template.fill("history", turns="\n".join(turns))


def _shown(passage: Passage, number: int, template: Template, marks: dict[str, str]) -> str:
    place = [one_line(passage.path)]
    if passage.page is not None:
        place.append(f"page {one_line(passage.page_label) or passage.page}")
    if passage.headings:
        place.append(" > ".join(one_line(heading) for heading in passage.headings))
    return template.fill(
        "passage",
        number=str(number),
        place=", ".join(place),
        text=sanitise(passage.text).strip(),
        **marks,
    )


def _shortened(
    passage: Passage,
    number: int,
    template: Template,
    marks: dict[str, str],
    room: int,
    count_tokens: CountTokens,
) -> Passage | None:
    """Return the longest beginning of the passage that fits; None if little or nothing does."""
    if room < _LEAST_TOKENS:
        return None
    low, high = 0, len(passage.text)
    while low < high:
        middle = (low + high + 1) // 2
        text = _shown(_beginning(passage, middle), number, template, marks)
        low, high = (middle, high) if count_tokens([text])[0] <= room else (low, middle - 1)
    whole_words = len(passage.text[:low].rstrip())
    while whole_words and not passage.text[whole_words : whole_words + 1].isspace():
        whole_words -= 1
    return _beginning(passage, whole_words) if whole_words else None


def _beginning(passage: Passage, characters: int) -> Passage:
    return replace(
        passage, text=passage.text[:characters], end=passage.start + characters, blocks=()
    )


def _warnings(given: int, shown: int, *, cut: bool) -> tuple[str, ...]:
    if shown == given and not cut:
        return ()
    said = f"the model was shown {shown} of {given} passages"
    said += ", the last one cut," if cut else ""
    return (f"{said} to keep within generator_context_tokens",)
