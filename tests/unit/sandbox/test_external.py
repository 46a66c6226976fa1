"""By what a write is counted: kind, entity, external id."""

from typing import Any

import pytest

from sandbox.portal.external import Write, writes


@pytest.mark.parametrize(
    ("method", "params", "result", "expected"),
    [
        ("crm.deal.add", {"fields": {"ORIGIN_ID": "o-1"}}, 1, [Write("add", "deal", "o-1")]),
        ("crm.deal.add", {"FIELDS": {"origin_id": 7, "ORIGINATOR_ID": "erp"}}, 1, [Write("add", "deal", "erp/7")]),
        ("crm.item.add", {"entityTypeId": 2, "fields": {"originId": "o-1"}}, {}, [Write("add", "deal", "o-1")]),
        ("crm.item.add", {"entityTypeId": "4", "fields": {"xmlId": "x"}}, {}, [Write("add", "company", "x")]),
        ("crm.item.update", {"entityTypeId": 177, "id": 1}, {}, [Write("update", "dynamic_177", None)]),
        ("crm.requisite.add", {"fields": {"XML_ID": "x-1"}}, 1, [Write("add", "requisite", "x-1")]),
        ("catalog.product.add", {"fields": {"xmlId": "p"}}, {}, [Write("add", "product", "p")]),
        ("sale.order.add", {"fields": {"xmlId": ""}}, {}, [Write("add", "order", None)]),
        ("crm.timeline.comment.add", {"fields": {}}, 1, [Write("add", "timeline.comment", None)]),
        ("crm.deal.productrows.set", {"id": 1, "rows": []}, True, [Write("update", "deal.productrows", None)]),
        ("crm.deal.delete", {"id": 1}, True, [Write("delete", "deal", None)]),
        ("crm.deal.list", {"filter": {"ORIGIN_ID": "o-1"}}, [], []),
        ("batch", {"cmd": {}}, {}, []),
        ("profile", {}, {}, []),
        ("crm.deal.add", {"fields": "x"}, 1, [Write("add", "deal", None)]),
    ],
)
def test_writes(method: str, params: dict[str, Any], result: Any, expected: list[Write]) -> None:
    assert list(writes(method, params, result)) == expected


def test_a_bulk_load_counts_what_it_made() -> None:
    data = [{"originId": "a"}, {"originId": "b"}, {"originId": "c"}]
    made = {"items": [{"item": {"id": 1}}, {"error": "CRM_FIELD_ERROR_REQUIRED"}, {"item": {"id": 2}}]}
    found = list(writes("crm.item.batchImport", {"entityTypeId": 3, "data": data}, made))
    assert found == [Write("add", "contact", "a"), Write("add", "contact", "c")]
