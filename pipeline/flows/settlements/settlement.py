"""A settlement (взаиморасчёты) becomes a deal with its rows, and orders with baskets, payments and shipments.

company (stub) -> deal -> rows
goods (found)      \\-> order -> link, basket, payments, properties, shipments -> items -> delivered
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.delivery.flow import Event, Flow
from pipeline.delivery.records import Record
from pipeline.flows.catalog_sections import catalog_named
from pipeline.flows.making import effect_flow, is_forced, records, version_of
from pipeline.flows.mapping.model import Mapping
from pipeline.flows.messages.decoders import Decoders
from pipeline.flows.messages.model import Good, Order, Settlement
from pipeline.flows.settlements.deal import add_deal, add_rows
from pipeline.flows.settlements.dictionaries import Dictionaries
from pipeline.flows.settlements.goods import FoundGoods, goods_of
from pipeline.flows.settlements.orders import OrderSteps, steps_of
from pipeline.flows.settlements.shipments import add_shipments, make_room
from pipeline.portal.plan import Plan
from pipeline.portal.plan_builder import PlanBuilder
from pipeline.topology import EVENTS_SETTLEMENT

__all__ = ["NAME", "flow", "plans"]

NAME = "settlements"
#: A plan may have 500 steps, but what a gateway does for a step grows with their number.
_MOST_STEPS = 250
#: company, deal, rows, and up to 17 looks for goods (500 each)
_OTHER_STEPS = 20


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
    goods = [good for order in settlement.orders for good in goods_of(order)]
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
    goods: list[Good],
    version: str | None,
    force: bool,
    place: int,
    orders: list[tuple[int, Order]],
) -> PlanBuilder:
    subject = f"settlement:{settlement.xml_id}" + (f":{place + 1}" if place else "")
    steps = PlanBuilder(subject=subject, force=force)
    own = goods if place == 0 else [good for _, order in orders for good in goods_of(order)]
    iblock = catalog_named(mapping, mapping.deal.catalog).iblock
    found = FoundGoods(steps, own, iblock, mapping.deal)
    deal = add_deal(steps, settlement, mapping, words, goods, version)
    if place == 0:
        add_rows(steps, settlement, mapping, deal, goods, found, version)
    for number, order in orders:
        one = OrderSteps(steps, mapping, words, found, order, f"o{number}-", f"ORDERS[{number}]", version)
        made = one.add(settlement, deal)
        room = make_room(one, made)
        add_shipments(one, made, room, one.basket(made, room))
    return steps
