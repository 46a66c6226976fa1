"""Every method of the registry has a scope, a cost, a documented shape, a place on the page, and answers in it."""

import re
from pathlib import Path
from typing import Any

import pytest

from sandbox.portal.auth import SCOPES
from sandbox.portal.costs import DOCUMENTED_COSTS, Costs
from sandbox.portal.errors import RestError
from sandbox.portal.methods.spec import Method
from sandbox.portal.sample import SIZES
from tests.unit.sandbox.calling import APP, METHODS, Desk, fits

PAGE = (Path(__file__).parents[3] / "docs" / "sandbox-portal.md").read_text()
BASE = ("profile", "server.time", "methods", "method.get", "scope", "batch", "feature.get", "events", "sandbox.echo")
SHAPES = ("true", "null", "empty", "value", "id", "row", "rows", "fields")
PARAMS: dict[str, Any] = {
    "id": 1,
    "entityTypeId": 2,
    "entityId": 1,
    "ownerType": "D",
    "ownerId": 1,
    "productRows": [{"price": 1}],
    "rows": [{"PRICE": 1}],
    "items": [{"CONTACT_ID": 1, "COMPANY_ID": 1}],
    "data": [{"title": "x"}],
    "type": "PHONE",
    "values": ["1"],
    "process_id": "x",
    "code": "x",
    "event": "ONCRMDEALADD",
    "handler": "http://127.0.0.1:1/",
    "select": [],
}
FIELDS: dict[str, Any] = {
    "crm.timeline.comment.add": {"ENTITY_ID": 1, "ENTITY_TYPE": "deal", "COMMENT": "x"},
    "crm.requisite.add": {"ENTITY_TYPE_ID": 4, "ENTITY_ID": 1, "PRESET_ID": 1, "NAME": "x"},
    "crm.requisite.bankdetail.add": {"ENTITY_ID": 1, "NAME": "x"},
    "crm.requisite.preset.add": {"NAME": "x"},
    "crm.address.": {"TYPE_ID": 1, "ENTITY_TYPE_ID": 4, "ENTITY_ID": 1},
    "crm.status.add": {"ENTITY_ID": "SOURCE", "STATUS_ID": "NEW_ONE", "NAME": "x"},
    "userfield.add": {"USER_TYPE_ID": "string", "FIELD_NAME": "X"},
    "crm.item.productrow.add": {"ownerType": "D", "ownerId": 1},
    "crm.type.": {"title": "x"},
    "crm.orderentity.add": {"orderId": 1, "ownerId": 1, "ownerTypeId": 4},
    "crm.orderentity.delete": {"orderId": 1, "ownerId": 1, "ownerTypeId": 2},
    "catalog.price.modify": {"product": {"id": 1, "prices": [{"catalogGroupId": 1, "price": 1, "currency": "RUB"}]}},
    "catalog.price.add": {"productId": 1, "catalogGroupId": 2, "price": 1, "currency": "RUB"},
    "catalog.productProperty.add": {"iblockId": 23, "name": "x", "propertyType": "S"},
    "catalog.productPropertyEnum.add": {"propertyId": 1, "value": "x", "xmlId": "other"},
    "catalog.measure.add": {"code": 1, "measureTitle": "x"},
    "catalog.vat.add": {"name": "x", "rate": 1},
    "catalog.": {"iblockId": 23, "name": "x"},
    "sale.order.": {"lid": "s1", "personTypeId": 1, "currency": "RUB"},
    "sale.basketitem.": {"orderId": 1, "productId": 0, "currency": "RUB", "quantity": 1, "name": "x"},
    "sale.payment.": {"orderId": 1, "paySystemId": 1},
    "sale.shipment.": {"orderId": 1, "allowDelivery": "Y", "deducted": "N", "deliveryId": 1},
    "sale.propertyvalue.": {"order": {"id": 1, "propertyValues": [{"orderPropsId": 40, "value": "1"}]}},
    "sale.shipmentitem.": {"orderDeliveryId": 1, "basketId": 1, "quantity": 1},
    "": {"TITLE": "x", "NAME": "x", "name": "x", "title": "x", "CONTACT_ID": 1, "COMPANY_ID": 1},
}
FILTERS: dict[str, Any] = {
    "crm.timeline.comment.list": {"ENTITY_ID": 1, "ENTITY_TYPE": "deal"},
    "crm.item.productrow.list": {"=ownerType": "D", "=ownerId": 1},
    "catalog.product.list": {"iblockId": 23},
}
FIRST = (
    "crm.company.add",
    "crm.contact.add",
    "crm.deal.add",
    "crm.lead.add",
    "crm.requisite.add",
    "crm.requisite.bankdetail.add",
    "crm.address.add",
    "crm.timeline.comment.add",
    "crm.item.productrow.add",
    "crm.type.add",
    "catalog.product.add",
    "catalog.section.add",
    "catalog.price.modify",
    "catalog.productProperty.add",
    "sale.order.add",
    "sale.basketitem.add",
    "sale.payment.add",
    "sale.shipment.add",
    "sale.shipmentitem.add",
    "sale.propertyvalue.modify",
)
"""One object of each kind, so that every method has something to work on."""


