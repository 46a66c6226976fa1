"""What can be set about a portal, as plain data; the command line fills it (`__main__.py`)."""

from dataclasses import dataclass, field
from datetime import timedelta, timezone
from fnmatch import fnmatchcase

from sandbox.portal.auth import Credential

DEFAULT_PORTAL = "default"
DEFAULT_CREDENTIAL = Credential("1", "sandbox")

DOCUMENTED_COSTS: dict[str, float] = {
    "crm.*.list": 0.16,
    "crm.*.get": 0.05,
    "crm.*.update": 0.26,
    "crm.*.add": 0.65,
    "*": 0.02,
}
"""Seconds of one call as the documentation's samples suggest (bitrix24.md, sections 1.5 and 9)."""


class Costs:
    """Simulated seconds of a call by method pattern; an exact name wins, then the first pattern that fits."""

    def __init__(self, patterns: dict[str, float] | None = None) -> None:
        self._patterns = {name.lower(): seconds for name, seconds in (patterns or {}).items()}
        self._known: dict[str, float] = {}

    def of(self, method: str) -> float:
        """Seconds that one call of the lower-case `method` takes; 0 when nothing fits."""
        cost = self._known.get(method)
        if cost is None:
            cost = self._known[method] = self._find(method)
        return cost

    def _find(self, method: str) -> float:
        # What a batch takes is what its commands take, unless somebody names it.
        if method in self._patterns or method == "batch":
            return self._patterns.get(method, 0.0)
        return next((cost for name, cost in self._patterns.items() if fnmatchcase(method, name)), 0.0)


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of one portal; rates in requests per second, times in seconds, None = no such limit."""

    rate: float = 2.0
    burst: float = 50.0
    operating_limit: float | None = 480.0
    costs: Costs = field(default_factory=Costs)
    credentials: tuple[Credential, ...] = (DEFAULT_CREDENTIAL,)
    any_token: bool = False
    zone: timezone = timezone(timedelta(hours=3))
    journal_size: int = 100_000
