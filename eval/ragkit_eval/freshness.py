"""Freshness: a document is edited; is the new value answered, and how soon?

The files that the index was made of are copied to a scratch folder and indexed there. One case
after the other, the value that answers it is changed in the copy of its document, the scratch index
is synced, and every arm is asked again. The user's files and index are only read.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ragkit.pipeline import Pipeline
from ragkit_eval.altered import altered, edited
from ragkit_eval.answering import Answering, AnsweringSettings, asks, located
from ragkit_eval.arms import Arm
from ragkit_eval.cache import AnswerCache
from ragkit_eval.cases import Case, taking_turns
from ragkit_eval.match import contains_answer
from ragkit_eval.metrics.abstention import Outcome
from ragkit_eval.metrics.usage import latency
from ragkit_eval.recorded import Recorded
from ragkit_eval.score import judged
from ragkit_eval.summary import figure_of
from ragkit_ingest.errors import StorageError, UsageError

_ENDINGS = ".md .markdown .txt .html .htm .csv .tsv .eml .rst .adoc .asciidoc .org .tex .srt .vtt"
EDITABLE = frozenset(_ENDINGS.split())
"""Endings of files whose text can be changed in place."""
FRESH, STALE, OTHER = "fresh", "stale", "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an arm answered after an edit.

    Attributes:
        arm: Its name.
        case: As it was before the edit.
        came: "fresh" (the new value), "stale" (the old one, and not the new), "other".
        seconds: From the edit to this answer: the sync and the answering.
    """

    arm: str
    case: Case
    came: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """What came of the edits.

    Attributes:
        edits: The cases whose documents were edited.
        passed_over: Why other cases were not used, and how many each.
        asked: After each edit, each arm.
        sync_s: Seconds that each sync took.
    """

    edits: tuple[Case, ...]
    passed_over: Mapping[str, int]
    asked: tuple[Asked, ...]
    sync_s: tuple[float, ...]

    def about(self) -> dict[str, Any]:
        """Return what the report says of the edits as a whole."""
        return {
            "edits": len(self.edits),
            "passed_over": dict(sorted(self.passed_over.items())),
            "cases": [case.id for case in self.edits],
        }

    def parts(self, answers: Iterable[Recorded], *, seed: int = 0) -> dict[str, dict[str, Any]]:
        """Return the part of each arm in the report, by its name.

        Args:
            answers: What the arms said before any edit, for the share that was right then.
            seed: Of the intervals.
        """
        edits = {case.id: case for case in self.edits}
        before = {
            (answer.arm, answer.id): judged(edits[answer.id], answer)[0] is Outcome.CORRECT
            for answer in answers
            if answer.id in edits
        }
        found: dict[str, dict[str, Any]] = {}
        for name, asked in _by_arm(self.asked).items():
            sources = [one.case.source for one in asked]

            def figure(
                values: Sequence[float], sources: Sequence[str] = sources, of: int = len(asked)
            ) -> dict[str, object]:
                return figure_of(values, sources, of=of, seed=seed).to_json()

            was = [one for one in asked if (name, one.case.id) in before]
            found[name] = {
                "edits": len(asked),
                "before": figure(
                    [float(before[name, one.case.id]) for one in was],
                    [one.case.source for one in was],
                ),
                **{
                    kind: figure([float(one.came == kind) for one in asked])
                    for kind in (FRESH, STALE, OTHER)
                },
            }
        return found

    def timings(self) -> dict[str, Any]:
        """Return seconds: of the syncs, and of each arm from an edit to the right answer."""
        return {
            "sync_s": _seconds(self.sync_s),
            "edit_to_right_answer_s": {
                name: _seconds([one.seconds for one in asked if one.came == FRESH])
                for name, asked in _by_arm(self.asked).items()
            },
        }


