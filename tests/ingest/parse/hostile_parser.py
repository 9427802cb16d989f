"""A parser that does what its file says, for the worker's tests."""

from __future__ import annotations

import os
import signal
import time

from ragkit_ingest.parse.builder import DocumentBuilder
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.records import BlockKind, Document


class HostileParser:
    """Crashes, sleeps, eats memory, prints or answers, on demand."""

    name = "hostile"
    version = 1
    suffixes = frozenset({".bad"})

    def parse(self, source: Source) -> Document:
        order = source.path.read_text()
        if order == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif order == "sleep":
            time.sleep(60)
        elif order == "memory":
            _hold = [bytearray(1 << 24) for _ in range(10_000)]
        elif order == "exit":
            os._exit(7)
        elif order == "raise":
            raise ZeroDivisionError("surprise")
        elif order == "print":
            os.write(1, b"\xff" * 1000)
            print("noise")
        builder = DocumentBuilder("hostile")
        text = "x" * 3_000_000 if order == "long" else f"{order} {os.getpid()}"
        builder.add(BlockKind.PARAGRAPH, text)
        return builder.build()
