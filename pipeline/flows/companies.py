"""Users of the site become companies: events.user -> plans (docs/flows.md).

The company is added once, with all that its first event carries. Afterwards each field is a part of its own with a
version of its own: an event that carries some fields changes these alone, in any order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.delivery.flow import Event, Flow
from pipeline.delivery.records import Record
from pipeline.flows.making import effect_flow, is_forced, records, version_of
from pipeline.flows.mapping.model import CompanyMapping, Mapping
from pipeline.flows.messages.decoders import Decoders
from pipeline.flows.messages.model import User
from pipeline.flows.texts import filled, plain_values
from pipeline.portal.plan import Key, Part, Plan
from pipeline.portal.plan_builder import Made, PlanBuilder
from pipeline.portal.reconciling import fields as rule
from pipeline.topology import EVENTS_USER

__all__ = ["NAME", "add_stub", "company_key", "flow", "plan"]

NAME = "companies"
#: ENTITY_TYPE_ID of companies
_COMPANY = 4
_REQUISITE_NAME = "Реквизиты"


def flow(mapping: Mapping) -> Flow:
    """The flow of events.user."""

    def handle(event: Event[User]) -> Iterable[Record]:
        version = version_of(event.value.version, event.headers)
        made = plan(event.value, mapping, version, is_forced(event.headers))
        return records(event, [made], mapping, NAME)

    return effect_flow(NAME, EVENTS_USER, Decoders(mapping.portal.zone).user, handle)


def plan(user: User, mapping: Mapping, version: str | None = None, force: bool = False) -> Plan:
    """What a user's event makes. Raises pydantic's ValidationError when its XML_ID is no key."""
    steps = PlanBuilder(subject=f"user:{user.xml_id}", force=force)
    key = company_key(mapping.company, user.xml_id)
    groups = _groups(user, mapping.company)
    first = {name: value for group in groups.values() for name, value in group.items()}
    company = _ensured(steps, mapping.company, user.xml_id, first)
    for name, fields in groups.items():
        part = Part(name=name, entity="company", key=key, version=version)
        _field_step(steps, f"set-{name}", company, "company", fields, part, keep=mapping.company.keep_contacts)
    _add_requisite(steps, user, mapping.company, company, version)
    return steps.build()


def company_key(mapping: CompanyMapping, xml_id: str) -> Key:
    """The key of a user's company."""
    return Key(id=xml_id, originator=mapping.originator)


def add_stub(steps: PlanBuilder, mapping: CompanyMapping, xml_id: str) -> Made:
    """The company of a user who may not have come yet: added under a name for the time being, never changed."""
    return _ensured(steps, mapping, xml_id, {})


def _ensured(steps: PlanBuilder, mapping: CompanyMapping, xml_id: str, fields: dict[str, Any]) -> Made:
    stub = {"TITLE": filled(mapping.stub_title, {"XML_ID": xml_id}), **mapping.constants}
    return steps.upsert("company", "company", company_key(mapping, xml_id), {**stub, **fields}, once=True, after=())


def _groups(user: User, mapping: CompanyMapping) -> dict[str, dict[str, Any]]:
    """What the event carries, by the name of its part."""
    values = plain_values(_wire_values(user))
    groups: dict[str, dict[str, Any]] = {}
    if user.name:
        groups["title"] = {"TITLE": filled(mapping.title, values) or user.name, **mapping.constants}
    for key, field in mapping.fields.items():
        if key in values:
            groups[f"field-{field}"] = {field: values[key]}
    if user.address is not None and mapping.address_field:
        groups["address"] = {mapping.address_field: user.address}
    if user.phones:
        groups["phones"] = {"PHONE": [_contact(text, mapping.phone_type) for text in user.phones]}
    if user.emails:
        groups["emails"] = {"EMAIL": [_contact(text, mapping.email_type) for text in user.emails]}
    return groups


def _wire_values(user: User) -> dict[str, Any]:
    """By the keys of the message, as the mapping names them."""
    return {
        **user.extra,
        "XML_ID": user.xml_id,
        "NAME": user.name,
        "LOGIN": user.login,
        "EMAIL": user.emails[0] if user.emails else None,
        "PERSONAL_PHONE": user.phones[0] if user.phones else None,
        "UF_SALE_SPOT_PARENT": user.sale_spot_parent,
        "UF_PHYSICAL_ADDRESS": user.address,
        "INN": user.inn,
        "KPP": user.kpp,
        "OGRN": user.ogrn,
    }


def _contact(text: str, kind: str) -> dict[str, str]:
    return {"VALUE": text, "VALUE_TYPE": kind}


def _add_requisite(steps: PlanBuilder, user: User, mapping: CompanyMapping, company: Made, version: str | None) -> None:
    given = {"RQ_INN": user.inn, "RQ_KPP": user.kpp, "RQ_OGRN": user.ogrn}
    carried = {name: value for name, value in given.items() if value}
    if mapping.requisite_preset is None or not carried:
        return
    key = Key(id=user.xml_id)
    owner = {"ENTITY_TYPE_ID": _COMPANY, "ENTITY_ID": company.id, "PRESET_ID": mapping.requisite_preset}
    fields = {**owner, "NAME": _REQUISITE_NAME, **carried}
    requisite = steps.upsert("requisite", "requisite", key, fields, once=True)
    for name, value in carried.items():
        part = Part(name=name, entity="requisite", key=key, version=version)
        _field_step(steps, f"set-{name}", requisite, "requisite", {name: value}, part)


def _field_step(
    steps: PlanBuilder,
    name: str,
    owner: Made,
    entity: str,
    fields: dict[str, Any],
    part: Part,
    *,
    keep: bool = False,
) -> None:
    """Fields of an object that has been there; what was just added has them."""
    steps.reconcile(
        name,
        f"crm.{entity}.get",
        {"id": owner.id},
        rule=rule.NAME,
        wanted={"entity": entity, "id": owner.id, "fields": fields, "keep": keep},
        part=part,
        unless_new=owner.name,
        after=(owner.name,),
    )
