"""Orders of arrival that a day seldom has: each leaves what the newest messages say (docs/flows.md, In any order)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from pipeline.flows.mapping.model import CollectionMapping
from tests.unit.flows.desk import PLAIN_MAPPING, SmallWorker
from tests.unit.flows.samples import good, order, payment, product, section, settlement, shipment, user

Event = tuple[str, int, dict[str, Any]]
SECTIONS: list[Event] = [
    ("section", 1, section("S-A", "А", 11)),
    ("section", 1, section("S-B", "Б", 12)),
    ("section", 1, section("S-C", "В", 13, 11)),
    ("section", 2, section("S-C", "В", 13, 12)),
    ("section", 3, section("S-C", "В", 13)),
]
COMPANIES: list[Event] = [
    ("settlement", 1, settlement(COMPANY="U-1")),
    ("settlement", 2, settlement(COMPANY="U-2")),
    ("user", 1, user("U-1")),
    ("user", 1, user("U-2", NAME="Второй")),
]
GOODS = [shipment("H", good("A", 1, 10))]
MOVED: list[Event] = [
    ("settlement", 1, settlement(order("O-1", GOODS, STATUS="N"), order("O-2"), xml_id="S-1")),
    ("settlement", 2, settlement(order("O-1", GOODS, STATUS="ACCEPTED"), xml_id="S-2")),
    ("settlement", 3, settlement(order("O-2"), xml_id="S-1")),
]
PARTIAL: list[Event] = [
    ("settlement", 1, settlement(order("O-1", GOODS, [payment("X", 1)]))),
    ("settlement", 2, settlement(order("O-1", [shipment("H", good("A", 3, 10))], [payment("Y", 2)]))),
    ("settlement", 3, settlement({"XML_ID": "O-1", "STATUS": "ACCEPTED"}, STATUS="В работе")),
]
PRICES: list[Event] = [
    ("product", 1, product("A", "Старое", PRICES={"BASE": 9})),
    ("product", 2, product("A", "Новое")),
]


def played(events: tuple[Event, ...], **collection: Any) -> SmallWorker:
    catalog = PLAIN_MAPPING.catalogs["default"].model_copy(update=collection)
    worker = SmallWorker(PLAIN_MAPPING.model_copy(update={"catalogs": {"default": catalog}}))
    for kind, minute, body in events:
        worker.send(kind, body, minute)
    return worker


@pytest.mark.parametrize("events", list(itertools.permutations(SECTIONS)))
def test_a_section_that_moves_twice(events: tuple[Event, ...]) -> None:
    rows = played(events).list("catalog.section.list")
    assert {row["xmlId"]: row["iblockSectionId"] or None for row in rows} == {"S-A": None, "S-B": None, "S-C": None}


@pytest.mark.parametrize("events", list(itertools.permutations(COMPANIES)))
def test_a_settlement_whose_company_changes(events: tuple[Event, ...]) -> None:
    worker = played(events)
    names = {row["ID"]: row["TITLE"] for row in worker.list("crm.company.list")}
    assert sorted(names.values()) == ["Второй", "ООО Ромашка"], "stubs are completed, and not made after the user"
    assert [names[row["COMPANY_ID"]] for row in worker.list("crm.deal.list")] == ["Второй"]


@pytest.mark.parametrize("events", list(itertools.permutations(MOVED)))
def test_an_order_that_moves_to_another_settlement(events: tuple[Event, ...]) -> None:
    worker = played(events)
    deals = {int(row["ID"]): row["ORIGIN_ID"] for row in worker.list("crm.deal.list")}
    orders = {row["id"]: (row["xmlId"], row["statusId"]) for row in worker.list("sale.order.list")}
    links = [(orders[row["orderId"]], deals[row["ownerId"]]) for row in worker.list("crm.orderentity.list")]
    assert sorted(links) == [(("O-1", "P"), "S-2"), (("O-2", "N"), "S-1")], "it counts in one deal"
    sums = {row["ORIGIN_ID"]: row["OPPORTUNITY"] for row in worker.list("crm.deal.list")}
    assert sums == {"S-1": "0.00", "S-2": "10.00"}


@pytest.mark.parametrize("events", list(itertools.permutations(PARTIAL)))
def test_what_the_newest_message_does_not_carry_is_that_of_the_newest_that_does(events: tuple[Event, ...]) -> None:
    worker = played(events)
    deal = worker.one("crm.deal.list")
    assert (deal["STAGE_ID"], deal["OPPORTUNITY"]) == (PLAIN_MAPPING.deal.stages["В работе"], "30.00")
    assert [row["QUANTITY"] for row in worker.list("crm.deal.productrows.get", id=1)] == [3]
    assert [(row["xmlId"], row["quantity"]) for row in worker.list("sale.basketitem.list")] == [("A", 3)]
    assert [row["xmlId"] for row in worker.list("sale.payment.list")] == ["Y"]
    assert worker.one("sale.order.list")["statusId"] == "P"


@pytest.mark.parametrize("events", list(itertools.permutations(PRICES)))
def test_an_older_product_still_brings_the_prices_that_the_newer_has_not(events: tuple[Event, ...]) -> None:
    worker = played(events)
    assert [row["price"] for row in worker.list("catalog.price.list")] == [9]
    assert worker.desk.result("catalog.product.get", {"id": 1})["product"]["name"] == "Новое"


@pytest.mark.parametrize("turned", [False, True])
def test_a_product_that_goes_to_another_collection(turned: bool) -> None:
    def of(name: str) -> dict[str, Any]:
        return {"COLLECTION": {"CODE": "COLLECTION", "PROPERTY_TYPE": "S", "VALUE": name}}

    events = [
        ("product", 1, product("A", "Болт", PROPERTY_VALUES=of("Зима"))),
        ("product", 2, product("A", "Болт", PROPERTY_VALUES=of("Лето"))),
    ]
    worker = played(tuple(events[::-1] if turned else events), collection=CollectionMapping(iblock=26))
    names = {
        str(row["id"]): row["name"]
        for row in worker.list("catalog.product.list", select=["id", "iblockId", "name"], filter={"iblockId": 26})
    }
    made = worker.one("catalog.productProperty.list", code="COLLECTION_ELEMENT_ID")["id"]
    rows = worker.list(
        "catalog.product.list", select=["id", "iblockId", "xmlId"], filter={"iblockId": 23, "xmlId": "A"}
    )
    shown = worker.desk.result("catalog.product.get", {"id": rows[0]["id"]})["product"]
    assert names[str(shown[f"property{made}"]["value"])] == "Лето", "its old collection stays, for other products"


def test_of_equal_versions_the_later_message_counts() -> None:
    for names in (("Первое", "Второе"), ("Второе", "Первое")):
        worker = played(tuple(("product", 1, product("A", name)) for name in names))
        assert worker.desk.result("catalog.product.get", {"id": 1})["product"]["name"] == names[1]


def test_a_message_without_a_version_counts_when_it_comes_and_the_version_before_it_stays() -> None:
    worker = SmallWorker(PLAIN_MAPPING)

    def name() -> str:
        return str(worker.desk.result("catalog.product.get", {"id": 1})["product"]["name"])

    worker.send("product", product("A", "Второе"), 2)
    worker.send("product", product("A", "Без времени"))
    assert name() == "Без времени"
    worker.send("product", product("A", "Первое"), 1)
    assert name() == "Без времени", "what is older than the last that had a version changes nothing"
    worker.send("product", product("A", "Третье"), 3)
    assert name() == "Третье"


def test_a_property_whose_kind_has_changed() -> None:
    """The property of the portal stays; a list's values do not fit into one of text, which is a dead letter."""

    def of(kind: str, value: Any) -> dict[str, Any]:
        return {"SIZE": {"NAME": "Размер", "CODE": "SIZE", "PROPERTY_TYPE": kind, "VALUE": value}}

    worker = played((("product", 1, product("A", "Болт", PROPERTY_VALUES=of("S", "M6"))),))
    listed = product("A", "Болт", PROPERTY_VALUES=of("L", {"XML_ID": "m8", "VALUE": "M8"}))
    with pytest.raises(AssertionError, match="Only list properties are supported"):
        worker.send("product", listed, 2)
    assert worker.one("catalog.productProperty.list", code="SIZE")["propertyType"] == "S"
    worker.desk.result("catalog.productProperty.update", {"id": 1, "fields": {"propertyType": "L"}})
    worker.send("product", listed, 2)
    (enum,) = worker.list("catalog.productPropertyEnum.list")
    shown = worker.desk.result("catalog.product.get", {"id": 1})["product"]
    assert str(shown["property1"]["value"]) == str(enum["id"]), "changed by hand, it is done"
