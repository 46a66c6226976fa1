"""How long a call takes on the simulated portal: by method pattern, with repeatable jitter."""

import random
from collections.abc import Mapping
from fnmatch import fnmatchcase

DOCUMENTED_COSTS: dict[str, float] = {
    "crm.timeline.comment.add": 0.09,
    "crm.*.userfield.add": 0.19,
    "crm.requisite.add": 0.33,
    "*.productrows.set": 0.57,
    "*.productrow.set": 0.57,
    "crm.item.update": 1.0,
    "crm.item.add": 1.0,
    "crm.item.import": 1.0,
    "crm.item.batchimport": 2.0,
    "*.list": 0.16,
    "*.get": 0.05,
    "*.update": 0.26,
    "*.delete": 0.26,
    "*.add": 0.65,
    "*": 0.02,
}
"""Seconds of one call as the documentation's samples suggest (bitrix24.md, sections 1.5 and 9)."""


class Costs:
    """Simulated seconds of a call by method pattern; an exact name wins, then the first pattern that fits.

    `jitter` is the share by which a single call may be shorter or longer, drawn evenly: 0.2 = 80 to 120 %. The
    draw is repeatable by `seed`; the mean stays the cost.
    """

    def __init__(self, patterns: Mapping[str, float] | None = None, *, jitter: float = 0.0, seed: int = 0) -> None:
        self.patterns = {name.lower(): seconds for name, seconds in (patterns or {}).items()}
        self.jitter = jitter
        self._random = random.Random(seed)
        self._known: dict[str, float] = {}

    def of(self, method: str) -> float:
        """Seconds that a call of the lower-case `method` takes in the mean; 0 when nothing fits."""
        cost = self._known.get(method)
        if cost is None:
            cost = self._known[method] = self._find(method)
        return cost

    def draw(self, method: str) -> float:
        """Seconds that this one call takes."""
        cost = self.of(method)
        if not self.jitter or not cost:
            return cost
        return cost * (1 + self.jitter * self._random.uniform(-1, 1))

    def _find(self, method: str) -> float:
        # What a batch takes is what its commands take, unless somebody names it.
        if method in self.patterns or method == "batch":
            return self.patterns.get(method, 0.0)
        return next((cost for name, cost in self.patterns.items() if fnmatchcase(method, name)), 0.0)