def params_of(method: Method) -> dict[str, Any]:
    """Parameters that make sense to this method, by its name and description."""

    def chosen(table: dict[str, Any]) -> Any:
        return next((value for key, value in table.items() if key in method.name), {})

    params = {**PARAMS, "fields": chosen(FIELDS), "filter": chosen(FILTERS)}
    if method.name.startswith("crm.entity"):
        params["params"] = {"entityTypeId": 2, "entityIds": [1, 2]}
    if method.name == "catalog.product.list":
        params["select"] = ["id", "iblockId"]
    if method.name == "crm.status.entity.items":
        params["entityId"] = "SOURCE"
    if method.name == "crm.type.getByEntityTypeId":
        params["entityTypeId"] = 1030
    if method.name.startswith(("crm.category.", "crm.dealcategory.")):
        params["id"] = 3
    if method.name == "catalog.catalog.get":
        params["id"] = 23
    if re.fullmatch(r"crm\.\w+\.userfield\.\w+", method.name):
        # the first one is that of a new portal
        params["id"] = 2 + ("deal", "company", "contact", "lead").index(method.name.split(".")[1])
    return params


def furnished() -> Desk:
    desk = Desk(APP)
    for name in FIRST:
        desk.result(name, params_of(METHODS[name.lower()]))
    desk.result("crm.deal.add", {"fields": {}})
    desk.result("crm.item.add", {"entityTypeId": 7, "fields": {}})
    desk.result("crm.category.add", {"entityTypeId": 2, "fields": {"name": "Second"}})
    for entity in ("deal", "company", "contact", "lead"):
        desk.result(f"crm.{entity}.userfield.add", {"fields": {"USER_TYPE_ID": "string", "FIELD_NAME": "FIRST"}})
    desk.result("catalog.productProperty.update", {"id": 1, "fields": {"propertyType": "L"}})
    desk.result("catalog.productPropertyEnum.add", {"fields": {"propertyId": 1, "value": "x", "xmlId": "x"}})
    desk.result("crm.orderentity.add", {"fields": {"orderId": 1, "ownerId": 1, "ownerTypeId": 2}})
    return desk


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    return furnished().portal.store.dump()


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_method_answers_in_its_documented_shape(name: str, state: dict[str, Any]) -> None:
    method = METHODS[name]
    desk = Desk(APP)
    desk.portal.store.load(state)
    params = params_of(method)
    if method.name == "batch":
        params = {"cmd": {"a": "profile"}}
    assert fits(method.result, desk.result(name, params))


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_method_is_described(name: str) -> None:
    method = METHODS[name]
    if name in BASE or method.needs_app:
        assert method.scope is None
    else:
        assert method.scope in SCOPES
    if name not in ("batch", "sandbox.echo"):
        assert Costs(DOCUMENTED_COSTS).of(name) > 0
    assert method.result in SHAPES or re.fullmatch(r"\{[\w,]+\}", method.result)
    assert (
        method.adds == name.endswith((".add", ".import", ".batchimport")) or ".contact." in name or ".company." in name
    )


@pytest.mark.parametrize("name", sorted({method.name for method in METHODS.values()}))
def test_a_method_stands_on_the_page(name: str) -> None:
    families = [name.rsplit(".", place)[0] + ".*" for place in range(1, name.count(".") + 1)]
    similar = [
        family.replace(other, "deal") for family in families for other in ("company", "contact", "lead", "quote")
    ]
    assert any(f"`{item}`" in PAGE for item in (name, *families, *similar)), name


def test_unknown_fields_are_left_out_without_a_word(state: dict[str, Any]) -> None:
    for method in METHODS.values():
        if not method.adds or method.name.startswith(("crm.item.batchImport", "crm.item.payment")):
            continue
        desk = Desk(APP)
        desk.portal.store.load(state)
        params = params_of(method)
        params["fields"] = {**params["fields"], "NO_SUCH_FIELD": 1, "noSuchField": {"a": 1}, "FIELD_NAME": "OTHER"}
        desk.result(method.name, params)


def test_required_parameters_are_told_by_name() -> None:
    desk = Desk(APP)
    for method in METHODS.values():
        first = next((param for param in method.params if not param.optional), None)
        if first is not None:
            assert desk.error(method.name, {}) == (100, f"Could not find value for parameter {{{first.name}}}")


def test_a_store_that_was_written_reads_the_same(state: dict[str, Any]) -> None:
    desk = Desk(APP)
    desk.portal.store.load(state)
    assert desk.portal.store.dump() == state
    assert desk.result("crm.deal.fields")["UF_CRM_FIRST"]["isDynamic"] is True
    assert desk.result("crm.item.add", {"entityTypeId": 1030, "fields": {}})["item"]["id"] == 1
    with pytest.raises(RestError):
        desk.result("crm.deal.get", {"id": SIZES["large"]})
