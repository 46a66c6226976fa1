"""Who holds a soft order key (requests/soft_keys.py): only those whose object has no link."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from pipeline.portal.links.store import Link
from pipeline.portal.requests.order import place_of_link
from pipeline.portal.requests.soft_keys import SoftKey, soft_keys
from pipeline.portal.sending.entry import Entry
from pipeline.portal.sending.scheduler import Scheduler

__all__ = ["SoftHolds"]

#: Seconds between two looks at what somebody else may be adding, and the longest such wait: a link that is dropped
#: by hand must not stop plans that have begun to need each other.
_PAUSE, _PATIENCE = 0.5, 60.0


class SoftHolds:
    """Of one portal. `link(entity, external)`: the link as it stands in the table."""

    def __init__(self, scheduler: Scheduler, link: Callable[[str, str], Link | None]) -> None:
        self._scheduler = scheduler
        self._link = link
        #: objects whose links are gone, and who looks for each
        self._claims: dict[str, Entry] = {}
        self._since: dict[Entry, float] = {}

    def arrive(self, entry: Entry) -> None:
        """Before it is added to the scheduler: objects that are known need no key."""
        entry.free.update(soft.place for soft in soft_keys(entry.row.keys) if self._is_known(soft))

    def linked(self, links: Iterable[Link]) -> None:
        """These objects are known from now on, durably."""
        for link in links:
            # an alias is a link of no entity
            with suppress(KeyError):
                place = place_of_link(link.entity, link.external)
                self._claims.pop(place, None)
                self._scheduler.settle(place)

    def wait(self, entry: Entry, now: float) -> float:
        """Seconds that a picked entry, about to begin, must wait once more; 0.0 = it may begin.

        A link that was there when it came may have been dropped: what it wants to be there may just be added by
        somebody else. Times are unix seconds.
        """
        if entry.course is not None or not entry.free:
            return 0.0
        free = (soft for soft in soft_keys(entry.row.keys) if soft.place in entry.free)
        lost = [soft.place for soft in free if not self._is_known(soft)]
        taken = any(self._is_taken(place, entry) for place in lost)
        if taken and now - self._since.setdefault(entry, now) < _PATIENCE:
            return _PAUSE
        self._claims.update(dict.fromkeys(lost, entry))
        self._since.pop(entry, None)
        return 0.0

    def over(self, entry: Entry) -> None:
        """It is finished, or needs no call after all."""
        self._since.pop(entry, None)
        if self._claims:
            self._claims = {place: holder for place, holder in self._claims.items() if holder is not entry}

    def _is_taken(self, place: str, entry: Entry) -> bool:
        return self._claims.get(place, entry) is not entry or self._scheduler.runs(place)

    def _is_known(self, soft: SoftKey) -> bool:
        return self._link(soft.entity, soft.external) is not None
