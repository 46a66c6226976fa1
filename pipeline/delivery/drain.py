"""From the fetcher to the agents' queues, without two tasks a message.

Faust races every delivery against "the flow is suspended" (`wait_first`), which costs more than all the rest of the
way. A delivery nearly always ends at its first step; only one that has to wait (full queue, suspended flow) is raced.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any

from mode.types import ServiceT

if TYPE_CHECKING:
    from pipeline.delivery.consumer import SafeConsumer

__all__ = ["drain"]

_YIELD_EVERY = 100


async def drain(consumer: SafeConsumer, fetcher: ServiceT) -> None:
    """Body of Faust's fetcher: read, skip what was read before, deliver. Ends when either of the two stops."""
    deliver, read_offset = consumer.callback, consumer._read_offset
    since_yield = 0
    try:
        while not (consumer._stopped.is_set() or fetcher._stopped.is_set()):  # type: ignore[attr-defined]
            records = consumer.getmany(timeout=1.0)
            await consumer.sleep(0)
            if consumer.should_stop:
                continue
            async for tp, message in records:
                since_yield += 1
                if since_yield > _YIELD_EVERY:
                    await asyncio.sleep(0)
                    since_yield = 0
                offset, read = message.offset, read_offset[tp]
                if read is not None and offset < read:
                    continue
                delivery = deliver(message)
                try:
                    waits_for = delivery.send(None)  # type: ignore[attr-defined]
                except StopIteration:
                    pass
                else:
                    await consumer.wait_first(_rest(delivery, waits_for), consumer.suspend_flow.wait())
                read_offset[tp] = offset
    except consumer.consumer_stopped_errors:
        if not consumer.transport.app.should_stop:
            raise
    except asyncio.CancelledError:
        if not consumer.transport.app.should_stop:
            raise


async def _rest(begun: Any, waits_for: Any) -> None:
    await _go_on(begun, waits_for)


@types.coroutine
def _go_on(begun: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Finish a coroutine that has been begun by hand and has yielded `waits_for`."""
    while True:
        try:
            try:
                given = yield waits_for
            except BaseException as error:
                waits_for = begun.throw(error)
            else:
                waits_for = begun.send(given)
        except StopIteration:
            return
