"""Makes a training set of the house voice that keeps retrieval working.

A model that learns a voice from plain samples alone forgets to use passages and to abstain. So a
part of the set is shaped as at run time: the prompt of `ragkit.prompt`, passages of the index
(the one that answers among others that do not), and the answer with its citations. Another part
are refusals in the house voice, with passages that do not answer and without any.

The same samples, index, settings and seed give the same set.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ragkit.generate.model import Message
from ragkit.pipeline import Pipeline
from ragkit.template import Template, load
from ragkit.tune.example import CHAT, COMPLETION, Example, to_lines
from ragkit.tune.leakage import Guarded, GuardSettings, Leak, Similarities, leaks
from ragkit.tune.personal import personal_data, redacted
from ragkit.tune.probe import TONE, Probe, probes_of
from ragkit.tune.sample import CONTEXT, PLAIN, REFUSAL, VoiceSample, closings
from ragkit.tune.shape import Found, Shaper, cited
from ragkit_ingest.disk import write_whole
from ragkit_ingest.errors import TuneError, UsageError

TRAIN, HELD_OUT, PROBES, MANIFEST = "train.jsonl", "held_out.jsonl", "probes.jsonl", "manifest.json"
REFUSE, REDACT, ALLOW = "refuse", "redact", "allow"
_VERSION = 1
_KINDS = ("plain", "context", "refusal_with_context", "refusal_without")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareSettings:
    """What a training set is made of.

    Attributes:
        context: Share of examples shaped with passages that answer, in [0, 1].
        refusals: Share of refusals, in [0, 1], half of them with passages; the rest is plain.
        held_out: Share of the documents and samples kept for the held-out set, in [0, 0.5].
        passages: Passages of a prompt, 1 or more.
        variants: Most examples of one sample with other passages around the gold one, 1 or more.
        prompt_tokens: Most tokens of a prompt, as estimated, 256 or more.
        format: "chat" or "completion".
        personal: What becomes of personal data and secrets: "refuse" (nothing is written),
            "redact" (each is replaced by its kind) or "allow".
        seed: Of all that is drawn.
        guard: What counts as a leak of an evaluation case.
    """

    context: float = 0.5
    refusals: float = 0.2
    held_out: float = 0.15
    passages: int = 4
    variants: int = 4
    prompt_tokens: int = 1536
    format: str = CHAT
    personal: str = REFUSE
    seed: int = 0
    guard: GuardSettings = field(default_factory=GuardSettings)

    def __post_init__(self) -> None:
        for name, most in (("context", 1.0), ("refusals", 1.0), ("held_out", 0.5)):
            if not 0 <= getattr(self, name) <= most:
                raise UsageError(f"{name} must be between 0 and {most}, not {getattr(self, name)}")
        if self.context + self.refusals > 1:
            raise UsageError(
                f"the shares of context ({self.context}) and refusals ({self.refusals}) add up to "
                "more than 1"
            )
        for name, least in (("passages", 1), ("variants", 1), ("prompt_tokens", 256)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} must be {least} or more, not {getattr(self, name)}")
        if self.format not in {CHAT, COMPLETION}:
            raise UsageError(f"format must be chat or completion, not {self.format!r}")
        if self.personal not in {REFUSE, REDACT, ALLOW}:
            raise UsageError(f"personal must be refuse, redact or allow, not {self.personal!r}")

    @property
    def plain(self) -> float:
        """Share of plain examples."""
        return 1.0 - self.context - self.refusals

    def shares(self, *, indexed: bool) -> dict[str, float]:
        """Return the share of each kind; without an index, those of kinds that need none."""
        half = self.refusals / 2
        if not indexed:
            whole = self.plain + half or 1.0
            return {"plain": self.plain / whole, "refusal_without": half / whole}
        wanted = (self.plain, self.context, half, half)
        return dict(zip(_KINDS, wanted, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Personal data or a secret in what would be written.

    Attributes:
        place: Where it stands, such as "sample v012 (line 12)" or "passage of handbook.md".
        kind: Such as "e-mail".
        length: Characters of it; the text itself is not kept.
    """

    place: str
    kind: str
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An example, and what it was made of.

    Attributes:
        example: The dialogue.
        kind: "plain", "context", "refusal_with_context" or "refusal_without".
        sample: The id of the sample.
        line: Of the sample in its file.
        group: The document or sample by which the set is split.
        paths: Of the documents whose passages are shown.
    """

    example: Example
    kind: str
    sample: str
    line: int
    group: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A training set, not yet written.

    Attributes:
        train: What is learnt.
        held_out: What shows when to stop; of other documents and samples.
        probes: What an adapter is tried on.
        removed: Samples that were left out because they leak evaluation cases.
        dropped: Ids of samples that could not be used, by reason.
        findings: Personal data and secrets; with "redact" those that were replaced.
        settings: What it was made with.
        manifest: What is written beside it.
    """

    train: tuple[Made, ...]
    held_out: tuple[Made, ...]
    probes: tuple[Probe, ...]
    removed: tuple[Leak, ...]
    dropped: Mapping[str, tuple[str, ...]]
    findings: tuple[Finding, ...]
    settings: PrepareSettings
    manifest: Mapping[str, object]

    def save(self, out: Path) -> None:
        """Write the files of the set into a folder, the manifest last.

        Raises:
            TuneError: If it holds personal data or secrets, and they are neither allowed nor
                redacted.
            StorageError: If a file cannot be written.
        """
        if self.findings and self.settings.personal == REFUSE:
            kinds = Counter(finding.kind for finding in self.findings)
            said = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
            raise TuneError(
                f"the training set would hold personal data or secrets ({said}), so nothing was "
                "written; take them out, or give --redact to replace them or "
                "--allow-personal-data to keep them"
            )
        for name, text in _files(self).items():
            write_whole(out / name, text)
        manifest = json.dumps(self.manifest, indent=2, ensure_ascii=False)
        write_whole(out / MANIFEST, f"{manifest}\n")


