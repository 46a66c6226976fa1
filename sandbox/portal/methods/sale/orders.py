"""`sale.order.*`, `.basketitem.*`, `.payment.*`, `.shipment.*`, `.shipmentitem.*`."""

from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields import TYPES
from sandbox.portal.methods.spec import Call, Method
from sandbox.portal.methods.typed import Resource, resource_methods, take_typed
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row, Store
from sandbox.portal.views import plain_view

_NO_ORDER = Problem(400, 0, "Unable to load order")
_NO_DELIVERY = Problem(400, "SALE_SHIPMENT_WRONG_DELIVERY_SERVICE", "Delivery service not found")
_NO_PAY_SYSTEM = Problem(400, 0, "Pay system not found")
_NO_PERSON_TYPE = Problem(400, 0, "Person type not found")
_BASKET_BAD = Problem(400, 200140400007, "bad data")
_BASKET_NO_ORDER_ID = Problem(400, 200140400008, "Required fields: fields[ORDER_ID]")
_BASKET_NO_ORDER = Problem(400, 200140400009, "Order not found")
_BASKET_CURRENCY = Problem(400, 200140400011, "Currency must be the currency of the order")
_SAVED = "ONORDERENTITYSAVED"


def methods() -> Iterator[Method]:
    """The methods of this file."""
    for resource in (ORDER, _BASKET_ITEM, PAYMENT, _SHIPMENT, _SHIPMENT_ITEM):
        yield from resource_methods(resource)


def _check_order(portal: Portal, row: Row, held: Row | None) -> None:
    if row["personTypeId"] not in portal.store.tables["person_type"].rows:
        raise RestError(_NO_PERSON_TYPE)
    if held is not None and row.get("statusId") != held.get("statusId"):
        row["dateStatus"] = int(portal.clock.now())
    if row.get("canceled") == "Y" and (held or {}).get("canceled") != "Y":
        row["dateCanceled"] = int(portal.clock.now())


def _order_written(portal: Portal, call: Call, row: Row) -> None:
    if not row.get("accountNumber"):
        portal.store.tables["order"].update(row["id"], {"accountNumber": str(row["id"])})
    recalculate(portal.store, row["id"])


def _order_removed(portal: Portal, call: Call, row: Row) -> None:
    store = portal.store
    for shipment in store.tables["shipment"].where("orderId", row["id"]):
        _shipment_removed(portal, call, shipment)
    for name in ("basket_item", "payment", "shipment", "order_link", "property_value"):
        table = store.tables[name]
        for number in table.with_value("orderId", [row["id"]]) or []:
            table.delete(number)


def recalculate(store: Store, order_id: int) -> None:
    """An order's price follows from its basket and deliveries, `payed` and `deducted` from what belongs to it."""
    order = store.tables["order"].rows.get(order_id)
    if order is None:
        return
    basket = store.tables["basket_item"].where("orderId", order_id)
    shipments = store.tables["shipment"].where("orderId", order_id)
    payments = store.tables["payment"].where("orderId", order_id)
    changes: Row = {}
    if basket:
        goods = sum((row.get("price") or 0.0) * (row.get("quantity") or 0.0) for row in basket)
        changes["price"] = round(goods + sum(row.get("priceDelivery") or 0.0 for row in shipments), 2)
        rates = ((row.get("price") or 0.0, row.get("quantity") or 0.0, row.get("vatRate") or 0.0) for row in basket)
        changes["taxValue"] = round(sum(price * count * rate / (1 + rate) for price, count, rate in rates), 2)
    due = changes.get("price", order.get("price")) or 0.0
    paid = sum(row.get("sum") or 0.0 for row in payments if row.get("paid") == "Y")
    changes["payed"] = "Y" if payments and paid >= due > 0 else "N"
    deducted = [row.get("deducted") == "Y" for row in shipments]
    changes["deducted"] = "Y" if deducted and all(deducted) else "N"
    store.tables["order"].update(order_id, changes)


