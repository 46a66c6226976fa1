"""Deals and orders of a portal, with all that belongs to them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.day.rest import Rest
from tests.day.state import Deal, Line, Order, Payment, Shipment, State

__all__ = ["Known", "read_deals", "read_orders"]

_DEAL = 2


@dataclass(frozen=True)
class Known:
    """Ids of the portal -> XML_IDs."""

    companies: dict[int, str]
    products: dict[int, str]


async def read_deals(rest: Rest, mapping: dict[str, Any], known: Known, state: State) -> dict[int, str]:
    """Fills `state.deals`; ids of the portal -> XML_IDs."""
    rows = await rest.rows("crm.deal.list", {"select": ["*", "UF_*"]})
    names: dict[int, str] = {}
    lines = await rest.each("crm.deal.productrows.get", [int(row["ID"]) for row in rows])
    for row in rows:
        key = row.get("ORIGIN_ID") or ""
        if key in state.deals or not key:
            state.faults.append(f"deal {key or row['ID']}: " + ("is there twice" if key else "has no external id"))
        names[int(row["ID"])] = key
        company = int(row.get("COMPANY_ID") or 0)
        state.deals[key] = Deal(
            title=row["TITLE"],
            stage=row["STAGE_ID"],
            company=known.companies.get(company, f"id {company}") if company else None,
            opportunity=Decimal(row["OPPORTUNITY"] or "0"),
            source=row.get("SOURCE_ID") or "",
            assigned=int(row["ASSIGNED_BY_ID"]),
            begun=(row.get("BEGINDATE") or "")[:10],
            rows=_rows(lines[int(row["ID"])], known),
        )
    return names


def _rows(given: list[dict[str, Any]], known: Known) -> dict[str, Line]:
    """Rows added up by good: one row for each order or one for all is the same."""
    rows: dict[str, Line] = {}
    for row in given:
        product = int(row.get("PRODUCT_ID") or 0)
        name = None if product else row["PRODUCT_NAME"]
        key = f"product:{known.products.get(product, f'id {product}')}" if product else f"name:{name}"
        _add(rows, key, row["QUANTITY"], row["PRICE"], name)
    return rows


def _add(lines: dict[str, Line], key: str, quantity: Any, price: Any, name: str | None) -> None:
    line = lines.setdefault(key, Line(Decimal(0), Decimal(0), name))
    line.quantity += Decimal(str(quantity))
    line.amount += Decimal(str(quantity)) * Decimal(str(price))


async def read_orders(rest: Rest, mapping: dict[str, Any], known: Known, deals: dict[int, str], state: State) -> None:
    """Fills `state.orders`."""
    orders = await rest.rows("sale.order.list", within="orders")
    basket = _by_order(await rest.rows("sale.basketitem.list", within="basketItems"))
    payments = _by_order(await rest.rows("sale.payment.list", within="payments"))
    shipments = _by_order(await rest.rows("sale.shipment.list", within="shipments"))
    items = _by_order(await rest.rows("sale.shipmentitem.list", within="shipmentItems"), "orderDeliveryId")
    links = _by_order(await rest.rows("crm.orderentity.list", within="orderEntity"))
    cashback = await _cashback(rest, mapping)
    ids = {row["id"] for row in orders}
    for name, found in (("basket item", basket), ("payment", payments), ("shipment", shipments)):
        state.faults += [f"{name} of order id {order}: there is no such order" for order in found if order not in ids]
    for row in orders:
        key, number = row["xmlId"], row["id"]
        if key in state.orders:
            state.faults.append(f"order {key}: is there twice")
        of_deals = [deals.get(link["ownerId"], "?") for link in links[number] if link["ownerTypeId"] == _DEAL]
        if len(of_deals) > 1:
            state.faults.append(f"order {key}: is linked to the deals {', '.join(of_deals)}")
        goods = {item["id"]: item["xmlId"] for item in basket[number]}
        state.orders[key] = Order(
            deal=of_deals[0] if of_deals else "",
            status=row["statusId"],
            user=row.get("userId"),
            cashback=cashback.get(number) if cashback is not None else None,
            created=_moment(row.get("dateInsert")),
            goods=_goods(key, basket[number], known, state),
            payments=_payments(key, payments[number], state),
            shipments=_shipments(key, shipments[number], items, goods, state),
        )


def _by_order(rows: list[dict[str, Any]], key: str = "orderId") -> defaultdict[int, list[dict[str, Any]]]:
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row[key]].append(row)
    return found


async def _cashback(rest: Rest, mapping: dict[str, Any]) -> dict[int, Decimal] | None:
    """Order -> value of its property; None when the mapping names none."""
    number = mapping["order"]["properties"].get("CACHBACK")
    if number is None:
        return None
    rows = await rest.rows("sale.propertyvalue.list", within="propertyValues")
    values = ((row["orderId"], row["value"] or 0) for row in rows if row["orderPropsId"] == number)
    return {order: Decimal(str(value)) for order, value in values}


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _goods(order: str, rows: list[dict[str, Any]], known: Known, state: State) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for row in rows:
        key = row["xmlId"]
        if key in lines:
            state.faults.append(f"order {order}: basket item {key} is there twice")
        product = row["productId"] or 0
        if product and known.products.get(product) != key:
            state.faults.append(f"order {order}: basket item {key} is product {known.products.get(product)}")
        _add(lines, key, row["quantity"], row["price"], None if product else row["name"])
    return lines


def _payments(order: str, rows: list[dict[str, Any]], state: State) -> dict[str, Payment]:
    found: dict[str, Payment] = {}
    for row in rows:
        key = row["xmlId"]
        if key in found:
            state.faults.append(f"order {order}: payment {key} is there twice")
        found[key] = Payment(
            sum=Decimal(str(row["sum"])),
            paid=row["paid"] == "Y",
            paid_at=_moment(row.get("datePaid")),
            pay_before=_moment(row.get("datePayBefore")),
        )
    return found


def _shipments(
    order: str,
    rows: list[dict[str, Any]],
    items: dict[int, list[dict[str, Any]]],
    goods: dict[int, str],
    state: State,
) -> dict[str, Shipment]:
    found: dict[str, Shipment] = {}
    for row in rows:
        key = row["xmlId"]
        if key in found:
            state.faults.append(f"order {order}: shipment {key} is there twice")
        if row["deducted"] != row["allowDelivery"]:
            state.faults.append(f"shipment {key}: deducted {row['deducted']}, allowDelivery {row['allowDelivery']}")
        held: dict[str, Decimal] = {}
        for item in items.get(row["id"], ()):
            good = goods.get(item["basketId"], f"id {item['basketId']}")
            if good in held:
                state.faults.append(f"shipment {key}: item {good} is there twice")
            held[good] = held.get(good, Decimal(0)) + Decimal(str(item["quantity"]))
        found[key] = Shipment(row["statusId"], row["deducted"] == "Y", held)
    return found
