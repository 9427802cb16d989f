"""A folder is changed in every way, a process is killed at any step: the index follows.

The model is a dict of what each root holds. Every sync runs in a forked process; what it left
behind is read in another one, opened anew, and compared as sets of texts, spans and vectors with
what the parser, the splitter and the embedder make of the model's texts.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from contextlib import closing
from functools import cache, partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

import ragkit_ingest.generation
import ragkit_ingest.sync
from ragkit_ingest.embed.protocol import Embedder
from ragkit_ingest.failpoint import POINTS
from ragkit_ingest.index import Index
from ragkit_ingest.split import SplitSettings
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.sync import SyncSettings, sync
from tests.support.counting import CountingParsers
from tests.support.folder import Folder, word
from tests.support.hashing import HashingEmbedder
from tests.torture.child import run, value_of
from tests.torture.state import Row, State, observe
from tests.torture.trial import NotingEmbedder, embedded, killed_at, warm

ROOTS = ("one", "two")
NAMES = ("a.md", "b.md", "c.txt", "sub/a.md", "sub/d.md")
SIZES = (64, 256)
SCOPES = [("one",), ("two",), ROOTS]
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
KILLS = [point for point in POINTS if not point.startswith(("verify", "purge", "derive", "create"))]


def text(number: int) -> str:
    """Return one of a few documents, some of several chunks; 0 gives an empty one."""
    if number == 0:
        return ""
    sentence = f"The {word(number)} costs {number} euro. "
    return f"# {word(number)}\n\n" + "\n\n".join([sentence * 4] * (1 + number % 3))


class SyncMachine(RuleBasedStateMachine):
    """Changes two folders and syncs them."""

    files = Bundle("files")

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp(dir=MEMORY))
        self.folders = {root: Folder(self.place / root) for root in ROOTS}
        self.model: dict[str, dict[str, str]] = {root: {} for root in ROOTS}
        self.gone: dict[str, dict[str, str]] = {root: {} for root in ROOTS}
        self.index = self.place / "index"
        self.size = SIZES[0]
        self.synced: dict[tuple[str, str], tuple[str, int]] = {}
        self.interrupted = False

    def teardown(self) -> None:
        shutil.rmtree(self.place)

    # -- changes of the folders --------------------------------------------------------------

    @initialize(target=files)
    def start(self) -> tuple[str, str]:
        self._write("one", "a.md", text(1))
        self._write("two", "a.md", text(2))
        return "one", "a.md"

    @rule(
        target=files,
        root=st.sampled_from(ROOTS),
        name=st.sampled_from(NAMES),
        n=st.integers(0, 6),
    )
    def write(self, root: str, name: str, n: int) -> tuple[str, str]:
        self._write(root, name, text(n))
        return root, name

    @rule(file=files)
    def touch(self, file: tuple[str, str]) -> None:
        root, name = file
        if name in self.model[root]:
            self.folders[root].touch(self.place / root / name)

    @rule(file=files)
    def delete(self, file: tuple[str, str]) -> None:
        root, name = file
        if name in self.model[root]:
            self.gone[root][name] = self.model[root].pop(name)
            (self.place / root / name).unlink()

    @rule(file=files)
    def restore(self, file: tuple[str, str]) -> None:
        root, name = file
        if name in self.gone[root] and name not in self.model[root]:
            self._write(root, name, self.gone[root].pop(name))

    @rule(target=files, file=files, to=st.sampled_from(NAMES))
    def rename(self, file: tuple[str, str], to: str) -> tuple[str, str]:
        root, name = file
        if name in self.model[root] and name != to:
            (self.place / root / to).parent.mkdir(exist_ok=True)
            (self.place / root / name).rename(self.place / root / to)
            self.model[root][to] = self.model[root].pop(name)
        return root, to

    @rule(size=st.sampled_from(SIZES))
    def resize(self, size: int) -> None:
        self.size = size

    def _write(self, root: str, name: str, content: str) -> None:
        self.folders[root].write(name, content)
        self.model[root][name] = content

    # -- syncs -------------------------------------------------------------------------------

    @rule(roots=st.sampled_from(SCOPES))
    def sync(self, roots: tuple[str, ...]) -> None:
        roots = self._scope(roots)
        before = run(self._observe).value
        stored = before.stored if isinstance(before, State) else frozenset()
        ended = run(partial(self._sync, roots))
        if ended.said.startswith("NothingToIngestError"):
            assert not any(self.model[root] for root in roots)
        else:
            assert (ended.said, ended.broke) == ("", "")
            self._note(roots)
        assert not self._embedded() & stored, "embedded again, though the vector was stored"
        self.interrupted = False
        self.check()

    @rule(
        roots=st.sampled_from(SCOPES),
        point=st.sampled_from(KILLS),
        arrival=st.integers(1, 3),
    )
    def crash(self, roots: tuple[str, ...], point: str, arrival: int) -> None:
        roots = self._scope(roots)
        before = run(self._observe).value
        ended = run(killed_at(f"{point}:{arrival}", partial(self._sync, roots)))
        assert ended.said.startswith("NothingToIngestError") or not (ended.said or ended.broke)
        self._embedded()
        if not ended.killed:
            if not ended.said:
                self._note(roots)
                self.interrupted = False
            self.check()
            return
        self.interrupted = True
        after = run(self._observe).value
        if isinstance(after, State):
            old = before.visible() if isinstance(before, State) else None
            if (not after.empty) if old is None else (after.visible() != old):
                self._note(roots)  # it was killed after the publication
        self.check()

    def check(self) -> None:
        """Compare what a new process sees with fresh indexes of the model as last synced."""
        ended = run(self._observe)
        if ended.value is None:
            assert ended.said.startswith("NoIndexError"), ended.said or ended.broke
            assert not self.synced
            return
        assert isinstance(ended.value, State)
        chunks: Counter[Row] = Counter()
        documents: Counter[Row] = Counter()
        for (_, name), (content, size) in self.synced.items():
            alone = fresh(name, content, size)
            chunks.update(_anywhere(alone.chunks))
            documents.update(_anywhere(alone.documents))
        found = ended.value
        assert _anywhere(found.chunks) == chunks
        assert _anywhere(found.documents) == documents
        assert len({row[0] for row in found.documents}) == len(self.synced)
        vectors = Counter((*row[:2], row[-1]) for row in found.chunks.elements())
        assert found.published == vectors
        assert {row[:2] for row in found.words} == {row[:2] for row in found.chunks}
        if not self.interrupted:
            assert not found.strays

    def _scope(self, roots: tuple[str, ...]) -> tuple[str, ...]:
        """Return all roots after a crash: what it had staged would be published with any."""
        return ROOTS if self.interrupted else roots

    def _note(self, roots: tuple[str, ...]) -> None:
        """Take the model as it is for what the index must hold of these roots.

        An empty file counts as failed: what it held when it was last read keeps answering.
        """
        kept = {file: held for file, held in self.synced.items() if file[0] not in roots}
        for root in roots:
            for name, content in self.model[root].items():
                if content:
                    kept[root, name] = (content, self.size)
                elif (root, name) in self.synced:
                    kept[root, name] = self.synced[root, name]
        self.synced = kept

    # -- what children do --------------------------------------------------------------------

    def _observe(self) -> State:
        return observe(self.index, HashingEmbedder(), ExactStore())

    def _sync(self, roots: tuple[str, ...]) -> None:
        embedder = NotingEmbedder(HashingEmbedder(), self.place / "embedded")
        folders = [self.place / root for root in roots]
        _sync(self.index, embedder, folders, self.size)

    def _embedded(self) -> set[bytes]:
        return embedded(self.place / "embedded")


def _sync(folder: Path, embedder: Embedder, paths: list[Path], size: int) -> None:
    ragkit_ingest.sync._EMBED_AT_ONCE = 3  # in a child, for many steps
    ragkit_ingest.generation.SHARD_CHUNKS = 6
    ragkit_ingest.generation.SCANNED_FROM = 0
    index = Index(folder, embedder=embedder, store=ExactStore(), create=True)
    with closing(index):
        options = SyncSettings(
            split=SplitSettings(chunk_tokens=size, header_tokens=16), allow_mass_delete=True
        )
        sync(index, paths, options, parsers=CountingParsers())


@cache
def fresh(name: str, content: str, size: int) -> State:
    """Return the state of a new index of one file."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as place:
        folder = Folder(Path(place) / "docs")
        folder.write(name, content)
        index = Path(place) / "index"
        value_of(partial(_sync, index, HashingEmbedder(), [folder.path], size))
        state = value_of(partial(observe, index, HashingEmbedder(), ExactStore()))
        assert isinstance(state, State)
        return state


def _anywhere(rows: Counter[Row]) -> Counter[Row]:
    """Return the rows with the file's name for its path, which bears the root's label."""
    return Counter((Path(row[0]).name, *row[1:]) for row in rows.elements())


@pytest.fixture(scope="module", autouse=True)
def _warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    warm(tmp_path_factory.mktemp("warm"))


def test_the_index_follows_the_folders_whatever_happens() -> None:
    run_state_machine_as_test(
        SyncMachine,
        settings=settings(
            max_examples=50,
            stateful_step_count=14,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],  # what fails is shown at once; to shrink it takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
def test_the_index_follows_the_folders_for_longer() -> None:
    run_state_machine_as_test(
        SyncMachine,
        settings=settings(
            max_examples=100,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
