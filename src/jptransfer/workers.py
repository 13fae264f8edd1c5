"""Work on a stream by several processes: results in order, few items under way, no process left behind."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from threading import Thread
from typing import Any, TypeVar

from jptransfer import plugins

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    start: Callable[..., None] | None = None,
    arguments: tuple[Any, ...] = (),
) -> Iterator[Result]:
    """Yield ``function(item)`` for each item, in order, computed by `workers` fresh processes (here, if it is one).

    No more than two items a worker are under way, so the stream may be of any length. A worker that dies raises
    `BrokenProcessPool`; workers end when this process is killed.

    Args:
        function: a function of a module, as are items and results something that can be pickled.
        start: called with `arguments` in every process, before the first item.
    """
    if workers <= 1:
        if start:
            start(*arguments)
        yield from map(function, items)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _begin, (start, arguments))
    under_way: deque[Future[Result]] = deque()
    try:
        for item in items:
            under_way.append(pool.submit(function, item))
            if len(under_way) >= 2 * workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(start: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    plugins.start()
    if start:
        start(*arguments)


def _end_with_parent() -> None:
    """End this process when the one that made it is gone: a worker that waits for work would not notice."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
