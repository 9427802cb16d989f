"""A small causal decoder, made from scratch, trained and asked in this process.

Same seed, device and number of threads: same weights, same answers, bit by bit.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit_eval.demo.lesson import Lesson
from ragkit_eval.demo.shape import Shape
from ragkit_eval.demo.vocabulary import END, PAD, WORDS
from ragkit_ingest.disk import replacing

if TYPE_CHECKING:
    from ragkit_eval.demo.network import Cache

_IGNORED = -100
_ANSWER_TOKENS = 20
_AT_ONCE = 64
_WARMUP = 0.05  # of the steps; then the learning rate falls to a tenth along a cosine
_CLIP = 1.0


class Decoder:
    """A decoder.

    Args:
        shape: Its size.
        seed: Of its first weights.
        device: Such as "cpu" or "cuda".
    """

    def __init__(self, shape: Shape, *, seed: int, device: str = "cpu") -> None:
        import torch

        from ragkit_eval.demo.network import Network

        torch.manual_seed(seed)
        self.device = device
        self._model = Network(shape, len(WORDS)).to(device)

    @property
    def parameters(self) -> int:
        """How many weights it has."""
        return sum(weight.numel() for weight in self._model.parameters())

    def copy(self) -> Decoder:
        """Return a decoder with the same weights, to be tuned by itself."""
        return deepcopy(self)

    def save(self, file: Path, *, key: str, error: float) -> None:
        """Keep the weights in a file; it is whole at every moment, the old one or the new."""
        from safetensors.torch import save

        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as stream:
            stream.write(save(self._model.state_dict(), {"key": key, "error": repr(error)}))

    def load(self, file: Path, *, key: str) -> float | None:
        """Take the weights that `save` kept; return their error, or None if the key is another."""
        from safetensors import SafetensorError, safe_open

        if not file.is_file():
            return None
        try:
            with safe_open(file, framework="pt", device=self.device) as held:
                said = held.metadata() or {}
                if said.get("key") != key:
                    return None
                names = self._model.state_dict()
                self._model.load_state_dict({name: held.get_tensor(name) for name in names})
        except SafetensorError:
            return None
        return float(said["error"])

    def train(
        self,
        batches: Iterable[Sequence[Sequence[Lesson]]],
        *,
        steps: int,
        rate: float,
        read: float = 0.0,
        progress: Callable[[int, int], None] | None = None,
    ) -> float:
        """Learn from batches; every weight moves.

        Args:
            batches: One a step, in parts whose lessons are about equally long; the parts' errors
                are averaged over their replies' words.
            steps: How many batches to take.
            rate: Highest learning rate.
            read: What an error in a prompt's words counts, where one in a reply's counts 1.
            progress: Called with how many steps are done, and how many there are.

        Returns:
            The mean error of the last tenth of the steps, in nats a word of the replies.
        """
        import torch

        optimiser = torch.optim.AdamW(
            self._model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: _share_of_rate(step, steps)
        )
        self._model.train()
        errors: list[float] = []
        for step, parts in zip(range(1, steps + 1), batches, strict=False):
            optimiser.zero_grad(set_to_none=True)
            words = sum(sum(lesson.said) for part in parts for lesson in part)
            error = 0.0
            for part in parts:
                of_replies, of_prompts = self._errors(part)
                (of_replies / words + read * of_prompts / words).backward()
                error += float(of_replies.detach()) / words
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), _CLIP)
            optimiser.step()
            schedule.step()
            errors.append(error)
            if progress is not None:
                progress(step, steps)
        last = errors[-max(1, len(errors) // 10) :]
        return sum(last) / len(last)

    def write(self, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
        """Return the likeliest reply to each prompt, word by word, without the prompt.

        Prompts of one length are read together, so that none is padded.
        """
        import torch

        self._model.eval()
        written: list[list[int]] = [[] for _ in prompts]
        with torch.inference_mode():
            for places in _alike([len(one) for one in prompts]):
                ids = torch.tensor([list(prompts[place]) for place in places], device=self.device)
                for place, row in zip(places, self._continued(ids), strict=True):
                    written[place] = row
        return written

    def _continued(self, ids: Any) -> list[list[int]]:
        """Return what follows each row, until every row has ended."""
        import torch

        cache: Cache = []
        words = []
        ended = torch.zeros(len(ids), dtype=torch.bool, device=self.device)
        for _ in range(_ANSWER_TOKENS):
            ids = self._model(ids, cache)[:, -1].argmax(dim=-1, keepdim=True)
            words.append(ids)
            ended |= ids[:, 0] == END
            if ended.all():
                break
        found: list[list[int]] = torch.cat(words, dim=1).tolist()
        return found

    def _errors(self, lessons: Sequence[Lesson]) -> tuple[Any, Any]:
        """Return the summed errors in the words of the replies, and of the prompts."""
        import torch
        from torch.nn.functional import cross_entropy

        longest = max(len(lesson.ids) for lesson in lessons)
        ids = torch.full((len(lessons), longest), PAD)
        replies = torch.full((len(lessons), longest), _IGNORED)
        prompts = torch.full((len(lessons), longest), _IGNORED)
        for row, lesson in enumerate(lessons):
            whole, said = torch.tensor(lesson.ids), torch.tensor(lesson.said)
            ends = len(whole)
            ids[row, :ends] = whole
            replies[row, :ends] = whole.where(said, _IGNORED)
            prompts[row, :ends] = whole.where(~said, _IGNORED)
        ids, replies, prompts = (one.to(self.device) for one in (ids, replies, prompts))
        # Padding stands behind the words, where a causal model does not look.
        logits = self._model(ids)[:, :-1].flatten(0, 1)

        def error(wanted: Any) -> Any:
            return cross_entropy(
                logits, wanted[:, 1:].flatten(), ignore_index=_IGNORED, reduction="sum"
            )

        return error(replies), error(prompts)


def rounds(lessons: Sequence[Lesson], size: int, seed: int) -> Iterator[list[list[Lesson]]]:
    """Yield batches of a set of lessons for ever, shuffled anew each time round.

    A batch comes in two parts, the shorter and the longer lessons.
    """
    chance = random.Random(f"rounds {seed}")  # noqa: S311
    while True:
        order = chance.sample(list(lessons), len(lessons))
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            middle = (min(_lengths(batch)) + max(_lengths(batch))) / 2
            parts = [
                [one for one in batch if (len(one.ids) > middle) is longer]
                for longer in (False, True)
            ]
            yield [part for part in parts if part]


def _lengths(lessons: Sequence[Lesson]) -> list[int]:
    return [len(lesson.ids) for lesson in lessons]


def _share_of_rate(step: int, steps: int) -> float:
    warm = max(1, int(_WARMUP * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _alike(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the places of equal lengths, at most `_AT_ONCE` together."""
    places: dict[int, list[int]] = {}
    for place, length in enumerate(lengths):
        places.setdefault(length, []).append(place)
    for found in places.values():
        for start in range(0, len(found), _AT_ONCE):
            yield found[start : start + _AT_ONCE]
