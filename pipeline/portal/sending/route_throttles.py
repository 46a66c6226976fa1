"""Route throttles of the portals of a worker, kept in a table, so that a restart forgets nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping

import orjson

from pipeline.delivery.tables import DurableTable
from pipeline.portal.limits.throttles import Throttle, Window
from pipeline.settings import PortalSettings

__all__ = ["RouteThrottles"]


class RouteThrottles:
    """Throttles by portal and name. One instance a worker, over the table `throttles`."""

    def __init__(self, table: DurableTable, portals: Mapping[str, PortalSettings]) -> None:
        self._table = table
        self._portals = portals
        self._known: dict[tuple[str, str], Throttle] = {}
        #: portal -> name -> until when plans were told to wait
        self._waits: dict[str, dict[str, float]] = {}

    def forget(self) -> None:
        """The partitions are not ours any more."""
        self._known.clear()
        self._waits.clear()

    def ready_in(self, partition: int, portal: str, name: str, now: float) -> float:
        """Seconds until a plan of that route may start; 0.0 = now, also for a throttle that the settings lack."""
        wait = self._throttle(partition, portal, name, now).ready_in(now)
        waits = self._waits.setdefault(portal, {})
        waits.pop(name, None)
        if wait > 0:
            waits[name] = now + wait
        return wait

    def waits(self, portal: str, now: float) -> dict[str, float]:
        """Throttles that plans of the portal wait for: name -> until, unix seconds."""
        return {name: until for name, until in self._waits.get(portal, {}).items() if until > now}

    async def take(self, partition: int, portal: str, name: str, now: float) -> None:
        """One starts: counted durably when this returns. Raises Lost, Transient."""
        throttle = self._throttle(partition, portal, name, now)
        # in memory only when Kafka has it: what is tried again must not count twice
        await self._table.put(partition, _key(portal, name), orjson.dumps([*throttle.state(), now]))
        throttle.take(now)

    def _throttle(self, partition: int, portal: str, name: str, now: float) -> Throttle:
        known = self._known.get((portal, name))
        if known is None:
            windows = self._portals[portal].throttles.get(name, ()) if portal in self._portals else ()
            known = self._known[portal, name] = Throttle(Window(count, seconds) for count, seconds in windows)
            stored = self._table.get(partition, _key(portal, name))
            if stored is not None:
                known.restore(orjson.loads(stored), time.time())
        return known


def _key(portal: str, name: str) -> bytes:
    return orjson.dumps([portal, name])
