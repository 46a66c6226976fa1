"""Our own calls of one method that a portal still counts, so that it is known what is surely forgotten, and when.

The portal adds calls up by the minute and forgets a minute one window after its first call (reference: Bitrix24,
section 1.2). So whatever ended at `t` is forgotten at `t + window`, wherever the minutes begin. Pure; portal's time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Spent"]


@dataclass(slots=True)
class _Slot:
    """Calls that began within one slot of time: the first begin, the last end, the sum of their seconds."""

    number: int
    start: float
    finish: float
    seconds: float


class Spent:
    """Seconds of executed calls in slots of a 600th of the `window`, oldest first."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._width = window / 600
        #: the portal bills no call that is shorter (section 1.2)
        self._floor = 0.1 * window / 600
        self._slots: deque[_Slot] = deque()
        self._forgotten = float("-inf")
        self.total = 0.0

    def add(self, start: float, finish: float, seconds: float) -> None:
        """A call that was executed; one that the portal does not bill or has forgotten is passed over."""
        if seconds < self._floor or start <= self._forgotten:
            return
        self.total += seconds
        number = int(start // self._width)
        position = len(self._slots)
        # answers come nearly in order
        while position and self._slots[position - 1].number > number:
            position -= 1
        slot = self._slots[position - 1] if position else None
        if slot is not None and slot.number == number:
            slot.start, slot.finish = min(slot.start, start), max(slot.finish, finish)
            slot.seconds += seconds
        else:
            self._slots.insert(position, _Slot(number, start, finish, seconds))

    def forget(self, until: float) -> None:
        """The portal may have forgotten what began at `until` or before: it is not ours to count on any more."""
        self._forgotten = max(self._forgotten, until)
        while self._slots and self._slots[0].start <= self._forgotten:
            self.total -= self._slots.popleft().seconds
        if not self._slots:
            self.total = 0.0

    def clear(self) -> None:
        """Nothing is known."""
        self._slots.clear()
        self._forgotten = float("-inf")
        self.total = 0.0

    def freed(self, now: float) -> float:
        """Seconds of the calls here that the portal has surely forgotten by `now`."""
        freed = 0.0
        for slot in self._slots:
            if slot.start + self._window > now:
                break
            if slot.finish + self._window <= now:
                freed += slot.seconds
        return freed

    def drop(self, now: float) -> None:
        """What the portal has surely forgotten by `now` need not be remembered."""
        while self._slots and self._slots[0].finish + self._window <= now:
            self.total -= self._slots.popleft().seconds

    def frees(self) -> Iterator[float]:
        """When the portal has surely forgotten some, roughly in order."""
        return (slot.finish + self._window for slot in self._slots)