def _show_order(portal: Portal, row: Row, names: Iterable[str] | None) -> dict[str, Any]:
    store = portal.store
    shown = plain_view(store.tables["order"], row, portal.zone, names)
    if names is not None:
        return shown
    number = row["id"]
    shown["basketItems"] = [_show_basket(portal, item, None) for item in _of(store, "basket_item", number)]
    payments = store.tables["payment"]
    shown["payments"] = [plain_view(payments, item, portal.zone) for item in _of(store, "payment", number)]
    shown["shipments"] = [_show_shipment(portal, item, None) for item in _of(store, "shipment", number)]
    values = store.tables["property_value"]
    shown["propertyValues"] = [plain_view(values, item, portal.zone) for item in _of(store, "property_value", number)]
    for name in ("clients", "requisiteLink", "tradeBindings"):
        shown[name] = []
    return shown


def _of(store: Store, table: str, order_id: int) -> list[Row]:
    return store.tables[table].where("orderId", order_id)


def _take_basket(portal: Portal, given: dict[str, Any], held: Row | None) -> Row:
    # The page of sale.basketitem.add writes the name in lower case.
    names = {"productId" if name == "productid" else name: value for name, value in given.items()}
    taken = take_typed(portal, portal.store.tables["basket_item"], names, held)
    if held is not None:
        taken.pop("orderId", None)
    return taken


def _check_basket(portal: Portal, row: Row, held: Row | None) -> None:
    store = portal.store
    if not row.get("orderId"):
        raise RestError(_BASKET_NO_ORDER_ID)
    order = store.tables["order"].rows.get(row["orderId"])
    if order is None:
        raise RestError(_BASKET_NO_ORDER)
    if row["currency"] != order["currency"]:
        raise RestError(_BASKET_CURRENCY)
    product = store.tables["product"].rows.get(row["productId"]) if row["productId"] else None
    # a refusal of the add alone (pages of add and update)
    if held is None and row["productId"] and (product is None or product.get("active") == "N"):
        raise RestError(_BASKET_BAD)
    if product is not None and row.get("customPrice") != "Y":
        # Without customPrice the catalogue decides; with it nothing is checked, not even the sum of the parts.
        price = next((item["price"] for item in store.tables["price"].where("productId", product["id"])), 0.0)
        row["basePrice"] = row["price"] = price
        row["discountPrice"] = 0.0


def _belongs(portal: Portal, call: Call, row: Row) -> None:
    recalculate(portal.store, row["orderId"])


def _show_basket(portal: Portal, row: Row, names: Iterable[str] | None) -> dict[str, Any]:
    shown = plain_view(portal.store.tables["basket_item"], row, portal.zone, names)
    return shown if names is not None else {**shown, "properties": [], "reservations": []}


def _check_payment(portal: Portal, row: Row, held: Row | None) -> None:
    store = portal.store
    order = store.tables["order"].rows.get(row["orderId"])
    if order is None:
        raise RestError(_NO_ORDER)
    system = store.tables["pay_system"].rows.get(row["paySystemId"])
    if system is None:
        raise RestError(_NO_PAY_SYSTEM)
    row |= {"currency": order["currency"], "paySystemName": system["NAME"], "paySystemIsCash": system["IS_CASH"]}
    row["accountNumber"] = row.get("accountNumber") or _account(store, "payment", order)
    if row.get("paid") != (held or {}).get("paid"):
        row["datePaid"] = row.get("datePaid") or int(portal.clock.now()) if row.get("paid") == "Y" else None


def _account(store: Store, table: str, order: Row) -> str:
    return f"{order['accountNumber']}/{len(store.tables[table].where('orderId', order['id'])) + 1}"


def _take_shipment(portal: Portal, given: dict[str, Any], held: Row | None) -> Row:
    taken = take_typed(portal, portal.store.tables["shipment"], given, held)
    if held is not None:
        # sale.shipment.update: what is not passed is not kept
        taken.setdefault("statusId", "DN")
        if "basePriceDelivery" not in taken:
            taken["basePriceDelivery"] = TYPES["double"].take(given.get("priceDelivery"), portal.zone) or 0.0
    return taken


