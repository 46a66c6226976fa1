"""Chains: a company is upserted, a deal of it added, its product rows set, a comment written on it."""

from __future__ import annotations

from typing import Any

from pipeline.portal.plan import Key
from pipeline.portal.plan_builder import PlanBuilder
from tests.chaos.plans.case import Case, Place
from tests.chaos.plans.maker import Maker
from tests.chaos.plans.objects import Objects, number_of

__all__ = ["make_chain"]

#: part of the chains that share their company with another one
_TWINS = 0.3


def make_chain(maker: Maker, portal: str) -> list[Case]:
    """One chain, or two with the same company."""
    company = f"firm {maker.new_id()}"
    return [_chain(maker, portal, company) for _ in range(2 if maker.dice.random() < _TWINS else 1)]


def _chain(maker: Maker, portal: str, company: str) -> Case:
    message_id = maker.new_id()
    marker = f"chain {message_id}"
    goods = [f"{marker} ware {number}" for number in range(maker.dice.randint(1, 3))]
    plan = PlanBuilder()
    firm = plan.upsert("company", "company", Key(id=company, originator="chaos"), {"TITLE": company})
    deal = plan.call("deal", "crm.deal.add", {"fields": {"TITLE": marker, "COMPANY_ID": firm.id}})
    rows = [{"PRODUCT_NAME": name, "PRICE": "10.50", "QUANTITY": 2} for name in goods]
    plan.call("rows", "crm.deal.productrows.set", {"id": deal.result, "rows": rows})
    comment = {"ENTITY_ID": deal.result, "ENTITY_TYPE": "deal", "COMMENT": marker}
    plan.call("comment", "crm.timeline.comment.add", {"fields": comment})

    def check(steps: Any, objects: Objects) -> str | None:
        firm, deal = objects.one("company", "external", company), objects.one("deal", "marker", marker)
        comment = objects.one("comment", "marker", marker)
        if firm is None or deal is None or comment is None:
            return "its company, deal or comment is not in the portal"
        made = (steps["company"]["id"], str(steps["deal"]["result"]), str(steps["comment"]["result"]))
        there = (number_of(firm), number_of(deal), number_of(comment))
        if made != there:
            return f"company, deal, comment are {there}, the answer says {made}"
        if steps["rows"]["result"] is not True or deal["COMPANY_ID"] != number_of(firm):
            return f"its deal is of company {deal['COMPANY_ID']}, not {number_of(firm)}"
        if comment["ENTITY_ID"] != number_of(deal):
            return f"its comment is on deal {comment['ENTITY_ID']}, not {number_of(deal)}"
        held = [row["PRODUCT_NAME"] for row in objects.product_rows[number_of(deal)]]
        return None if held == goods else f"its deal has the rows {held}, not {goods}"

    places = (
        Place("company", "external", company),
        Place("deal", "marker", marker),
        Place("comment", "marker", marker),
    )
    return maker.plan(message_id, portal, "chain", plan.build(), check, places=places, stampable=True)
