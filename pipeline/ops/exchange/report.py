"""What became of the items of a run. No I/O; outcomes may come twice, or before the next item is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import orjson

from pipeline.bridge.run_items import Item
from pipeline.delivery.runs import DONE, FAILED

__all__ = ["EDGE", "ItemReport", "Outcome", "Report", "read_outcome"]

#: in place of a flow's name: what never became an event
EDGE = "edge"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one flow says of one item (pipeline/delivery/runs.py)."""

    item: str
    flow: str
    status: str
    action: str = ""
    error_class: str = ""
    error: str = ""

    @property
    def failed(self) -> bool:
        """Not done, and it will not be."""
        return self.status != DONE


def read_outcome(value: bytes | None, run: str) -> Outcome | None:
    """The outcome in a record of topic outcomes; None: it is none, or another run's."""
    try:
        given = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    if not isinstance(given, dict) or given.get("run") != run:
        return None
    names = ("item", "flow", "status", "action", "error_class", "error")
    return Outcome(*("" if given.get(name) is None else str(given[name]) for name in names))


@dataclass(slots=True)
class ItemReport:
    """`missing`: flows that have not spoken yet."""

    item: Item
    missing: set[str]
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Nothing more is to be expected: all have spoken, or no flow will."""
        return not self.missing

    @property
    def failed(self) -> bool:
        """At least one flow could not do it."""
        return any(outcome.failed for outcome in self.outcomes.values())


class Report:
    """`over` is told of each item when the last of its outcomes is there."""

    def __init__(self, flows: Callable[[Item], frozenset[str]], over: Callable[[ItemReport], None]) -> None:
        self._flows = flows
        self._over = over
        self._items: dict[str, ItemReport] = {}
        self.done = 0
        self.failed = 0

    @property
    def count(self) -> int:
        """Items so far."""
        return len(self._items)

    @property
    def waiting(self) -> int:
        """Items that are not over."""
        return self.count - self.done - self.failed

    def took(self, item: Item) -> None:
        """An item is on its way to its flows; one that none cares for is over."""
        known = self._items[item.label] = ItemReport(item, set(self._flows(item)))
        if known.over:
            self._close(known)

    def refused(self, item: Item, reason: str) -> None:
        """It went to the dead letters on its way in."""
        known = self._items[item.label]
        if known.over:
            if known.outcomes:
                return
            self.done -= 1
        known.missing.clear()
        known.outcomes[EDGE] = Outcome(item.label, EDGE, FAILED, error_class="dead letter", error=reason)
        self._close(known)

    def take(self, outcome: Outcome) -> None:
        """A flow has spoken. Its second word on an item changes nothing, nor does one about an item that is over."""
        known = self._items.get(outcome.item)
        if known is None or known.over or outcome.flow in known.outcomes:
            return
        if outcome.flow not in known.missing and not outcome.failed:
            return
        known.missing.discard(outcome.flow)
        known.outcomes[outcome.flow] = outcome
        if known.over:
            self._close(known)

    def unfinished(self) -> Iterator[ItemReport]:
        """Items that some flow has not spoken of."""
        return (known for known in self._items.values() if not known.over)

    def _close(self, known: ItemReport) -> None:
        if known.failed:
            self.failed += 1
        else:
            self.done += 1
        self._over(known)