def _check_shipment(portal: Portal, row: Row, held: Row | None) -> None:
    store = portal.store
    order = store.tables["order"].rows.get(row["orderId"])
    if order is None:
        raise RestError(_NO_ORDER)
    delivery = store.tables["delivery"].rows.get(row["deliveryId"])
    if delivery is None:
        raise RestError(_NO_DELIVERY)
    row |= {"currency": order["currency"], "deliveryName": delivery["NAME"]}
    row["accountNumber"] = row.get("accountNumber") or _account(store, "shipment", order)
    row["priceDelivery"] = row.get("basePriceDelivery") or 0.0
    for flag, date in (("allowDelivery", "dateAllowDelivery"), ("deducted", "dateDeducted")):
        if row.get(flag) != (held or {}).get(flag):
            row[date] = int(portal.clock.now()) if row.get(flag) == "Y" else None


def _shipment_removed(portal: Portal, call: Call, row: Row) -> None:
    items = portal.store.tables["shipment_item"]
    for number in items.with_value("orderDeliveryId", [row["id"]]) or []:
        items.delete(number)
    recalculate(portal.store, row["orderId"])


def _show_shipment(portal: Portal, row: Row, names: Iterable[str] | None) -> dict[str, Any]:
    store = portal.store
    shown = plain_view(store.tables["shipment"], row, portal.zone, names)
    if names is None:
        items = store.tables["shipment_item"]
        own = items.where("orderDeliveryId", row["id"])
        shown["shipmentItems"] = [plain_view(items, item, portal.zone) for item in own]
    return shown


def _check_shipment_item(portal: Portal, row: Row, held: Row | None) -> None:
    store = portal.store
    shipment = store.tables["shipment"].rows.get(row["orderDeliveryId"])
    if shipment is None:
        raise RestError(Problem(400, 0, "Unable to load shipment"))
    item = store.tables["basket_item"].rows.get(row["basketId"])
    if item is None or item["orderId"] != shipment["orderId"]:
        raise RestError(Problem(400, 0, "Unable to load basket item"))


ORDER = Resource(
    "sale.order",
    "order",
    "sale",
    "order",
    "orders",
    missing=200540400001,
    gone="order does not exist",
    check=_check_order,
    written=_order_written,
    removed=_order_removed,
    show=_show_order,
    events={"ADD": _SAVED, "UPDATE": _SAVED, "DELETE": "ONORDERDELETED"},
)
_BASKET_ITEM = Resource(
    "sale.basketitem",
    "basket_item",
    "sale",
    "basketItem",
    "basketItems",
    missing=200140400001,
    gone="basket item does not exist",
    take=_take_basket,
    check=_check_basket,
    written=_belongs,
    removed=_belongs,
    show=_show_basket,
)
PAYMENT = Resource(
    "sale.payment",
    "payment",
    "sale",
    "payment",
    "payments",
    missing=200640400001,
    gone="payment does not exist",
    needed=("paySystemId",),
    check=_check_payment,
    written=_belongs,
    removed=_belongs,
)
_SHIPMENT = Resource(
    "sale.shipment",
    "shipment",
    "sale",
    "shipment",
    "shipments",
    missing=201140400001,
    gone="shipment does not exist",
    take=_take_shipment,
    needed=("allowDelivery", "deducted", "deliveryId"),
    check=_check_shipment,
    written=_belongs,
    removed=_shipment_removed,
    show=_show_shipment,
)
_SHIPMENT_ITEM = Resource(
    "sale.shipmentitem",
    "shipment_item",
    "sale",
    "shipmentItem",
    "shipmentItems",
    missing=201240400001,
    gone="shipment item does not exist",
    needed=("quantity",),
    check=_check_shipment_item,
)
