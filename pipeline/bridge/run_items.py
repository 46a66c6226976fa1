"""Items of a run of the `exchange` command: what each record is called, and its marks (pipeline/delivery/runs.py)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline.bridge.event_keys import NO_XML_ID, shown_id
from pipeline.delivery.records import Record
from pipeline.delivery.runs import FORCE, ITEM, RUN
from pipeline.topology import InboundQueue

__all__ = ["Item", "RunItems"]


@dataclass(frozen=True, slots=True)
class Item:
    """`label`: its XML_ID or its place, one of its kind in the run."""

    label: str
    event: str
    queue: str
    catalog: str


class RunItems:
    """`took` is told of each item before its record leaves, `failed` of those that no flow will see, and why."""

    def __init__(
        self, run: str, *, force: bool, took: Callable[[Item], None], failed: Callable[[Item, str], None]
    ) -> None:
        self.run = run
        self.failed = failed
        self._force = force
        self._took = took
        self._times: Counter[str] = Counter()
        self._items: dict[str, Item] = {}

    def mark(self, inbound: InboundQueue, record: Record) -> Record:
        """The record with the run's headers."""
        item = self.new(inbound, record.key)
        marks = {RUN: self.run, ITEM: item.label, **({FORCE: "1"} if self._force else {})}
        return replace(record, headers={**record.headers, **marks})

    def new(self, inbound: InboundQueue, key: bytes | None) -> Item:
        """The next item, and `took` is told."""
        name = shown_id(key) if key and not key.startswith(NO_XML_ID) else f"message {len(self._items) + 1}"
        label = name
        while label in self._items:
            # outcomes are told apart by it, and the same product may come twice
            self._times[name] += 1
            label = f"{name} ({self._times[name] + 1})"
        item = self._items[label] = Item(label, inbound.event, inbound.queue, inbound.catalog)
        self._took(item)
        return item

    def failed_record(self, record: Record, reason: str) -> None:
        """A record that was marked goes to the dead letters instead."""
        item = self._items.get(record.headers.get(ITEM, ""))
        if item is not None:
            self.failed(item, reason)
