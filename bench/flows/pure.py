"""Events/s of each flow, from the record's bytes to the records of its plans: seconds of CPU, no Kafka."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from bench.flows.sample import records
from pipeline.delivery.errors import BadInput
from pipeline.delivery.flow import Event, Flow
from pipeline.delivery.records import Record
from pipeline.flows import catalog_sections, companies, search
from pipeline.flows.catalog_products import product as catalog_products
from pipeline.flows.mapping.model import Mapping
from pipeline.flows.settlements import settlement as settlements
from pipeline.settings import Settings
from sandbox.site.day import make_day
from sandbox.site.sizes import Sizes

__all__ = ["run"]

SIZES = Sizes(users=3000, products=3000, sections=300, settlements=600, wrong=0)
_ROUNDS = 3


def run(mapping: Mapping, settings: Settings) -> list[dict[str, Any]]:
    """One line a flow: the best of three rounds."""
    flows = [module.flow(mapping) for module in (companies, catalog_sections, catalog_products, search, settlements)]
    by_topic = records(make_day(SIZES).messages, settings)
    return [_measure(flow, by_topic[flow.topics[0]]) for flow in flows]


def _measure(flow: Flow, given: list[Record]) -> dict[str, Any]:
    best = 0.0
    made = 0
    for _ in range(_ROUNDS):
        began = time.process_time()
        made = sum(_made(flow, record, offset) for offset, record in enumerate(given))
        best = max(best, len(given) / (time.process_time() - began))
    return {
        "row": f"{flow.name}: an event to its plans",
        "unit": "events/s",
        "measured": best,
        "note": f"{len(given)} events of {sum(len(one.value or b'') for one in given) // len(given)} bytes made {made}",
    }


def _made(flow: Flow, record: Record, offset: int) -> int:
    raw = record.value or b""
    try:
        value = flow.decode(raw)
        event = Event(flow.topics[0], 0, offset, record.key, dict(record.headers), raw, value, 1_750_000_000.0)
        found: Iterable[Record] | None = flow.handler(event)  # type: ignore[assignment]
    except BadInput:
        return 0
    return len(list(found or ()))
