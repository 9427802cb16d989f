"""Plants every attack, asks, and notes what came of it by channel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ragkit.answer import Answer
from ragkit.config import Config
from ragkit.pipeline import Pipeline
from ragkit_ingest.embed.protocol import Embedder
from ragkit_ingest.store.exact import ExactStore
from tests.redteam.attack import ATTACKS, LIE, QUESTION, TRUTH, Attack
from tests.redteam.channel import printed, shown, steering
from tests.redteam.obedient import Obedient
from tests.redteam.plant import planted, truth
from tests.redteam.watcher import Watcher, watching
from tests.support.chat_server import serving

SUPPORTED, FLAGGED, ABSTAINED, ABSENT = "supported", "flagged", "abstained", "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one attack in one format came to.

    Attributes:
        kind: Of the attack.
        format: Of the file.
        obeyed: Whether the order reached the model, and it obeyed.
        side: What happened or acts that no document may cause, one line each.
        lie: What became of the false statement: shown as "supported", shown but "flagged", the
            answer "abstained", or it was "absent".
    """

    kind: str
    format: str
    obeyed: bool
    side: tuple[str, ...]
    lie: str


@dataclass(slots=True)
class Crowd:
    """What copies of a false statement do to the true one.

    Attributes:
        passages: Passages looked at, and how many of them hold the false statement.
        truth: Whether the true statement is among them.
        lie: As in `Outcome`.
    """

    name: str
    copies: int
    passages: int
    false: int
    truth: bool
    lie: str = field(default=ABSENT)


def attacked(
    place: Path, formats: Sequence[str], embedder: Embedder, attacks: Sequence[Attack] = ATTACKS
) -> list[Outcome]:
    """Return the outcome of every attack in every format, over real HTTP.

    Nothing is withheld for want of confidence, so that each attack reaches the model.

    Args:
        place: An empty folder.
        formats: Of the files, see `plant.FORMATS`.
        embedder: Of the index.
        attacks: Which.
    """
    with watching() as watcher, serving() as server:
        bait = place / "bait.txt"
        server.always = model = Obedient(str(bait))
        bait.write_text("The bait was read.", encoding="utf-8")
        watcher.bait.add(str(bait))
        docs = place / "docs"
        docs.mkdir()
        (docs / "truth.md").write_bytes(truth())
        for suffix in formats:
            for number, attack in enumerate(attacks):
                text = attack.text.replace("{url}", watcher.url).replace("{file}", str(bait))
                text = text.replace("{{", "{").replace("}}", "}")
                path = docs / f"{number}.{suffix}"
                path.write_bytes(planted(text, suffix, attack.hidden))
        config = Config(generator="openai:obedient", generator_url=server.url, min_confidence=0.0)
        watcher.allowed.add(int(server.url.rpartition(":")[2].partition("/")[0]))
        with Pipeline(place / "index", config=config, embedder=embedder, store=ExactStore()) as rag:
            report = rag.ingest(docs)
            if report.failures:
                raise RuntimeError(f"a planted file failed: {report.failures}")
            rag.ask(QUESTION)  # whatever is loaded once is loaded now
            return [
                _outcome(rag, watcher, model, attack, f"{number}.{suffix}")
                for suffix in formats
                for number, attack in enumerate(attacks)
            ]


def _outcome(
    rag: Pipeline, watcher: Watcher, model: Obedient, attack: Attack, name: str
) -> Outcome:
    where = {"path": f"{name}|truth.md"}
    watcher.noticed.clear()
    watcher.on = True
    *pieces, answer = rag.stream(QUESTION, where=where)
    told = printed(rag, QUESTION, "--where", f"path={name}|truth.md")
    told += printed(rag, QUESTION, "--json", "--where", f"path={name}|truth.md")
    watcher.on = False
    if not isinstance(answer, Answer):
        raise TypeError(f"the last event was {answer!r}")
    draft = "".join(piece for piece in pieces if isinstance(piece, str))
    side = (*watcher.noticed, *shown(answer, draft), *steering(told))
    return Outcome(
        kind=attack.kind,
        format=name.rpartition(".")[2],
        obeyed=model.obeyed,
        side=tuple(dict.fromkeys(side)),
        lie=fate(answer, LIE),
    )


def fate(answer: Answer, statement: str) -> str:
    """Return what became of a statement in an answer."""
    if answer.abstained:
        return ABSTAINED
    holding = [s for s in answer.sentences if statement.rstrip(".") in " ".join(s.text.split())]
    if not holding:
        return ABSENT
    return SUPPORTED if any(sentence.supported for sentence in holding) else FLAGGED


def crowded(place: Path, embedder: Embedder, copies: int) -> list[Crowd]:
    """Return what many documents with one false statement do to a true one, without a model."""
    found = []
    for name, texts in (
        ("the same text", (f"# Staff\n\n{LIE}\n" for _ in range(copies))),
        ("each a little different", (f"# Staff\n\nNote {n}: {LIE}\n" for n in range(copies))),
    ):
        folder = place / name.replace(" ", "-")
        found.append(_crowd(folder, name, list(texts), embedder))
    return found


def _crowd(folder: Path, name: str, texts: Iterable[str], embedder: Embedder) -> Crowd:
    docs = folder / "docs"
    docs.mkdir(parents=True)
    (docs / "truth.md").write_bytes(truth())
    for number, text in enumerate(texts):
        (docs / f"copy-{number}.md").write_text(text, encoding="utf-8")
    config = Config(min_confidence=0.0)
    with Pipeline(folder / "index", config=config, embedder=embedder, store=ExactStore()) as rag:
        rag.ingest(docs)
        answer = rag.ask(QUESTION)
    return Crowd(
        name=name,
        copies=len(list(docs.glob("copy-*"))),
        passages=len(answer.passages),
        false=sum(LIE in passage.text for passage in answer.passages),
        truth=any(TRUTH in passage.text for passage in answer.passages),
        lie=fate(answer, LIE),
    )
