"""What `ragkit doctor` looks at: one function a check, each ending in a sentence."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from ragkit.cli.session import Rag, Session
from ragkit.cli.terminal import one_line
from ragkit_ingest.errors import NoIndexError, RagkitError

LOW_DISK_BYTES = 1_000_000_000
NO_DISK_BYTES = 100_000_000
LEAST_COSINE = 0.999
_SENDERS = ("openvino_telemetry", "posthog")
_SAMPLES = (
    "The notice period is three months to the end of a quarter.",
    "tea",
    "Code: E05; Meaning: No connection to the hub for 24 hours; What to do: pair again",
    "Über die Kündigungsfrist steht nichts im Vertrag.",
    "Descale the kettle every 60 days with citric acid, never with vinegar. " * 8,
)


class Outcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What, in a word or two.
        outcome: How it ended.
        detail: One sentence; for a warning or a failure it says what to do.
    """

    name: str
    outcome: Outcome
    detail: str

    def to_json(self) -> dict[str, object]:
        """Return the check in the shape of `ragkit doctor --json`."""
        return {"name": self.name, "outcome": self.outcome.value, "detail": self.detail}


def all_checks(
    session: Session, *, generator: str | None = None, generator_url: str | None = None
) -> Iterator[Check]:
    """Yield every check in order; none of them raises, and none leaves anything behind."""
    folder = Path(session.index)
    checks: list[tuple[str, Callable[[], Check]]] = [
        ("Python", check_python),
        ("packages", check_packages),
        ("SQLite", check_sqlite),
        ("processor", check_processor),
        ("embedder", lambda: check_embedder(session)),
        ("generator", lambda: check_generator(session, generator, generator_url)),
        ("vector store", check_store),
        ("telemetry", check_telemetry),
        ("index", lambda: check_index(session)),
        ("writable", lambda: check_writable(folder)),
        ("disk", lambda: check_disk(folder)),
    ]
    for name, check in checks:
        try:
            yield check()
        except Exception as exc:  # noqa: BLE001  (whatever is broken, the other checks go on)
            kind = "" if isinstance(exc, RagkitError) else f"{type(exc).__name__}: "
            yield _check(name, Outcome.FAIL, f"{kind}{one_line(str(exc))}")


def check_python() -> Check:
    """Check that Python is new enough."""
    detail = f"{platform.python_version()} at {sys.executable}, {platform.system()}"
    if sys.version_info < (3, 11):  # noqa: UP036  (a wheel can be forced onto an older one)
        return _check("Python", Outcome.FAIL, f"{detail}; ragkit needs 3.11 or newer")
    return _check("Python", Outcome.OK, detail)


def check_packages() -> Check:
    """Check that every package that ragkit needs is installed, in a version that it accepts."""
    try:
        requirements = metadata.requires("ragkit") or []
    except metadata.PackageNotFoundError:
        detail = "ragkit runs from a source tree that is not installed; run: pip install -e ."
        return _check("packages", Outcome.WARN, detail)
    core = [line for line in requirements if "extra ==" not in line]
    found, wrong = [], []
    for line in core:
        name = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        found.append(f"{name} {version}")
        if not _is_accepted(line, version):
            wrong.append(f"{name} is {version}, but ragkit needs {line}")
    if wrong:
        return _check("packages", Outcome.FAIL, "; ".join(wrong) + "; run: pip install ragkit")
    return _check("packages", Outcome.OK, ", ".join(found))


def check_sqlite() -> Check:
    """Check that SQLite has the full-text index that lexical search stands on."""
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute("CREATE VIRTUAL TABLE probe USING fts5(text)")
        except sqlite3.OperationalError:
            detail = f"{sqlite3.sqlite_version} lacks FTS5; use a Python whose SQLite has it"
            return _check("SQLite", Outcome.FAIL, detail)
    return _check("SQLite", Outcome.OK, f"{sqlite3.sqlite_version} with FTS5")


def check_processor() -> Check:
    """Tell which of the processor's features matter for the speed of embedding."""
    flags = _processor_flags()
    useful = [flag for flag in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if flag in flags]
    detail = f"{platform.machine() or 'unknown'}, {os.cpu_count() or 1} cores"
    if useful:
        detail += ", " + ", ".join(useful)
    return _check("processor", Outcome.OK, detail)


def check_embedder(session: Session) -> Check:
    """Check that the embedder in use answers, and what the packaged one computes here."""
    from ragkit_ingest.embed.minilm import MiniLM
    from ragkit_ingest.embed.protocol import HasPrecision

    with session.open() as rag:
        embedder = rag.embedder
        vectors = embedder.embed_documents(_SAMPLES)  # the packaged weights' hash is checked first
        fingerprint = embedder.fingerprint
        detail = f"{fingerprint.name}, {fingerprint.dimension} dimensions"
        if isinstance(embedder, HasPrecision):
            detail += f", {embedder.precision}"
    if not isinstance(embedder, MiniLM):
        reads = f", reads {fingerprint.max_tokens} tokens, pooling {fingerprint.pooling}"
        return _check("embedder", Outcome.OK, detail + reads)
    detail += f", weights verified (SHA-256 {fingerprint.weights_sha256[:16]}...)"
    if embedder.precision == "f32":
        return _check("embedder", Outcome.OK, detail)
    exact = MiniLM(precision="f32").embed_documents(_SAMPLES)
    cosine = float((vectors * exact).sum(axis=1).min())
    detail += f", lowest cosine to f32 of {len(_SAMPLES)} texts {cosine:.5f}"
    if cosine < LEAST_COSINE:
        detail += f"; at least {LEAST_COSINE} was expected, so do not trust this processor"
        return _check("embedder", Outcome.FAIL, detail)
    return _check("embedder", Outcome.OK, detail)


