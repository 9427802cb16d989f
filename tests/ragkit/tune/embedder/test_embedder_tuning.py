"""Pairs are mined, negatives are no answers, training resumes, weights are averaged."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from ragkit.tune.embedder.base import base_folder
from ragkit.tune.embedder.general import PAIRS, general_scores
from ragkit.tune.embedder.mix import mix
from ragkit.tune.embedder.negative import MARGIN, Triplet, triplets
from ragkit.tune.embedder.noise import lowered, mistyped, noisy, shortened
from ragkit.tune.embedder.pair import Pair, kinds, mined
from ragkit.tune.embedder.trainer import EmbedderTraining, train
from ragkit_ingest.embed.sentence_transformer import SentenceTransformerEmbedder
from ragkit_ingest.errors import TuneError, UsageError
from ragkit_ingest.index import Index
from ragkit_ingest.sync import SyncSettings, sync
from tests.support import tiny_model
from tests.support.counting import CountingParsers
from tests.support.folder import Folder
from tests.support.hashing import HashingEmbedder

GUIDE = """# Kettle guide

The Kettle is a vessel that boils water for tea in every office kitchen.

## How often must it be descaled?

Descale the kettle every sixty days with citric acid and rinse it twice with cold water.
Never use vinegar, because it harms the seal within the lid.

## Safety and storage

