"""Goods of a settlement: what is in the catalogue, and lines of one product at one price."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from pipeline.flows.mapping.model import DealMapping
from pipeline.flows.messages.model import Good, Order, Settlement
from pipeline.flows.texts import filled, written
from pipeline.portal.plan import Key
from pipeline.portal.plan_builder import OMIT, If, Made, PlanBuilder, Ref
from pipeline.portal.plan_steps import MOST_KEYS

__all__ = ["FoundGoods", "Line", "all_goods", "goods_of", "lines_of", "total"]

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Line:
    """One product at one price. `xml_id` is the line's own external id within its order."""

    xml_id: str
    product: str
    name: str | None
    price: Decimal
    quantity: Decimal


def goods_of(order: Order) -> list[Good]:
    """All goods of an order: those of its shipments, and what lies in none.

    Goods of the order itself are the whole basket of a product at a price that its shipments have, too: only what is
    more than they hold is beside them. So whoever lists the basket twice doubles no sum.
    """
    shipped = [good for shipment in order.shipments for good in shipment.goods]
    if not order.goods:
        return shipped
    held: dict[tuple[str, Decimal], Decimal] = {}
    for good in shipped:
        place = (good.xml_id, good.price)
        held[place] = held.get(place, Decimal(0)) + good.quantity
    loose = []
    for good in order.goods:
        place = (good.xml_id, good.price)
        covered = min(held.get(place, Decimal(0)), good.quantity)
        if covered:
            held[place] -= covered
        if covered < good.quantity:
            loose.append(replace(good, quantity=good.quantity - covered))
    return [*shipped, *loose]


def all_goods(settlement: Settlement) -> list[Good] | None:
    """Goods of all orders; None: the message does not carry those of each, so neither sum nor rows are known."""
    if not settlement.has_orders or not all(order.has_goods for order in settlement.orders):
        return None
    return [good for order in settlement.orders for good in goods_of(order)]


def lines_of(goods: Iterable[Good]) -> dict[tuple[str, Decimal], Line]:
    """Lines by product and price, quantities of all shipments added up.

    The first price of a product has the product's XML_ID, others have `<XML_ID>@<price>`.
    """
    found: dict[tuple[str, Decimal], Line] = {}
    seen: set[str] = set()
    for good in goods:
        place = (good.xml_id, good.price)
        earlier = found.get(place)
        if earlier is not None:
            quantity, name = earlier.quantity + good.quantity, earlier.name or good.name
            found[place] = Line(earlier.xml_id, good.xml_id, name, good.price, quantity)
            continue
        xml_id = f"{good.xml_id}@{written(good.price)}" if good.xml_id in seen else good.xml_id
        seen.add(good.xml_id)
        found[place] = Line(xml_id, good.xml_id, good.name, good.price, good.quantity)
    return found


def total(goods: Iterable[Good]) -> Decimal:
    """Sum of PRICE*QUANTITY, exact, then rounded to kopecks."""
    with localcontext() as context:
        context.prec = 200
        return sum((good.price * good.quantity for good in goods), Decimal(0)).quantize(_CENT, ROUND_HALF_UP)


class FoundGoods:
    """Steps that look for products; whether one is there is known when the plan runs."""

    def __init__(self, steps: PlanBuilder, goods: Iterable[Good], iblock: int, mapping: DealMapping) -> None:
        self._template = mapping.unknown_good
        self._places: dict[str, tuple[Made, int]] = {}
        products = list(dict.fromkeys(good.xml_id for good in goods))
        for start in range(0, len(products), MOST_KEYS):
            part = products[start : start + MOST_KEYS]
            keys = [Key(id=xml_id) for xml_id in part]
            name = f"goods{start // MOST_KEYS}"
            found = steps.find(name, f"product:{iblock}", keys, watch=mapping.complete, after=())
            self._places |= {xml_id: (found, place) for place, xml_id in enumerate(part)}

    def product_id(self, line: Line) -> If:
        """Its id in the catalogue, 0 when it is not there."""
        return If(self._ref(line, ""), self._ref(line, "id"), 0)

    def name(self, line: Line) -> Any:
        """What it is called: by the catalogue, else by the mapping."""
        return If(self._ref(line, "title"), self._ref(line, "title"), self._unknown(line))

    def row_name(self, line: Line) -> If:
        """PRODUCT_NAME of a deal's row: of a known product the portal shows the catalogue's own."""
        return If(self._ref(line, ""), OMIT, self._unknown(line))

    def _ref(self, line: Line, path: str) -> Ref:
        found, place = self._places[line.product]
        return found.found(place, path)

    def _unknown(self, line: Line) -> str:
        return filled(self._template, {"XML_ID": line.product, "NAME": line.name}) or line.product
