"""What may happen to events on their way, on request: lost, duplicated, reordered (bitrix24.md, sections 5.2 and 9)."""

import random
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

KINDS = ("lost", "duplicated", "reordered")


@dataclass(slots=True)
class Trouble:
    """One rule: it hits events that fit one of `events` (patterns, none = all), with `probability`, `count` times."""

    id: int
    kind: str
    events: tuple[str, ...] = ()
    probability: float = 1.0
    count: int | None = None
    hits: int = 0

    def shown(self) -> dict[str, Any]:
        """The rule for the control API."""
        names = ("id", "kind", "probability", "count", "hits")
        return {**{name: getattr(self, name) for name in names}, "events": list(self.events)}


class Troubles:
    """The rules of one portal; the dice are repeatable and start anew when no rule is left."""

    def __init__(self) -> None:
        self.rules: list[Trouble] = []
        self._last = 0
        self._dice = random.Random(0)

    def add(self, kind: str, events: tuple[str, ...], probability: float, count: int | None) -> Trouble:
        """A new rule of one of `KINDS`."""
        self._last += 1
        rule = Trouble(self._last, kind, events, probability, count)
        self.rules.append(rule)
        return rule

    def clear(self) -> int:
        """Remove all rules; returns how many there were."""
        number = len(self.rules)
        self.rules.clear()
        self._dice = random.Random(0)
        return number

    def pick(self, event: str) -> str | None:
        """What happens to this event: the kind of the first rule that hits, or None."""
        for rule in self.rules:
            if rule.count is not None and rule.hits >= rule.count:
                continue
            if rule.events and not any(fnmatchcase(event, pattern.upper()) for pattern in rule.events):
                continue
            if rule.probability < 1 and self._dice.random() >= rule.probability:
                continue
            rule.hits += 1
            return rule.kind
        return None
