"""Users -> plans of companies: a table of examples."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.flows import companies
from pipeline.flows.mapping import Mapping
from pipeline.portal.plan import Key, Part, Plan, ReconcileStep, UpsertStep, parse_plan
from tests.unit.flows.desk import PLAIN_MAPPING, records_of, refused
from tests.unit.flows.samples import user

KEY = Key(id="U-1", originator="site")


def plan_of(body: Any, mapping: Mapping = PLAIN_MAPPING, **headers: str) -> Plan:
    (record,) = records_of(companies.flow(mapping), body, headers)
    assert record.headers["source"] == "companies" and record.key == b"default"
    assert record.value is not None
    return parse_plan(record.value)


def groups(plan: Plan) -> dict[str, dict[str, Any]]:
    """Fields by part."""
    found = {}
    for step in plan.steps:
        if isinstance(step, ReconcileStep):
            assert step.rule == "fields" and step.part is not None and step.unless_new in ("company", "requisite")
            found[step.part.name] = step.wanted["fields"]
    return found


def changed(**values: Any) -> Mapping:
    return PLAIN_MAPPING.model_copy(update={"company": PLAIN_MAPPING.company.model_copy(update=values)})


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ({"XML_ID": "U-1"}, {}),
        ({"XML_ID": "U-1", "NAME": "А"}, {"title": {"TITLE": "А"}}),
        ({"XML_ID": "U-1", "NAME": ""}, {}),
        ({"XML_ID": "U-1", "UF_PHYSICAL_ADDRESS": "Москва"}, {"address": {"ADDRESS": "Москва"}}),
        ({"XML_ID": "U-1", "LOGIN": "a"}, {"field-UF_CRM_SITE_LOGIN": {"UF_CRM_SITE_LOGIN": "a"}}),
        ({"XML_ID": "U-1", "EMAIL": "a@b.ru"}, {"emails": {"EMAIL": [{"VALUE": "a@b.ru", "VALUE_TYPE": "WORK"}]}}),
        (
            {"XML_ID": "U-1", "PERSONAL_PHONE": "1,2"},
            {"phones": {"PHONE": [{"VALUE": n, "VALUE_TYPE": "WORK"} for n in "12"]}},
        ),
        ({"XML_ID": "U-1", "INN": "7707083893"}, {"RQ_INN": {"RQ_INN": "7707083893"}}),
    ],
)
def test_an_event_makes_what_it_carries(body: dict[str, Any], parts: dict[str, Any]) -> None:
    assert groups(plan_of(body)) == parts


def test_the_company_is_added_with_all_of_it_and_never_changed_by_that_step() -> None:
    plan = plan_of(user(EMAIL="a@b.ru", INN="7707083893"))
    assert plan.subject == "user:U-1"
    company, *_ = plan.steps
    assert isinstance(company, UpsertStep) and company.once and company.key == KEY and company.version is None
    assert company.fields == {"TITLE": "ООО Ромашка", "EMAIL": [{"VALUE": "a@b.ru", "VALUE_TYPE": "WORK"}]}
    (requisite,) = (step for step in plan.steps if isinstance(step, UpsertStep) and step.entity == "requisite")
    assert requisite.once and requisite.fields["ENTITY_ID"] == {"$ref": "company.id"}
    assert (requisite.fields["ENTITY_TYPE_ID"], requisite.fields["PRESET_ID"]) == (4, 1)


def test_a_company_without_a_name_begins_as_a_stub() -> None:
    company = plan_of({"XML_ID": "U-1", "LOGIN": "a"}).steps[0]
    assert isinstance(company, UpsertStep)
    assert company.fields == {"TITLE": "Компания U-1", "UF_CRM_SITE_LOGIN": "a"}


def test_every_part_has_the_events_version() -> None:
    told = [
        plan_of(user(DATE_UPDATE="2026-01-02T03:04:05+03:00"), **{"amqp-timestamp": "1767225600"}),
        plan_of(user(), **{"amqp-timestamp": "1767225600"}),
        plan_of(user()),
    ]
    parts = [step.part for plan in told for step in plan.steps if isinstance(step, ReconcileStep)]
    assert all(isinstance(part, Part) and part.key == KEY for part in parts)
    versions = [part.version if part else "" for part in parts]
    assert versions == ["2026-01-02T03:04:05+03:00", "2026-01-01T00:00:00+00:00", None]


def test_the_mapping_decides() -> None:
    mapping = changed(
        originator="", title="{NAME} ({CITY})", constants={"COMPANY_TYPE": "CUSTOMER"}, address_field="",
        requisite_preset=None, keep_contacts=False, phone_type="MOBILE", fields={"CITY": "UF_CRM_CITY"},
    )  # fmt: skip
    plan = plan_of(user(CITY="Москва", UF_PHYSICAL_ADDRESS="x", INN="7707083893", PERSONAL_PHONE="1"), mapping)
    assert groups(plan) == {
        "title": {"TITLE": "ООО Ромашка (Москва)", "COMPANY_TYPE": "CUSTOMER"},
        "field-UF_CRM_CITY": {"UF_CRM_CITY": "Москва"},
        "phones": {"PHONE": [{"VALUE": "1", "VALUE_TYPE": "MOBILE"}]},
    }
    assert plan.steps[0].key == Key(id="U-1")  # type: ignore[union-attr]
    assert not [step for step in plan.steps if isinstance(step, ReconcileStep) and step.wanted["keep"]]


def test_a_run_and_force_are_passed_on() -> None:
    (record,) = records_of(companies.flow(PLAIN_MAPPING), user(), {"run": "r", "item": "U-1", "force": "1"})
    assert (record.headers["run"], record.headers["item"], "force" in record.headers) == ("r", "U-1", False)
    assert record.value is not None and parse_plan(record.value).force


def test_a_plan_names_the_message_that_it_was_made_of() -> None:
    (record,) = records_of(companies.flow(PLAIN_MAPPING), user(), {"amqp-message-id": "m-1"})
    assert record.headers["amqp-message-id"] == "m-1"
    (without,) = records_of(companies.flow(PLAIN_MAPPING), user())
    assert "amqp-message-id" not in without.headers


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "XML_ID is missing"),
        ({"XML_ID": "x" * 501}, "XML_ID"),
        (b"[", "no JSON"),
    ],
)
def test_what_is_refused(body: Any, text: str) -> None:
    assert text in refused(companies.flow(PLAIN_MAPPING), body)
