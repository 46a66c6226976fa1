"""The portal's clock, as far as its answers tell it. Pure.

An answer says when it was finished by the portal's clock; it arrives later, never earlier. So the shortest way of
the recent answers gives a portal time that is behind the true one by one way at most, and never ahead of it.
"""

from __future__ import annotations

__all__ = ["PortalClock"]


class PortalClock:
    """Turns our time into the portal's and back. Without any answer that tells its end both are thought equal.

    `window`: seconds; a tenth of it is the longest that an answer may take (the portal's own request limit).
    """

    def __init__(self, window: float) -> None:
        self._generation = window / 10
        self._began: float | None = None
        self._recent: float | None = None
        self._before: float | None = None

    def learn(self, now: float, finish: float) -> None:
        """An answer that arrived now was finished at `finish`, the portal's time."""
        ahead = now - finish
        if self._recent is not None and ahead > self._offset + self._generation:
            # no answer takes so long: one of the clocks was set
            self._recent = self._before = None
        if self._recent is None or self._began is None:
            self._began, self._recent = now, ahead
        elif now - self._began > self._generation:
            self._began, self._before, self._recent = now, self._recent, ahead
        else:
            self._recent = min(self._recent, ahead)

    def portal(self, now: float) -> float:
        """The portal's time, surely not ahead of it."""
        return now - self._offset

    def ours(self, portal: float) -> float:
        """Our time at which the portal's clock surely shows `portal`."""
        return portal + self._offset

    def set_back(self, seconds: float) -> None:
        """Our own clock was set back by so much."""
        if self._began is not None:
            self._began -= seconds
        if self._recent is not None:
            self._recent -= seconds
        if self._before is not None:
            self._before -= seconds

    @property
    def _offset(self) -> float:
        if self._recent is None:
            return 0.0
        return self._recent if self._before is None else min(self._recent, self._before)
