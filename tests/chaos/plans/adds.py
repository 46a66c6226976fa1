"""Adds as single calls or plans of one step: without an external id, which the gateway stamps, or with the client's."""

from __future__ import annotations

from typing import Any

from pipeline.portal.plan_builder import PlanBuilder
from tests.chaos.plans.case import Case, Place
from tests.chaos.plans.maker import Maker
from tests.chaos.plans.objects import SMART, Objects, number_of

__all__ = ["make_add", "make_own_add"]

_ENTITIES = ("deal", "company", "item", "contact")
#: part of the adds that are plans of one step
_PLANS = 0.25
#: part of the calls whose parameters no batch could carry: they go alone
_ALONE = 0.15


def make_add(maker: Maker, portal: str) -> list[Case]:
    """An add without an external id."""
    return [_add(maker, portal, "add", own=False)]


def make_own_add(maker: Maker, portal: str) -> list[Case]:
    """An add with an external id of the client's own."""
    return [_add(maker, portal, "add with own id", own=True)]


def _add(maker: Maker, portal: str, kind: str, *, own: bool) -> Case:
    entity = maker.dice.choice(_ENTITIES)
    message_id = maker.new_id()
    marker = f"{kind} {message_id}"
    method, params = _params(entity, marker, message_id if own else "")
    places = [Place(entity, "marker", marker)]
    if own:
        places.append(Place(entity, "external", message_id))
    if entity == "deal" and maker.dice.random() < _ALONE:
        params["params"] = {"REGISTER_SONET_EVENT": None}

    def check(result: Any, objects: Objects) -> str | None:
        made = result["item"]["id"] if entity == "item" else result
        row = objects.one(entity, "marker", marker)
        if row is None:
            return "it is not in the portal"
        return None if str(made) == number_of(row) else f"it is {entity} {number_of(row)}, the answer says {made}"

    more = {"places": tuple(places), "stampable": not own}
    if maker.dice.random() < _PLANS:
        plan = PlanBuilder()
        plan.call("add", method, params)
        built = plan.build()
        return maker.plan(
            message_id, portal, kind, built, lambda steps, objects: check(steps["add"]["result"], objects), **more
        )
    return maker.call(message_id, portal, kind, method, params, check, **more)


def _params(entity: str, marker: str, external: str) -> tuple[str, dict[str, Any]]:
    if entity == "item":
        fields = {"title": marker, **({"xmlId": external} if external else {})}
        return "crm.item.add", {"entityTypeId": SMART, "fields": fields}
    fields = {"NAME" if entity == "contact" else "TITLE": marker}
    if external:
        fields |= {"ORIGINATOR_ID": "chaos", "ORIGIN_ID": external}
    return f"crm.{entity}.add", {"fields": fields}
