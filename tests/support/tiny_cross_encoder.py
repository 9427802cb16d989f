"""Cross-encoders of a few hundred weights, made on the spot: one layer, one word a token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = ("kettle", "lamp", "costs", "euro", "notice", "period", "one", "two", "three", "four")
MAX_TOKENS = 48


def make(folder: Path, *, labels: int = 1, head: bool = True) -> Path:
    """Write a model of random weights (always the same) with its tokenizer; return the folder.

    Args:
        folder: Where.
        labels: How many scores it gives a pair.
        head: Whether it can score at all, or only encodes.
    """
    import torch
    import transformers as library
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    transformers: Any = library  # only half of it is typed
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    vocabulary = {name: number for number, name in enumerate(names)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=MAX_TOKENS,
        num_labels=labels,
        initializer_range=1.0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(7)
        kind = transformers.BertForSequenceClassification if head else transformers.BertModel
        model = kind(config)
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder
