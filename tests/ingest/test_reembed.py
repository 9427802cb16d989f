"""An index moves to another embedder, and back, and is always that of a fresh start."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from ragkit_ingest.catalog import schema
from ragkit_ingest.catalog.staging import Seen, Staging
from ragkit_ingest.content import content_of
from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.errors import (
    EmbedderError,
    EmbedderMismatchError,
    IndexLockedError,
    NoIndexError,
    StorageError,
    UsageError,
)
from ragkit_ingest.index import Index
from ragkit_ingest.lock import writer_lock
from ragkit_ingest.purge import purge
from ragkit_ingest.records import Block, BlockKind, Document
from ragkit_ingest.reembed import (
    Judge,
    ReembedReport,
    ReembedSettings,
    forget_previous,
    reembed,
    rollback,
    spaces,
)
from ragkit_ingest.split import SplitSettings
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.sync import SyncSettings, sync
from ragkit_ingest.verify import verify
from tests.support.counting import CountingParsers
from tests.support.folder import Folder
from tests.support.hashing import HashingEmbedder
from tests.torture.edition import note
from tests.torture.state import State, observe

WIDE = SplitSettings()
NARROW = SplitSettings(chunk_tokens=64, header_tokens=32)


def first() -> HashingEmbedder:
    return HashingEmbedder()


def alike() -> HashingEmbedder:
    """Return another embedder with the same tokenizer."""
    return HashingEmbedder(name="alike", dimension=32)


def other() -> HashingEmbedder:
    """Return one that reads less, and so cuts otherwise."""
    return HashingEmbedder(name="other", dimension=40, max_tokens=64)


def split_of(embedder: HashingEmbedder) -> SplitSettings:
    return NARROW if embedder.fingerprint.max_tokens < 256 else WIDE


class FailingEmbedder(HashingEmbedder):
    """Answers so many batches, then fails."""

    def __init__(self, batches: int) -> None:
        super().__init__(name="other", dimension=40, max_tokens=64)
        self.left = batches

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if self.left == 0:
            raise EmbedderError("the endpoint is down")
        self.left -= 1
        return super().embed_documents(texts)


class TurnedEmbedder(HashingEmbedder):
    """Has the same fingerprint, and another model behind it."""

    def _vector(self, text: str) -> Vectors:
        turned: Vectors = np.roll(super()._vector(text), 7)
        return turned


class Place:
    """A folder of documents and its index."""

    def __init__(self, root: Path) -> None:
        self.docs = Folder(root / "docs")
        self.folder = root / "index"
        self.root = root
        for number in range(5):
            self.docs.write(f"{number}.md", note(number))
        self.docs.write("twin.md", note(1))
        self.docs.write("broken.docx", b"this is no archive")

    def sync(self, embedder: HashingEmbedder, folder: Path | None = None) -> list[str]:
        parsers = CountingParsers()
        store = ExactStore()
        with closing(
            Index(folder or self.folder, embedder=embedder, store=store, create=True)
        ) as index:
            settings = SyncSettings(split=split_of(embedder), allow_mass_delete=True)
            sync(index, [self.docs.path], settings, parsers=parsers)
        return [name for name in parsers.parsed if name != "broken.docx"]  # tried each time

    def move(
        self, embedder: HashingEmbedder, judge: Judge | None = None, *, swap: bool = True
    ) -> ReembedReport:
        settings = ReembedSettings(split=split_of(embedder), swap=swap)
        return reembed(self.folder, embedder, ExactStore(), settings, judge)

    def back(self, embedder: HashingEmbedder) -> ReembedReport:
        settings = ReembedSettings(split=split_of(embedder))
        return rollback(self.folder, embedder, ExactStore(), settings)

    def state(self, embedder: HashingEmbedder, folder: Path | None = None) -> State:
        return observe(folder or self.folder, embedder, ExactStore())

    def is_like_new(self, embedder: HashingEmbedder) -> None:
        """Assert that the index is one made by this embedder from the folder as it is."""
        fresh = self.root / f"fresh-{random.random()}"
        self.sync(embedder, fresh)
        have, want = self.state(embedder), self.state(embedder, fresh)
        assert have.parts() == want.parts()
        assert have.strays == {}
        with (
            closing(Index(self.folder, embedder=embedder, store=ExactStore())) as one,
            closing(Index(fresh, embedder=embedder, store=ExactStore())) as two,
        ):
            for question in ("what costs 2 euro", "zco of the first edition", "nothing"):
                assert found(one, question) == found(two, question)


def found(index: Index, question: str) -> list[float]:
    """Return what a search gives: the best scores, and the lengths that the chunks are noted with.

    Equal scores are ordered by id, which depends on the history: so not the chunks themselves.
    """
    with index.reader() as reading:
        hits = index.dense(index.embedder.embed_query(question), 10)
        words = index.lexical(question, 10)
        live = [reading.neighbour(id_) for id_ in reading.live_ids()]
    scores = [round(score, 4) for _, score in [*hits, *words]]
    return [*scores, *sorted(one.tokens for one in live if one is not None)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.sync(first())
    return place


@pytest.mark.parametrize("make", [alike, other])
def test_a_moved_index_is_like_a_new_one(place: Place, make: type) -> None:
    embedder = make()
    report = place.move(embedder)
    assert report.swapped
    assert report.former == "hashing"
    assert report.embedded == report.texts == len(set(embedder.embedded))
    assert report.embedded == len(embedder.embedded)  # the twin's texts once
    assert bool(report.resplit) == (make is other)
    place.is_like_new(embedder)
    embedder.embedded.clear()
    assert place.sync(embedder) == []
    assert embedder.embedded == []


def test_a_second_move_to_the_same_embedder_does_nothing(place: Place) -> None:
    place.move(other())
    embedder = other()
    report = place.move(embedder)
    assert report.already
    assert not report.swapped
    assert embedder.embedded == []
    _, previous = spaces(place.folder)
    assert previous is not None
    assert previous.fingerprint.name == "hashing"


def test_a_rollback_embeds_nothing_and_can_be_taken_back(place: Place) -> None:
    before = place.state(first())
    place.move(other())
    moved = place.state(other())
    embedder = first()
    report = place.back(embedder)
    assert (report.embedded, embedder.embedded, report.swapped) == (0, [], True)
    assert place.state(first()).parts() == before.parts()
    embedder = other()
    assert place.back(embedder).embedded == 0
    assert embedder.embedded == []
    assert place.state(other()).parts() == moved.parts()


def test_a_rollback_after_edits_knows_the_documents_as_they_are(place: Place) -> None:
    place.move(other())
    (place.docs.path / "0.md").unlink()
    place.docs.write("1.md", note(1, edition="second"))
    place.docs.write("new.md", note(9))
    (place.docs.path / "2.md").rename(place.docs.path / "moved.md")
    place.sync(other())
    embedder = first()
    report = place.back(embedder)
    assert 0 < report.embedded == len(embedder.embedded)
    assert all("second" in text or "zmo" in text for text in embedder.embedded)
    place.is_like_new(first())
    with closing(Index(place.folder, embedder=first(), store=ExactStore())) as index:
        gone = index.connection.execute(
            "SELECT count(*) FROM chunks WHERE text LIKE '%Note zbo%' OR text LIKE '%zbo %'"
        ).fetchone()
    assert gone == (0,)


def test_without_a_former_space_there_is_no_way_back(place: Place) -> None:
    with pytest.raises(UsageError, match=r"keeps no vectors of a former embedder"):
        place.back(first())
    place.move(alike())
    with pytest.raises(EmbedderMismatchError, match=r"made by hashing .* but other .* is there"):
        place.back(other())
    with pytest.raises(EmbedderMismatchError, match="ragkit reembed"):
        place.state(first())


def test_an_embedder_that_fails_half_way_is_taken_up_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit_ingest.reembed._EMBED_AT_ONCE", 4)
    before = place.state(first())
    with pytest.raises(EmbedderError, match=r"is down; 8 of \d+ texts are .*kept, and hashing"):
        place.move(FailingEmbedder(2))
    assert place.state(first()).parts() == before.parts()
    with closing(Index(place.folder, embedder=first(), store=ExactStore())) as index:
        roles = {space.role: space for space in index.status().spaces}
    assert (roles["live"].embedder, roles["pending"].embedder) == ("hashing", "other")
    assert roles["pending"].vectors == 8 < roles["pending"].texts
    embedder = other()
    report = place.move(embedder)
    assert report.embedded == report.texts - 8 == len(embedder.embedded)
    place.is_like_new(other())


class FullStore(ExactStore):
    def build(self, *_: object, **__: object) -> int:
        raise StorageError("the disk is full")


def test_a_full_disk_leaves_the_index_as_it_was(place: Place) -> None:
    before = place.state(first())
    with pytest.raises(StorageError, match="the disk is full"):
        reembed(place.folder, other(), FullStore(), ReembedSettings(split=NARROW))
    assert place.state(first()).parts() == before.parts()
    embedder = other()
    assert place.move(embedder).embedded == 0
    assert embedder.embedded == []


def test_the_judge_sees_the_index_as_it_would_be_and_nobody_else_does(place: Place) -> None:
    before = place.state(first())
    seen = []

    def judge(index: Index) -> bool:
        seen.append((index.embedder.fingerprint.name, found(index, "what costs 2 euro")))
        assert place.state(first()).parts() == before.parts()
        return False

    report = place.move(other(), judge)
    assert not report.swapped
    after = place.state(first())
    assert after.parts() == before.parts()
    assert after.strays == {}
    assert place.move(other(), lambda _: True).swapped
    with closing(Index(place.folder, embedder=other(), store=ExactStore())) as index:
        assert seen == [("other", found(index, "what costs 2 euro"))]


def test_a_judge_that_fails_changes_nothing(place: Place) -> None:
    before = place.state(first())

    def judge(index: Index) -> bool:
        raise EmbedderError("no answer")

    with pytest.raises(EmbedderError, match="no answer"):
        place.move(other(), judge)
    assert place.state(first()).parts() == before.parts()
    assert place.move(other()).embedded == 0


def test_a_space_that_is_not_taken_follows_the_documents(place: Place) -> None:
    assert not place.move(other(), swap=False).swapped
    place.docs.write("1.md", note(1, edition="second"))
    (place.docs.path / "0.md").unlink()
    place.sync(first())
    place.is_like_new(first())
    embedder = other()
    report = place.move(embedder)
    assert report.swapped
    assert all("second" in text for text in embedder.embedded)
    place.is_like_new(other())


def test_what_an_interrupted_ingest_staged_is_read_again(place: Place) -> None:
    place.docs.write("1.md", note(1, edition="second"))
    with closing(schema.open_existing(place.folder)) as connection:
        row = next(r for r in Staging(connection).files() if r.name == "1.md")
        seen = Seen(
            root_id=row.root_id, name="1.md", path="1.md", size=1, mtime_ns=1, sha256="x",
            recipe=row.parser,
        )  # fmt: skip
        text = "Half of it."
        document = Document(
            text=text,
            format="markdown",
            title="Half",
            blocks=(Block(kind=BlockKind.PARAGRAPH, start=0, end=len(text)),),
        )
        Staging(connection).stage(seen, content_of(document, "", first().count_tokens, WIDE))
    place.move(other())
    with closing(Index(place.folder, embedder=other(), store=ExactStore())) as index:
        assert "first edition" in index.show("1.md").text
    assert place.sync(other()) == ["1.md"]
    place.is_like_new(other())


def test_a_third_embedder_takes_the_place_of_the_first(place: Place) -> None:
    place.move(other())
    place.move(alike())
    with closing(Index(place.folder, embedder=alike(), store=ExactStore())) as index:
        spaces = index.status().spaces
        kept = index.connection.execute("SELECT count(*) FROM spaces").fetchone()
    assert [(s.role, s.embedder) for s in spaces] == [("live", "alike"), ("previous", "other")]
    assert kept == (2,)
    place.is_like_new(alike())


def test_forgetting_leaves_one_space(place: Place) -> None:
    place.move(other())
    assert forget_previous(place.folder) > 0
    with closing(Index(place.folder, embedder=other(), store=ExactStore())) as index:
        assert [space.role for space in index.status().spaces] == ["live"]
        asides = index.connection.execute(
            "SELECT count(*) FROM revisions WHERE state != 'live'"
        ).fetchone()
        purge(index)
    assert asides == (0,)
    place.is_like_new(other())
    with pytest.raises(UsageError, match="nothing to roll back to"):
        place.back(first())


def test_a_model_that_changed_behind_its_name_is_noticed(place: Place) -> None:
    turned = TurnedEmbedder()
    place.sync(turned)  # nothing to embed, nothing to compare
    place.docs.write("new.md", note(9))
    with pytest.raises(EmbedderMismatchError, match=r"does not answer as it did .*cosine"):
        place.sync(turned)
    report = place.move(turned)
    assert report.swapped
    assert report.embedded == report.texts
    place.sync(turned)
    place.is_like_new(turned)
    assert place.move(TurnedEmbedder()).already


def test_damage_to_what_is_kept_is_mended(place: Place) -> None:
    place.move(other())
    with closing(schema.open_existing(place.folder)) as connection:
        for table in ("vectors", "chunks"):
            sql = connection.execute(
                "SELECT sql FROM sqlite_schema WHERE name = ?", (f"{table}_updated",)
            ).fetchone()[0]
            connection.execute(f"DROP TRIGGER {table}_updated")
            if table == "vectors":
                connection.execute(
                    "UPDATE vectors SET vector = zeroblob(192) WHERE space_id = 1"
                    " AND text_key = (SELECT min(text_key) FROM vectors WHERE space_id = 1)"
                )
            else:
                connection.execute(
                    "UPDATE chunks SET text = 'altered' WHERE id = (SELECT min(id) FROM chunks)"
                )
            connection.execute(sql)
    with closing(Index(place.folder, embedder=other(), store=ExactStore())) as index:
        report = verify(index)
    assert report.sound
    assert report.reembedded == 0
    assert any("as another embedder cuts them" in line for line in report.healed)
    assert any("1 vectors kept of another embedder" in line for line in report.healed)
    embedder = first()
    place.back(embedder)
    assert 1 <= len(embedder.embedded) <= 4  # what was damaged, not all
    place.is_like_new(first())


def test_only_one_writer(place: Place) -> None:
    with writer_lock(place.folder), pytest.raises(IndexLockedError):
        place.move(other())


def test_an_empty_or_absent_index_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path / "none", tmp_path / "empty"):
        if folder.name == "empty":
            schema.create(folder).close()
        with pytest.raises(NoIndexError, match="ragkit ingest"):
            reembed(folder, other(), ExactStore(), ReembedSettings())


@pytest.mark.parametrize("seed", range(4))
def test_after_any_history_the_index_is_like_a_new_one(place: Place, seed: int) -> None:
    chance = random.Random(seed)
    makes = [first, alike, other]
    live = first
    for step in range(7):
        match chance.randrange(4):
            case 0:
                name = f"{chance.randrange(6)}.md"
                place.docs.write(name, note(chance.randrange(9), edition=f"e{step}"))
            case 1:
                files = sorted(place.docs.path.glob("?.md"))
                if len(files) > 2:
                    chance.choice(files).unlink()
            case 2:
                target = chance.choice(makes)
                if place.move(target(), swap=chance.random() < 0.7).swapped:
                    live = target
                continue
            case 3:
                _, previous = spaces(place.folder)
                if previous is not None:
                    live = next(
                        m for m in makes if m().fingerprint.name == previous.fingerprint.name
                    )
                    place.back(live())
                continue
        place.sync(live())
    place.sync(live())
    place.is_like_new(live())
