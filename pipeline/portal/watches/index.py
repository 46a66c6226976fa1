"""Who waits for an object: the watches of a worker's portals in memory, without their records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.portal.steps.plan_end import Missing
from pipeline.portal.watches.watch import Watch

__all__ = ["Index", "Noted", "Place"]

#: (portal, subject)
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Noted:
    """What is kept of a watch. `open`: what of it has not appeared yet; `at`: when its plan was accepted."""

    token: str
    at: float
    open: set[Missing]


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

    def put(self, watch: Watch, open: Iterable[Missing]) -> None:
        """In place of an earlier one of its subject; `open`: what of it is still missing."""
        place = watch.portal, watch.subject
        self.drop(place)
        noted = self._watches[place] = Noted(watch.token, watch.at, set(open))
        self._counts[watch.portal] += 1
        for missing in noted.open:
            self._waiting.setdefault((watch.portal, missing), {})[place] = None

    def drop(self, place: Place) -> None:
        """Forget the watch of a subject, if there is one."""
        noted = self._watches.pop(place, None)
        if noted is None:
            return
        self._counts[place[0]] -= 1
        for missing in noted.open:
            waiting = self._waiting[place[0], missing]
            del waiting[place]
            if not waiting:
                del self._waiting[place[0], missing]

    def appeared(self, portal: str, missing: Missing) -> list[tuple[Place, Noted]]:
        """This object is there: who has waited for it. It is told once."""
        places = self._waiting.pop((portal, missing), {})
        found = [(place, self._watches[place]) for place in places]
        for _, noted in found:
            noted.open.discard(missing)
        return found

    def older(self, than: float) -> list[Place]:
        """Watches of plans that were accepted before that time."""
        return [place for place, noted in self._watches.items() if noted.at < than]

    def clear(self) -> None:
        """The portals are not ours any more."""
        self._watches.clear()
        self._waiting.clear()
        self._counts.clear()
