"""Settlements become deals and orders, each from its newest message."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.day.state import Deal, Line, Order, Payment, Product, Shipment
from tests.day.wire import identity, moment, number

__all__ = ["deal_of", "orders_of"]


def deal_of(
    body: dict[str, Any],
    orders: Iterable[dict[str, Any]],
    products: Mapping[str, Product],
    mapping: dict[str, Any],
    zone: ZoneInfo,
) -> Deal:
    """The deal; rows of all `orders`, added up by good."""
    rules = mapping["deal"]
    rows: dict[str, Line] = {}
    for good, quantity, price in _all_goods(orders):
        name = None if good in products else rules["unknown_good"].replace("{XML_ID}", good)
        _add(rows, f"product:{good}" if name is None else f"name:{name}", quantity, price, name)
    created = moment(body["DATE_CREATE"], zone)
    source = body["SOURCE"]
    return Deal(
        title=rules["title"].replace("{NUMBER}", identity(body["NUMBER"])),
        stage=rules["stages"][str(body["STATUS"])],
        company=identity(body.get("COMPANY")) or None,
        opportunity=sum((row.amount for row in rows.values()), Decimal(0)),
        source=rules["sources"].get(source, source),
        assigned=rules["users"].get(identity(body.get("ASSIGNED_BY_ID")), rules["assigned_by"]),
        begun="" if created is None else f"{created.astimezone(zone):%Y-%m-%d}",
        rows=rows,
    )


def orders_of(
    deal: str,
    body: dict[str, Any],
    products: Mapping[str, Product],
    mapping: dict[str, Any],
    zone: ZoneInfo,
    unsold: Collection[str] = (),
) -> dict[str, Order]:
    """The orders of a settlement by XML_ID. `unsold`: goods that were deactivated at some time of the day."""
    found = {}
    for given in body["ORDERS"]:
        order = found[identity(given["XML_ID"])] = _order(deal, given, products, mapping, zone)
        for good in order.goods.keys() & set(unsold):
            order.goods[good].may_be_named = True
    return found


def _order(
    deal: str, order: dict[str, Any], products: Mapping[str, Product], mapping: dict[str, Any], zone: ZoneInfo
) -> Order:
    goods: dict[str, Line] = {}
    for good, quantity, price in _all_goods([order]):
        name = None if good in products else mapping["deal"]["unknown_good"].replace("{XML_ID}", good)
        _add(goods, good, quantity, price, name)
    payments = order.get("PAYNEMTS") or order.get("PAYMENTS") or []
    return Order(
        deal=deal,
        status=mapping["order"]["statuses"][order["STATUS"]],
        user=mapping["deal"]["users"].get(identity(order.get("USER_ID"))),
        cashback=number(order.get("CACHBACK", order.get("CASHBACK"))),
        created=moment(order["DATE_CREATE"], zone),
        goods=goods,
        payments={one["XML_ID"]: _payment(one, mapping["payment"], zone) for one in payments},
        shipments={one["XML_ID"]: _shipment(one, mapping["shipment"]) for one in order.get("SHIPMENTS", ())},
    )


def _payment(one: dict[str, Any], rules: dict[str, Any], zone: ZoneInfo) -> Payment:
    return Payment(
        sum=number(one["SUM"]) or Decimal(0),
        paid=rules["paid"][str(one["STATUS"])],
        paid_at=moment(one.get("DATE_PAY"), zone),
        pay_before=moment(one.get("DATE_PAY_BEFORE"), zone),
    )


def _shipment(one: dict[str, Any], rules: dict[str, Any]) -> Shipment:
    delivered = number(one.get("DELEVERY", one.get("DELIVERY"))) or 0
    goods: dict[str, Decimal] = {}
    for good in one["GOODS"]:
        key = identity(good["XML_ID"])
        goods[key] = goods.get(key, Decimal(0)) + (number(good["QUANTITY"]) or 0)
    return Shipment(rules["statuses"][one["STATUS"]], delivered > 0, goods)


def _all_goods(orders: Iterable[dict[str, Any]]) -> Iterator[tuple[str, Decimal, Decimal]]:
    """XML_ID, quantity, price of every line of every shipment."""
    for order in orders:
        for shipment in order.get("SHIPMENTS", ()):
            for good in shipment["GOODS"]:
                quantity, price = number(good["QUANTITY"]), number(good["PRICE"])
                assert quantity is not None and price is not None
                yield identity(good["XML_ID"]), quantity, price


def _add(lines: dict[str, Line], key: str, quantity: Decimal, price: Decimal, name: str | None) -> None:
    line = lines.setdefault(key, Line(Decimal(0), Decimal(0), name))
    line.quantity += quantity
    line.amount += quantity * price
