"""Events over real HTTP: the form, no second try, what gets lost, doubled, reordered; tokens of applications."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest
from aiohttp import web

from sandbox.portal.oauth.apps import App
from sandbox.portal.options import Options
from tests.support.sandbox_portal import Client, serving, until


class Ear:
    """A handler that writes down what it gets and answers `status`."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.status = 200
        self.url = ""

    def ids(self) -> list[str]:
        return [form["data[FIELDS][ID]"] for form in self.forms]

    async def hear(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-www-form-urlencoded"
        text = await request.text()
        assert "[" not in text, "keys are percent-encoded"
        self.forms.append(dict(parse_qsl(text, strict_parsing=True, keep_blank_values=True)))
        return web.Response(status=self.status)


@asynccontextmanager
async def listening() -> AsyncIterator[Ear]:
    ear = Ear()
    app = web.Application()
    app.router.add_post("/handler", ear.hear)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ear.url = f"http://127.0.0.1:{runner.addresses[0][1]}/handler"
        yield ear
    finally:
        await runner.cleanup()


@asynccontextmanager
async def hooked(**webhook: Any) -> AsyncIterator[tuple[Client, Ear]]:
    options = Options(rate=0, operating_limit=None, apps=(App("app.1", "secret", "refresh-1"),))
    async with listening() as ear, serving(default=options) as client:
        await client.control("events/settings", "POST", json={"latency": 0})
        if webhook:
            await client.control("events/webhooks", "POST", json={"url": ear.url, **webhook})
        yield client, ear


async def settled(client: Client, number: int) -> Any:
    async def done() -> bool:
        shown = await client.control("events")
        return not shown["waiting"] and sum(shown["outcomes"].values()) >= number

    await asyncio.wait_for(until(done), 20)
    return (await client.control("events"))["outcomes"]


async def test_an_outgoing_webhook() -> None:
    async with hooked(events=["ONCRMDEAL*"], token="secret-token") as (client, ear):
        deal = await client.result("crm.deal.add", {"fields": {"TITLE": "x"}})
        await client.result("crm.contact.add", {"fields": {"NAME": "nobody asked"}})
        await client.result("batch", {"cmd": {"a": f"crm.deal.update?id={deal}&fields[TITLE]=y"}})
        await settled(client, 2)
        assert [form["event"] for form in ear.forms] == ["ONCRMDEALADD", "ONCRMDEALUPDATE"]
        form = ear.forms[0]
        assert (form["data[FIELDS][ID]"], form["auth[application_token]"]) == (str(deal), "secret-token")
        assert form["auth[client_endpoint]"] == client.root + "/rest/"
        assert len(form["auth[member_id]"]) == 32
        assert form["ts"].isdecimal()
        assert "auth[access_token]" not in form
        assert "secret-token" not in str(await client.control("events"))


async def test_what_fails_is_lost() -> None:
    async with hooked(events=["*"]) as (client, ear):
        ear.status = 500
        await client.result("crm.deal.add", {"fields": {}})
        assert await settled(client, 1) == {"failed": 1}
        ear.status = 200
        await client.result("crm.deal.add", {"fields": {}})
        assert await settled(client, 2) == {"failed": 1, "delivered": 1}
        assert ear.ids() == ["1", "2"], "nothing is sent again"


@pytest.mark.parametrize(
    ("kind", "ids", "outcomes"),
    [
        ("lost", ["2"], {"lost": 1, "delivered": 1}),
        ("duplicated", ["1", "1", "2"], {"delivered": 3}),
        ("reordered", ["2", "1"], {"delivered": 2}),
    ],
)
async def test_troubles(kind: str, ids: list[str], outcomes: dict[str, int]) -> None:
    async with hooked(events=["*"]) as (client, ear):
        await client.control("events/settings", "POST", json={"latency": 0.2})
        await client.control("events/faults", "POST", json={"kind": kind, "events": ["ONCRMDEALADD"], "count": 1})
        for _ in range(2):
            await client.result("crm.deal.add", {"fields": {}})
        assert await settled(client, sum(outcomes.values())) == outcomes
        assert ear.ids() == ids


async def test_an_application_gets_tokens_and_more_events() -> None:
    async with hooked(events=["*"]) as (client, ear):
        token = {"grant_type": "refresh_token", "client_id": "app.1", "client_secret": "secret"}
        _, _, body = await client.raw("/oauth/token/", verb="GET", params={**token, "refresh_token": "refresh-1"})
        access = orjson.loads(body)["access_token"]

        async def call(method: str, params: Any) -> Any:
            return await client.raw(f"/rest/{method}", json={**params, "auth": access})

        status, _, _ = await call("event.bind", {"event": "ONCRMDEALMOVETOCATEGORY", "handler": ear.url})
        assert status == 200
        made = await client.result("crm.category.add", {"entityTypeId": 2, "fields": {"name": "Second"}})
        await client.result("crm.deal.add", {"fields": {}})
        await client.result("crm.deal.update", {"id": 1, "fields": {"CATEGORY_ID": made["category"]["id"]}})
        await settled(client, 2)
        moved = next(form for form in ear.forms if form["event"] == "ONCRMDEALMOVETOCATEGORY")
        assert (moved["auth[expires_in]"], moved["auth[status]"]) == ("3600", "L")
        status, _, _ = await client.raw("/rest/crm.deal.get", json={"id": 1, "auth": moved["auth[access_token]"]})
        assert status == 200
        assert [form["event"] for form in ear.forms if form is not moved] == ["ONCRMDEALADD"]


async def test_a_slow_handler_is_called_less_often() -> None:
    async with hooked(events=["*"]) as (client, _):
        await client.control("events/settings", "POST", json={"slow": 0, "pause": 0.01})
        for _ in range(3):
            await client.result("crm.deal.add", {"fields": {}})
        await settled(client, 3)
        assert 0 < (await client.control("events"))["handlers"][0]["pause"] <= 0.01


async def test_wrong_requests() -> None:
    async with hooked() as (client, _):
        for path, body in (("webhooks", {"url": "x"}), ("faults", {"kind": "no"}), ("settings", {"comment_data": "x"})):
            status, _, _ = await client.raw(f"/_sandbox/events/{path}", json=body)
            assert status == 400
