"""pipeline/portal/requests/order.py: the keys of plans and of adds, and that those overlap which must."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.portal.plan import Key, Plan
from pipeline.portal.plan_builder import PlanBuilder, Ref
from pipeline.portal.requests.order import call_keys, plan_keys


def upsert(entity: str = "deal", key: str = "7", originator: str = "", keys: Any = None) -> Plan:
    builder = PlanBuilder(keys=keys)
    builder.upsert("s", entity, Key(id=key, originator=originator), {})
    return builder.build()


@pytest.mark.parametrize(
    ("method", "params", "keys"),
    [
        ("crm.deal.add", {"fields": {"ORIGIN_ID": "7"}}, ("=deal:7",)),
        ("crm.deal.add", {"fields": {}}, ()),
        ("crm.deal.add", {"fields": {"ORIGIN_ID": ["7"]}}, ()),
        ("crm.deal.update", {"id": 5, "fields": {"ORIGIN_ID": "7"}}, ("deal:5",)),
        (
            "crm.requisite.add",
            {"fields": {"ENTITY_TYPE_ID": 4, "ENTITY_ID": 5, "XML_ID": "7"}},
            ("company:5", "=requisite:7"),
        ),
        # a control character, a number that is none: no reason to fail
        ("crm.deal.add", {"fields": {"ORIGIN_ID": "7\x1f8"}}, ("=deal:7\x1f8",)),
        ("crm.item.add", {"entityTypeId": "²", "fields": {"originId": "7"}}, ()),
    ],
)
def test_keys_of_calls(method: str, params: Any, keys: tuple[str, ...]) -> None:
    assert call_keys(method, params) == keys


ALL_THE_SAME = [
    call_keys("crm.deal.add", {"fields": {"ORIGIN_ID": "A7", "ORIGINATOR_ID": "site"}}),
    call_keys("CRM.deal.ADD.json", {"FIELDS": {"origin_id": "A7", "Originator_Id": "site"}}),
    call_keys("crm.deal.add", {"fields": {"ORIGIN_ID": "a7 ", "ORIGINATOR_ID": "SITE"}}),
    call_keys("crm.item.add", {"entityTypeId": "2", "fields": {"originId": "A7", "originatorId": "site"}}),
    call_keys("crm.item.import", {"entityTypeId": 2, "fields": {"originId": "A7", "originatorId": "site"}}),
    plan_keys(upsert("deal", "A7", "site")),
    plan_keys(upsert("item:2", " A7 ", "site ", keys=["mine"])),
]


@pytest.mark.parametrize("keys", ALL_THE_SAME)
def test_whatever_makes_an_object_of_one_external_id_waits_for_the_others(keys: tuple[str, ...]) -> None:
    assert "=deal:site\x1fa7" in keys


def test_numbers_and_texts_are_one() -> None:
    assert call_keys("crm.deal.add", {"fields": {"ORIGIN_ID": 7}}) == plan_keys(upsert())


@pytest.mark.parametrize(
    "other", [upsert("company"), upsert(key="8"), upsert(originator="site"), upsert("item:128")], ids=str
)
def test_other_objects_do_not_wait(other: Plan) -> None:
    assert not set(plan_keys(upsert())) & set(plan_keys(other))


def test_keys_of_all_steps_of_a_plan() -> None:
    builder = PlanBuilder(keys=["event 5"])
    company = builder.upsert("company", "company", Key(id="7"), {})
    builder.call("deal", "crm.deal.add", {"fields": {"ORIGIN_ID": "D1", "COMPANY_ID": company.id}})
    builder.call("rows", "crm.deal.productrows.set", {"id": Ref("deal.result"), "rows": []})
    builder.call("stage", "crm.deal.update", {"id": 5, "fields": {}})
    builder.upsert("again", "company", Key(id="7"), {})
    assert plan_keys(builder.build()) == ("plan:event 5", "=company:7", "=deal:d1", "deal:5")


def reconcile(params: Any, **options: Any) -> Plan:
    builder = PlanBuilder(**options)
    builder.reconcile("r", "crm.deal.list", params, rule="multifields", wanted=None)
    return builder.build()


def test_two_plans_do_not_reconcile_one_list_at_once() -> None:
    one, same = (plan_keys(reconcile({"filter": filter})) for filter in ({"A": 1, "B": 2}, {"B": 2, "A": 1}))
    assert one == same and len(one) == 1
    assert one != plan_keys(reconcile({"filter": {"A": 2}}))


def test_a_reconcile_of_one_object_waits_for_its_writes() -> None:
    builder = PlanBuilder()
    builder.reconcile("r", "crm.company.get", {"id": 5}, rule="multifields", wanted=None)
    assert "company:5" in plan_keys(builder.build())


def test_a_subject_is_a_key_and_a_find_has_none() -> None:
    builder = PlanBuilder(subject="product:main:7")
    builder.find("f", "company", [Key(id="7", originator="site")], watch=True)
    assert plan_keys(builder.build()) == ("=subject:product:main:7",)
