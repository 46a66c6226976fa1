"""The board: the newest of what all workers say of their portals and bridges (filled by board_reader.py)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.bridge.status import BridgeStatus
from pipeline.ops.board_records import BRIDGE, PORTAL, Entry, unpack
from pipeline.portal.view import PortalState

__all__ = ["Board", "PortalLine", "Seen"]

log = logging.getLogger(__name__)

#: A state older than this is stale: its owner is gone, or cannot write to Kafka.
STALE_SECONDS = 15.0
#: What is older is not shown, and not read at start; workers repeat what they say every few seconds.
FORGET_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry, and when it was true (unix time by this worker's clock)."""

    entry: Entry
    at: float

    @property
    def stale(self) -> bool:
        """Nothing has been heard for longer than STALE_SECONDS."""
        return time.time() - self.at > STALE_SECONDS


@dataclass(frozen=True, slots=True)
class PortalLine:
    """One portal of the page: `state` None = no worker has said anything; `last_seen` is a unix time."""

    name: str
    state: PortalState | None
    worker: str
    last_seen: float | None
    stale: bool

    @property
    def oldest_age(self) -> float | None:
        """Age of the oldest waiting request now, seconds; it goes on growing when the owner is gone."""
        if self.state is None or self.state.oldest_age is None or self.last_seen is None:
            return None
        return self.state.oldest_age + max(0.0, time.time() - self.last_seen)


class Board:
    """A dict of the newest entries, by kind and name."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], Seen] = {}

    def put(self, key: bytes, value: bytes | None, at: float) -> None:
        """Take in one record that was true at `at`. What is not of our shape is logged and passed over."""
        if value is None:
            kind, _, name = key.decode(errors="replace").partition(":")
            self._seen.pop((kind, name), None)
            return
        try:
            entry = unpack(key, value)
        except ValueError as error:
            log.warning("a record of the board is passed over: %s", error)
            return
        self._seen[entry.kind, entry.name] = Seen(entry, at)

    def portals(self, configured: Iterable[str], own: Sequence[PortalState], worker: str) -> list[PortalLine]:
        """All portals, configured or heard of, by name. `own` are this worker's, fresher than any record."""
        now = time.time()
        lines = {name: PortalLine(name, None, "", None, False) for name in configured}
        for seen in self._of(PORTAL, now):
            if isinstance(seen.entry.state, PortalState):
                lines[seen.entry.name] = PortalLine(
                    seen.entry.name, seen.entry.state, seen.entry.worker, seen.at, seen.stale
                )
        for state in own:
            lines[state.name] = PortalLine(state.name, state, worker, now, False)
        return [lines[name] for name in sorted(lines)]

    def bridges(self, own: BridgeStatus | None, worker: str) -> list[Seen]:
        """Bridges of all workers, by worker."""
        now = time.time()
        found = {seen.entry.worker: seen for seen in self._of(BRIDGE, now)}
        if own is not None:
            found[worker] = Seen(Entry(BRIDGE, worker, worker, now, own), now)
        return [found[name] for name in sorted(found)]

    def _of(self, kind: str, now: float) -> list[Seen]:
        return [seen for (of, _), seen in self._seen.items() if of == kind and now - seen.at < FORGET_SECONDS]
