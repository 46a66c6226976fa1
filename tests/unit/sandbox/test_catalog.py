"""`catalog.*`: the strict list, unique codes, prices replaced as a whole, properties; documented errors."""

from typing import Any

import pytest

from tests.unit.sandbox.calling import Desk

SELECT = ["id", "iblockId", "xmlId"]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def product(desk: Desk, **fields: Any) -> Any:
    return desk.result("catalog.product.add", {"fields": {"iblockId": 23, "name": "P", **fields}})["element"]


def listed(desk: Desk, conditions: Any, **more: Any) -> list[int]:
    params = {"select": SELECT, "filter": {"iblockId": 23, **conditions}, **more}
    return [row["id"] for row in desk.result("catalog.product.list", params)["products"]]


def test_products(desk: Desk) -> None:
    made = product(desk, xmlId="x", purchasingPrice="1000.50", quantity=10, vatIncluded="Y", previewText="t", no=1)
    assert (made["id"], made["purchasingPrice"], made["quantity"], made["vatIncluded"]) == (1, 1000.5, 10, "Y")
    assert (made["type"], made["quantityTrace"], made["code"], made["available"]) == (1, "D", None, "Y")
    assert product(desk, xmlId="x")["id"] == 2, "nothing makes xmlId unique"
    assert product(desk)["xmlId"] == "3"
    assert product(desk, iblockId=24)["type"] == 4
    got = desk.result("catalog.product.get", {"id": 1})["product"]
    assert (got["xmlId"], "no" in got) == ("x", False)
    assert desk.result("catalog.product.update", {"id": 1, "fields": {"name": "Q"}})["element"]["name"] == "Q"
    assert desk.result("catalog.product.delete", {"id": 2}) is True
    assert listed(desk, {}) == [1, 3]


def test_lists(desk: Desk) -> None:
    for number in range(60):
        product(desk, name=f"P{number}", xmlId=f"x{number % 2}", sort=number)
    reply = desk.reply("catalog.product.list", {"select": SELECT, "filter": {"iblockId": 23, "xmlId": "x1"}})
    assert (len(reply.result["products"]), reply.total, reply.next) == (30, 30, None)
    assert reply.result["products"][0] == {"id": 2, "iblockId": 23, "xmlId": "x1"}
    assert listed(desk, {"id": [1, 2, 99]}) == [1, 2]
    assert listed(desk, {"xmlId": ["x0"], ">id": 55}) == [57, 59]
    assert listed(desk, {"%name": "p5", "<=id": 6}) == [6]
    assert listed(desk, {">id": 57}, order={"id": "desc"}, start=-1) == [60, 59, 58]
    first = desk.reply("catalog.product.list", {"select": SELECT, "filter": {"iblockId": 23}})
    assert (len(first.result["products"]), first.total, first.next) == (50, 60, 50)
    assert len(listed(desk, {"no": 1}, start=50)) == 10


def test_pictures(desk: Desk) -> None:
    made = product(desk, previewPicture={"fileData": ["a.png", "YQ=="]})
    assert (made["previewPicture"]["id"], made["detailPicture"]) == ("1", None)
    assert made["previewPicture"]["urlMachine"].startswith("/rest/catalog.product.download?")
    after = desk.result("catalog.product.update", {"id": 1, "fields": {"previewPicture": {"remove": "Y"}}})
    assert after["element"]["previewPicture"] is None


def test_properties(desk: Desk) -> None:
    fields = {"iblockId": 23, "name": "Colour", "propertyType": "S", "code": "COLOUR"}
    made = desk.result("catalog.productProperty.add", {"fields": fields})["productProperty"]
    assert (made["id"], made["multiple"], made["rowCount"], made["withDescription"]) == (1, "N", 1, None)
    desk.result("catalog.productProperty.add", {"fields": {**fields, "multiple": "Y", "propertyType": "L"}})
    element = product(desk, property1="red", property2=[{"value": "a"}, "b"])
    assert element["property1"] == {"value": "red", "valueId": "1"}
    assert [item["value"] for item in element["property2"]] == ["a", "b"]
    product(desk, property1="blue")
    assert listed(desk, {"property1": "RED"}) == [1]
    enum = {"propertyId": 2, "value": "Medium", "xmlId": "M"}
    assert desk.result("catalog.productPropertyEnum.add", {"fields": enum})["productPropertyEnum"] == {
        **enum,
        "id": 1,
        "def": "N",
        "sort": 500,
    }
    assert desk.error("catalog.productPropertyEnum.add", {"fields": enum})[0] == 0
    enums = desk.result("catalog.productPropertyEnum.list", {"filter": {"propertyId": 2}})["productPropertyEnums"]
    assert [item["xmlId"] for item in enums] == ["M"]


