"""The intensity limit: a leaky bucket for each source address (bitrix24.md, section 1.1)."""

from dataclasses import dataclass


@dataclass(slots=True)
class _Level:
    level: float
    at: float


class Bucket:
    """`level = max(0, level - rate * dt)`; at `burst` and above the request is refused, else it counts 1.

    `rate` in requests per second, `burst` in requests; `rate <= 0` switches the limit off (a self-hosted
    portal). What is documented nowhere is a switch: `count_rejected` lets refused requests raise the level too,
    `allow_one_over` refuses only above `burst` ("when the counter exceeds X").
    """

    def __init__(
        self, rate: float = 2.0, burst: float = 50.0, *, count_rejected: bool = False, allow_one_over: bool = False
    ) -> None:
        self.rate = rate
        self.burst = burst
        self.count_rejected = count_rejected
        self.allow_one_over = allow_one_over
        self.refused = 0
        self._levels: dict[str, _Level] = {}
        self.max_level = 0.0

    @property
    def enabled(self) -> bool:
        """Whether this portal limits at all."""
        return self.rate > 0

    def take(self, source: str, now: float) -> bool:
        """Count one HTTP request of `source` at `now` (seconds, any epoch); False = refuse it with 503."""
        if not self.enabled:
            return True
        entry = self._drained(source, now)
        passes = entry.level <= self.burst if self.allow_one_over else entry.level < self.burst
        if passes or self.count_rejected:
            entry.level += 1
            self.max_level = max(self.max_level, entry.level)
        self.refused += not passes
        return passes

    def pour(self, source: str, requests: float, now: float) -> float:
        """Requests of somebody else at the same address: raise the level as far as requests can; the new level."""
        entry = self._drained(source, now)
        entry.level = max(entry.level, min(entry.level + requests, self.burst + 1))
        return entry.level

    def levels(self, now: float) -> dict[str, float]:
        """The level of each source address at `now`."""
        return {
            source: max(0.0, entry.level - self.rate * max(0.0, now - entry.at))
            for source, entry in self._levels.items()
        }

    def reset(self) -> None:
        """Empty every bucket and forget the maximum."""
        self._levels.clear()
        self.max_level = 0.0
        self.refused = 0

    def _drained(self, source: str, now: float) -> _Level:
        entry = self._levels.get(source)
        if entry is None:
            entry = self._levels[source] = _Level(0.0, now)
        # A clock that steps back must not fill the bucket.
        entry.level = max(0.0, entry.level - self.rate * max(0.0, now - entry.at))
        entry.at = now
        return entry
