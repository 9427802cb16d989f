"""The reader: what it is made of, and that it tells answers from what looks like them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from ragkit.reader import QUESTION_TOKENS, SCALE, SENTENCE_TOKENS, Reader, kinds, merged, pair
from ragkit_ingest.embed.packaged import ModelFiles, packaged_model
from ragkit_ingest.errors import EmbedderError

QUESTION = "How many days of leave do I get a year?"
TEXTS = [
    "Leave: Every employee gets 28 days of paid leave a year.",
    "Leave: The form for leave hangs beside the kitchen door.",
    "Kettles: The spout is cleaned with vinegar.",
]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def test_the_sentence_that_answers_scores_highest(reader: Reader) -> None:
    scores = reader.scores(QUESTION, TEXTS)
    assert scores.shape == (3,)
    assert scores.dtype == np.float32
    assert scores.argmax() == 0
    assert scores[0] > 0 > scores[2]


def test_a_score_depends_on_its_pair_alone(reader: Reader) -> None:
    together = reader.scores(QUESTION, [*TEXTS, "Long: " + "word " * 80])
    apart = [reader.scores(QUESTION, [text])[0] for text in TEXTS]
    assert together[:3].tolist() == apart
    assert reader.scores(QUESTION, TEXTS[::-1]).tolist() == apart[::-1]


def test_nothing_to_read(reader: Reader) -> None:
    assert reader.scores(QUESTION, []).shape == (0,)
    assert np.isfinite(reader.scores("", ["", " "])).all()


def test_what_is_too_long_is_cut(reader: Reader) -> None:
    long = "kettle " * 4000
    assert np.isfinite(reader.scores(long, [long])).all()
    assert len(pair([7] * 1000, [8] * 1000)) == QUESTION_TOKENS + SENTENCE_TOKENS + 3


def test_single_precision_agrees(reader: Reader) -> None:
    exact = Reader(precision="f32").scores(QUESTION, TEXTS)
    assert np.abs(exact - reader.scores(QUESTION, TEXTS)).max() < 0.2


def test_it_is_what_transformers_computes() -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    random = np.random.default_rng(0)
    weights = load_file(packaged_model().weights)
    name = "encoder.layer.3.attention.self.query"
    adapter: dict[str, NDArray[np.floating]] = {
        f"{name}.A": random.normal(size=(8, 384)).astype(np.float32) / 20,
        f"{name}.B": random.normal(size=(384, 8)).astype(np.float32) / 20,
        "head.dense.weight": random.normal(size=(384, 384)).astype(np.float32) / 20,
        "head.dense.bias": random.normal(size=384).astype(np.float32),
        "head.out.weight": random.normal(size=(1, 384)).astype(np.float32),
        "head.out.bias": random.normal(size=1).astype(np.float32),
    }
    reader = Reader(adapter, precision="f32")
    bert = transformers.BertModel(
        transformers.BertConfig(
            hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
        ),
        add_pooling_layer=False,
    ).eval()
    tensors = merged(weights, adapter)
    known = bert.state_dict()
    bert.load_state_dict({key: torch.from_numpy(tensors[key]) for key in known if key in tensors})
    asked, told = reader.pieces([QUESTION]), reader.pieces(TEXTS)
    for text, pieces, found in zip(TEXTS, told, reader.scores(QUESTION, TEXTS), strict=True):
        ids = np.asarray([pair(asked[0], pieces)])
        with torch.no_grad():
            x = bert(torch.from_numpy(ids), token_type_ids=torch.from_numpy(kinds(ids)))[0][0]
        vector = (x[0] + x.mean(0)).numpy()
        hidden = np.tanh(adapter["head.dense.weight"] @ vector + adapter["head.dense.bias"])
        expected = adapter["head.out.weight"][0] @ hidden + adapter["head.out.bias"][0]
        assert found == pytest.approx(expected, abs=2e-3), text


def test_kinds_begin_behind_the_first_end() -> None:
    ids: NDArray[np.int64] = np.asarray([[101, 5, 6, 102, 7, 102], [101, 102, 7, 8, 9, 102]])
    assert kinds(ids).tolist() == [[0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 1, 1]]


def test_additions_are_added() -> None:
    weights = {"x.weight": np.zeros((3, 2), np.float32)}
    low, high = np.asarray([[1.0, 2.0]], np.float16), np.asarray([[1.0], [0.0], [3.0]], np.float16)
    found = merged(weights, {"x.A": low, "x.B": high})
    assert found["x.weight"].tolist() == [[SCALE, 2 * SCALE], [0, 0], [3 * SCALE, 6 * SCALE]]
    assert not weights["x.weight"].any()


def test_it_gives_its_memory_back(reader: Reader) -> None:
    before = reader.scores(QUESTION, TEXTS).tolist()
    reader.release()
    assert not reader._inference.loaded
    assert reader.scores(QUESTION, TEXTS).tolist() == before


def test_it_is_loaded_while_something_else_is_done() -> None:
    reader = Reader()
    reader.prepare()
    reader.prepare()
    expected = Reader().scores(QUESTION, TEXTS)
    assert reader.scores(QUESTION, TEXTS).tolist() == expected.tolist()


def test_what_goes_wrong_on_the_way_is_raised_when_something_is_read(tmp_path: Path) -> None:
    files = packaged_model()
    reader = Reader(files=ModelFiles(weights=tmp_path / "gone", tokenizer=files.tokenizer))
    reader.prepare()
    with pytest.raises(EmbedderError, match="cannot be read"):
        reader.scores(QUESTION, TEXTS)


def test_an_altered_model_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    files = packaged_model()
    folder = tmp_path_factory.mktemp("model")
    altered = folder / "model.safetensors"
    altered.write_bytes(files.weights.read_bytes()[:-1] + b"x")
    reader = Reader(files=ModelFiles(weights=altered, tokenizer=files.tokenizer))
    with pytest.raises(EmbedderError, match="model"):
        reader.scores(QUESTION, TEXTS)
