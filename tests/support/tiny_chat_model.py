"""A tiny Llama-shaped chat model with random weights, its tokenizer, and a LoRA adapter for it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
SPECIAL = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]


def save(
    folder: Path,
    *,
    template: str | None = TEMPLATE,
    context: int = 2048,
    answer: Sequence[str] = (),
    endless: bool = False,
    texts: Sequence[str] = (),
) -> Path:
    """Save a model of two layers that reads bytes, or pieces of words; return its folder.

    Args:
        folder: Where.
        template: The chat template; None for none.
        context: Most tokens.
        answer: What it says to everything, in tokens that all differ; with none it babbles.
        endless: Whether it says it over and over.
        texts: What to learn pieces of words from; with none it reads bytes.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = byte_tokenizer(template, answer, texts)
    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=context,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
    )
    model = LlamaForCausalLM(config)
    if answer:
        chain = [tokenizer.convert_tokens_to_ids(token) for token in answer]
        last = chain[0] if endless else tokenizer.eos_token_id
        start = tokenizer.convert_tokens_to_ids("<|assistant|>")
        recite(model, [start, *chain], [*chain, last])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def recite(model: Any, tokens: Sequence[int], following: Sequence[int]) -> None:
    """Set the weights so that each of the tokens is followed by the one given for it."""
    import torch

    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.zero_()
        model.lm_head.weight.zero_()
        for place, (token, after) in enumerate(zip(tokens, following, strict=True)):
            model.model.embed_tokens.weight[token, place] = 1.0
            model.lm_head.weight[after, place] += 10.0


def byte_tokenizer(
    template: str | None = TEMPLATE, words: Sequence[str] = (), texts: Sequence[str] = ()
) -> Any:
    """Return a tokenizer of bytes or learnt pieces, special tokens for the template, and words."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {char: number for number, char in enumerate(alphabet)}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    if texts:
        inner.train_from_iterator(
            texts,
            trainers.BpeTrainer(vocab_size=1500, initial_alphabet=alphabet, show_progress=False),
        )
    inner.add_special_tokens(SPECIAL)
    inner.add_tokens([AddedToken(word, normalized=False) for word in words])
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=inner,
        eos_token="<|end|>",
        additional_special_tokens=SPECIAL[:-1],
        chat_template=template,
        clean_up_tokenization_spaces=False,
    )


def save_adapter(folder: Path, model: Path) -> Path:
    """Save a LoRA adapter that moves the model's output; return its folder."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(str(model))
    settings = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    torch.manual_seed(7)
    with warnings.catch_warnings():  # peft asks transformers by a deprecated name
        warnings.simplefilter("ignore", FutureWarning)
        adapted = get_peft_model(base, settings)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_" in name:
                weight.normal_(std=2.0)
    adapted.save_pretrained(str(folder))
    return folder
