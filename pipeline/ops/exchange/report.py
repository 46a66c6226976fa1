"""What became of the items of a run. No I/O; outcomes may come twice, or before the next item is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import orjson

from pipeline.bridge.run_items import Item
from pipeline.delivery.runs import DONE, FAILED, PART, part_of

__all__ = ["EDGE", "ItemReport", "Outcome", "Report", "read_outcome"]

#: in place of a flow's name: what never became an event
EDGE = "edge"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one flow says of one item (pipeline/delivery/runs.py). `part`: (2, 5) = of the second of its five plans."""

    item: str
    flow: str
    status: str
    action: str = ""
    error_class: str = ""
    error: str = ""
    part: tuple[int, int] = (1, 1)

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
    texts = {name: "" if given.get(name) is None else str(given[name]) for name in names}
    return Outcome(**texts, part=part_of(str(given.get(PART) or "")))


@dataclass(slots=True)
class ItemReport:
    """`missing`: flows that have not spoken yet; `parts`: of those that have several plans, what is there so far."""

    item: Item
    missing: set[str]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    parts: dict[str, dict[tuple[int, int], Outcome]] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Nothing more is to be expected: all have spoken, or no flow will."""
        return not self.missing

    @property
    def failed(self) -> bool:
        """At least one flow could not do it."""
        return any(outcome.failed for outcome in self.outcomes.values())

    def whole(self, outcome: Outcome) -> Outcome | None:
        """The flow's word: of its only plan, of one that failed, or of all together; None: more are to come."""
        _, count = outcome.part
        if count == 1 or outcome.failed:
            return outcome
        known = self.parts.setdefault(outcome.flow, {})
        known.setdefault(outcome.part, outcome)
        together = [one for (_, of), one in sorted(known.items()) if of == count]
        return replace(outcome, action=_added_up(one.action for one in together)) if len(together) == count else None


def _added_up(actions: Iterable[str]) -> str:
    """`added 1, updated 2` and `added 3, unchanged` -> `added 4, updated 2`; words without a count are told once."""
    counts: dict[str, int] = {}
    for word in (word for action in actions for word in action.split(", ")):
        name, _, number = word.rpartition(" ")
        if name and number.isdigit():
            counts[name] = counts.get(name, 0) + int(number)
        else:
            counts.setdefault(word, 0)
    told = [f"{name} {count}" if count else name for name, count in counts.items() if name]
    return ", ".join(word for word in told if word != "unchanged" or len(told) == 1)


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
        """A flow has spoken. A second word on an item, or on a part, changes nothing, nor does one when it is over."""
        known = self._items.get(outcome.item)
        if known is None or known.over or outcome.flow in known.outcomes:
            return
        if outcome.flow not in known.missing and not outcome.failed:
            return
        whole = known.whole(outcome)
        if whole is None:
            return
        known.missing.discard(outcome.flow)
        known.outcomes[outcome.flow] = whole
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
