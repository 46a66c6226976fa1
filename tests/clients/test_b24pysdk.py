"""b24pysdk, Bitrix24's own client for Python: its typical calls. It insists on https."""

from datetime import datetime
from typing import Any

import pytest
from b24pysdk import BitrixWebhook, Client

from tests.clients.simulator import SEEDED, Simulator

PAGES = -(-SEEDED // 50)


@pytest.fixture
def client(secure: Simulator) -> Any:
    return Client(BitrixWebhook(domain=secure.address, webhook_token="1/sandbox"))


def _whole(rows: list[dict[str, Any]], key: str = "ID") -> bool:
    """Every seeded object once."""
    return len(rows) == SEEDED and len({row[key] for row in rows}) == SEEDED


def test_add_get_update_delete(client: Any, secure: Simulator) -> None:
    fields = {
        "TITLE": "Сделка №1 & Co",
        "OPPORTUNITY": 10.5,
        "CURRENCY_ID": "RUB",
        "ORIGIN_ID": "py-1",
        "OPENED": False,
    }
    added = client.crm.deal.add(fields=fields).response
    deal = client.crm.deal.get(bitrix_id=added.result).result
    assert (deal["ID"], deal["TITLE"], deal["ORIGIN_ID"]) == (str(added.result), "Сделка №1 & Co", "py-1")
    assert (deal["OPPORTUNITY"], deal["OPENED"]) == ("10.50", "N")
    assert client.crm.deal.update(bitrix_id=added.result, fields={"TITLE": "second"}).result is True
    assert client.crm.deal.get(bitrix_id=added.result).result["TITLE"] == "second"
    assert client.crm.deal.delete(bitrix_id=added.result).result is True
    assert isinstance(added.time.date_start, datetime) and added.time.operating == 0.0
    executed = secure.executed()
    assert executed == {"crm.deal.add": 1, "crm.deal.get": 2, "crm.deal.update": 1, "crm.deal.delete": 1}
    assert secure.counters()["requests"] == 5


def test_items(client: Any, secure: Simulator) -> None:
    item = client.crm.item.add(fields={"title": "item", "originId": "py-item"}, entity_type_id=2).result["item"]
    assert (item["title"], item["entityTypeId"], type(item["id"])) == ("item", 2, int)
    changed = client.crm.item.update(bitrix_id=item["id"], entity_type_id=2, fields={"opportunity": 5}).result["item"]
    assert changed["opportunity"] == 5
    found = client.crm.item.list(entity_type_id=2, filter={"originId": "py-item"}).response
    assert ([row["id"] for row in found.result["items"]], found.total) == ([item["id"]], 1)
    assert client.crm.deal.get(bitrix_id=item["id"]).result["TITLE"] == "item", "two views of one object"
    assert client.crm.item.delete(bitrix_id=item["id"], entity_type_id=2).result == []
    assert secure.counters()["writes"] == {"add": {"deal": 1}, "update": {"deal": 1}, "delete": {"deal": 1}}


def test_user_fields(client: Any, secure: Simulator) -> None:
    label = {"FIELD_NAME": "PY_NOTE", "USER_TYPE_ID": "string", "XML_ID": "py", "EDIT_FORM_LABEL": {"en": "Note"}}
    number = client.crm.deal.userfield.add(fields=label).result
    assert client.crm.deal.userfield.get(bitrix_id=number).result["FIELD_NAME"] == "UF_CRM_PY_NOTE"
    deal = client.crm.deal.add(fields={"TITLE": "with a note", "UF_CRM_PY_NOTE": "kept"}).result
    assert client.crm.deal.get(bitrix_id=deal).result["UF_CRM_PY_NOTE"] == "kept"
    listed = client.crm.deal.userfield.list(filter={"FIELD_NAME": "UF_CRM_PY_NOTE"}).result
    assert [field["ID"] for field in listed] == [str(number)]
    assert client.crm.deal.userfield.delete(bitrix_id=number).result is True
    assert client.crm.deal.delete(bitrix_id=deal).result is True
    assert secure.counters()["failed"] == {}


def test_first_page(client: Any, secure: Simulator) -> None:
    page = client.crm.lead.list(order={"ID": "ASC"}, select=["ID"]).response
    assert (len(page.result), page.next, page.total) == (50, 50, SEEDED)
    assert secure.executed() == {"crm.lead.list": 1}


@pytest.mark.parametrize("params", [{"select": ["ID", "TITLE"]}, None])
def test_all_rows_by_call_list(client: Any, secure: Simulator, params: dict[str, Any] | None) -> None:
    rows = client.get_token().call_list("crm.lead.list", params)["result"]
    assert _whole(rows)
    assert secure.executed() == {"crm.lead.list": PAGES, "batch": 2}, "the first page, then the others in two batches"
    assert secure.counters()["requests"] == 3


def test_all_items_by_call_list(client: Any, secure: Simulator) -> None:
    rows = client.crm.item.list(entity_type_id=3, select=["id", "name"]).as_list().result
    assert _whole(rows, "id")
    assert secure.executed() == {"crm.item.list": PAGES, "batch": 2}


@pytest.mark.parametrize("descending", [False, True])
def test_all_rows_by_call_list_fast(client: Any, secure: Simulator, descending: bool) -> None:
    """Pages that are chained by `$result[1][49][ID]` within a batch, without counting."""
    rows = list(client.crm.lead.list(select=["ID"]).as_list_fast(descending=descending).result)
    assert _whole(rows)
    numbers = [int(row["ID"]) for row in rows]
    assert numbers == sorted(numbers, reverse=descending)
    # one page, 50 pages, and 50 more of which two have rows
    assert secure.executed() == {"crm.lead.list": 101, "batch": 2}


def test_all_items_by_call_list_fast(client: Any, secure: Simulator) -> None:
    """The same behind a wrapper: `$result[1][items][49][id]`, filtered by `>id`."""
    assert _whole(list(client.crm.item.list(entity_type_id=1).as_list_fast().result), "id")
    assert secure.executed() == {"crm.item.list": 101, "batch": 2}


@pytest.mark.parametrize("fast", [False, True])
def test_rows_of_known_ids(client: Any, secure: Simulator, fast: bool) -> None:
    """A filter by `@ID` alone is cut into chunks of 50 by both strategies."""
    request = client.crm.lead.list(filter={"@ID": list(range(1, SEEDED + 1))}, select=["ID"])
    assert _whole(list((request.as_list_fast() if fast else request.as_list()).result))
    assert secure.executed() == {"crm.lead.list": PAGES, "batch": 2}


@pytest.mark.parametrize("fast", [False, True])
def test_a_limit_of_rows(client: Any, secure: Simulator, fast: bool) -> None:
    request = client.crm.contact.list(select=["ID"])
    rows = list((request.as_list_fast(limit=120) if fast else request.as_list(limit=120)).result)
    assert len({row["ID"] for row in rows}) == 120
    assert secure.executed() == {"crm.contact.list": 3, "batch": 1}


@pytest.mark.parametrize("named", [False, True])
def test_batch_of_120(client: Any, secure: Simulator, named: bool) -> None:
    calls: Any = [client.crm.deal.add(fields={"TITLE": f"t{i}", "ORIGIN_ID": f"py-b-{named}-{i}"}) for i in range(120)]
    done = client.call_batches({f"n{i}": call for i, call in enumerate(calls)} if named else calls).result
    assert len(done.result) == 120 and not done.result_error
    ids = list(done.result.values())
    assert len(set(ids)) == 120 and len(done.result_time) == 120
    counters = secure.counters()
    assert counters["executions"] == {"crm.deal.add": 120, "batch": 3}
    assert counters["executed_more_than_once"]["by_external"] == {}
    deleted = client.call_batches([client.crm.deal.delete(bitrix_id=one) for one in ids]).result
    assert all(value is True for value in deleted.result.values())


def test_a_batch_tells_its_errors_one_by_one(client: Any, secure: Simulator) -> None:
    good = client.crm.deal.list(filter={"ORIGIN_ID": "deal-7"}, select=["ID", "TITLE"])
    calls = {"good": good, "bad": client.crm.deal.get(bitrix_id=999_999), "also": client.crm.deal.get(bitrix_id=7)}
    done = client.call_batch(calls).result
    assert list(done.result) == ["good", "also"] and done.result["good"][0]["ID"] == "7"
    assert list(done.result_error) == ["bad"] and done.result_total == {"good": 1}
    assert secure.counters()["failed"] == {"crm.deal.get": 1}


def test_halt_ends_a_batch(client: Any, secure: Simulator) -> None:
    calls = [client.crm.deal.get(bitrix_id=1), client.crm.deal.get(bitrix_id=999_999), client.crm.deal.get(bitrix_id=2)]
    done = client.call_batch(calls, halt=True).result
    assert len(done.result) == 1 and len(done.result_error) == 1
    assert secure.executed()["crm.deal.get"] == 2
