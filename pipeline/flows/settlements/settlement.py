"""A settlement (взаиморасчёты) becomes a deal with its rows, and orders with baskets, payments and shipments.

company (stub) -> deal -> sum, rows
goods (found)      \\-> order -> link, basket, payments, properties, shipments -> items -> delivered

What the message does not carry has no steps, so the portal keeps it (docs/messages.md#what-is-not-carried).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from pipeline.delivery.flow import Event, Flow
from pipeline.delivery.records import Record
from pipeline.flows.catalog_sections import catalog_named
from pipeline.flows.making import effect_flow, is_forced, records, version_of
from pipeline.flows.mapping.model import Mapping
from pipeline.flows.messages.decoders import Decoders
from pipeline.flows.messages.model import Good, Order, Settlement
from pipeline.flows.settlements.deal import add_deal, add_rows, add_sum
from pipeline.flows.settlements.dictionaries import Dictionaries
from pipeline.flows.settlements.goods import FoundGoods, all_goods, goods_of
from pipeline.flows.settlements.orders import OrderSteps, steps_of
from pipeline.flows.settlements.shipments import add_content
from pipeline.portal.plan import Plan
from pipeline.portal.plan_builder import PlanBuilder
from pipeline.topology import EVENTS_SETTLEMENT

__all__ = ["NAME", "flow", "plans"]

NAME = "settlements"
#: A plan may have 500 steps, but what a gateway does for a step grows with their number.
_MOST_STEPS = 250
#: company, deal, sum, rows, and up to 17 looks for goods (500 each)
_OTHER_STEPS = 21


def flow(mapping: Mapping) -> Flow:
    """The flow of events.settlement."""

    def handle(event: Event[Settlement]) -> Iterable[Record]:
        version = version_of(event.value.version, event.headers)
        made = plans(event.value, mapping, version, is_forced(event.headers))
        return records(event, made, mapping, NAME)

    return effect_flow(NAME, EVENTS_SETTLEMENT, Decoders(mapping.portal.zone).settlement, handle)


def plans(settlement: Settlement, mapping: Mapping, version: str | None = None, force: bool = False) -> list[Plan]:
    """What a settlement makes: one plan, or several of many orders. Each upserts the deal, so they run in this order.

    Raises BadInput: lists every status that is in no dictionary.
    """
    words = Dictionaries(mapping)
    parts = _parts(settlement.orders if mapping.order.enabled else ())
    goods = all_goods(settlement)
    made = [_plan(settlement, mapping, words, goods, version, force, place, part) for place, part in enumerate(parts)]
    words.check()
    return [steps.build() for steps in made]


def _parts(orders: Sequence[Order]) -> list[list[tuple[int, Order]]]:
    """Orders with their places, so many together as fit into one plan."""
    parts: list[list[tuple[int, Order]]] = [[]]
    room = _MOST_STEPS - _OTHER_STEPS
    for place, order in enumerate(orders):
        steps = steps_of(order)
        if steps > room and parts[-1]:
            parts.append([])
            room = _MOST_STEPS - _OTHER_STEPS
        parts[-1].append((place, order))
        room -= steps
    return parts


def _plan(
    settlement: Settlement,
    mapping: Mapping,
    words: Dictionaries,
    goods: list[Good] | None,
    version: str | None,
    force: bool,
    place: int,
    orders: list[tuple[int, Order]],
) -> PlanBuilder:
    steps = PlanBuilder(subject=_subject(settlement, goods, version, place, orders), force=force)
    own = goods if place == 0 and goods is not None else [good for _, order in orders for good in goods_of(order)]
    iblock = catalog_named(mapping, mapping.deal.catalog).iblock
    found = FoundGoods(steps, own, iblock, mapping.deal)
    deal = add_deal(steps, settlement, mapping, words, goods, version)
    if place == 0 and goods is not None:
        add_sum(steps, settlement, mapping, deal, goods, version)
        add_rows(steps, settlement, mapping, deal, goods, found, version)
    for number, order in orders:
        one = OrderSteps(steps, mapping, words, found, order, f"o{number}-", f"ORDERS[{number}]", version)
        add_content(one, one.add(settlement, deal))
    return steps


def _subject(
    settlement: Settlement, goods: list[Good] | None, version: str | None, place: int, orders: list[tuple[int, Order]]
) -> str:
    """What the plan is about; a plan takes the place of an earlier one of its subject that waits for products.

    One that does not know all goods takes only the place of one that knows those of the same orders. Without versions
    it takes any place: what waits would set back what is newer when its products come.
    """
    subject = f"settlement:{settlement.xml_id}"
    if goods is None and version is not None:
        known = "\n".join(sorted(order.xml_id for _, order in orders if order.has_goods))
        subject += f":goods-{hashlib.sha256(known.encode()).hexdigest()[:16]}"
    return subject + (f":{place + 1}" if place else "")
