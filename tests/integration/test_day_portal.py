"""The reader and the comparer of a day's end against a portal: what was written is found, what is wrong is named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sandbox.site.day import make_day
from sandbox.site.sizes import Sizes
from tests.day.compare import differences
from tests.day.mapping import MAPPING
from tests.day.model import expected
from tests.day.portal import read_portal
from tests.day.rest import Rest
from tests.day.state import State
from tests.day.writer import Writer
from tests.support.sandbox_portal import serving

SIZES = Sizes(users=6, products=8, sections=6, settlements=3, strangers=0.3)


def _must() -> State:
    state = expected(make_day(SIZES, 5).messages, MAPPING)
    return replace(state, documents=None)


@asynccontextmanager
async def _written(state: State) -> AsyncIterator[tuple[Rest, Writer]]:
    async with serving() as portal, Rest(portal.root) as rest:
        writer = Writer(rest, MAPPING)
        await writer.write(state)
        yield rest, writer


async def _differences(must: State, rest: Rest) -> list[str]:
    return differences(must, await read_portal(rest, MAPPING))


async def test_what_was_written_is_found() -> None:
    must = _must()
    assert must.companies and must.sections and must.products and must.deals and must.orders
    async with _written(must) as (rest, _):
        assert await _differences(must, rest) == []


async def test_all_that_is_wrong_is_named() -> None:
    must = _must()
    known: set[str] = set()
    async with _written(must) as (rest, writer):

        async def named(method: str, params: dict[str, Any], *words: str) -> None:
            await rest.call(method, params)
            lines = await _differences(must, rest)
            new = [line for line in lines if line not in known]
            known.update(lines)
            assert any(all(word in line for word in words) for line in new), (method, words, new)

        user, company = next(iter(writer.companies.items()))
        title = {"id": company, "fields": {"TITLE": "Other"}}
        await named("crm.company.update", title, f"company {user}", "title", "Other")
        phone = {"id": company, "fields": {"PHONE": [{"VALUE": "+71112223344"}, {"VALUE": "81112223344"}]}}
        await named("crm.company.update", phone, f"company {user}", "PHONE 1112223344", "twice")
        double = {"fields": {"TITLE": "x", "ORIGINATOR_ID": "site", "ORIGIN_ID": user}}
        await named("crm.company.add", double, f"company {user}", "twice")
        section, number = next((k, writer.sections[k]) for k, s in must.sections.items() if s.parent)
        fields = {"iblockId": 23, "name": must.sections[section].name, "iblockSectionId": None}
        root = {"id": number, "fields": fields}
        await named("catalog.section.update", root, f"section {section}", "parent", "None")
        product, number = next((k, writer.products[k]) for k, p in must.products.items() if p.prices)
        prices = {"fields": {"product": {"id": number, "prices": []}}}
        await named("catalog.price.modify", prices, f"product {product}", "prices")
        off = {"id": number, "fields": {"active": "N"}}
        await named("catalog.product.update", off, f"product {product}", "active")
        await named("catalog.product.delete", {"id": number}, f"product {product}", "missing")
        deal, number = next(iter(writer.deals.items()))
        await named("crm.deal.update", {"id": number, "fields": {"STAGE_ID": "APOLOGY"}}, f"deal {deal}", "stage")
        await named("crm.deal.productrows.set", {"id": number, "rows": []}, f"deal {deal}", "row", "missing")
        payment = await rest.rows("sale.payment.list", within="payments")
        more = {"id": payment[0]["id"], "fields": {"sum": 1, "paySystemId": 1}}
        await named("sale.payment.update", more, "payment", payment[0]["xmlId"], "sum")
        await named("sale.payment.delete", {"id": payment[0]["id"]}, "payment", payment[0]["xmlId"], "missing")
        items = await rest.rows("sale.shipmentitem.list", within="shipmentItems")
        quantity = {"id": items[0]["id"], "fields": {"quantity": 1000}}
        await named("sale.shipmentitem.update", quantity, "shipment", "quantity", "1000")
        key, number = next(iter(writer.orders.items()))
        value = {"fields": {"order": {"id": number, "propertyValues": [{"orderPropsId": 40, "value": "0.01"}]}}}
        await named("sale.propertyvalue.modify", value, f"order {key}", "cashback", "0.01")
        links = await rest.rows("crm.orderentity.list", within="orderEntity")
        await named("crm.orderentity.deleteByFilter", {"fields": links[0]}, "order", "deal must be")


def test_states_without_a_portal_are_compared_too() -> None:
    must, held = _must(), _must()
    key = next(iter(held.orders))
    good = next(iter(held.orders[key].goods))
    held.orders[key].goods[good].quantity += Decimal(1)
    assert [line for line in differences(must, held) if good in line and "quantity" in line]
    del held.orders[key]
    assert f"order {key}: is missing" in differences(must, held)
