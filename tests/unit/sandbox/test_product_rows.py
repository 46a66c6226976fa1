"""Product rows: prices that follow from one another, the sum of the object, both views, documented errors."""

from typing import Any

import pytest

from tests.unit.sandbox.calling import Desk


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.result("crm.deal.add", {"fields": {"TITLE": "D"}})
    return desk


def opportunity(desk: Desk) -> Any:
    return desk.result("crm.deal.get", {"id": 1})["OPPORTUNITY"]


def test_set_replaces_all_rows_and_the_sum(desk: Desk) -> None:
    rows = [{"PRODUCT_NAME": "a", "PRICE": "10.50", "QUANTITY": 2}, {"PRICE": 5}]
    for _ in range(2):
        assert desk.result("crm.deal.productrows.set", {"id": 1, "rows": rows}) is True
        got = desk.result("crm.deal.productrows.get", {"id": 1})
        assert next((row["PRODUCT_NAME"], row["PRICE"], row["QUANTITY"]) for row in got) == ("a", 10.5, 2)
        assert opportunity(desk) == "26.00"
    assert len(got) == 2
    assert (got[0]["ID"], got[0]["OWNER_ID"], got[0]["OWNER_TYPE"], got[0]["PRICE_ACCOUNT"]) == ("3", "1", "D", "10.50")
    assert got[1]["PRODUCT_NAME"] == "[4]"
    assert desk.result("crm.deal.productrows.set", {"id": 1, "rows": []}) is True
    assert (opportunity(desk), desk.result("crm.deal.productrows.get", {"id": 1})) == ("0.00", [])


def test_a_sum_set_by_hand_stays(desk: Desk) -> None:
    desk.result("crm.deal.update", {"id": 1, "fields": {"IS_MANUAL_OPPORTUNITY": "Y", "OPPORTUNITY": 7}})
    desk.result("crm.deal.productrows.set", {"id": 1, "rows": [{"PRICE": 5}]})
    assert opportunity(desk) == "7.00"
    desk.result("crm.deal.update", {"id": 1, "fields": {"IS_MANUAL_OPPORTUNITY": "N"}})
    assert opportunity(desk) == "5.00"
    desk.result("crm.deal.update", {"id": 1, "fields": {"OPPORTUNITY": "99"}})
    assert opportunity(desk) == "5.00", "the rows decide"


def test_the_documented_example(desk: Desk) -> None:
    fields = {"ownerId": 1, "ownerType": "D", "price": 80000, "quantity": 2, "discountTypeId": 2, "discountRate": 20}
    fields |= {"taxRate": 20, "taxIncluded": "Y", "measureCode": 796, "sort": 10}
    row = desk.result("crm.item.productrow.add", {"fields": fields})["productRow"]
    assert row == {
        **fields,
        "id": 1,
        "productId": 0,
        "type": 1,
        "productName": "[1]",
        "priceAccount": 80000,
        "priceExclusive": 66666.66666667,
        "priceNetto": 83333.33333333,
        "priceBrutto": 100000,
        "discountSum": 16666.66666667,
        "customized": "Y",
        "measureName": "pcs",
        "xmlId": "",
    }
    assert opportunity(desk) == "160000.00"


def test_universal_methods(desk: Desk) -> None:
    params = {"ownerType": "D", "ownerId": 1, "productRows": [{"productName": "a", "price": 1}, {"price": 2}]}
    rows = desk.result("crm.item.productrow.set", params)["productRows"]
    assert [row["price"] for row in rows] == [1, 2]
    changed = {"id": rows[0]["id"], "fields": {"quantity": 3}}
    assert desk.result("crm.item.productrow.update", changed)["productRow"]["quantity"] == 3
    assert opportunity(desk) == "5.00"
    assert desk.result("crm.item.productrow.delete", {"id": rows[1]["id"]}) is None
    assert opportunity(desk) == "3.00"
    reply = desk.reply("crm.item.productrow.list", {"filter": {"=ownerType": "D", "=ownerId": 1}})
    assert ([row["id"] for row in reply.result["productRows"]], reply.total) == ([rows[0]["id"]], 1)
    kept = {**params, "productRows": [{"id": rows[0]["id"], "price": 9}]}
    assert desk.result("crm.item.productrow.set", kept)["productRows"][0]["id"] == rows[0]["id"]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"DISCOUNT_TYPE_ID": 2}, "Discount Rate (DISCOUNT_RATE) is required"),
        ({"DISCOUNT_TYPE_ID": 2, "DISCOUNT_RATE": 100}, "Discount Rate (DISCOUNT_RATE) is 100%<br>"),
        ({"DISCOUNT_TYPE_ID": "1"}, "if Monetary Discount Type (DISCOUNT_TYPE_ID) is defined.<br>"),
    ],
)
def test_half_a_discount_is_refused(desk: Desk, row: Any, text: str) -> None:
    code, found = desk.error("crm.deal.productrows.set", {"id": 1, "rows": [{"PRICE": 1}, row]})
    assert (code, text in found, found.endswith("<br>")) == ("ERROR_CORE", True, True)
    assert desk.result("crm.deal.productrows.get", {"id": 1}) == [], "nothing was replaced"


@pytest.mark.parametrize(
    ("method", "params", "code", "text"),
    [
        ("crm.deal.productrows.set", {"rows": []}, "", "The parameter id is invalid or not defined."),
        ("crm.deal.productrows.set", {"id": 9, "rows": []}, "", "Not found"),
        ("crm.deal.productrows.set", {"id": 1, "rows": "x"}, "", "Parameter 'rows' must be array."),
        ("crm.deal.productrows.get", {"id": 9}, "", "Not found"),
        ("crm.item.productrow.set", {"ownerType": "D", "ownerId": 1}, 100, "parameter {productRows}"),
        (
            "crm.item.productrow.set",
            {"ownerType": "D", "ownerId": 9, "productRows": []},
            "OWNER_NOT_FOUND",
            "Owner was",
        ),
        (
            "crm.item.productrow.set",
            {"ownerType": "X", "ownerId": 1, "productRows": []},
            "ENTITY_TYPE_NOT_SUPPORTED",
            "",
        ),
        (
            "crm.item.productrow.set",
            {"ownerType": "C", "ownerId": 1, "productRows": []},
            "ENTITY_TYPE_NOT_SUPPORTED",
            "",
        ),
        ("crm.item.productrow.add", {"fields": {"ownerId": 1}}, 100, "ownerType"),
        (
            "crm.item.productrow.add",
            {"fields": {"ownerType": "D", "ownerId": 1, "productId": 5}},
            "INVALID_ARG_VALUE",
            "",
        ),
        ("crm.item.productrow.get", {"id": 9}, "NOT_FOUND", ""),
        ("crm.item.productrow.list", {"filter": {"=ownerId": 1}}, 100, "ownerType"),
    ],
)
def test_errors(desk: Desk, method: str, params: Any, code: Any, text: str) -> None:
    found_code, found_text = desk.error(method, params)
    assert (found_code, text in found_text) == (code, True), found_text
