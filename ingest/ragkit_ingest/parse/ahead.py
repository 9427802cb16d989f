"""Work that goes on while what it gave before is being used, a bounded stretch ahead."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator
from typing import TypeVar

Item = TypeVar("Item")


def read_ahead(
    items: Generator[Item, None, None],
    *,
    weigh: Callable[[Item], int],
    limit: int,
    stop: Callable[[], None],
) -> Generator[Item, None, None]:
    """Yield what a generator yields, in its order, while it goes on in a thread of its own.

    Args:
        items: Is run, and closed, in that thread only.
        weigh: Returns what an item counts while it waits, 1 or more.
        limit: The generator pauses while what waits counts this much or more.
        stop: Called, if nobody wants more, to end a wait within the generator early.

    Raises:
        BaseException: Whatever the generator raises, after what it yielded before.
    """
    waiting: deque[Item] = deque()
    changed = threading.Condition()
    weight = 0
    wanted, ended = True, False
    failure: list[BaseException] = []

    def goes_on() -> bool:
        return weight < limit or not wanted

    def run() -> None:
        nonlocal weight, ended
        try:
            for item in items:
                with changed:
                    waiting.append(item)
                    weight += weigh(item)
                    changed.notify_all()
                    changed.wait_for(goes_on)
                if not wanted:
                    break
            items.close()
        except BaseException as exc:  # noqa: BLE001 - it is raised where the items are used
            failure.append(exc)
        with changed:
            ended = True
            changed.notify_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        while True:
            with changed:
                changed.wait_for(lambda: waiting or ended)
                if not waiting:
                    break
                item = waiting.popleft()
                weight -= weigh(item)
                changed.notify_all()
            yield item
        if failure:
            raise failure[0]
    finally:
        with changed:
            wanted = False
            changed.notify_all()
        if not ended:
            stop()
        thread.join()
