"""The models that can be asked: the bases, what jobs made of them, and their checkpoints.

A model is loaded when it is first asked, and few are kept loaded: each tuned one is a whole copy of
its base with the adapter merged into it.
"""

from __future__ import annotations

import shutil
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from ragkit.generate.local import LocalChatModel, LocalModelSettings
from ragkit.tune.serve.fault import Fault, no_model
from ragkit.tune.serve.ledger import Ledger
from ragkit.tune.serve.record import TunedModel, model_json

_LOADED = 2


class Shelf:
    """Models by name. Threads may share it.

    Args:
        bases: Folder of each base by name.
        ledger: Holds the tuned ones.
        folder: The server's data folder.
        device: Where they compute; "" for CUDA if present, else the CPU.
        loaded: Most models in memory.

    Attributes:
        bases: As given.

    Raises:
        ConfigError: If a base's folder is none.
    """

    def __init__(
        self,
        bases: Mapping[str, Path],
        ledger: Ledger,
        folder: Path,
        *,
        device: str = "",
        loaded: int = _LOADED,
    ) -> None:
        self.bases = bases
        self._ledger = ledger
        self._folder = folder
        self._device = device
        self._most = loaded
        self._lock = Lock()
        self._open: OrderedDict[str, LocalChatModel] = OrderedDict()
        for path in bases.values():
            LocalChatModel(LocalModelSettings(model=str(path)))

    def listed(self) -> list[dict[str, Any]]:
        """Return the API's objects of the bases and the tuned models, without checkpoints."""
        bases = [self._base(name) for name in self.bases]
        tuned = [model.to_json() for model in self._ledger.all(TunedModel) if model.final]
        return bases + tuned

    def described(self, name: str) -> dict[str, Any]:
        """Return the API's object of a model.

        Raises:
            Fault: If there is none of this name.
        """
        return self._base(name) if name in self.bases else self._tuned(name).to_json()

    def opened(self, name: str) -> LocalChatModel:
        """Return a model that can be asked; it is loaded at its first text.

        Raises:
            Fault: If there is none of this name, or its base is not served.
        """
        with self._lock:
            if name in self._open:
                self._open.move_to_end(name)
                return self._open[name]
            model = self._open[name] = LocalChatModel(self._settings(name))
            if len(self._open) > self._most:
                self._open.popitem(last=False)
            return model

    def delete(self, name: str) -> None:
        """Delete a tuned model or a checkpoint, its weights as well.

        Raises:
            Fault: If there is none of this name, or it is a base.
        """
        if name in self.bases:
            raise Fault(
                403,
                f"The model `{name}` is a base: it was given to the server, and is not deleted.",
                param="model",
            )
        tuned = self._tuned(name)
        with self._lock:
            self._open.pop(name, None)
            self._ledger.drop(TunedModel, name)
            if all(other.adapter != tuned.adapter for other in self._ledger.all(TunedModel)):
                shutil.rmtree(self._folder / tuned.adapter, ignore_errors=True)

    def _settings(self, name: str) -> LocalModelSettings:
        if name in self.bases:
            return LocalModelSettings(model=str(self.bases[name]), device=self._device)
        tuned = self._tuned(name)
        if tuned.base not in self.bases:
            raise Fault(
                404,
                f"The model `{name}` is tuned from `{tuned.base}`, which this server was not "
                "started with.",
                code="model_not_found",
            )
        return LocalModelSettings(
            model=str(self.bases[tuned.base]),
            adapter=str(self._folder / tuned.adapter),
            device=self._device,
        )

    def _base(self, name: str) -> dict[str, Any]:
        changed = int((self.bases[name] / "config.json").stat().st_mtime)
        return model_json(name, changed, "local")

    def _tuned(self, name: str) -> TunedModel:
        tuned = self._ledger.get(TunedModel, name)
        if tuned is None:
            raise no_model(name)
        return tuned
