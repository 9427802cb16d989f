"""Fits the additions of `ragkit/reader.py` and writes `ragkit/reader.safetensors`.

    RAGKIT_DATA=~/ragkit-data python -m bench.fit_reader

Data: see `bench/reader_data.py`. All weights of all-MiniLM-L6-v2 stay as they are; learnt are
low-rank additions to its linear layers and a head, for each pair whether the sentence holds the
answer (binary cross-entropy). Of each question one sentence that answers is taken, some of the
likest that do not, and others by chance. This is done twice, with different shares of the likest,
and the average is written: on companies that are new it is about as good as the better of the two,
or better (Wortsman et al., ICML 2022, average such weights).

What the reader is worth is printed for what it has not learnt from: four of the fictional
companies, the even half of the example questions, and SQuAD's. Takes 40 minutes of one core.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional

from bench.reader_data import POOL, Asked, every_question
from ragkit.reader import FILE, SCALE, Reader, kinds, pair
from ragkit_ingest.embed.bert_graph import MINILM_L6
from ragkit_ingest.embed.packaged import packaged_model

WEIGHTS = Path(__file__).parent.parent / "ragkit" / FILE
LAYERS = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
RANK = 8
RATE = 1e-3
EPOCHS = 3
BATCH = 32
SENTENCES = 4
LIKEST = (2, 4)
"""Of the sentences that do not answer so many are the likest: in the first run, in the second."""
DROPOUT = 0.1
Pair = tuple[list[int], float]


class Linear(nn.Module):
    """A layer that stays as it is, plus a low-rank addition that learns."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.bfloat16())
        self.register_buffer("bias", bias.bfloat16())
        self.low = nn.Parameter(torch.randn(RANK, weight.shape[1]) / math.sqrt(weight.shape[1]))
        self.high = nn.Parameter(torch.zeros(weight.shape[0], RANK))

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output."""
        flat = x.flatten(0, -2)
        as_before = functional.linear(flat, self.weight, self.bias)  # type: ignore[arg-type]
        low, high = functional.linear(flat, self.low), self.high * SCALE
        return torch.addmm(as_before, low, high.T).unflatten(0, x.shape[:-1])


class CrossEncoder(nn.Module):
    """The network of `build_cross_encoder`, to be trained."""

    def __init__(self) -> None:
        super().__init__()
        tensors = load_file(packaged_model().weights)
        self._fixed = {name: torch.from_numpy(value) for name, value in tensors.items()}
        self.layers = nn.ModuleDict(
            {
                _key(name): Linear(self._fixed[f"{name}.weight"], self._fixed[f"{name}.bias"])
                for name in _layer_names()
            }
        )
        self.dense = nn.Linear(MINILM_L6.hidden, MINILM_L6.hidden)
        self.out = nn.Linear(MINILM_L6.hidden, 1)

    def forward(self, ids: Tensor, which: Tensor, mask: Tensor) -> Tensor:
        """Return a logit a pair, shape (batch,)."""
        table, length = self._fixed, ids.shape[1]
        x = table["embeddings.word_embeddings.weight"][ids]
        x = x + table["embeddings.position_embeddings.weight"][:length]
        x = x + table["embeddings.token_type_embeddings.weight"][which]
        x = self._norm(x, "embeddings.LayerNorm")
        bias = (1.0 - mask[:, None, None, :].float()) * -1e4
        for number in range(MINILM_L6.layers):
            x = self._layer(x, bias, f"encoder.layer.{number}.")
        seen = mask[..., None].float()
        mean = (x * seen).sum(1) / seen.sum(1)
        hidden = torch.tanh(self.dense(x[:, 0] + mean))
        logits: Tensor = self.out(functional.dropout(hidden, DROPOUT, self.training))[:, 0]
        return logits

    def _layer(self, x: Tensor, bias: Tensor, name: str) -> Tensor:
        rounded = x.bfloat16()
        query, key, value = (
            self._linear(rounded, f"{name}attention.self.{part}")
            .unflatten(-1, (MINILM_L6.heads, -1))
            .transpose(1, 2)
            for part in ("query", "key", "value")
        )
        # Torch's own attention is several times as slow to go back through short sequences.
        alike = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1]) + bias.to(query.dtype)
        seen = alike.softmax(-1).to(value.dtype) @ value
        merged = self._linear(seen.transpose(1, 2).flatten(2), f"{name}attention.output.dense")
        x = self._norm(self._dropped(merged) + x, f"{name}attention.output.LayerNorm")
        hidden = functional.gelu(self._linear(x, f"{name}intermediate.dense"))
        hidden = self._linear(hidden, f"{name}output.dense")
        return self._norm(self._dropped(hidden) + x, f"{name}output.LayerNorm")

    def _dropped(self, x: Tensor) -> Tensor:
        """Drop the same places of all pieces of a text: chance is slow to come by."""
        kept = functional.dropout(x.new_ones(len(x), 1, x.shape[-1]), DROPOUT, self.training)
        return x * kept

    def _linear(self, x: Tensor, name: str) -> Tensor:
        found: Tensor = self.layers[_key(name)](x)
        return found

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self._fixed[f"{name}.weight"], self._fixed[f"{name}.bias"]
        return functional.layer_norm(x, (MINILM_L6.hidden,), weight, bias, MINILM_L6.layer_norm_eps)

    def adapter(self) -> dict[str, np.ndarray]:
        """Return what was learnt, as `Reader` takes it."""
        found: dict[str, Tensor] = {}
        for name in _layer_names():
            layer = self.layers[_key(name)]
            found |= {f"{name}.A": layer.low, f"{name}.B": layer.high}  # type: ignore[dict-item]
        for name, linear in (("head.dense", self.dense), ("head.out", self.out)):
            found |= {f"{name}.weight": linear.weight, f"{name}.bias": linear.bias}
        return {name: value.detach().numpy().astype(np.float16) for name, value in found.items()}


def main() -> None:
    """Fit, print and write."""
    arguments = _arguments()
    data = Path(os.environ["RAGKIT_DATA"]).expanduser()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        asked = every_question(data, Path(folder))
    taught = [one for one in asked if one.taught]
    save_file(_average([_fitted(taught, likest) for likest in LIKEST]), WEIGHTS)
    reader = Reader(load_file(WEIGHTS))
    unknown = [one for one in asked if not one.taught]
    for kind in dict.fromkeys(one.kind for one in unknown):
        print(_held_out(reader, [one for one in unknown if one.kind == kind], kind))


def _average(adapters: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return additions whose products are the averages of the given ones' products."""
    share = 1.0 / len(adapters)
    found = {}
    for name in adapters[0]:
        each = [adapter[name].astype(np.float32) for adapter in adapters]
        if name.endswith(".A"):
            value = np.concatenate(each, axis=0)
        elif name.endswith(".B"):
            value = np.concatenate(each, axis=1) * share
        else:
            value = np.mean(each, axis=0)
        found[name] = value.astype(np.float16)
    return found


