"""Models of sentence-transformers, with stand-ins of random weights made here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")

from ragkit_ingest.embed.sentence_transformer import SentenceTransformerEmbedder
from ragkit_ingest.errors import EmbedderError
from tests.support import tiny_model
from tests.support.tiny_model import BGE_PROMPT, write


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny_model.save(folder / "bert")
    tiny_model.save(folder / "mpnet", kind="mpnet", max_tokens=None)
    tiny_model.save(folder / "bge", pooling="cls", prompts={"query": BGE_PROMPT})
    return folder


@pytest.fixture
def copied(models: Path, tmp_path: Path) -> Path:
    """A copy of the bert stand-in that may be altered."""
    return Path(shutil.copytree(models / "bert", tmp_path / "copy"))


@pytest.mark.parametrize("name", ["bert", "mpnet", "bge"])
def test_vectors_are_those_of_sentence_transformers(models: Path, name: str) -> None:
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(str(models / name), device="cpu", local_files_only=True)
    embedder = SentenceTransformerEmbedder(str(models / name), device="cpu")
    texts = ["The urn leaks.", "tea", "A new seal was fitted on Friday, they say."]
    np.testing.assert_allclose(
        embedder.embed_documents(texts),
        plain.encode_document(texts, normalize_embeddings=True),
        atol=1e-5,
    )
    np.testing.assert_allclose(
        embedder.embed_query("tea?"),
        plain.encode_query("tea?", normalize_embeddings=True),
        atol=1e-5,
    )


def test_the_fingerprint_says_how_the_model_is_made(models: Path) -> None:
    bert = SentenceTransformerEmbedder(str(models / "bert")).fingerprint
    mpnet = SentenceTransformerEmbedder(str(models / "mpnet")).fingerprint
    bge = SentenceTransformerEmbedder(str(models / "bge")).fingerprint
    assert (bert.name, bert.dimension, bert.max_tokens) == ("bert", 32, 64)
    assert (bert.pooling, bert.query_prefix, bert.document_prefix) == ("mean", "", "")
    assert mpnet.max_tokens == 128  # of its tokenizer, for its configuration says nothing
    assert (bge.pooling, bge.query_prefix, bge.document_prefix) == ("cls", BGE_PROMPT, "")
    assert len({one.weights_sha256 for one in (bert, mpnet, bge)}) == 3


def test_the_fingerprint_loads_no_weights(models: Path) -> None:
    embedder = SentenceTransformerEmbedder(str(models / "bge"))
    assert embedder.fingerprint.dimension == 32
    assert "_loaded" not in vars(embedder)


def test_a_moved_folder_is_the_same_space(models: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(models / "bge", tmp_path / "elsewhere" / "bge"))
    here = SentenceTransformerEmbedder(str(models / "bge")).fingerprint
    assert SentenceTransformerEmbedder(str(moved)).fingerprint == here


@pytest.mark.parametrize(
    ("file", "value"),
    [
        ("sentence_bert_config.json", {"max_seq_length": 32}),
        ("1_Pooling/config.json", {"embedding_dimension": 32, "pooling_mode": "cls"}),
        ("config_sentence_transformers.json", {"prompts": {"passage": "passage: "}}),
    ],
)
def test_whatever_moves_a_vector_changes_the_fingerprint(
    copied: Path, file: str, value: object
) -> None:
    before = SentenceTransformerEmbedder(str(copied)).fingerprint
    write(copied / file, value)
    after = SentenceTransformerEmbedder(str(copied)).fingerprint
    assert after.digest != before.digest
    changed = {"max_tokens", "pooling", "document_prefix", "weights_sha256"}
    assert {n for n in changed if getattr(after, n) != getattr(before, n)} - {"weights_sha256"}


def test_a_flipped_bit_of_the_weights_changes_the_fingerprint(copied: Path) -> None:
    before = SentenceTransformerEmbedder(str(copied)).fingerprint
    weights = copied / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    assert SentenceTransformerEmbedder(str(copied)).fingerprint.digest != before.digest


def test_prompts_are_put_before_and_can_be_given(models: Path) -> None:
    own = SentenceTransformerEmbedder(str(models / "bge"))
    none = SentenceTransformerEmbedder(str(models / "bge"), query_prefix="")
    assert none.fingerprint.digest != own.fingerprint.digest
    np.testing.assert_allclose(none.embed_query("tea"), own.embed_documents(["tea"])[0], atol=1e-5)
    np.testing.assert_allclose(
        own.embed_query("tea"), none.embed_documents([f"{BGE_PROMPT}tea"])[0], atol=1e-5
    )
    given = SentenceTransformerEmbedder(str(models / "bge"), document_prefix="passage: ")
    np.testing.assert_allclose(
        given.embed_documents(["tea"]), own.embed_documents(["passage: tea"]), atol=1e-5
    )


def test_the_default_prompt_is_used_for_both(copied: Path) -> None:
    value = {"prompts": {"all": "text: "}, "default_prompt_name": "all"}
    write(copied / "config_sentence_transformers.json", value)
    fingerprint = SentenceTransformerEmbedder(str(copied)).fingerprint
    assert (fingerprint.query_prefix, fingerprint.document_prefix) == ("text: ", "text: ")


def test_precision_names_the_device(models: Path) -> None:
    embedder = SentenceTransformerEmbedder(str(models / "bert"), device="cpu")
    assert embedder.precision == "f32 on cpu"


# -- refusals --------------------------------------------------------------------------------


def test_pickled_weights_are_refused(copied: Path) -> None:
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    with pytest.raises(EmbedderError, match=r"only pytorch_model.bin; only safetensors"):
        _ = SentenceTransformerEmbedder(str(copied)).fingerprint


def test_pickled_weights_of_a_later_module_are_refused(copied: Path) -> None:
    (copied / "2_Normalize" / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    with pytest.raises(EmbedderError, match="only safetensors"):
        _ = SentenceTransformerEmbedder(str(copied)).fingerprint


def test_a_folder_without_weights_is_refused(copied: Path) -> None:
    (copied / "model.safetensors").unlink()
    with pytest.raises(EmbedderError, match="no weights"):
        _ = SentenceTransformerEmbedder(str(copied)).fingerprint


@pytest.mark.parametrize("kind", ["os.system", "custom.Transformer", ""])
def test_foreign_code_is_refused(copied: Path, kind: str) -> None:
    modules = json.loads((copied / "modules.json").read_text())
    modules[1]["type"] = kind
    write(copied / "modules.json", modules)
    with pytest.raises(EmbedderError, match="code that comes with a model is not run"):
        _ = SentenceTransformerEmbedder(str(copied)).fingerprint


def test_a_choice_of_encoders_is_refused(copied: Path) -> None:
    modules = json.loads((copied / "modules.json").read_text())
    modules[0]["type"] = "sentence_transformers.models.Router"
    write(copied / "modules.json", modules)
    with pytest.raises(EmbedderError, match="several encoders"):
        _ = SentenceTransformerEmbedder(str(copied)).fingerprint


def test_loading_prints_nothing(models: Path, capfd: pytest.CaptureFixture[str]) -> None:
    SentenceTransformerEmbedder(str(models / "bert")).embed_query("tea")
    assert capfd.readouterr() == ("", "")


def test_a_module_outside_of_the_folder_is_refused(copied: Path) -> None:
    modules = json.loads((copied / "modules.json").read_text())
    modules[1]["path"] = "../elsewhere"
    write(copied / "modules.json", modules)
    with pytest.raises(EmbedderError, match="outside of its folder"):
        _ = SentenceTransformerEmbedder(str(copied)).fingerprint


@pytest.mark.parametrize("content", ["{", "3", "\x00"])
def test_broken_configuration_is_a_sentence(copied: Path, content: str) -> None:
    (copied / "modules.json").write_text(content)
    with pytest.raises(EmbedderError, match=r"modules\.json"):
        _ = SentenceTransformerEmbedder(str(copied)).fingerprint


def test_cut_weights_are_a_sentence(copied: Path) -> None:
    weights = copied / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(EmbedderError, match="cannot be loaded"):
        SentenceTransformerEmbedder(str(copied)).embed_query("tea")


def test_weights_that_are_not_finite_are_refused(copied: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(copied / "model.safetensors")
    name = next(name for name in weights if name.endswith("LayerNorm.weight"))
    weights[name] = np.full_like(weights[name], np.nan)
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EmbedderError, match="not finite"):
        SentenceTransformerEmbedder(str(copied)).embed_query("tea")


def test_a_dimension_that_is_not_so_is_refused(copied: Path) -> None:
    write(copied / "1_Pooling" / "config.json", {"word_embedding_dimension": 16})
    with pytest.raises(EmbedderError, match=r"32|16"):
        SentenceTransformerEmbedder(str(copied)).embed_query("tea")


@pytest.mark.parametrize("source", ["/no/such/folder", "./none", "~/none", "a/b/c", "", ".."])
def test_a_path_that_is_not_there_is_not_looked_for_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EmbedderError, match=r"there is no model folder|holds no sentence"):
        _ = SentenceTransformerEmbedder(source).fingerprint


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match="holds no sentence-transformers model"):
        _ = SentenceTransformerEmbedder(str(tmp_path)).fingerprint


def test_a_hub_name_reads_the_cache_first(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    def download(**options: object) -> str:
        asked.append(options)
        return str(models / "bge")

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    embedder = SentenceTransformerEmbedder("BAAI/bge-tiny")
    assert embedder.fingerprint.name == "BAAI/bge-tiny"
    assert [(one["repo_id"], one["local_files_only"]) for one in asked] == [("BAAI/bge-tiny", True)]
    assert SentenceTransformerEmbedder("tiny").fingerprint.dimension == 32
    assert asked[-1]["repo_id"] == "sentence-transformers/tiny"


def test_a_hub_that_cannot_be_reached_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    def download(**options: object) -> str:
        if options.get("local_files_only"):
            raise LocalEntryNotFoundError("not cached")
        raise ConnectionError("no network")

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    with pytest.raises(EmbedderError, match=r"cannot be had from the hub .*no network"):
        _ = SentenceTransformerEmbedder("BAAI/bge-tiny").fingerprint
