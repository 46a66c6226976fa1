"""A settlement (взаиморасчёты) becomes a deal with its rows, and orders with baskets, payments and shipments.

company (stub) -> deal -> rows
goods (found)      \\-> order -> link, basket, payments, properties, shipments -> items -> delivered
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.delivery.flow import Event, Flow
from pipeline.delivery.records import Record
from pipeline.flows.catalog_sections import catalog_named
from pipeline.flows.making import effect_flow, is_forced, records, version_of
from pipeline.flows.mapping.model import Mapping
from pipeline.flows.messages.decoders import Decoders
from pipeline.flows.messages.model import Order, Settlement
from pipeline.flows.settlements.deal import add_deal, add_rows
from pipeline.flows.settlements.dictionaries import Dictionaries
from pipeline.flows.settlements.goods import FoundGoods, goods_of
from pipeline.flows.settlements.orders import MOST_STEPS_AN_ORDER, OrderSteps
from pipeline.flows.settlements.shipments import add_shipments
from pipeline.portal.plan import MOST_STEPS, Plan
from pipeline.portal.plan_builder import PlanBuilder
from pipeline.topology import EVENTS_SETTLEMENT

__all__ = ["NAME", "ORDERS_A_PLAN", "flow", "plan", "plans"]

NAME = "settlements"
#: company, deal, rows, and up to 17 looks for goods (500 each)
_OTHER_STEPS = 20
#: Orders of one plan; a settlement with more makes several, which run one after another.
ORDERS_A_PLAN = (MOST_STEPS - _OTHER_STEPS) // MOST_STEPS_AN_ORDER


def flow(mapping: Mapping) -> Flow:
    """The flow of events.settlement."""

    def handle(event: Event[Settlement]) -> Iterable[Record]:
        version = version_of(event.value.version, event.headers)
        made = plans(event.value, mapping, version, is_forced(event.headers))
        return records(event, made, mapping, NAME)

    return effect_flow(NAME, EVENTS_SETTLEMENT, Decoders(mapping.portal.zone).settlement, handle)


def plan(settlement: Settlement, mapping: Mapping, version: str | None = None, force: bool = False) -> Plan:
    """The only plan of a settlement with at most `ORDERS_A_PLAN` orders. Raises as `plans`."""
    (only,) = plans(settlement, mapping, version, force)
    return only


def plans(settlement: Settlement, mapping: Mapping, version: str | None = None, force: bool = False) -> list[Plan]:
    """What a settlement makes. All of its plans upsert the deal, so they run in this order.

    Raises BadInput: lists every status that is in no dictionary.
    """
    words = Dictionaries(mapping)
    orders = list(enumerate(settlement.orders)) if mapping.order.enabled else []
    parts = [orders[start : start + ORDERS_A_PLAN] for start in range(0, len(orders), ORDERS_A_PLAN)] or [[]]
    made = [_plan(settlement, mapping, words, version, force, place, part) for place, part in enumerate(parts)]
    words.check()
    return [steps.build() for steps in made]


def _plan(
    settlement: Settlement,
    mapping: Mapping,
    words: Dictionaries,
    version: str | None,
    force: bool,
    place: int,
    orders: list[tuple[int, Order]],
) -> PlanBuilder:
    subject = f"settlement:{settlement.xml_id}" + (f":{place + 1}" if place else "")
    steps = PlanBuilder(subject=subject, force=force)
    goods = [good for order in settlement.orders for good in goods_of(order)]
    own = goods if place == 0 else [good for _, order in orders for good in goods_of(order)]
    iblock = catalog_named(mapping, mapping.deal.catalog).iblock
    found = FoundGoods(steps, own, iblock, mapping.deal)
    deal = add_deal(steps, settlement, mapping, words, goods, version)
    if place == 0:
        add_rows(steps, settlement, mapping, deal, goods, found, version)
    for number, order in orders:
        one = OrderSteps(steps, mapping, words, found, order, f"o{number}-", f"ORDERS[{number}]", version)
        add_shipments(one, one.add(settlement, deal))
    return steps