def check_generator(session: Session, generator: str | None, url: str | None) -> Check:
    """Check that the generator in use writes, and tell where questions and passages are sent."""
    from ragkit.generate.chat import ChatGenerator, HasDestination
    from ragkit.generate.model import Message, written

    with session.open(generator=generator, generator_url=url) as rag:
        chosen = rag.generator
        if not isinstance(chosen, ChatGenerator):
            detail = f"{chosen.name}; questions and passages stay on this machine"
            return _check("generator", Outcome.OK, detail)
        model = chosen.model
        if isinstance(model, HasDestination):
            place = f"questions and passages are sent to {model.destination}"
        else:
            place = "it runs in this process"
        try:
            said = written(model, [Message(role="user", content="Say hello.")], max_tokens=16)
        except RagkitError as exc:
            return _check("generator", Outcome.FAIL, f"{place}; {one_line(str(exc))}")
    detail = f"{chosen.name}, prompt {chosen.prompt_version}; {place}"
    if not said.strip():
        return _check("generator", Outcome.WARN, f"{detail}; it answers, but wrote no text")
    return _check("generator", Outcome.OK, f"{detail}; it answers")


def check_store() -> Check:
    """Check that the vector store writes vectors and finds them again."""
    import numpy as np

    from ragkit_ingest.store.chroma import ChromaStore

    store, vectors = ChromaStore(), np.eye(4, dtype=np.float32)
    with tempfile.TemporaryDirectory(prefix="ragkit-doctor-") as temporary:
        folder = Path(temporary) / "store"
        count = store.build(folder, [(range(1, 5), vectors)], dimension=4)
        searcher = store.open(folder)
        nearest = searcher.query(vectors[2], 1)
        searcher.close()
    if count != 4 or [found for found, _ in nearest] != [3]:
        return _check("vector store", Outcome.FAIL, f"{store.name} did not find what it stored")
    version = metadata.version("chromadb")
    return _check("vector store", Outcome.OK, f"{store.name} {version} stores and finds vectors")


def check_telemetry() -> Check:
    """Check, after the embedder and the store have run, that nothing that reports was loaded."""
    loaded = [name for name in _SENDERS if sys.modules.get(name) is not None]
    if loaded:
        detail = f"{', '.join(loaded)} is loaded, and could report usage; please report this"
        return _check("telemetry", Outcome.FAIL, detail)
    return _check("telemetry", Outcome.OK, "off; no module that reports usage is loaded")


def check_index(session: Session) -> Check:
    """Check that the index, if there is one, opens and has no failed files."""
    try:
        with session.open() as rag:
            status = rag.status()
            changed = _changed_model(rag)
    except NoIndexError:
        detail = f"none at {session.index} yet; run: ragkit ingest FOLDER"
        return _check("index", Outcome.OK, detail)
    failed = sum(document.state in ("failed", "stale") for document in status.documents)
    detail = (
        f"{status.index}: {len(status.documents)} documents, {status.chunks} chunks, "
        f"generation {status.generation}, {status.embedder or 'no embedder yet'}"
    )
    if changed:
        return _check("index", Outcome.FAIL, f"{detail}; {changed}")
    if failed:
        detail += f"; {failed} files failed: ragkit status says why"
        return _check("index", Outcome.WARN, detail)
    return _check("index", Outcome.OK, detail)


def _changed_model(rag: Rag) -> str:
    """Return why the embedder is not the one that made the index, though it is called so."""
    from ragkit.pipeline import Pipeline
    from ragkit_ingest.golden import LEAST_COSINE, changed, golden_vectors, lowest_cosine
    from ragkit_ingest.reembed import spaces

    live = spaces(rag.folder)[0] if isinstance(rag, Pipeline) else None
    if live is None or not len(live.golden):
        return ""
    cosine = lowest_cosine(live, golden_vectors(rag.embedder))
    return changed(live, cosine) if cosine < LEAST_COSINE else ""


def check_writable(folder: Path) -> Check:
    """Check that a file can be made where the index is or would be."""
    place = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=place) as probe:
            probe.write(b"ragkit")
    except OSError as exc:
        detail = f"{place} cannot be written to ({exc.strerror}); searching works, ingest does not"
        return _check("writable", Outcome.FAIL, detail)
    return _check("writable", Outcome.OK, str(place.resolve()))


def check_disk(folder: Path) -> Check:
    """Check that there is room for the index to grow."""
    free = shutil.disk_usage(_existing(folder)).free
    detail = f"{free / 1e9:.1f} GB free"
    if free < NO_DISK_BYTES:
        return _check("disk", Outcome.FAIL, f"{detail}; make room before the next ingest")
    if free < LOW_DISK_BYTES:
        return _check("disk", Outcome.WARN, f"{detail}; a large ingest may not fit")
    return _check("disk", Outcome.OK, detail)


def _check(name: str, outcome: Outcome, detail: str) -> Check:
    return Check(name=name, outcome=outcome, detail=detail)


def _existing(folder: Path) -> Path:
    absolute = folder.absolute()
    return next((place for place in (absolute, *absolute.parents) if place.is_dir()), Path.cwd())


def _is_accepted(requirement: str, version: str) -> bool:
    if importlib.util.find_spec("packaging") is None:
        return True
    from packaging.requirements import Requirement

    return Requirement(requirement).specifier.contains(version, prereleases=True)


def _processor_flags() -> frozenset[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    match = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return frozenset(match[1].split()) if match else frozenset()
