"""Background tasks of the bridge: what they raise unexpectedly ends the worker, with un-acked work."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from pipeline.delivery import exit as worker_exit

__all__ = ["spawn"]


def spawn(coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Run it beside everything else. An exception that leaves it is a defect: the worker ends."""
    task = asyncio.get_running_loop().create_task(coroutine, name=name)
    task.add_done_callback(_check)
    return task


def _check(task: asyncio.Task[None]) -> None:
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        worker_exit.die(f"{task.get_name()} failed", error)
