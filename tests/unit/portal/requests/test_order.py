"""pipeline/portal/requests/order.py, as a table of examples."""

from typing import Any

import orjson
import pytest

from pipeline.portal.plan import parse_plan
from pipeline.portal.requests.order import call_keys, order_key, plan_keys


@pytest.mark.parametrize(
    ("method", "params", "key"),
    [
        # by entity and id; reads with writes
        ("crm.deal.update", {"id": 5, "fields": {}}, "deal:5"),
        ("crm.deal.update", {"ID": "5", "fields": {}}, "deal:5"),
        ("CRM.Deal.Update.json", {"Id": " 5 "}, "deal:5"),
        ("crm.deal.get", {"id": 5}, "deal:5"),
        ("crm.deal.delete", {"id": 5}, "deal:5"),
        ("crm.company.update", {"id": 5}, "company:5"),
        ("crm.deal.productrows.set", {"id": 5, "rows": []}, "deal:5"),
        ("crm.deal.productrows.get", {"id": 5}, "deal:5"),
        ("crm.deal.contact.add", {"id": 5, "fields": {"CONTACT_ID": 7}}, "deal:5"),
        ("crm.company.contact.items.set", {"id": 5, "items": []}, "company:5"),
        ("crm.deal.userfield.update", {"id": 5}, "deal.userfield:5"),
        ("crm.item.update", {"entityTypeId": 2, "id": 5, "fields": {}}, "deal:5"),
        ("crm.item.get", {"entityTypeId": "4", "id": 5}, "company:5"),
        ("crm.item.delete", {"entityTypeId": 128, "id": 5}, "item.128:5"),
        ("crm.item.productrow.set", {"ownerType": "D", "ownerId": 5, "productRows": []}, "deal:5"),
        ("crm.item.productrow.set", {"ownerType": "T80", "ownerId": 5}, "item.128:5"),
        ("crm.item.productrow.add", {"fields": {"ownerType": "D", "ownerId": 5}}, "deal:5"),
        ("crm.item.productrow.update", {"id": 9, "fields": {"price": 1}}, "item.productrow:9"),
        ("crm.timeline.comment.add", {"fields": {"ENTITY_ID": 5, "ENTITY_TYPE": "deal"}}, "deal:5"),
        ("crm.timeline.comment.add", {"fields": {"ENTITY_ID": 5, "ENTITY_TYPE": "dynamic_128"}}, "item.128:5"),
        ("crm.timeline.comment.update", {"id": 9, "fields": {"COMMENT": "x"}}, "timeline.comment:9"),
        ("crm.requisite.add", {"fields": {"ENTITY_TYPE_ID": 4, "ENTITY_ID": 5}}, "company:5"),
        ("catalog.product.update", {"id": 5, "fields": {}}, "catalog.product:5"),
        ("sale.order.get", {"id": 5}, "sale.order:5"),
        ("tasks.task.update", {"taskId": 5}, "tasks.task:5"),
        # writes without an id: by entity
        ("crm.deal.update", {"fields": {}}, "deal"),
        ("crm.deal.update", {"id": None}, "deal"),
        ("crm.deal.update", {"id": True}, "deal"),
        ("crm.deal.update", [], "deal"),
        ("catalog.price.modify", {"fields": {"product": {"id": 5}}}, "catalog.price"),
        ("batch", {"cmd": {"a": "crm.deal.update?id=5"}}, "batch"),
        ("batch", {"cmd": {"a": 5}}, "batch"),
        # free
        ("crm.deal.list", {"filter": {"ID": 5}}, None),
        ("crm.deal.add", {"fields": {"TITLE": "x"}}, None),
        ("crm.item.add", {"entityTypeId": 2, "fields": {}}, None),
        ("crm.item.batchImport", {"entityTypeId": 2, "data": []}, None),
        ("crm.deal.fields", {}, None),
        ("profile", {}, None),
        ("batch", {"cmd": {"a": "crm.deal.list", "b": "crm.deal.add?fields[TITLE]=x"}}, None),
    ],
)
def test_order_key(method: str, params: Any, key: str | None) -> None:
    assert order_key(method, params) == key


@pytest.mark.parametrize(
    ("method", "params", "keys"),
    [
        ("crm.deal.update", {"id": 5, "fields": {"ORIGIN_ID": "7"}}, ("deal:5",)),
        ("crm.deal.add", {"fields": {"TITLE": "x"}}, ()),
        ("crm.deal.add", {"fields": {"ORIGIN_ID": "7"}}, ("=deal:7",)),
        ("crm.deal.add", {"fields": {"ORIGIN_ID": "7", "ORIGINATOR_ID": "site"}}, ("=deal:site\x1f7",)),
        # two methods, one store; and portals find texts of another case
        ("crm.item.add", {"entityTypeId": 2, "fields": {"originId": "aB "}}, ("=deal:ab",)),
        ("crm.requisite.add", {"fields": {"ENTITY_TYPE_ID": 4, "ENTITY_ID": 5, "XML_ID": "r"}}, None),
        ("crm.deal.list", {"filter": {"ORIGIN_ID": "7"}}, ()),
    ],
)
def test_call_keys(method: str, params: Any, keys: tuple[str, ...] | None) -> None:
    """Beside the order key that of the external id that an add brings."""
    assert call_keys(method, params) == (("company:5", "=requisite:r") if keys is None else keys)


def _plan(*steps: dict[str, Any], **given: Any) -> tuple[str, ...]:
    return plan_keys(parse_plan(orjson.dumps({"v": 1, "steps": steps, **given})))


UPSERT = {"do": "upsert", "name": "a", "entity": "deal", "key": {"id": "7"}, "fields": {}}
UPDATE = {"do": "call", "name": "b", "method": "crm.deal.update", "params": {"id": 5}}


def test_plan_keys_are_those_of_its_steps() -> None:
    assert _plan(UPSERT, UPDATE) == ("=deal:7", "deal:5")
    assert _plan(UPSERT, {**UPSERT, "name": "c"}) == ("=deal:7",), "each once"
    assert _plan(UPDATE, keys=["one", "two"]) == ("plan:one", "plan:two", "deal:5")


def test_a_plan_and_a_call_that_add_the_same_object_share_a_key() -> None:
    assert set(_plan(UPSERT)) == set(call_keys("crm.deal.add", {"fields": {"ORIGIN_ID": "7"}}))


def test_what_depends_on_a_result_has_no_key_yet() -> None:
    step = {"do": "call", "name": "c", "method": "crm.deal.update", "params": {"id": {"$ref": "a.id"}}}
    assert _plan(UPSERT, step) == ("=deal:7",)


def test_two_plans_that_reconcile_one_list_share_a_key() -> None:
    def of(number: int) -> tuple[str, ...]:
        step = {
            "do": "reconcile",
            "name": "r",
            "method": "crm.item.productrow.list",
            "params": {"filter": {"=ownerId": number}},
            "rule": "x",
        }
        return _plan(step)

    assert of(1) == of(1) != of(2)