def test_modify_replaces_the_prices(desk: Desk) -> None:
    product(desk)
    prices = [{"catalogGroupId": group, "price": price, "currency": "RUB"} for group, price in ((1, 2000), (2, "1.5"))]
    params = {"fields": {"product": {"id": 1, "prices": prices}}}
    made = desk.result("catalog.price.modify", params)["prices"]
    assert [(row["id"], row["price"], row["priceScale"]) for row in made] == [(1, 2000, 2000), (2, 1.5, 1.5)]
    params["fields"]["product"]["prices"] = [{**prices[0], "id": 1, "price": 2001}]
    made = desk.result("catalog.price.modify", params)["prices"]
    assert [(row["id"], row["price"]) for row in made] == [(1, 2001)]
    params["fields"]["product"]["prices"] = [prices[0], prices[0]]
    assert "only single price" in desk.error("catalog.price.modify", params)[1]
    assert len(desk.result("catalog.price.list", {"filter": {"productId": 1}})["prices"]) == 1, "nothing was changed"
    row = {"productId": 1, "catalogGroupId": 1, "price": 1, "currency": "RUB"}
    assert "only single price" in desk.error("catalog.price.add", {"fields": row})[1]
    assert desk.result("catalog.price.add", {"fields": {**row, "catalogGroupId": 2}})["price"]["id"] == 3


def test_sections_and_dictionaries(desk: Desk) -> None:
    made = desk.result("catalog.section.add", {"fields": {"iblockId": 23, "name": "S", "code": "toys", "xmlId": "s"}})
    assert (made["section"]["sort"], made["section"]["active"], made["section"]["iblockSectionId"]) == (500, "Y", None)
    found = desk.result("catalog.section.list", {"filter": {"iblockId": 23, "xmlId": "s"}})["sections"]
    assert [row["id"] for row in found] == [1]
    product(desk, iblockSectionId=1)
    assert desk.result("catalog.section.delete", {"id": 1}) is True
    assert desk.result("catalog.product.get", {"id": 1})["product"]["iblockSectionId"] is None
    assert [row["id"] for row in desk.result("catalog.catalog.list")["catalogs"]] == [23, 24, 26]
    assert desk.result("catalog.priceType.list")["priceTypes"][0]["base"] == "Y"
    pieces = desk.result("catalog.measure.list", {"filter": {"isDefault": "Y"}, "select": ["id", "code"]})["measures"]
    assert pieces == [{"id": 5, "code": 796}]
    assert desk.result("catalog.vat.list", {"filter": {"rate": 20}})["vats"][0]["rate"] == 20
    assert desk.result("catalog.price.getFields")["price"]["currency"]["isRequired"] is True


@pytest.mark.parametrize(
    ("method", "params", "code", "text"),
    [
        ("catalog.product.add", {}, 100, "Could not find value for parameter {fields}"),
        ("catalog.product.add", {"fields": {}}, 100, "Could not find value for parameter {fields}"),
        ("catalog.product.add", {"fields": {"name": "P"}}, 0, "Required fields: iblockId"),
        ("catalog.product.add", {"fields": {"name": "P", "iblockId": 9}}, 200040300000, "Iblock Not Found"),
        ("catalog.product.add", {"fields": {"name": "P", "iblockId": 23, "code": "c"}}, 0, "Товар с указанным"),
        ("catalog.product.update", {"id": 2, "fields": {"code": "C"}}, 0, "Товар с указанным"),
        ("catalog.product.get", {}, 100, "Could not find value for parameter {id}"),
        ("catalog.product.get", {"id": 99}, "", "product does not exist."),
        ("catalog.product.list", {}, 0, "Required select fields: id, iblockId"),
        ("catalog.product.list", {"select": ["id"]}, 0, "Required select fields: iblockId"),
        ("catalog.product.list", {"select": SELECT}, 0, "Required filter fields: iblockId"),
        ("catalog.product.list", {"select": SELECT, "filter": "x"}, 0, "Incorrect filter format"),
        ("catalog.product.list", {"select": SELECT, "filter": {"iblockId": 9}}, 200040300000, "Iblock Not Found"),
        ("catalog.section.add", {"fields": {"iblockId": 9, "name": "S"}}, 200700300050, ""),
        ("catalog.section.add", {"fields": {"iblockId": 23, "name": "S", "code": "s"}}, 200700300040, ""),
        ("catalog.section.add", {"fields": {"iblockId": 24, "name": "S", "iblockSectionId": 1}}, 200700300000, ""),
        ("catalog.section.get", {"id": 9}, 200700300030, ""),
        ("catalog.price.modify", {"fields": {"product": {}}}, 0, "Required fields"),
        ("catalog.price.modify", {"fields": {"product": {"id": 1, "prices": [{"price": 1}]}}}, 0, "catalogGroupId"),
        (
            "catalog.price.modify",
            {"fields": {"product": {"id": 1, "prices": [{"catalogGroupId": 9, "price": 1, "currency": "RUB"}]}}},
            0,
            "Catalog price group is wrong",
        ),
        ("catalog.price.get", {"id": 9}, "", "price does not exist."),
        ("catalog.productProperty.get", {"id": 9}, "", "productProperty does not exist."),
        ("catalog.productPropertyEnum.add", {"fields": {"propertyId": 9, "value": "v", "xmlId": "x"}}, 0, ""),
    ],
)
def test_errors(desk: Desk, method: str, params: Any, code: Any, text: str) -> None:
    product(desk, code="c")
    product(desk)
    desk.result("catalog.section.add", {"fields": {"iblockId": 23, "name": "S", "code": "s"}})
    found_code, found_text = desk.error(method, params)
    assert (found_code, text in found_text) == (code, True), found_text
