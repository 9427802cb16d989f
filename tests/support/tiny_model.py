"""Tiny sentence-transformers models with random weights, in the layouts that real ones have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ragkit_ingest.embed.packaged import packaged_model

BGE_PROMPT = "Represent this sentence for searching relevant passages: "


def save(
    folder: Path,
    *,
    kind: str = "bert",
    pooling: str = "mean",
    prompts: dict[str, str] | None = None,
    max_tokens: int | None = 64,
) -> Path:
    """Save a model of 32 dimensions and one layer; return its folder."""
    import torch
    from transformers import (
        BertConfig,
        BertModel,
        MPNetConfig,
        MPNetModel,
        PreTrainedTokenizerFast,
    )

    torch.manual_seed(len(kind))
    sizes: dict[str, Any] = {
        "vocab_size": 30_527,
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 130,
        "pad_token_id": 0,
    }
    model = BertModel(BertConfig(**sizes)) if kind == "bert" else MPNetModel(MPNetConfig(**sizes))
    model.save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(packaged_model().tokenizer),
        model_max_length=128,
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        unk_token="[UNK]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
    )
    tokenizer.save_pretrained(folder)
    types = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{name}"}
        for i, (path, name) in enumerate(types.items())
    ]
    write(folder / "modules.json", modules)
    (folder / "2_Normalize").mkdir()
    modes = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens"}
    write(
        folder / "1_Pooling" / "config.json",
        {"word_embedding_dimension": 32}
        | {f"pooling_mode_{key}": name == pooling for name, key in modes.items()},
    )
    if max_tokens is not None:
        write(folder / "sentence_bert_config.json", {"max_seq_length": max_tokens})
    write(folder / "config_sentence_transformers.json", {"prompts": prompts or {}})
    return folder


def write(path: Path, value: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
