"""How long calls of a method take on a portal, learnt from its answers. Pure.

Two estimates for each method: the mean decides how many commands travel in one batch, the upper one how many may be
under way when an operating budget is nearly spent. Methods are canonical names, times are the portal's seconds.
"""

from __future__ import annotations

import math

__all__ = ["FEW", "HEADROOM", "MEMORY", "UNKNOWN", "Costs", "Dearest"]

#: The upper estimate is this many times the dearest call that is remembered.
HEADROOM = 2.0
#: The dearest of at least this many calls is remembered, and of at most twice as many.
MEMORY = 500
#: Until so many calls are known, the upper estimate is at least `UNKNOWN` times the default.
FEW = 20
UNKNOWN = 4.0
#: Weight of a new call in the mean, once some are known.
WEIGHT = 0.05
#: What a call is expected to take stays between these, seconds: the portal cuts requests at 60 s.
SHORTEST = 0.001
LONGEST = 60.0
#: Methods that are remembered; the one that was learnt least recently goes first.
METHODS = 5000

#: Means of the documentation's examples (reference: Bitrix24, section 1.5), by the end of the name; longest first.
_DEFAULTS = (
    ("item.batchimport", 2.4),
    ("item.import", 2.4),
    ("requisite.add", 0.33),
    ("userfield.add", 0.19),
    ("comment.add", 0.09),
    ("item.update", 1.8),
    ("item.add", 1.8),
    ("update", 0.26),
    ("delete", 0.26),
    ("fields", 0.05),
    ("list", 0.16),
    ("add", 0.65),
    ("get", 0.05),
    ("set", 0.57),
)
_DEFAULT = 0.5


class Costs:
    """What is known of the methods of one portal. `scale`: how many times faster than a real one the portal is."""

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale
        self._known: dict[str, _Known] = {}

    def expected(self, method: str) -> float:
        """Mean seconds of a call of `method`: learnt, or a default by the end of its name. Never 0."""
        known = self._known.get(method)
        return self._default(method) if known is None else known.mean

    def upper(self, method: str) -> float:
        """Seconds that no call is thought to exceed: `HEADROOM` times the dearest of the last `MEMORY` or more."""
        known = self._known.get(method)
        if known is None:
            return UNKNOWN * self._default(method)
        upper = max(HEADROOM * known.dearest.value, known.mean)
        return max(upper, UNKNOWN * self._default(method)) if known.dearest.count < FEW else upper

    def learn(self, method: str, seconds: float) -> None:
        """A call of `method` took so long. What is no length of time is passed over."""
        if not math.isfinite(seconds) or seconds < 0:
            return
        known = self._known.pop(method, None) or _Known(self._default(method))
        known.learn(seconds, SHORTEST / self._scale)
        self._keep(method, known)

    def timed_out(self, method: str) -> None:
        """A batch with a call of `method` was cut: twice the time is expected from now on, within bounds."""
        known = self._known.pop(method, None) or _Known(self._default(method))
        known.mean = min(2 * known.mean, LONGEST / self._scale)
        self._keep(method, known)

    def _default(self, method: str) -> float:
        seconds = next((seconds for end, seconds in _DEFAULTS if f".{method}".endswith(f".{end}")), _DEFAULT)
        return seconds / self._scale

    def _keep(self, method: str, known: _Known) -> None:
        self._known[method] = known
        if len(self._known) > METHODS:
            del self._known[next(iter(self._known))]


class Dearest:
    """The largest of the last `MEMORY` values or more: kept in two generations, the older one is forgotten whole."""

    __slots__ = ("_before", "_recent", "count")

    def __init__(self) -> None:
        self.count = 0
        self._recent = 0.0
        self._before = 0.0

    @property
    def value(self) -> float:
        """The largest that is remembered; 0.0 while there is none."""
        return max(self._recent, self._before)

    def learn(self, value: float) -> None:
        """One more value."""
        if self.count and self.count % MEMORY == 0:
            self._before, self._recent = self._recent, 0.0
        self.count += 1
        self._recent = max(self._recent, value)


class _Known:
    """One method."""

    __slots__ = ("dearest", "mean")

    def __init__(self, default: float) -> None:
        self.mean = default
        self.dearest = Dearest()

    def learn(self, seconds: float, shortest: float) -> None:
        self.dearest.learn(seconds)
        # the first calls weigh more, or a wrong default would last
        weight = max(WEIGHT, 1 / (self.dearest.count + 1))
        self.mean = max(self.mean + weight * (seconds - self.mean), shortest)
