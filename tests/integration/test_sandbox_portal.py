"""The portal simulator over real HTTP: addresses, parameters, methods, errors. Needs no service."""

import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
from yarl import URL

from sandbox.portal.auth import Credential
from sandbox.portal.options import Options
from tests.support.sandbox_portal import Client, serving


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with serving() as found:
        yield found


@pytest.mark.parametrize(
    "path",
    [
        "/rest/1/sandbox/sandbox.echo",
        "/rest/1/sandbox/sandbox.echo.json",
        "/rest/1/sandbox/Sandbox.ECHO/",
        "/rest//1/sandbox/sandbox.echo.json/",
        "/default/rest/1/sandbox/sandbox.echo",
    ],
)
async def test_addresses(client: Client, path: str) -> None:
    status, headers, body = await client.raw(path, json={"n": 1})
    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert orjson.loads(body)["result"] == {"n": 1}


async def test_every_way_to_send_parameters(client: Client) -> None:
    path = "/rest/1/sandbox/sandbox.echo"
    nested = {"fields": {"TITLE": "Сделка & Ко", "PHONE": [{"VALUE": "1"}]}}
    query = "fields[TITLE]=%D0%A1%D0%B4%D0%B5%D0%BB%D0%BA%D0%B0+%26+%D0%9A%D0%BE&fields[PHONE][0][VALUE]=1"
    form = {"fields[TITLE]": "Сделка & Ко", "fields[PHONE][0][VALUE]": "1"}
    multipart = aiohttp.FormData(form, default_to_multipart=True)
    ways: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", f"{path}?{query}", {}),
        ("POST", path, {"json": nested}),
        ("POST", path, {"data": form}),
        ("POST", path, {"data": multipart}),
        ("POST", f"{path}?{query}", {}),
        ("POST", path, {"data": orjson.dumps(nested), "headers": {"Content-Type": "text/plain"}}),
    ]
    for verb, address, more in ways:
        status, _, body = await client.raw(address, verb=verb, **more)
        assert (status, orjson.loads(body)["result"]) == (200, nested), (verb, address, more)


async def test_a_query_is_decoded_once(client: Client) -> None:
    _, _, body = await client.raw(URL(client.root + "/rest/1/sandbox/sandbox.echo?a=%2525&b=%2B", encoded=True))
    assert orjson.loads(body)["result"] == {"a": "%25", "b": "+"}


async def test_the_body_wins_over_the_query(client: Client) -> None:
    _, _, body = await client.raw("/rest/1/sandbox/sandbox.echo?a=1&b=2", json={"b": 3})
    assert orjson.loads(body)["result"] == {"a": "1", "b": 3}


async def test_the_envelope() -> None:
    async with serving(default=Options()) as client:
        before = time.time()
        _, body = await client.rest("crm.deal.list")
        assert list(body) == ["result", "total", "time"]
        clock = body["time"]
        assert set(clock) == {
            "start", "finish", "duration", "processing", "date_start", "date_finish", "operating_reset_at", "operating",
        }  # fmt: skip
        assert before - 1 <= clock["start"] <= clock["finish"]
        assert clock["duration"] >= clock["processing"] >= 0
        assert clock["date_start"].endswith("+03:00")
        assert abs(clock["operating_reset_at"] - clock["start"] - 600) <= 1


async def test_without_an_operating_limit_time_does_not_tell_it(client: Client) -> None:
    _, body = await client.rest("profile")
    assert "operating" not in body["time"]


@pytest.mark.parametrize("entity", ["deal", "company", "contact", "lead"])
async def test_the_life_of_an_object(client: Client, entity: str) -> None:
    fields = {"COMMENTS": "c", "ORIGINATOR_ID": "erp", "ORIGIN_ID": "o-1", "UF_CRM_1": 5, "NO_SUCH": 1, "ID": 99}
    made = await client.result(f"crm.{entity}.add", {"fields": fields})
    assert made == 1
    shown = await client.result(f"crm.{entity}.get", {"id": made})
    assert (shown["ID"], shown["COMMENTS"], shown["ORIGIN_ID"], shown["UF_CRM_1"]) == ("1", "c", "o-1", "5")
    assert "NO_SUCH" not in shown
    assert all(value is None or isinstance(value, str) for value in shown.values())
    assert await client.result(f"crm.{entity}.update", {"id": "1", "fields": {"COMMENTS": "d"}}) is True
    _, listed = await client.rest(f"crm.{entity}.list", {"FILTER": {"ORIGIN_ID": "o-1"}, "SELECT": ["COMMENTS"]})
    assert (listed["result"], listed["total"]) == ([{"ID": "1", "COMMENTS": "d"}], 1)
    assert await client.result(f"crm.{entity}.delete", {"ID": 1}) is True
    status, gone = await client.rest(f"crm.{entity}.get", {"id": 1})
    assert (status, gone) == (400, {"error": "", "error_description": "Not found"})
    assert await client.result(f"crm.{entity}.add", {"fields": {}}) == 2, "ids are never given twice"
    assert (await client.result(f"crm.{entity}.fields"))["ORIGIN_ID"]["type"] == "string"


