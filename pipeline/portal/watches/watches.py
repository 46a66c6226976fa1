"""The watches of a worker's portals: what plans leave behind, and what sends them again.

A watch is compared with the links when it is put, when links are put, and at a take-over. Each of them comes after what
it looks at is durable, so that no order of the two is missed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from pipeline.delivery.exit import die
from pipeline.delivery.ownership import Lost
from pipeline.delivery.records import Record
from pipeline.delivery.retry import Backoff
from pipeline.delivery.tables import DurableTable
from pipeline.portal.links.store import Link, Links
from pipeline.portal.partition import partition_of
from pipeline.portal.requests.row import Row
from pipeline.portal.steps.plan_end import Missing, PlanEnd
from pipeline.portal.watches.ending import watch_after
from pipeline.portal.watches.index import Index, Place
from pipeline.portal.watches.waking import Waking
from pipeline.portal.watches.watch import Watch, decode, encode, read_watch_key, watch_key

__all__ = ["Watches"]

logger = logging.getLogger(__name__)

#: looks at links between two pauses of a take-over
_SLICE = 1000


class Watches:
    """One instance a worker, over the table `watches`. `send`: that of a ConfirmedProducer.

    By a portal's name: `scale` = so many times faster its clock runs; `partition_of` = its partition.
    """

    def __init__(
        self,
        table: DurableTable,
        links: Links,
        send: Callable[[Iterable[Record]], Awaitable[object]],
        backoff: Backoff,
        scale: Callable[[str], float] = lambda portal: 1.0,
        partition_of: Callable[[str], int] = partition_of,
    ) -> None:
        self._table = table
        self._links = links
        self._backoff = backoff
        self._partition_of = partition_of
        self._index = Index()
        self._waking = Waking(self.get, send, backoff, scale)
        self._loading: asyncio.Task[None] | None = None

    # -- plans

    def get(self, place: Place) -> Watch | None:
        """The watch of a subject."""
        stored = self._table.get(self._partition_of(place[0]), watch_key(*place))
        return None if stored is None else decode(*place, stored)

    def token(self, portal: str, subject: str) -> str | None:
        """Of the subject's watch: a plan that was sent again with another one is out of date."""
        watch = self.get((portal, subject))
        return None if watch is None else watch.token

    async def ended(self, row: Row, end: PlanEnd) -> None:
        """A plan is over and its answer not written yet; returns when its watch is durable. Raises Lost.

        `row` with its body.
        """
        if end.subject is None:
            return
        place = row.portal, end.subject
        before = self.get(place)
        after = watch_after(row, end, before, lambda missing: self._is_linked(row.portal, missing))
        if after == before:
            return
        value = None if after is None else encode(after)
        await self._backoff.insist(lambda: self._table.put(row.partition, watch_key(*place), value))
        self._forget(place)
        if after is not None:
            self._note(after)

    def linked(self, links: Iterable[Link]) -> None:
        """These links are durable: whoever waits for one of them is run again."""
        if not len(self._index):
            return
        for link in links:
            for place, noted in self._index.appeared(link.portal, (link.entity, link.external)):
                self._waking.wake(place, noted.token, at_once=not noted.open)

    def count(self, portal: str) -> int:
        """Watches of a portal."""
        return self._index.count(portal)

    # -- ownership

    def begin(self, partitions: Iterable[int], waiting: Iterable[str] = ()) -> None:
        """Take over the watches of these partitions, in the background.

        `waiting`: tokens of plans that were sent again and wait for their turn. What ends or is linked before a watch
        is read is found when it is.
        """
        self._waking.start(waiting)
        self._loading = asyncio.create_task(self._load(sorted(partitions)), name="watches taken over")

    async def end(self) -> None:
        """The partitions are lost."""
        loading, self._loading = self._loading, None
        if loading is not None:
            loading.cancel()
            await asyncio.wait([loading])
        await self._waking.stop()
        self._index.clear()

    async def expire(self, before: float) -> int:
        """Forget the watches of plans that were accepted before that time. Returns how many. Raises Lost, Transient."""
        count = 0
        for place in self._index.older(before):
            watch = self.get(place)
            if watch is not None and watch.at >= before:
                continue  # another one by now
            await self._table.put(self._partition_of(place[0]), watch_key(*place), None)
            if self.get(place) is None:
                self._forget(place)
            count += 1
            logger.warning("portal %s: %s was not run again: what it missed has not appeared", *place)
        return count

    async def _load(self, partitions: list[int]) -> None:
        try:
            for partition in partitions:
                looks = 0
                for key, _ in self._table.scan(partition):
                    if looks >= _SLICE:
                        looks = 0
                        await asyncio.sleep(0)
                    # as it stands by now: plans have gone on
                    watch = self.get(read_watch_key(key))
                    looks += 1
                    if watch is not None:
                        looks += len(watch.missing)
                        self._note(watch)
        except Lost:
            return
        except Exception as error:
            die("watches could not be taken over", error)

    def _note(self, watch: Watch) -> None:
        still = [missing for missing in watch.missing if not self._is_linked(watch.portal, missing)]
        self._index.put(watch, still)
        if len(still) < len(watch.missing):
            self._waking.wake((watch.portal, watch.subject), watch.token, at_once=not still)

    def _forget(self, place: Place) -> None:
        self._index.drop(place)
        self._waking.forget(place)

    def _is_linked(self, portal: str, missing: Missing) -> bool:
        return self._links.get(self._partition_of(portal), portal, *missing) is not None