def prepare(
    samples: Sequence[VoiceSample],
    rag: Pipeline | None = None,
    settings: PrepareSettings | None = None,
    *,
    cases: Sequence[Guarded] = (),
    questions: Sequence[Guarded] = (),
    similarities: Similarities | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Return the training set that samples of a voice and an index give.

    Args:
        samples: What was said in the house voice.
        rag: The pipeline on the index; None for a set of plain samples and refusals without
            passages, which does not keep retrieval working.
        settings: What it is made of.
        cases: Evaluation cases that must stay out; they make the probes.
        questions: Further questions to make probes of, such as drafted ones; those about
            documents that are learnt from are left out.
        similarities: Returns cosines of questions, to find leaks of the same meaning.
        progress: Called with how many samples are done, and how many there are.

    Raises:
        UsageError: If nothing is left to learn from.
        NoIndexError: If nothing was ingested yet.
    """
    settings = settings or PrepareSettings()
    pairs = [(sample.question, sample.answer) for sample in samples]
    removed = leaks(pairs, cases, settings.guard, similarities)
    gone = {leak.place for leak in removed}
    kept = [sample for place, sample in enumerate(samples) if place not in gone]
    template = load("answer", rag.config.prompts if rag is not None else "")
    making = _Making(kept, rag, template, settings, progress)
    chosen, held_out_groups = making.chosen()
    if not chosen:
        raise UsageError(
            f"nothing is left to learn from: of {len(samples)} samples {len(removed)} leak "
            f"evaluation cases and {sum(map(len, making.dropped.values()))} cannot be used"
        )
    train = [made for made in chosen if made.group not in held_out_groups]
    held_out = [made for made in chosen if made.group in held_out_groups]
    probes = making.probes([*cases], [*questions], train, held_out)
    findings = _findings([*train, *held_out], probes)
    if settings.personal == REDACT:
        train, held_out = ([_redacted(made) for made in part] for part in (train, held_out))
        probes = [_redacted_probe(probe) for probe in probes]
    prepared = Prepared(
        train=tuple(train),
        held_out=tuple(held_out),
        probes=tuple(probes),
        removed=tuple(removed),
        dropped={reason: tuple(ids) for reason, ids in sorted(making.dropped.items())},
        findings=tuple(findings),
        settings=settings,
        manifest={},
    )
    return replace(prepared, manifest=_manifest(prepared, samples, cases, template, rag))


class _Making:
    """The samples on their way into a set.

    Args:
        samples: Those that do not leak.
        rag: The pipeline, if there is one.
        template: The prompt.
        settings: What the set is made of.
        progress: Called as samples are done.

    Attributes:
        dropped: Ids of samples that cannot be used, by reason.
    """

    def __init__(
        self,
        samples: Sequence[VoiceSample],
        rag: Pipeline | None,
        template: Template,
        settings: PrepareSettings,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._samples = samples
        self._settings = settings
        self._progress = progress
        self._shaper = (
            Shaper(rag, template, passages=settings.passages, prompt_tokens=settings.prompt_tokens)
            if rag is not None
            else None
        )
        self.dropped: dict[str, list[str]] = {}
        self._found: dict[str, Found] = {}

    def chosen(self) -> tuple[list[Made], set[str]]:
        """Return the examples in a drawn order, and the groups that are held out."""
        kinds = {sample.id: self._kind(n, sample) for n, sample in enumerate(self._samples, 1)}
        groups = {sample.id: self._group(sample) for sample in self._samples if kinds[sample.id]}
        held_out = self._held_out(groups, kinds)
        hidden = frozenset(
            found.gold.path
            for id_, found in self._found.items()
            if found.gold is not None and groups.get(id_) in held_out
        )
        made: dict[str, list[Made]] = {kind: [] for kind in _KINDS}
        for sample in self._samples:
            unseen = hidden if groups.get(sample.id) not in held_out else frozenset[str]()
            for one in self._examples(sample, kinds[sample.id], groups.get(sample.id, ""), unseen):
                made[one.kind].append(one)
        return self._shared(made), held_out

    def probes(
        self,
        cases: Sequence[Guarded],
        questions: Sequence[Guarded],
        train: Sequence[Made],
        held_out: Sequence[Made],
    ) -> list[Probe]:
        """Return the probes of cases and questions, and the held-out requests."""
        found: list[Probe] = []
        if self._shaper is not None:
            learnt = {made.group for made in train if made.kind == "context"}
            found += probes_of(cases, self._shaper, self._draw("cases"))
            found += probes_of(questions, self._shaper, self._draw("questions"), hidden=learnt)
        refusal = self._shaper.refusal if self._shaper is not None else ""
        heard: set[tuple[str, str]] = set()
        for made in held_out:
            if (made.sample, made.kind) not in heard:
                heard.add((made.sample, made.kind))
                messages = made.example.messages[:-1]
                found.append(
                    Probe(
                        id=f"{made.sample}-{made.kind}",
                        kind=TONE,
                        messages=messages,
                        refusal=refusal,
                    )
                )
        return found

    def _draw(self, *what: object) -> random.Random:
        text = "/".join(map(str, (self._settings.seed, *what)))
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        return random.Random(seed)  # noqa: S311 - the same draws each time

    def _drop(self, sample: VoiceSample, reason: str) -> str:
        self.dropped.setdefault(reason, []).append(sample.id)
        return ""

    def _kind(self, number: int, sample: VoiceSample) -> str:
        """Return what a sample is used as; "" if it cannot be used."""
        if self._progress is not None:
            self._progress(number, len(self._samples))
        if sample.kind in {PLAIN, REFUSAL} or self._shaper is None or sample.before:
            return PLAIN if sample.kind in {PLAIN, "", CONTEXT} else REFUSAL
        question = sample.question[:4000]
        found = (
            self._shaper.by_context(question, sample.context)
            if sample.context
            else self._shaper.by_answer(question, sample.answer)
        )
        if found.gold is None:
            if sample.kind != CONTEXT:
                return PLAIN
            return self._drop(sample, "no passage of the index holds its context")
        if cited(sample.answer, 1, sample.context or found.gold.text) is None:
            return self._drop(sample, "no sentence of it rests on its passage")
        self._found[sample.id] = found
        return CONTEXT

    def _group(self, sample: VoiceSample) -> str:
        found = self._found.get(sample.id)
        if found is not None and found.gold is not None:
            return found.gold.path
        return sample.source or f"sample {sample.id}"

    def _held_out(self, groups: Mapping[str, str], kinds: Mapping[str, str]) -> set[str]:
        """Return the groups to hold out: of each kind, drawn ones until its share is reached."""
        held: set[str] = set()
        for kind in (PLAIN, CONTEXT, REFUSAL):
            sizes = Counter(groups[id_] for id_, one in kinds.items() if one == kind)
            wanted = round(self._settings.held_out * sum(sizes.values()))
            count = sum(sizes[group] for group in held)
            order = sorted(sizes.keys() - held)
            self._draw("held out", kind).shuffle(order)
            for group in order:
                if count + sizes[group] <= wanted and len(sizes.keys() - held) > 1:
                    held.add(group)
                    count += sizes[group]
        return held

    def _examples(
        self, sample: VoiceSample, kind: str, group: str, hidden: frozenset[str]
    ) -> Iterable[Made]:
        if not kind:
            return

        def made(kind_: str, messages: Iterable[Message], answer: str, *paths: str) -> Made:
            said = Message(role="assistant", content=answer)
            return Made(
                example=Example(messages=(*messages, said)),
                kind=kind_,
                sample=sample.id,
                line=sample.line,
                group=group,
                paths=tuple(dict.fromkeys(paths)),
            )

        asked = (*sample.before, Message(role="user", content=sample.question))
        if kind == CONTEXT:
            yield from self._with_context(sample, made, hidden)
        elif kind == REFUSAL:
            yield made("refusal_without", asked, sample.answer)
            yield from self._refusing(sample, made, hidden)
        else:
            yield made("plain", asked, sample.answer)

    def _with_context(
        self, sample: VoiceSample, made: Callable[..., Made], hidden: frozenset[str]
    ) -> Iterable[Made]:
        found = self._found[sample.id]
        if self._shaper is None or found.gold is None:
            return
        for variant in range(self._settings.variants):
            draw = self._draw("context", sample.id, variant)
            passages, place = self._shaper.drawn(found, draw, hidden=hidden - {found.gold.path})
            messages, number = self._shaper.messages(sample.question, passages, draw, place)
            answer = cited(sample.answer, number, sample.context or found.gold.text)
            if answer is not None:
                yield made("context", messages, answer, *(p.path for p in passages))

    def _refusing(
        self, sample: VoiceSample, made: Callable[..., Made], hidden: frozenset[str]
    ) -> Iterable[Made]:
        if self._shaper is None:
            return
        answer = f"{self._shaper.refusal} {sample.answer}"
        found = Found(gold=None, others=self._shaper.looked(sample.question[:4000]))
        for variant in range(self._settings.variants):
            draw = self._draw("refusal", sample.id, variant)
            passages, _ = self._shaper.drawn(found, draw, hidden=hidden)
            if passages:
                messages, _ = self._shaper.messages(sample.question, passages, draw)
                yield made("refusal_with_context", messages, answer, *(p.path for p in passages))

    def _shared(self, made: Mapping[str, list[Made]]) -> list[Made]:
        """Return as many of each kind as keeps the shares, in a drawn order.

        Every sample comes once before one comes twice. A kind of which there is nothing is left
        out, and the others keep their shares among themselves.
        """
        shares = self._settings.shares(indexed=self._shaper is not None)
        there = {kind: share for kind, share in shares.items() if share > 0 and made[kind]}
        if not there:
            return []
        total = min(len(made[kind]) / share for kind, share in there.items())
        chosen: list[Made] = []
        for kind, share in there.items():
            seen: Counter[str] = Counter()
            rounds = []
            for one in made[kind]:
                rounds.append((seen[one.sample], one))
                seen[one.sample] += 1
            self._draw("shares", kind).shuffle(rounds)
            rounds.sort(key=lambda pair: pair[0])
            chosen += [one for _, one in rounds[: max(1, round(total * share))]]
        self._draw("order").shuffle(chosen)
        return chosen


def refusals_of(questions: Sequence[Guarded], samples: Sequence[VoiceSample]) -> list[VoiceSample]:
    """Return refusals for a voice that has none among its samples.

    Each is a plain sentence with one of the voice's own closings, if it has any.

    Args:
        questions: Those without answers are used.
        samples: Of the voice.
    """
    ends = closings(samples) or [""]
    asked = [question for question in questions if not question.answers]
    return [
        VoiceSample(
            id=f"refusal-{question.id}",
            line=0,
            question=question.question,
            answer=f"I find nothing about that. {ends[number % len(ends)]}".strip(),
            kind=REFUSAL,
        )
        for number, question in enumerate(asked)
    ]


# -- personal data ---------------------------------------------------------------------------


def _findings(made: Sequence[Made], probes: Sequence[Probe]) -> list[Finding]:
    """Return what is found in all that would be written, each text looked at once."""
    texts: dict[str, str] = {}
    for one in made:
        for message in one.example.messages:
            said = "answer" if message.role == "assistant" else "prompt"
            texts.setdefault(message.content, f"{said} of sample {one.sample} (line {one.line})")
    for probe in probes:
        for message in probe.messages:
            texts.setdefault(message.content, f"probe {probe.id}")
    return [
        Finding(place=place, kind=found.kind, length=found.end - found.start)
        for text, place in texts.items()
        for found in personal_data(text)
    ]


def _redacted(made: Made) -> Made:
    messages = tuple(replace(m, content=redacted(m.content)) for m in made.example.messages)
    return replace(made, example=replace(made.example, messages=messages))


def _redacted_probe(probe: Probe) -> Probe:
    messages = tuple(replace(m, content=redacted(m.content)) for m in probe.messages)
    return replace(probe, messages=messages, expect=tuple(map(redacted, probe.expect)))


# -- files -----------------------------------------------------------------------------------


def _files(prepared: Prepared) -> dict[str, str]:
    format_ = prepared.settings.format
    return {
        TRAIN: to_lines([made.example for made in prepared.train], format_),
        HELD_OUT: to_lines([made.example for made in prepared.held_out], format_),
        PROBES: "".join(
            json.dumps(probe.to_json(), ensure_ascii=False) + "\n" for probe in prepared.probes
        ),
    }


def _manifest(
    prepared: Prepared,
    samples: Sequence[VoiceSample],
    cases: Sequence[Guarded],
    template: Template,
    rag: Pipeline | None,
) -> dict[str, object]:
    settings = prepared.settings
    everything = [*prepared.train, *prepared.held_out]
    kinds = Counter(made.kind for made in everything)
    voice = json.dumps([[s.question, s.answer, s.context] for s in samples], ensure_ascii=False)
    return {
        "version": _VERSION,
        "format": settings.format,
        "seed": settings.seed,
        "samples": len(samples),
        "samples_sha256": hashlib.sha256(voice.encode()).hexdigest(),
        "train": len(prepared.train),
        "held_out": len(prepared.held_out),
        "kinds": {kind: kinds[kind] for kind in _KINDS},
        "shares": {kind: round(kinds[kind] / len(everything), 4) for kind in _KINDS},
        "shares_wanted": {
            kind: round(share, 4)
            for kind, share in settings.shares(indexed=rag is not None).items()
        },
        "documents_held_out": sorted(
            {made.group for made in prepared.held_out if made.kind == "context"}
        ),
        "probes": dict(sorted(Counter(probe.kind for probe in prepared.probes).items())),
        "probes_altered": sum(probe.altered for probe in prepared.probes),
        "prompt_version": template.version,
        "persona": rag.config.persona if rag is not None else "",
        "embedder": rag.embedder.fingerprint.name if rag is not None else "",
        "passages": settings.passages,
        "guard": {
            "cases": len(cases),
            "ngram": settings.guard.ngram,
            "jaccard": settings.guard.jaccard,
            "similarity": settings.guard.similarity,
            "removed": [
                {
                    "sample": samples[leak.place].id,
                    "case": leak.case,
                    "rule": leak.rule,
                    "value": round(leak.value, 4),
                }
                for leak in prepared.removed
            ],
        },
        "dropped": {reason: list(ids) for reason, ids in prepared.dropped.items()},
        "personal_data": {
            "policy": settings.personal,
            "found": dict(sorted(Counter(one.kind for one in prepared.findings).items())),
        },
        "files": {
            name: hashlib.sha256(text.encode()).hexdigest()
            for name, text in _files(prepared).items()
        },
    }
