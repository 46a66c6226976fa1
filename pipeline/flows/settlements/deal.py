"""The deal of a settlement, its company, its sum and its product rows.

Sum and rows are left as they are by a message that does not carry the goods of all orders (`goods.all_goods`).
"""

from __future__ import annotations

from typing import Any

from pipeline.flows.companies import add_stub
from pipeline.flows.mapping.model import Mapping
from pipeline.flows.messages.model import Good, Settlement
from pipeline.flows.settlements.dictionaries import Dictionaries
from pipeline.flows.settlements.goods import FoundGoods, lines_of, total
from pipeline.flows.texts import filled, plain_values, written
from pipeline.portal.plan import Key, Part
from pipeline.portal.plan_builder import Made, PlanBuilder
from pipeline.portal.reconciling import fields as rule

__all__ = ["add_deal", "add_rows", "add_sum"]


def add_deal(
    steps: PlanBuilder,
    settlement: Settlement,
    mapping: Mapping,
    words: Dictionaries,
    goods: list[Good] | None,
    version: str | None,
) -> Made:
    """Steps for company and deal. `goods`: of all orders, None = not known."""
    fields = _fields(settlement, mapping, words) | ({} if goods is None else _sum(goods))
    if settlement.company_xml_id:
        fields["COMPANY_ID"] = add_stub(steps, mapping.company, settlement.company_xml_id).id
    return steps.upsert("deal", "deal", deal_key(settlement, mapping), fields, version=version, after=())


def add_sum(
    steps: PlanBuilder, settlement: Settlement, mapping: Mapping, deal: Made, goods: list[Good], version: str | None
) -> None:
    """The step that brings the sum to a deal whose newer message did not carry it.

    `add_deal` gives it as well, which saves the call for a new deal.
    """
    steps.reconcile(
        "sum",
        "crm.deal.get",
        {"id": deal.id},
        rule=rule.NAME,
        wanted={"entity": "deal", "id": deal.id, "fields": _sum(goods)},
        part=Part(name="sum", entity="deal", key=deal_key(settlement, mapping), version=version),
        unless_new=deal.name,
        after=(),
    )


def add_rows(
    steps: PlanBuilder,
    settlement: Settlement,
    mapping: Mapping,
    deal: Made,
    goods: list[Good],
    found: FoundGoods,
    version: str | None,
) -> None:
    """The step that sets the deal's rows whole."""
    rows = [
        {
            "PRODUCT_ID": found.product_id(line),
            "PRODUCT_NAME": found.row_name(line),
            "PRICE": written(line.price),
            "QUANTITY": written(line.quantity),
        }
        for line in lines_of(goods).values()
    ]
    steps.call(
        "rows",
        "crm.deal.productrows.set",
        {"id": deal.id, "rows": rows},
        part=Part(name="rows", entity="deal", key=deal_key(settlement, mapping), version=version),
        after=(),
    )


def deal_key(settlement: Settlement, mapping: Mapping) -> Key:
    """The key of a settlement's deal."""
    return Key(id=settlement.xml_id, originator=mapping.company.originator)


def _sum(goods: list[Good]) -> dict[str, Any]:
    # manual: else the portal would work it out from the rows, and round otherwise
    return {"IS_MANUAL_OPPORTUNITY": "Y", "OPPORTUNITY": written(total(goods))}


def _fields(settlement: Settlement, mapping: Mapping, words: Dictionaries) -> dict[str, Any]:
    deal = mapping.deal
    values = plain_values(_wire_values(settlement))
    fields: dict[str, Any] = {
        "TITLE": filled(deal.title, values) or settlement.xml_id,
        "CATEGORY_ID": deal.category,
        "CURRENCY_ID": deal.currency,
        "SOURCE_ID": deal.sources.get(settlement.source or "", settlement.source or ""),
        "ASSIGNED_BY_ID": words.user(settlement.assigned_by) or deal.assigned_by,
    }
    stage = words.stage(settlement.status, "STATUS")
    if stage is not None:
        fields["STAGE_ID"] = stage
    if settlement.created is not None:
        fields["BEGINDATE"] = settlement.created.astimezone(mapping.portal.zone).date().isoformat()
    return fields | {field: values[key] for key, field in deal.fields.items() if key in values}


def _wire_values(settlement: Settlement) -> dict[str, Any]:
    """By the keys of the message, as the mapping names them."""
    return {
        **settlement.extra,
        "XML_ID": settlement.xml_id,
        "NUMBER": settlement.number,
        "STATUS": settlement.status,
        "DATE_CREATE": None if settlement.created is None else settlement.created.isoformat(),
        "COMPANY": settlement.company_xml_id,
        "SOURCE": settlement.source,
        "ASSIGNED_BY_ID": settlement.assigned_by,
        "TYPE": settlement.kind,
    }
