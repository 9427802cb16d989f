"""Hands what one thread produces to a consumer in another thread, or in an event loop.

Chat models compute or wait where it suits them: an endpoint's requests run in one event loop
(`Portal`), a local model in a thread (`in_thread`). Who consumes (`consumed`, `aconsumed`) may be
either kind. Leaving the consumer early, or cancelling its task, stops the producer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import TypeVar

from ragkit.generate.protocol import (
    GenerationEvent,
    GenerationRequest,
    HasAgenerate,
)
from ragkit.generate.protocol import Generator as Generator_
from ragkit_ingest.errors import GeneratorError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The last thing that a producer puts: how it ended."""

    error: BaseException | None = None


Put = Callable[[T | End], None]
Stop = Callable[[], None]
Produce = Callable[[Put[T]], Stop]
"""Starts producing elsewhere; returns what stops it, at once and without waiting."""


def consumed(produce: Produce[T]) -> Generator[T]:
    """Yield what is produced, in this thread; raise what the producer raised."""
    items: SimpleQueue[T | End] = SimpleQueue()
    stop = produce(items.put)
    try:
        while not isinstance(item := items.get(), End):
            yield item
    finally:
        stop()
    if item.error is not None:
        raise item.error


async def aconsumed(produce: Produce[T]) -> AsyncGenerator[T]:
    """Yield what is produced, in this event loop; raise what the producer raised."""
    loop = asyncio.get_running_loop()
    items: asyncio.Queue[T | End] = asyncio.Queue()

    def put(item: T | End) -> None:
        with suppress(RuntimeError):  # the loop was closed, so nobody listens any more
            loop.call_soon_threadsafe(items.put_nowait, item)

    stop = produce(put)
    try:
        while not isinstance(item := await items.get(), End):
            yield item
    finally:
        stop()
    if item.error is not None:
        raise item.error


def agenerated(
    generator: Generator_, request: GenerationRequest
) -> AsyncGenerator[GenerationEvent]:
    """Yield what a generator yields, without blocking the event loop.

    One without `agenerate` runs in a thread; if the consumer leaves, it is closed at its next
    event.
    """
    if isinstance(generator, HasAgenerate):
        return generator.agenerate(request)
    return aconsumed(in_thread(lambda _: generator.generate(request)))


def in_thread(make: Callable[[Event], Iterator[T]]) -> Produce[T]:
    """Run an iterator in a thread of its own.

    Args:
        make: Returns the iterator; it is not asked for more once the event is set, and may look
            at the event itself to end sooner.
    """

    def produce(put: Put[T]) -> Stop:
        stopped = Event()

        def run() -> None:
            iterator = make(stopped)
            try:
                for item in iterator:
                    if stopped.is_set():
                        break
                    put(item)
                _close(iterator)
            except BaseException as exc:  # noqa: BLE001  (raised again by the consumer)
                put(End(error=exc))
            else:
                put(End())

        Thread(target=run, name="ragkit-generator", daemon=True).start()
        return stopped.set

    return produce


def _close(iterator: object) -> None:
    close = getattr(iterator, "close", None)
    if close is not None:
        close()


class Portal:
    """One event loop in a thread of its own, started when it is first needed.

    What lives in it, such as a pool of connections, may be used from any thread and any loop.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None

    def producing(self, make: Callable[[], AsyncGenerator[T]]) -> Produce[T]:
        """Return what runs an asynchronous generator in the loop."""

        def produce(put: Put[T]) -> Stop:
            async def run() -> None:
                try:
                    async with aclosing(make()) as items:
                        async for item in items:
                            put(item)
                except asyncio.CancelledError:
                    put(End(error=GeneratorError("the answer was stopped while it was written")))
                    raise
                except BaseException as exc:  # noqa: BLE001  (raised again by the consumer)
                    put(End(error=exc))
                else:
                    put(End())

            future = asyncio.run_coroutine_threadsafe(run(), self._opened())

            def stop() -> None:
                future.cancel()

            return stop

        return produce

    def close(self, last: Callable[[], Awaitable[None]] | None = None) -> None:
        """Stop what runs in the loop, then the loop; it starts anew if it is needed again.

        Args:
            last: What the loop does before it ends, such as closing connections.
        """
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(_ended(last), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _opened(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = Thread(
                    target=self._loop.run_forever, name="ragkit-requests", daemon=True
                )
                self._thread.start()
            return self._loop


async def _ended(last: Callable[[], Awaitable[None]] | None) -> None:
    running = asyncio.all_tasks() - {asyncio.current_task()}
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    if last is not None:
        await last()
