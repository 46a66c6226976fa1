"""The rule `fields`: single fields of a company or requisite become what is wanted.

    {"name": "title", "do": "reconcile", "method": "crm.company.get", "params": {"id": 5}, "rule": "fields",
     "wanted": {"entity": "company", "id": 5, "fields": {"TITLE": "ACME"}}, "unless_new": "company"}

Nothing to read (`unless_new`: the object was just added) means that its add has brought them. Phones and the like in
`fields` go by the rule `multifields`, `keep` is for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.delivery.errors import Permanent
from pipeline.portal.plan import CallStep, UpsertStep
from pipeline.portal.reconciling.compare import changed, checked
from pipeline.portal.reconciling.multifields import FIELDS, multifields
from pipeline.portal.rules import rule

__all__ = ["NAME", "fields"]

NAME = "fields"
_ENTITIES = ("company", "contact", "deal", "lead", "requisite")


@rule(NAME)
def fields(current: list[Any], wanted: Any) -> Iterable[CallStep | UpsertStep]:
    """At most two updates. `current`: what `crm.<entity>.get` returned, or nothing.

    Raises:
        Permanent: `wanted` is none, or `current` is not the object that it names.
    """
    given = checked(NAME, wanted, "entity", "id", "fields")
    entity, number, asked = given["entity"], str(given["id"]), checked(NAME, given["fields"])
    if entity not in _ENTITIES:
        raise Permanent(f"rule {NAME}: entity {entity!r} is none of {', '.join(_ENTITIES)}")
    if not current:
        return []
    row = current[0] if len(current) == 1 and isinstance(current[0], dict) else {}
    if str(row.get("ID")) != number or not number.isdigit():
        raise Permanent(f"rule {NAME}: the method must be crm.{entity}.get of {number}")
    steps: list[CallStep | UpsertStep] = []
    plain = changed(row, {name: value for name, value in asked.items() if name not in FIELDS})
    if plain:
        steps.append(CallStep(name=NAME, method=f"crm.{entity}.update", params={"id": int(number), "fields": plain}))
    several = {name: value for name, value in asked.items() if name in FIELDS}
    if several:
        more = {"entity": entity, "id": number, "keep": given.get("keep", False), **several}
        steps += multifields(current, more)
    return steps
