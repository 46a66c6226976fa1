"""Who waits for an object: the watches of a worker's portals in memory, without their records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.portal.steps.plan_end import Missing
from pipeline.portal.watches.watch import Watch

__all__ = ["Index", "Noted", "Place"]

#: (portal, subject)
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Noted:
    """What is kept of a watch."""

    token: str
    missing: tuple[Missing, ...]
    at: float


class Index:
    """One watch a place."""

    def __init__(self) -> None:
        self._watches: dict[Place, Noted] = {}
        self._waiting: dict[tuple[str, Missing], dict[Place, None]] = {}
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._watches)

    def count(self, portal: str) -> int:
        """Watches of a portal."""
        return self._counts[portal]

    def get(self, place: Place) -> Noted | None:
        """The watch of a subject."""
        return self._watches.get(place)

    def put(self, watch: Watch) -> None:
        """In place of an earlier one of its subject."""
        place = watch.portal, watch.subject
        self.drop(place)
        noted = self._watches[place] = Noted(watch.token, tuple(dict.fromkeys(watch.missing)), watch.at)
        self._counts[watch.portal] += 1
        for missing in noted.missing:
            self._waiting.setdefault((watch.portal, missing), {})[place] = None

    def drop(self, place: Place) -> None:
        """Forget the watch of a subject, if there is one."""
        noted = self._watches.pop(place, None)
        if noted is None:
            return
        self._counts[place[0]] -= 1
        for missing in noted.missing:
            waiting = self._waiting[place[0], missing]
            del waiting[place]
            if not waiting:
                del self._waiting[place[0], missing]

    def waiting(self, portal: str, missing: Missing) -> tuple[Place, ...]:
        """Who waits for this object."""
        return tuple(self._waiting.get((portal, missing), ()))

    def older(self, than: float) -> Iterator[Place]:
        """Watches of plans that were accepted before that time."""
        return iter([place for place, noted in self._watches.items() if noted.at < than])

    def clear(self) -> None:
        """The portals are not ours any more."""
        self._watches.clear()
        self._waiting.clear()
        self._counts.clear()