Keep the cable away from the sink at all times. Store the kettle empty and dry over night.
The guard lid must be closed before the switch is pressed by anybody at all.
"""


@pytest.fixture
def filled(index: Index, docs: Folder) -> Index:
    docs.write("guide.md", GUIDE)
    docs.fill(8)
    sync(index, [docs.path], SyncSettings(), parsers=CountingParsers())
    return index


def test_pairs_of_every_kind_are_mined(filled: Index) -> None:
    pairs = mined(filled)
    assert set(kinds(pairs)) == {"cloze", "definition", "faq", "heading", "keyphrase"}
    by_kind = {pair.kind: pair for pair in reversed(pairs) if "ettle" in pair.passage}
    assert by_kind["faq"].question == "How often must it be descaled?"
    assert "every sixty days" in by_kind["faq"].passage
    assert "How often" not in by_kind["faq"].passage  # else the words alone would do
    assert by_kind["definition"].question == "What is Kettle?"
    assert by_kind["cloze"].question not in by_kind["cloze"].passage
    assert pairs == mined(filled)
    assert pairs != mined(filled, seed=1)


def test_documents_that_are_left_out_give_no_pairs(filled: Index) -> None:
    guide = next(facts.id for facts in filled.facts() if facts.path == "guide.md")
    assert not [pair for pair in mined(filled, without={guide}) if pair.document_id == guide]
    assert mined(filled, without={facts.id for facts in filled.facts()}) == []


def test_negatives_are_surely_less_near_than_the_right_passage(filled: Index) -> None:
    pairs = mined(filled)
    found = triplets(filled, pairs)
    assert found
    embedder = filled.embedder
    for triplet, pair in zip(found, pairs, strict=True):
        assert triplet.negative != triplet.positive
        vector = embedder.embed_query(pair.question)
        right = float((filled.vectors([pair.chunk_id]) @ vector)[0])
        wrong = float(embedder.embed_query(triplet.negative) @ vector)
        near = {id_ for id_, s in filled.dense(vector, 30) if s <= MARGIN * right}
        assert wrong <= MARGIN * right + 1e-5 or not near - {pair.chunk_id}


def test_noise_is_that_of_people() -> None:
    chance = random.Random(1)
    assert lowered("What is TEA?", chance) == "what is tea"
    assert shortened("Please tell me about you", chance) == "pls gimme abt u"
    typed = mistyped("descale kettle", chance)
    assert typed != "descale kettle"
    assert sorted(typed.replace(" ", ""))[:3] == sorted("descalekettle")[:3]
    assert noisy("What is it?", chance, share=0.0) == "What is it?"
    assert noisy("What Is It?", random.Random(2), share=1.0) != "What Is It?"
    assert mistyped("a b", chance) == "a b"


def test_the_general_check_sees_a_model_that_forgot() -> None:
    class Forgetful(HashingEmbedder):
        def embed_documents(self, texts):  # type: ignore[no-untyped-def]
            found = np.random.default_rng(0).standard_normal((len(texts), 8)).astype(np.float32)
            return found / np.linalg.norm(found, axis=1, keepdims=True)

    from ragkit_ingest.embed.minilm import MiniLM

    assert len(PAIRS) == len(set(PAIRS)) == 28
    assert np.mean(general_scores(MiniLM())) > 0.95
    assert np.mean(general_scores(Forgetful())) < 0.5


def test_what_can_be_tuned(tmp_path: Path) -> None:
    assert (base_folder("minilm") / "model.safetensors").is_file()
    for name in ("endpoint:m", "st:nobody/nothing"):
        with pytest.raises(UsageError, match="cannot be tuned"):
            base_folder(name)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    pytest.importorskip("datasets")
    return tiny_model.save(tmp_path / "base")


def examples(count: int) -> list[Triplet]:
    return [
        Triplet(
            question=f"What costs {n} euro?",
            positive=f"The item {n} costs {n} euro.",
            negative=f"The item {n} is red.",
        )
        for n in range(count)
    ]


def test_averaged_weights_lie_between(tmp_path: Path, base: Path) -> None:
    from safetensors.numpy import load_file

    other = tmp_path / "other"
    mix(base, base, other, 1.0)
    weights = load_file(other / "model.safetensors")
    name = "embeddings.word_embeddings.weight"
    changed = {key: value + 1.0 if key == name else value for key, value in weights.items()}
    from safetensors.numpy import save_file

    save_file(changed, other / "model.safetensors", metadata={"format": "pt"})
    half = load_file(mix(base, other, tmp_path / "half", 0.5) / "model.safetensors")
    assert np.allclose(half[name], weights[name] + 0.5)
    same = load_file(mix(base, other, tmp_path / "same", 0.0) / "model.safetensors")
    assert all(np.array_equal(same[key], weights[key]) for key in weights)
    with pytest.raises(UsageError, match=r"between 0 and 1, not 1\.5"):
        mix(base, other, tmp_path / "x", 1.5)
    with pytest.raises(TuneError, match="not of one shape"):
        mix(base, base_folder("minilm"), tmp_path / "x", 0.5)


def test_a_training_keeps_to_its_budget_and_goes_on(tmp_path: Path, base: Path) -> None:
    steps: list[int] = []
    out = tmp_path / "out"

    def settings(**changes: float) -> EmbedderTraining:
        given: dict[str, object] = {
            "base": base, "out": out, "batch_size": 4, "max_steps": 6, "epochs": 4,
            "learning_rate": 1e-3, "minutes": 5.0,
        }  # fmt: skip
        return EmbedderTraining(**(given | changes))  # type: ignore[arg-type]

    short = train(examples(12), settings(minutes=1e-9), lambda done, _: steps.append(done))
    assert (short.steps, short.out_of_time) == (1, True)
    whole = train(examples(12), settings(), lambda done, _: steps.append(done))
    assert (whole.steps, whole.out_of_time, whole.triplets) == (6, False, 12)
    assert steps == [1, 2, 3, 4, 5, 6]  # it went on, and did not begin again
    files = {path.suffix for path in whole.folder.rglob("*") if path.is_file()}
    assert ".safetensors" in files
    assert not files & {".bin", ".pt", ".pkl"}
    tuned = SentenceTransformerEmbedder(str(whole.folder)).fingerprint
    assert tuned.max_tokens == 64  # as the base, whatever was read in training
    again = train(examples(11), settings(), lambda done, _: steps.append(done))
    assert again.steps == 6
    assert steps[6:] == [1, 2, 3, 4, 5, 6]  # other data: from the beginning


def test_too_little_to_train_on_is_said(tmp_path: Path, base: Path) -> None:
    with pytest.raises(TuneError, match="3 pairs are too few for one step of 16"):
        train(examples(3), EmbedderTraining(base=base, out=tmp_path / "out"))
    with pytest.raises(UsageError, match="minutes must be above 0"):
        EmbedderTraining(base=base, out=tmp_path, minutes=0)
    with pytest.raises(UsageError, match="learning_rate must be"):
        EmbedderTraining(base=base, out=tmp_path, learning_rate=0.1)


def test_a_pair_is_what_it_says() -> None:
    pair = Pair(question="q", passage="p", document_id=1, chunk_id=2, kind="faq")
    assert kinds([pair, pair]) == {"faq": 2}