def _fitted(asked: Sequence[Asked], likest: int) -> dict[str, np.ndarray]:
    torch.manual_seed(0)
    network, reader = CrossEncoder(), Reader()
    _learn(network, [b for epoch in range(EPOCHS) for b in _batches(asked, reader, likest, epoch)])
    return network.adapter()


def _learn(network: CrossEncoder, batches: Sequence[Sequence[Pair]]) -> None:
    network.train()
    learning = [value for value in network.parameters() if value.requires_grad]
    optimiser = torch.optim.AdamW(learning, RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, len(batches) + 1, pct_start=0.1)
    losses = list[float]()
    for done, batch in enumerate(batches, 1):
        ids, which, mask = _tensors([pieces for pieces, _ in batch])
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(ids, which, mask).float()
        answers = torch.tensor([answer for _, answer in batch])
        loss = functional.binary_cross_entropy_with_logits(logits, answers)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learning, 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if done % 100 == 0:
            sys.stderr.write(f"step {done} of {len(batches)}, loss {np.mean(losses[-100:]):.3f}\n")


def _batches(asked: Sequence[Asked], reader: Reader, likest: int, epoch: int) -> list[list[Pair]]:
    """Return pairs of similar length, in an order of the epoch's own."""
    chance = random.Random(epoch)  # noqa: S311 - not a secret
    pairs = [found for one in asked for found in _pairs(one, reader, likest, chance)]
    chance.shuffle(pairs)
    batches = []
    for start in range(0, len(pairs), 20 * BATCH):
        near = sorted(pairs[start : start + 20 * BATCH], key=lambda found: len(found[0]))
        batches += [near[place : place + BATCH] for place in range(0, len(near), BATCH)]
    chance.shuffle(batches)
    return batches


def _pairs(asked: Asked, reader: Reader, likest: int, chance: random.Random) -> Iterator[Pair]:
    good = [one for one in asked.sentences if one.answers]
    bad = [one for one in asked.sentences if not one.answers]
    bad.sort(key=lambda one: -one.similarity)
    others = bad[likest:]
    chance.shuffle(others)
    chosen = [*chance.sample(good, min(1, len(good))), *bad[:likest]]
    chosen += others[: SENTENCES - likest]
    question, *told = reader.pieces([asked.question, *(one.text for one in chosen)])
    for one, pieces in zip(chosen, told, strict=True):
        yield pair(question, pieces), float(one.answers)


def _tensors(pairs: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor, Tensor]:
    ids = np.zeros((len(pairs), max(map(len, pairs))), np.int64)
    for row, pieces in enumerate(pairs):
        ids[row, : len(pieces)] = pieces
    mask = (ids > 0).astype(np.int64)
    return torch.from_numpy(ids), torch.from_numpy(kinds(ids) * mask), torch.from_numpy(mask)


def _held_out(reader: Reader, asked: Sequence[Asked], kind: str) -> str:
    best, alike, hits, alike_hits = [], [], [], []
    for one in asked:
        likest = sorted(one.sentences, key=lambda found: -found.similarity)[:POOL]
        scores = reader.scores(one.question, [found.text for found in likest])
        best.append(float(scores.max(initial=-20.0)))
        alike.append(likest[0].similarity if likest else -1.0)
        if any(found.answers for found in likest):
            hits.append(likest[int(scores.argmax())].answers)
            alike_hits.append(likest[0].answers)
    told = f"{kind}: {len(asked)} questions; the best sentence answers {np.mean(hits):.3f}"
    told += f" (by cosine {np.mean(alike_hits):.3f})"
    answerable = [one.answerable for one in asked]
    if len(set(answerable)) == 1:
        return told
    curves = [roc_auc_score(answerable, values) for values in (best, alike)]
    return f"{told}; AUROC of answerable {curves[0]:.3f} (by cosine {curves[1]:.3f})"


def _layer_names() -> list[str]:
    return [f"encoder.layer.{n}.{part}" for n in range(MINILM_L6.layers) for part in LAYERS]


def _key(name: str) -> str:
    return name.replace(".", "/")


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
