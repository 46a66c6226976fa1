"""The same messages in any order leave the same portal (issue 5, section 2); a whole day: tests/unit/day."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.flows.desk import PLAIN_MAPPING, SmallWorker
from tests.unit.flows.samples import brand, good, order, payment, product, section, settlement, shipment, user

FIRST = settlement(
    order(
        "O-1",
        [shipment("H-1", good("A", 2, 10), good("B", 1, 5)), shipment("H-2", good("A", 1, 10), delivered=1)],
        [payment("X", 10, "Y"), payment("Y", 5)],
    )
)
SECOND = settlement(
    order(
        "O-1", [shipment("H-1", good("A", 3, 10), delivered=1), shipment("H-2", good("A", 1, 10))], [payment("Y", 7)]
    ),
    STATUS="DONE",
)
#: (kind, minute, message)
EVENTS: list[tuple[str, int, dict[str, Any]]] = [
    ("settlement", 1, FIRST),
    ("settlement", 2, SECOND),
    ("user", 1, user(PERSONAL_PHONE="+7 495 000-00-01", UF_PHYSICAL_ADDRESS="Москва")),
    ("user", 2, {"XML_ID": "U-1", "NAME": "ООО Лютик"}),
    ("section", 1, section("S-1", "Крепёж", 11)),
    ("section", 1, section("S-2", "Болты", 12, 11)),
    ("product", 1, product("A", "Болт", IBLOCK_SECTION_ID=11, PROPERTY_VALUES=brand("B-1", "А"), PRICES={"BASE": 9})),
    ("product", 2, product("A", "Болт", IBLOCK_SECTION_ID=12, PROPERTY_VALUES=brand("B-2", "Б"), PRICES={"BASE": 10})),
]


def left(worker: SmallWorker) -> dict[str, Any]:
    """What is in the portal, by external ids."""

    def by(method: str, key: str, *names: str, **params: Any) -> dict[str, tuple[Any, ...]]:
        return {row[key]: tuple(row.get(name) for name in names) for row in worker.list(method, **params)}

    products = {row["id"]: row["xmlId"] for row in worker.list(
        "catalog.product.list", select=["id", "iblockId", "xmlId"], filter={"iblockId": 23}
    )}  # fmt: skip
    sections = {row["id"]: row["xmlId"] for row in worker.list("catalog.section.list")} | {0: None, None: None}
    enums = {str(row["id"]): row["xmlId"] for row in worker.list("catalog.productPropertyEnum.list")}
    lines = {row["id"]: row["xmlId"] for row in worker.list("sale.basketitem.list")}
    shipments = {row["id"]: row["xmlId"] for row in worker.list("sale.shipment.list")}
    company = worker.desk.result("crm.company.get", {"id": 1})
    shown = worker.desk.result("catalog.product.get", {"id": 1})["product"]
    return {
        "company": (company["TITLE"], company["ADDRESS"], [one["VALUE"] for one in company["PHONE"]]),
        "sections": {row["xmlId"]: sections[row["iblockSectionId"]] for row in worker.list("catalog.section.list")},
        "product": (sections[shown["iblockSectionId"]], enums[shown["property1"]["value"]]),
        "prices": by("catalog.price.list", "catalogGroupId", "price"),
        "deal": by("crm.deal.list", "ORIGIN_ID", "STAGE_ID", "OPPORTUNITY", "COMPANY_ID"),
        "rows": sorted(
            (products.get(int(row["PRODUCT_ID"]), row["PRODUCT_NAME"]), row["PRICE"], row["QUANTITY"])
            for row in worker.list("crm.deal.productrows.get", id=1)
        ),
        "basket": {
            row["xmlId"]: (products.get(row["productId"]), row["price"], row["quantity"])
            for row in worker.list("sale.basketitem.list")
        },
        "payments": by("sale.payment.list", "xmlId", "sum", "paid"),
        "shipments": by("sale.shipment.list", "xmlId", "deducted", "allowDelivery"),
        "items": sorted(
            (shipments[row["orderDeliveryId"]], lines[row["basketId"]], row["quantity"])
            for row in worker.list("sale.shipmentitem.list")
        ),
    }


def played(events: list[tuple[str, int, dict[str, Any]]]) -> dict[str, Any]:
    worker = SmallWorker(PLAIN_MAPPING)
    for kind, minute, body in events:
        worker.send(kind, body, minute)
    return left(worker)


IN_ORDER = played(EVENTS)


def test_what_is_left() -> None:
    assert IN_ORDER == {
        "company": ("ООО Лютик", "Москва", ["+7 495 000-00-01"]),
        "sections": {"S-1": None, "S-2": "S-1"},
        "product": ("S-2", "B-2"),
        "prices": {1: (10,)},
        "deal": {"S-1": ("WON", "40.00", "1")},
        "rows": [("A", 10, 4)],
        "basket": {"A": ("A", 10, 4)},
        "payments": {"Y": (7, "N")},
        "shipments": {"H-1": ("Y", "Y"), "H-2": ("N", "N")},
        "items": [("H-1", "A", 3), ("H-2", "A", 1)],
    }


@given(st.permutations(EVENTS))
@settings(max_examples=12, deadline=None)
def test_any_order_leaves_the_same(events: list[tuple[str, int, dict[str, Any]]]) -> None:
    assert played(events) == IN_ORDER
