"""pipeline/portal/requests/order.py, as a table of examples."""

from typing import Any

import pytest

from pipeline.portal.requests.order import order_key


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