def measure(
    rag: Pipeline,
    arms: Sequence[Arm],
    cases: Sequence[Case],
    *,
    edits: int,
    cache: AnswerCache,
    settings: AnsweringSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Freshness:
    """Edit documents in a copy, and ask the arms what they say now.

    Args:
        rag: The pipeline on the index that the cases are about.
        arms: Those that cannot run are left out.
        cases: Those with one document, whose answer holds a number, a date, a time or a name.
        edits: How many to make, 1 or more; fewer if not enough cases can be used.
        cache: Where answers are kept.
        settings: How the arms are asked; the seed also orders the cases.
        progress: Called after each edit with how many were made, and how many are wanted.

    Raises:
        UsageError: If a file that is indexed is not where it was.
        StorageError: If the copy cannot be made.
    """
    settings = settings or AnsweringSettings()
    passed: Counter[str] = Counter()
    used: list[Case] = []
    asked: list[Asked] = []
    syncs: list[float] = []
    with tempfile.TemporaryDirectory(prefix="ragkit-freshness-") as folder:
        copy = _Copy.made(rag, Path(folder))
        with closing(copy.rag), closing(Answering(copy.rag, cache, settings)) as answering:
            for case in taking_turns(cases, settings.seed):
                if len(used) == edits:
                    break
                copy.restore()
                edit = copy.edit(case)
                if isinstance(edit, str):
                    passed[edit] += 1
                    continue
                sync_s = copy.sync(edit)
                if sync_s is None:
                    passed["not in the index after the sync"] += 1
                    continue
                answering.reindexed()
                now = located([edit.case], copy.rag)
                ready = [arm for arm in arms if not arm.missing and asks(arm, case)]
                asked += [
                    Asked(
                        arm=answer.arm,
                        case=case,
                        came=_came(answer, case, edit.case),
                        seconds=sync_s + answer.latency_ms.get("total", 0.0) / 1000,
                    )
                    for answer in answering.answers(ready, now)
                ]
                used.append(case)
                syncs.append(sync_s)
                if progress is not None:
                    progress(len(used), edits)
    return Freshness(edits=tuple(used), passed_over=passed, asked=tuple(asked), sync_s=tuple(syncs))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    """A file of the copy with another value in it."""

    file: Path
    text: str
    case: Case


class _Copy:
    """The indexed files and their index, in a folder of their own."""

    def __init__(self, rag: Pipeline, files: Mapping[str, Path], roots: Sequence[Path]) -> None:
        self.rag = rag
        self._files = files
        self._roots = roots
        self._edited: tuple[Path, bytes, tuple[int, int]] | None = None

    @classmethod
    def made(cls, source: Pipeline, folder: Path) -> _Copy:
        """Copy every indexed file into the folder and index the copies there."""
        status = source.status()
        roots = [Path(root) for root in status.roots]
        copies = [folder / str(place) / root.name for place, root in enumerate(roots)]
        files: dict[str, Path] = {}
        for copy in copies:
            copy.mkdir(parents=True)  # also of a root that is gone, so that the others keep names
        for document in status.documents:
            found = _file_of(document.path, roots)
            if found is None:
                continue  # an attachment comes with its mail, a source's document has no file
            place, inner = found
            target = copies[place] / inner
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(roots[place] / inner, target)
            except OSError as exc:
                raise StorageError(
                    f"{roots[place] / inner} cannot be copied to {target} ({exc.strerror}); "
                    "set TMPDIR to a folder with room"
                ) from exc
            files[document.path] = target
        if not files:
            raise UsageError(
                "none of the indexed files is where it was, so none can be edited in a copy; "
                "run ragkit ingest on their folder"
            )
        rag = Pipeline(
            folder / "index",
            config=replace(source.config, audit=""),
            embedder=source.embedder,
            generator=source.generator,
            store=source.index.store,
        )
        rag.ingest(*copies)
        known = {document.path for document in rag.status().documents}
        return cls(rag, {path: file for path, file in files.items() if path in known}, copies)

    def edit(self, case: Case) -> _Edit | str:
        """Return how to edit a case's document, or why that cannot be done."""
        paths = {evidence.path for evidence in case.evidence}
        if not case.answerable or len(paths) != 1:
            return "not of one document"
        (path,) = paths
        file = self._files.get(path)
        if file is None or file.suffix.lower() not in EDITABLE:
            return "not editable as text"
        try:
            raw = file.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            return "not editable as text"
        stored = self.rag.show(path).text
        for evidence in case.evidence:
            for answer in case.answers:
                if not contains_answer(evidence.quote, [answer]):
                    continue
                change = altered(answer, f"{stored}\n{raw}", case.id)
                if change is None:
                    continue
                text = edited(raw, evidence.quote, answer, change)
                answers = tuple(new for old in case.answers if (new := change.of(old)) != old)
                if text is None or not answers:
                    continue
                if self._elsewhere(case, path):
                    return "said by another document"
                quotes = tuple(
                    replace(held, quote=change.of(held.quote), start=None, end=None)
                    for held in case.evidence
                )
                return _Edit(
                    file=file, text=text, case=replace(case, answers=answers, evidence=quotes)
                )
        return "no value that can be changed"

    def _elsewhere(self, case: Case, path: str) -> bool:
        """Return whether another document that is found for the question says the old value."""
        hits = self.rag.search(case.question, k=self.rag.config.k).hits
        return any(contains_answer(hit.text, case.answers) for hit in hits if hit.path != path)

    def restore(self) -> None:
        """Write the file that was edited last as it was, with its time stamp."""
        if self._edited is not None:
            file, content, stamp = self._edited
            file.write_bytes(content)
            os.utime(file, ns=stamp)
            self._edited = None

    def sync(self, edit: _Edit) -> float | None:
        """Write the edit, and sync it together with what was restored before.

        Returns:
            Seconds that the sync took; None if the index does not hold the new value afterwards.
        """
        info = edit.file.stat()
        self._edited = (edit.file, edit.file.read_bytes(), (info.st_atime_ns, info.st_mtime_ns))
        edit.file.write_bytes(edit.text.encode("utf-8"))
        started = time.perf_counter()
        self.rag.ingest(*self._roots)
        seconds = time.perf_counter() - started
        path = edit.case.evidence[0].path
        return seconds if contains_answer(self.rag.show(path).text, edit.case.answers) else None


def _file_of(path: str, roots: Sequence[Path]) -> tuple[int, str] | None:
    """Return which root a document's file lies in and where there; None if it is no file.

    The paths of the first root's files have nothing before them, those of others the name of
    their root, with a number if the name was taken.
    """
    for place, root in enumerate(roots):
        label, slash, rest = path.partition("/")
        inner = path if place == 0 else rest
        if place and not (slash and label.startswith(root.name)):
            continue
        if inner and (root / inner).is_file():
            return place, inner
    return None


def _came(answer: Recorded, before: Case, after: Case) -> str:
    outcome, withheld = judged(after, answer)
    if outcome is Outcome.CORRECT:
        return FRESH
    if outcome is None or withheld:
        return OTHER
    return STALE if contains_answer(answer.text, before.answers) else OTHER


def _by_arm(asked: Sequence[Asked]) -> dict[str, list[Asked]]:
    found: dict[str, list[Asked]] = {}
    for one in asked:
        found.setdefault(one.arm, []).append(one)
    return found


def _seconds(values: Sequence[float]) -> dict[str, float | int]:
    held = latency(values)
    if held is None:
        return {"n": 0}
    return {"n": len(values), "p50": round(held.p50, 3), "p95": round(held.p95, 3)}
