"""Publishes at a steady pace, and remembers when each message left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence

from sandbox.site.message import Message
from sandbox.site.publish import Publisher

__all__ = ["play"]

#: Seconds between two parts.
_TICK = 0.1


async def play(
    publisher: Publisher, messages: Sequence[Message], rate: float, only: Collection[str] | None = None
) -> dict[str, float]:
    """`rate` messages a second; message id -> unix time at which it was sent.

    With `only`, messages with other ids are left out and their places stay empty: the same pace for those that remain.
    """
    began = time.monotonic()
    sent: dict[str, float] = {}
    place = 0
    while place < len(messages):
        end = min(len(messages), int((time.monotonic() - began + _TICK) * rate) + 1)
        part = [one for one in messages[place:end] if only is None or one.message_id in only]
        now = time.time()
        sent |= {one.message_id or "": now for one in part}
        await publisher.send(part)
        place = max(place, end)
        await asyncio.sleep(_TICK)
    return sent
