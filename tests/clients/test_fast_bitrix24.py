"""fast_bitrix24, the client that most Python scripts use: its typical calls."""

import asyncio
import warnings
from typing import Any

import pytest
from fast_bitrix24 import Bitrix, BitrixAsync

from tests.clients.simulator import SEEDED, Simulator

PAGES = -(-SEEDED // 50)


@pytest.fixture
def client(plain: Simulator) -> BitrixAsync:
    return BitrixAsync(plain.webhook, verbose=False)


def _whole(rows: Any, key: str = "ID") -> bool:
    """Every seeded object once."""
    return len(rows) == SEEDED and len({row[key] for row in rows}) == SEEDED


async def test_add_get_update_delete(client: BitrixAsync, plain: Simulator) -> None:
    """Each `call` travels as a batch of one."""
    fields = {"TITLE": "Сделка №1 & Co", "OPPORTUNITY": 10.5, "CURRENCY_ID": "RUB", "ORIGIN_ID": "fast-1"}
    number = await client.call("crm.deal.add", {"fields": fields})
    (deal,) = (await client.call("crm.deal.get", {"ID": number})).values()
    assert (deal["ID"], deal["TITLE"], deal["OPPORTUNITY"]) == (str(number), "Сделка №1 & Co", "10.50")
    assert await client.call("crm.deal.update", {"ID": number, "fields": {"TITLE": "second"}}) is True
    assert await client.call("crm.deal.delete", {"ID": number}) is True
    counters = plain.counters()
    wanted = {"crm.deal.add": 1, "crm.deal.get": 1, "crm.deal.update": 1, "crm.deal.delete": 1}
    assert counters["executions"] == wanted | {"batch": 4}
    assert counters["requests"] == 4


async def test_batch_of_120(client: BitrixAsync, plain: Simulator) -> None:
    items = [{"fields": {"TITLE": f"t{n}", "ORIGIN_ID": f"fast-b-{n}"}} for n in range(120)]
    ids = await client.call("crm.deal.add", items)
    assert len(set(ids)) == 120
    counters = plain.counters()
    assert counters["executions"] == {"crm.deal.add": 120, "batch": 3}
    assert counters["executed_more_than_once"]["by_external"] == {}
    found = await client.get_by_ID("crm.deal.get", ids)
    assert {number: deal["TITLE"] for number, deal in found.items()} == {
        str(number): f"t{place}" for place, number in enumerate(ids)
    }, "answers belong to their requests"
    assert all(await client.call("crm.deal.delete", [{"ID": number} for number in ids]))


async def test_all_rows_by_get_all(client: BitrixAsync, plain: Simulator) -> None:
    """The first page tells how many there are; the others come in batches, side by side."""
    assert _whole(await client.get_all("crm.lead.list", {"select": ["ID", "TITLE"]}))
    counters = plain.counters()
    assert counters["executions"] == {"crm.lead.list": PAGES, "batch": 2}
    assert counters["requests"] == 3


async def test_all_rows_of_a_filter(client: BitrixAsync, plain: Simulator) -> None:
    rows = await client.get_all("crm.lead.list", {"filter": {">ID": 12, "!STATUS_ID": ""}, "select": ["ID"]})
    assert len({row["ID"] for row in rows}) == SEEDED - 12


async def test_all_items_by_get_all(client: BitrixAsync, plain: Simulator) -> None:
    assert _whole(await client.get_all("crm.item.list", {"entityTypeId": 3, "select": ["id", "name"]}), "id")
    assert plain.executed() == {"crm.item.list": PAGES, "batch": 2}


async def test_all_rows_by_list_and_get(client: BitrixAsync, plain: Simulator) -> None:
    """One call for each object: 53 batches more, which come near the bucket's size."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = await client.list_and_get("crm.lead")
    assert len(found) == SEEDED and all(number == lead["ID"] for number, lead in found.items())
    executed = plain.executed()
    assert executed["crm.lead.get"] == SEEDED and executed["crm.lead.list"] == PAGES


async def test_all_rows_by_get_by_id(client: BitrixAsync, plain: Simulator) -> None:
    """Answers that are lists, by the number asked for."""
    numbers = list(range(1, 2551))
    found = await client.get_by_ID("crm.deal.productrows.get", numbers)
    assert len(found) == 2550 and {row["OWNER_ID"] for row in found["7"]} == {"7"}
    assert plain.executed() == {"crm.deal.productrows.get": 2550, "batch": 51}


async def test_items(client: BitrixAsync, plain: Simulator) -> None:
    fields = {"title": "item", "originId": "fast-item"}
    item = await client.call("crm.item.add", {"entityTypeId": 2, "fields": fields})
    assert (item["title"], type(item["id"])) == ("item", int)
    changed = await client.call("crm.item.update", {"entityTypeId": 2, "id": item["id"], "fields": {"opportunity": 5}})
    assert changed["opportunity"] == 5
    found = await client.get_all("crm.item.list", {"entityTypeId": 2, "filter": {"originId": "fast-item"}})
    assert [row["id"] for row in found] == [item["id"]]
    await client.call("crm.item.delete", {"entityTypeId": 2, "id": item["id"]})
    assert plain.counters()["writes"] == {"add": {"deal": 1}, "update": {"deal": 1}, "delete": {"deal": 1}}


async def test_user_fields(client: BitrixAsync, plain: Simulator) -> None:
    field = {"FIELD_NAME": "FAST_NOTE", "USER_TYPE_ID": "string", "EDIT_FORM_LABEL": {"en": "Note"}}
    number = await client.call("crm.deal.userfield.add", {"fields": field})
    assert "UF_CRM_FAST_NOTE" in {one["FIELD_NAME"] for one in await client.get_all("crm.deal.userfield.list")}
    described = await client.get_all("crm.deal.fields")
    assert described["UF_CRM_FAST_NOTE"]["type"] == "string"
    deal = await client.call("crm.deal.add", {"fields": {"UF_CRM_FAST_NOTE": "kept"}})
    # of one object it leaves out the number
    assert (await client.get_by_ID("crm.deal.get", [deal]))["UF_CRM_FAST_NOTE"] == "kept"
    assert await client.call("crm.deal.delete", {"ID": deal}) is True
    assert await client.call("crm.deal.userfield.delete", {"id": number}) is True


async def test_a_batch_of_ones_own(client: BitrixAsync, plain: Simulator) -> None:
    cmd = {"find": "crm.deal.list?filter[ORIGIN_ID]=deal-7&select[]=ID", "get": "crm.deal.get?id=$result[find][0][ID]"}
    found = await client.call_batch({"halt": 0, "cmd": cmd})
    assert found["get"]["ID"] == "7" and found["find"] == [{"ID": "7"}]
    assert plain.executed() == {"crm.deal.list": 1, "crm.deal.get": 1, "batch": 1}


async def test_a_raw_call(client: BitrixAsync, plain: Simulator) -> None:
    """The envelope as it is, and parameters as JSON has them."""
    given = {"none": None, "yes": True, "empty": [], "text": "x"}
    answer = await client.call("sandbox.echo", given, raw=True)
    assert answer["result"] == given and "operating" in answer["time"]


async def test_many_callers_at_once(client: BitrixAsync, plain: Simulator) -> None:
    found = await asyncio.gather(*(client.call("sandbox.echo", {"n": n, "text": "x"}) for n in range(20)))
    assert [one["n"] for answer in found for one in answer.values()] == [str(n) for n in range(20)]
    assert plain.executed() == {"sandbox.echo": 20, "batch": 20}


def test_without_a_loop(plain: Simulator) -> None:
    """The blocking client."""
    rows = Bitrix(plain.webhook, verbose=False).get_all("crm.contact.list", {"select": ["ID"]})
    assert _whole(rows)