async def test_external_ids_are_not_unique(client: Client) -> None:
    for _ in range(2):
        await client.result("crm.deal.add", {"fields": {"TITLE": "one", "ORIGIN_ID": "same"}})
    counters = await client.control("counters")
    assert counters["adds"]["by_origin"] == {"crm.deal.add": {"same": 2}}
    assert counters["adds"]["by_title"] == {"crm.deal.add": {"one": 2}}
    doubles = {"by_origin": 1, "by_title": 1, "by_external": {"deal": 1}, "by_params": {"crm.deal.add": 1}}
    assert counters["executed_more_than_once"] == doubles


async def test_phones(client: Client) -> None:
    made = await client.result("crm.contact.add", {"fields": {"NAME": "И", "PHONE": [{"VALUE": "+7"}]}})
    shown = await client.result("crm.contact.get", {"id": made})
    assert shown["PHONE"] == [{"ID": "1", "VALUE_TYPE": "WORK", "VALUE": "+7", "TYPE_ID": "PHONE"}]
    assert (shown["HAS_PHONE"], "EMAIL" in shown) == ("Y", False)


async def test_small_methods(client: Client) -> None:
    assert (await client.result("profile"))["ID"] == "1"
    assert "crm" in await client.result("scope")
    assert {"batch", "crm.deal.add", "crm.lead.list"} <= set(await client.result("methods"))
    assert await client.result("method.get", {"name": "crm.deal.add"}) == {"isExisting": True, "isAvailable": True}
    assert (await client.result("server.time")).endswith("+03:00")
    assert await client.result("sandbox.echo") == []


async def test_batch_over_http_in_json_and_as_a_form(client: Client) -> None:
    cmd = {"a": "crm.deal.add?fields[TITLE]=x%26y", "b": "crm.deal.get?id=$result[a]"}
    assert (await client.result("batch", {"cmd": cmd}))["result"]["b"]["TITLE"] == "x&y"
    form = {"halt": "0", "cmd[a]": "crm.deal.add?fields[TITLE]=p%26q", "cmd[b]": "crm.deal.get?id=$result[a]"}
    _, _, body = await client.raw("/rest/1/sandbox/batch", data=form)
    assert orjson.loads(body)["result"]["result"]["b"]["TITLE"] == "p&q"


@pytest.mark.parametrize(
    ("path", "params", "status", "code", "text"),
    [
        ("/rest/1/wrong/profile", {}, 401, "INVALID_CREDENTIALS", "Invalid request credentials"),
        ("/rest/2/sandbox/profile", {}, 401, "INVALID_CREDENTIALS", "Invalid request credentials"),
        ("/rest/profile", {}, 401, "NO_AUTH_FOUND", "Wrong authorization data"),
        ("/rest/1/sandbox/crm.no.such", {}, 404, "ERROR_METHOD_NOT_FOUND", "Method not found!"),
        ("/rest/1/sandbox/", {}, 404, "ERROR_METHOD_NOT_FOUND", "Method not found!"),
        ("/rest/1/sandbox/crm.deal.get", {}, 400, "", "ID is not defined or invalid."),
        ("/rest/1/sandbox/crm.deal.get", {"id": "abc"}, 400, "", "ID is not defined or invalid."),
        ("/rest/1/sandbox/crm.deal.get", {"id": -1}, 400, "", "ID is not defined or invalid."),
        ("/rest/1/sandbox/crm.deal.get", {"id": 7}, 400, "", "Not found"),
        ("/rest/1/sandbox/crm.company.update", {"id": 7, "fields": {}}, 400, "", "Company is not found"),
        ("/rest/1/sandbox/crm.deal.delete", {"id": 7}, 400, "", "Not found"),
        ("/rest/1/sandbox/crm.deal.add", {"fields": "x"}, 400, "", "Parameter 'fields' must be array."),
        ("/rest/1/sandbox/crm.deal.add", {}, 400, "", "Parameter 'fields' must be array."),
        ("/rest/1/sandbox/crm.deal.list", {"filter": "x"}, 400, "", "Parameter 'filter' must be array."),
    ],
)
async def test_errors(client: Client, path: str, params: Any, status: int, code: str, text: str) -> None:
    got, _, body = await client.raw(path, json=params)
    assert (got, orjson.loads(body)) == (status, {"error": code, "error_description": text})


async def test_malformed_json_and_other_verbs_and_places(client: Client) -> None:
    headers = {"Content-Type": "application/json"}
    status, _, body = await client.raw("/rest/1/sandbox/profile", data=b'{"a":', headers=headers)
    assert (status, orjson.loads(body)["error"]) == (400, 100)
    for verb, path, expected in (("PUT", "/rest/1/sandbox/profile", 405), ("GET", "/no/such/place", 404)):
        status, got, _ = await client.raw(path, verb=verb)
        assert (status, got["Content-Type"]) == (expected, "text/html; charset=utf-8")


async def test_credentials_and_scopes() -> None:
    narrow = Credential("5", "narrow", frozenset({"user"}))
    async with serving(default=Options(rate=0, credentials=(narrow,), any_token=True)) as client:
        status, _, body = await client.raw("/rest/5/narrow/crm.deal.list", json={})
        assert (status, orjson.loads(body)["error"]) == (403, "insufficient_scope")
        status, _, _ = await client.raw("/rest/77/anything/crm.deal.list", json={})
        assert status == 200
