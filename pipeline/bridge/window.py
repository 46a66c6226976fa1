"""Deliveries that were posted to Kafka and are not acked yet, in the order in which RabbitMQ gave them.

RabbitMQ acks by tag, `multiple` covers all lower tags of the channel: so only the contiguous prefix of confirmed ones
may be acked, with one frame. Tags belong to a channel and die with it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.delivery.producer import Confirmation
from pipeline.delivery.records import Record

__all__ = ["MORE", "Posted", "Window"]

#: no delivery's tag: they begin with 1
MORE = 0


@dataclass(slots=True)
class Posted:
    """A record of a delivery: its tag, and the future of Kafka's acknowledgement (its errors raw).

    `tag` is MORE when others of the same delivery follow: only the last one's allows the ack.
    """

    tag: int
    record: Record
    future: Confirmation

    @property
    def error(self) -> BaseException | None:
        """Why Kafka has not got it; None while unknown and when it has."""
        if not self.future.done():
            return None
        if self.future.cancelled():
            return asyncio.CancelledError()
        return self.future.exception()


class Window:
    """In order of tags; `take` removes what may be acked."""

    def __init__(self) -> None:
        self._posted: deque[Posted] = deque()

    def __len__(self) -> int:
        return len(self._posted)

    def __iter__(self) -> Iterator[Posted]:
        return iter(self._posted)

    def add(self, posted: Posted) -> None:
        """`posted.tag` is greater than all before it, or MORE."""
        self._posted.append(posted)

    def head(self) -> Posted | None:
        """The oldest that is not acked."""
        return self._posted[0] if self._posted else None

    def take(self) -> tuple[int, int]:
        """Remove the confirmed prefix: the last tag in it, and how many deliveries it ends; (0, 0) when none."""
        tag = count = 0
        posted = self._posted
        while posted:
            first = posted[0]
            future = first.future
            if not future.done() or future.cancelled() or future.exception() is not None:
                break
            if first.tag != MORE:
                tag = first.tag
                count += 1
            posted.popleft()
        return tag, count

    def failed(self) -> list[Posted]:
        """Those that Kafka refused or did not take in time, in order."""
        return [posted for posted in self._posted if posted.error is not None]

    async def settle(self) -> None:
        """Wait until the outcome of each is known. Cancels none of them."""
        waiting = [posted.future for posted in self._posted if not posted.future.done()]
        if waiting:
            await asyncio.wait(waiting)
