"""pipeline/portal/entities.py: names, parameters, rows, ids, as tables of examples."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.portal.entities import (
    entity,
    entity_of_add,
    field_of,
    fields_name,
    fields_of,
    inside_of,
    is_number,
)


@pytest.mark.parametrize(
    ("name", "methods", "external", "originator"),
    [
        ("deal", "crm.deal", "ORIGIN_ID", "ORIGINATOR_ID"),
        ("company", "crm.company", "ORIGIN_ID", "ORIGINATOR_ID"),
        ("requisite", "crm.requisite", "XML_ID", None),
        ("order", "sale.order", "xmlId", None),
        ("item:2", "crm.item", "originId", "originatorId"),
        ("item:128", "crm.item", "xmlId", None),
        ("product:23", "catalog.product", "xmlId", None),
        ("section:23", "catalog.section", "xmlId", None),
        ("property:23", "catalog.productProperty", "code", None),
        ("enum:23", "catalog.productPropertyEnum", "xmlId", None),
    ],
)
def test_names(name: str, methods: str, external: str, originator: str | None) -> None:
    kind = entity(name)
    assert (kind.name, kind.external_field, kind.originator_field) == (name, external, originator)
    verbs = [kind.add_method, kind.update_method, kind.get_method, kind.list_method]
    assert verbs == [f"{methods}.{verb}" for verb in ("add", "update", "get", "list")]


@pytest.mark.parametrize(
    "name", ["", "deals", "item", "item:", "item:x", "item:²", "item:-1", "product:" + "9" * 99, "x:1"]
)
def test_no_names(name: str) -> None:
    with pytest.raises(KeyError, match="known: deal, company"):
        entity(name)


@pytest.mark.parametrize(
    ("name", "objects"), [("deal", "deal"), ("item:2", "deal"), ("item:4", "company"), ("item:128", "item:128")]
)
def test_two_names_of_the_same_objects(name: str, objects: str) -> None:
    assert entity(name).objects == objects


def test_parameters() -> None:
    kind = entity("company")
    assert kind.add_params({"TITLE": "x"}, "7", "site") == {
        "fields": {"TITLE": "x", "ORIGIN_ID": "7", "ORIGINATOR_ID": "site"}
    }
    assert kind.add_params({"ORIGIN_ID": "y"}, "7", "") == {"fields": {"ORIGIN_ID": "7"}}
    assert kind.update_params("5", {"TITLE": "x"}) == {"id": 5, "fields": {"TITLE": "x"}}
    look = kind.lookup_params(["7"], "site")
    assert (look["filter"], look["order"], look["start"]) == (
        {"ORIGIN_ID": "7", "ORIGINATOR_ID": "site"},
        {"ID": "ASC"},
        -1,
    )
    assert set(look["select"]) == {"ID", "ORIGIN_ID", "ORIGINATOR_ID", "DATE_CREATE"}
    assert kind.lookup_params(["7", "8"], "")["filter"] == {"@ORIGIN_ID": ["7", "8"]}
    assert kind.lookup_params(["7"], "", youngest_first=True)["order"] == {"ID": "DESC"}


def test_parameters_of_what_lies_in_something() -> None:
    product = entity("product:23")
    assert product.add_params({"name": "x"}, "7", "") == {"fields": {"iblockId": 23, "name": "x", "xmlId": "7"}}
    look = product.lookup_params(["7", "8"], "")
    assert look["filter"] == {"iblockId": 23, "xmlId": ["7", "8"]} and "iblockId" in look["select"]
    assert product.update_params("5", {"name": "x"}, "7") == {"id": 5, "fields": {"name": "x"}}
    section = entity("section:23").update_params("5", {"name": "x"}, "7")
    assert section == {"id": 5, "fields": {"iblockId": 23, "xmlId": "7", "name": "x"}}, "it is refused without"
    item = entity("item:128")
    assert item.update_params("5", {}) == {"entityTypeId": 128, "id": 5, "fields": {}}
    assert item.lookup_params(["7"], "")["entityTypeId"] == 128


def test_parameters_of_what_lies_in_another_object() -> None:
    inside = inside_of({"propertyId": "431"})
    kind = entity("enum:23")
    assert kind.lies_in == "propertyId"
    assert kind.add_params({"value": "M"}, "m", "SIZE", inside) == {
        "fields": {"value": "M", "propertyId": 431, "xmlId": "m"}
    }
    look = kind.lookup_params(["m", "l"], "SIZE", inside)
    assert look["filter"] == {"propertyId": 431, "xmlId": ["m", "l"]} and "propertyId" in look["select"]
    assert kind.update_params("5", {"value": "M"}, "m", inside)["fields"] == {
        "value": "M",
        "propertyId": 431,
        "xmlId": "m",
    }
    assert entity("property:23").update_params("5", {"name": "Size"}, "SIZE")["fields"] == {
        "name": "Size",
        "iblockId": 23,
        "code": "SIZE",
    }
    payment = entity("payment").update_params("5", {"sum": 1}, "p", inside_of({"orderId": 5}))
    assert payment == {"id": 5, "fields": {"sum": 1}}
    assert entity("property:23").lookup_params(["SIZE"], "")["filter"] == {"iblockId": 23, "code": "SIZE"}
    assert entity("payment").lookup_params(["p"], "", inside_of({"orderId": 5}))["filter"] == {
        "orderId": 5,
        "xmlId": "p",
    }


@pytest.mark.parametrize("value", [None, True, "", 1.5, [], {}])
def test_no_place(value: Any) -> None:
    with pytest.raises(LookupError, match=r"within\.orderId: a text or a number is needed"):
        inside_of({"orderId": value})


@pytest.mark.parametrize(
    ("name", "result", "rows"),
    [
        ("deal", [{"ID": "1"}, None, 5], [{"ID": "1"}]),
        ("deal", [], []),
        ("deal", None, []),
        ("deal", "x", []),
        ("deal", {"1": {"ID": "1"}, "3": {"ID": "3"}}, [{"ID": "1"}, {"ID": "3"}]),
        ("item:128", {"items": [{"id": 1}]}, [{"id": 1}]),
        ("item:128", {"items": {"1": {"id": 1}}}, [{"id": 1}]),
        ("item:128", [], []),
        ("item:128", {}, []),
        ("product:23", {"products": [{"id": 1}]}, [{"id": 1}]),
        ("basketitem", {"basketItems": [{"id": 1}]}, [{"id": 1}]),
        ("property:23", {"productProperties": [{"id": 1}]}, [{"id": 1}]),
        ("enum:23", {"productPropertyEnums": [{"id": 1}]}, [{"id": 1}]),
    ],
)
def test_rows(name: str, result: Any, rows: Any) -> None:
    assert entity(name).rows(result) == rows


@pytest.mark.parametrize(
    ("name", "result", "number"),
    [
        ("deal", 5, "5"),
        ("deal", "5", "5"),
        ("deal", True, None),
        ("deal", 0.5, None),
        ("deal", "", None),
        ("deal", "²", None),
        ("deal", "9" * 5000, None),
        ("deal", {"ID": 5}, None),
        ("item:128", {"item": {"id": 5}}, "5"),
        ("item:128", {"item": []}, None),
        ("item:128", 5, None),
        ("product:23", {"element": {"id": "5"}}, "5"),
        ("section:23", {"section": {"id": 5}}, "5"),
        ("order", {"order": {"id": 5}}, "5"),
        ("property:23", {"productProperty": {"id": 5}}, "5"),
        ("enum:23", {"productPropertyEnum": {"id": 5}}, "5"),
    ],
)
def test_ids_of_what_was_made(name: str, result: Any, number: str | None) -> None:
    assert entity(name).made(result) == number


@pytest.mark.parametrize(
    ("row", "external", "originator", "named"),
    [
        ({"ORIGIN_ID": "A", "ORIGINATOR_ID": "s"}, "A", "s", True),
        ({"ORIGIN_ID": "a", "ORIGINATOR_ID": "s"}, "A", "s", False),
        ({"ORIGIN_ID": "A ", "ORIGINATOR_ID": "s "}, "A", "s", True),
        ({"ORIGIN_ID": 5, "ORIGINATOR_ID": None}, "5", "", True),
        ({"ORIGIN_ID": 0, "ORIGINATOR_ID": ""}, "0", "", True),
        ({"ORIGIN_ID": "A", "ORIGINATOR_ID": "s"}, "A", "", False),
        ({"ORIGIN_ID": "A", "ORIGINATOR_ID": None}, "A", "s", False),
        ({"ORIGIN_ID": "A"}, "A", "s", True),
        ({"ORIGIN_ID": None}, "None", "", False),
        ({}, "A", "", False),
    ],
)
def test_is_it_named_so(row: Any, external: str, originator: str, named: bool) -> None:
    assert entity("deal").is_named(row, external, originator) is named


ROWS = [{"ID": n, "ORIGIN_ID": "A", "ORIGINATOR_ID": who} for n, who in enumerate(("s", None, "t", ""))]


@pytest.mark.parametrize(
    ("originator", "exactly", "among", "ids"),
    [
        ("s", False, ROWS, [0]),
        ("", False, ROWS, [1, 3]),
        ("", False, [ROWS[0], ROWS[2]], [0, 2]),
        ("", True, [ROWS[0], ROWS[2]], []),
        ("u", False, ROWS, []),
    ],
)
def test_without_an_originator_any_is_meant_when_none_has_none(
    originator: str, exactly: bool, among: Any, ids: list[int]
) -> None:
    found = entity("deal").named(among, "A", originator, exactly=exactly)
    assert [row["ID"] for row in found] == ids


def test_rows_of_another_place_are_none_of_ours() -> None:
    rows = [{"id": 1, "xmlId": "m", "propertyId": 5}, {"id": 2, "xmlId": "m", "propertyId": 6}, {"id": 3, "xmlId": "m"}]
    found = entity("enum:23").named(rows, "m", "SIZE", inside_of({"propertyId": "6"}))
    assert [row["id"] for row in found] == [2, 3]


def test_titles() -> None:
    assert entity("product:23").title_of({"name": "Bolt"}) == "Bolt" and entity("product:23").title_of({}) is None
    assert entity("deal").title_of({"TITLE": "x"}) is None
    assert "name" in entity("product:23").list_params({})["select"]


@pytest.mark.parametrize(
    ("method", "params", "name"),
    [
        ("crm.deal.add", {"fields": {}}, "deal"),
        ("crm.deal.add", {"FIELDS": {}}, "deal"),
        ("crm.item.add", {"ENTITYTYPEID": " 2 ", "fields": {}}, "item:2"),
        ("crm.item.add", {"entityTypeId": "0128", "fields": {}}, "item:128"),
        ("crm.item.import", {"entityTypeId": 128, "fields": {}}, "item:128"),
        ("catalog.product.add", {"fields": {"IBLOCKID": 23}}, "product:23"),
        ("catalog.section.add", {"fields": {"iblockId": "23"}}, "section:23"),
        ("sale.basketitem.add", {"fields": {}}, "basketitem"),
        ("crm.deal.import", {"fields": {}}, None),
        ("crm.deal.update", {"fields": {}}, None),
        ("crm.deal.add", {"fields": []}, None),
        ("crm.deal.add", {}, None),
        ("crm.deal.add", [], None),
        ("crm.item.add", {"fields": {}}, None),
        ("crm.item.add", {"entityTypeId": True, "fields": {}}, None),
        ("crm.item.add", {"entityTypeId": "²", "fields": {}}, None),
        ("crm.item.batchimport", {"entityTypeId": 2, "data": []}, None),
        ("catalog.product.add", {"fields": {}}, None),
        ("catalog.product.add", {"fields": {"iblockId": "²"}}, None),
        ("crm.timeline.comment.add", {"fields": {}}, None),
        ("add", {"fields": {}}, None),
    ],
)
def test_what_an_add_makes(method: str, params: Any, name: str | None) -> None:
    found = entity_of_add(method, params)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("params", "name", "fields"),
    [
        ({"fields": {"a": 1}}, "fields", {"a": 1}),
        ({"Fields": {"a": 1}}, "Fields", {"a": 1}),
        ({"FIELDS": "x", "fields": {"a": 1}}, "fields", {"a": 1}),
        ({"fields": "x"}, "fields", None),
        ({}, None, None),
    ],
)
def test_fields(params: Any, name: str | None, fields: Any) -> None:
    assert (fields_name(params), fields_of(params)) == (name, fields)


def test_fields_of_no_object() -> None:
    assert fields_of([{"fields": {}}]) is None and fields_of(None) is None


def test_a_field_in_any_case() -> None:
    assert field_of({"id": 1, "ID": 2}, "ID") == 2 and field_of({"Id": 1}, "ID") == 1 and field_of({}, "ID") is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", True), ("0", True), ("", False), ("-1", False), ("²", False), ("٣", False), ("9" * 19, False)],
)
def test_numbers(text: str, number: bool) -> None:
    assert is_number(text) is number
