"""The folder of a base model that can be trained."""

from __future__ import annotations

from pathlib import Path

from ragkit_ingest.embed.packaged import WEIGHTS_SHA256, packaged_model, read_checked
from ragkit_ingest.embed.selection import PACKAGED
from ragkit_ingest.embed.sentence_transformer import SentenceTransformerEmbedder
from ragkit_ingest.errors import UsageError


def base_folder(name: str) -> Path:
    """Return the folder of an embedder, by its name.

    Raises:
        UsageError: If it is no model in a folder.
        EmbedderError: If the folder holds no model, or weights that are not safetensors.
    """
    kind, _, what = name.partition(":")
    if name in ("", PACKAGED):
        files = packaged_model()
        read_checked(files.weights, WEIGHTS_SHA256)
        return files.weights.parent
    folder = Path(what).expanduser()
    if kind != "st" or not folder.is_dir():
        raise UsageError(
            f"the embedder {name} cannot be tuned: only {PACKAGED} and st:PATH, a folder with a "
            "sentence-transformers model, have weights that are at hand; name one with --base"
        )
    _ = SentenceTransformerEmbedder(what).fingerprint  # refuses what is no model, or could run code
    if not (folder / "model.safetensors").is_file():
        raise UsageError(
            f"the model in {folder} has no model.safetensors in its folder, so it cannot be tuned; "
            "save it again with save_pretrained"
        )
    return folder.resolve()
