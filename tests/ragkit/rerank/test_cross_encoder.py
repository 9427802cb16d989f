"""Cross-encoders: from a folder, exactly what sentence-transformers computes, and never code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ragkit.rerank.cross_encoder import CrossEncoderReranker
from ragkit_ingest.errors import ConfigError, RerankerError
from tests.support import tiny_cross_encoder
from tests.support.passage import passage

QUESTION = "kettle costs"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_cross_encoder.make(tmp_path_factory.mktemp("tiny"))


def test_the_scores_are_those_of_the_model(tiny: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    passages = [passage("kettle two"), passage("three", title="Lamp", headings=("Costs", "Lamp"))]
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    model = AutoModelForSequenceClassification.from_pretrained(tiny).eval()
    wanted = [
        model(**tokenizer(QUESTION, text, return_tensors="pt")).logits.item()
        for text in ("kettle two", "Lamp > Costs\nthree")
    ]
    found = CrossEncoderReranker(tiny, device="cpu").scores(QUESTION, passages)
    assert found == pytest.approx(wanted, abs=1e-5)
    assert found[0] != pytest.approx(found[1], abs=1e-3)


def test_scores_are_not_squeezed_into_zero_to_one(tiny: Path) -> None:
    texts = [passage(f"{a} {b}") for a in tiny_cross_encoder.WORDS for b in ("one", "lamp")]
    scores = CrossEncoderReranker(tiny).scores(QUESTION, texts)
    assert not all(0.0 <= score <= 1.0 for score in scores)


def test_what_lies_behind_the_longest_length_is_not_read(tiny: Path) -> None:
    same, other = passage("one two three four " + "lamp"), passage("one two three four " + "euro")
    short = CrossEncoderReranker(tiny, max_length=8).scores(QUESTION, [same, other])
    long = CrossEncoderReranker(tiny).scores(QUESTION, [same, other])
    assert short[0] == pytest.approx(short[1], abs=1e-6)
    assert long[0] != pytest.approx(long[1], abs=1e-4)


def test_more_than_the_model_can_read_is_cut(tiny: Path) -> None:
    endless = passage("lamp " * 3000)
    (score,) = CrossEncoderReranker(tiny, max_length=100_000).scores(QUESTION, [endless])
    assert score == pytest.approx(CrossEncoderReranker(tiny).scores(QUESTION, [endless])[0])


def test_nothing_is_loaded_before_the_first_passage(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom ragkit.pipeline import Pipeline\n"
        "from ragkit.rerank.cross_encoder import CrossEncoderReranker\n"
        f"rag = Pipeline('index', reranker=CrossEncoderReranker({str(tmp_path)!r}))\n"
        "print({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "set()"


def test_loading_says_nothing(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    CrossEncoderReranker(tiny).scores(QUESTION, [passage("lamp")])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "name", ["", "no/such/folder", "./model", "~/no-model", "/nowhere", "a\\b"]
)
def test_a_missing_folder_is_a_wrong_setting(name: str) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        CrossEncoderReranker(name)


def test_a_missing_path_is_never_a_name_on_the_hub() -> None:
    with pytest.raises(ConfigError, match="there is no folder 'org/model'"):
        CrossEncoderReranker(Path("org/model"))


def test_a_length_too_small_for_a_pair_is_refused(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="max_length must be 8 or more, not 7"):
        CrossEncoderReranker(tiny, max_length=7)


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(RerankerError, match="could not be loaded"):
        CrossEncoderReranker(tmp_path).scores(QUESTION, [passage("lamp")])


def test_weights_that_are_not_safetensors_are_refused(tmp_path: Path) -> None:
    folder = tiny_cross_encoder.make(tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(RerankerError, match=r"pytorch_model\.bin, which can run code"):
        CrossEncoderReranker(folder).scores(QUESTION, [passage("lamp")])


def test_cut_weights_are_said(tmp_path: Path) -> None:
    folder = tiny_cross_encoder.make(tmp_path / "model")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(RerankerError, match="could not be loaded"):
        CrossEncoderReranker(folder).scores(QUESTION, [passage("lamp")])


def test_a_model_that_never_learned_to_score_is_refused(tmp_path: Path) -> None:
    folder = tiny_cross_encoder.make(tmp_path / "model", head=False)
    with pytest.raises(RerankerError, match="is not a cross-encoder but BertModel"):
        CrossEncoderReranker(folder).scores(QUESTION, [passage("lamp")])


def test_a_model_of_several_scores_is_refused(tmp_path: Path) -> None:
    folder = tiny_cross_encoder.make(tmp_path / "model", labels=3)
    with pytest.raises(RerankerError, match="gives 3 scores a passage, not one"):
        CrossEncoderReranker(folder).scores(QUESTION, [passage("lamp")])
