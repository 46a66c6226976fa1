"""Faults that the portal simulator injects, as a client meets them. Needs no service."""

import asyncio
import errno
import time
from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest

from sandbox.portal.options import Costs, Options
from tests.support.sandbox_portal import Client, serving, until


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with serving() as found:
        yield found


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("503", 503, "QUERY_LIMIT_EXCEEDED"),
        ("503_overload", 503, "OVERLOAD_LIMIT"),
        ("401_overload", 401, "OVERLOAD_LIMIT"),
        ("429", 429, "OPERATION_TIME_LIMIT"),
        ("500", 500, "INTERNAL_SERVER_ERROR"),
        ("401_expired", 401, "expired_token"),
        ("401_credentials", 401, "INVALID_CREDENTIALS"),
        ("403_scope", 403, "insufficient_scope"),
        ("error_200", 200, "INTERNAL_SERVER_ERROR"),
    ],
)
@pytest.mark.parametrize("after", [False, True])
async def test_error_answers(client: Client, kind: str, status: int, error: str, after: bool) -> None:
    await client.fault(kind, count=1, after=after)
    got, body = await client.rest("crm.deal.add", {"fields": {}})
    assert (got, body["error"]) == (status, error)
    assert len(await client.result("crm.deal.list")) == int(after)


@pytest.mark.parametrize("status", [502, 504])
async def test_gateway_pages(client: Client, status: int) -> None:
    await client.fault(str(status), methods=["crm.deal.*"], after=True)
    got, headers, body = await client.raw("/rest/1/sandbox/crm.deal.add", json={"fields": {}})
    assert (got, headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert b"<center>nginx</center>" in body
    assert await client.result("crm.company.list") == []
    assert (await client.control("counters"))["objects"]["deal"] == 1


@pytest.mark.parametrize(("kind", "executed"), [("reset_before", 0), ("reset_after", 1)])
async def test_resets(client: Client, kind: str, executed: int) -> None:
    await client.fault(kind, count=1)
    with pytest.raises(aiohttp.ClientOSError) as cut:
        await client.rest("crm.deal.add", {"fields": {"ORIGIN_ID": "o"}})
    assert cut.value.errno == errno.ECONNRESET
    counters = await client.control("counters")
    assert counters["executions"].get("crm.deal.add", 0) == executed
    assert (counters["statuses"], counters["faults"], counters["in_flight"]) == ({"cut": 1}, {kind: 1}, 0)


@pytest.mark.parametrize(("kind", "executed"), [("hang_before", 0), ("hang_after", 1)])
async def test_hangs_until_cleared(client: Client, kind: str, executed: int) -> None:
    await client.fault(kind, count=1)
    call = asyncio.create_task(client.rest("crm.deal.add", {"fields": {}}))

    async def waits() -> bool:
        return bool((await client.control("faults"))["faults"][0]["waiting"])

    await until(waits)
    assert not call.done()
    assert (await client.control("counters"))["objects"]["deal"] == executed
    assert (await client.result("profile"))["ID"] == "1", "others are served meanwhile"
    assert await client.control("faults", "DELETE") == {"cleared": 1}
    if executed:
        assert await call == (200, {"result": 1, "time": (await call)[1]["time"]})
    else:
        with pytest.raises(aiohttp.ClientError):
            await call
    assert (await client.control("counters"))["objects"]["deal"] == executed


async def test_a_client_that_gives_up_does_not_stop_the_execution() -> None:
    options = Options(rate=0, operating_limit=None, costs=Costs({"crm.deal.add": 0.2}))
    async with serving(default=options) as client:
        with pytest.raises(TimeoutError):
            await client.raw(
                "/rest/1/sandbox/crm.deal.add", json={"fields": {}}, timeout=aiohttp.ClientTimeout(total=0.05)
            )

        async def executed() -> bool:
            return bool((await client.control("counters"))["executions"].get("crm.deal.add"))

        await until(executed)


async def test_a_hang_may_end_by_time(client: Client) -> None:
    await client.fault("hang_after", count=1, delay=0.05)
    assert await client.result("sandbox.echo", {"n": 1}) == {"n": 1}


async def test_delay(client: Client) -> None:
    await client.fault("delay", count=1, delay=0.1)
    started = time.monotonic()
    assert await client.result("sandbox.echo", {"n": 1}) == {"n": 1}
    assert time.monotonic() - started >= 0.1


async def test_a_renamed_portal(client: Client) -> None:
    await client.fault("302", location="http://127.0.0.1:9")
    status, headers, body = await client.raw("/rest/1/sandbox/profile?a=1", json={})
    assert (status, headers["Location"], body) == (302, "http://127.0.0.1:9/rest/1/sandbox/profile?a=1", b"")


async def test_malformed_and_big_answers(client: Client) -> None:
    await client.fault("malformed", count=1)
    status, headers, body = await client.raw("/rest/1/sandbox/profile", json={})
    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(body)
    await client.fault("big", count=1, size=3_000_000)
    status, _, body = await client.raw("/rest/1/sandbox/sandbox.echo", json={"n": 1})
    assert len(body) > 3_000_000
    assert orjson.loads(body)["result"] == {"n": 1}


async def test_a_slow_answer_comes_in_pieces_and_whole(client: Client) -> None:
    await client.fault("slow", count=1, delay=0.1)
    async with client.session.post(f"{client.root}/rest/1/sandbox/sandbox.echo", json={"text": "x" * 5000}) as response:
        pieces = [piece async for piece in response.content.iter_any()]
    assert len(pieces) > 1
    assert orjson.loads(b"".join(pieces))["result"] == {"text": "x" * 5000}


async def test_who_does_not_wait_for_a_slow_answer(client: Client) -> None:
    await client.fault("slow", count=1, delay=1000)
    with pytest.raises(TimeoutError):
        await client.raw("/rest/1/sandbox/profile", json={}, timeout=aiohttp.ClientTimeout(total=0.05))
    await client.control("faults", "DELETE")

    async def over() -> bool:
        return (await client.control("counters"))["in_flight"] == 0

    await until(over)
    assert (await client.control("counters"))["errors"] == {}


async def test_answers_without_operating() -> None:
    async with serving(default=Options()) as client:
        await client.fault("no_operating", count=2)
        _, body = await client.rest("profile")
        assert set(body["time"]) & {"operating", "operating_reset_at"} == set()
        assert "processing" in body["time"]
        _, body = await client.rest("batch", {"cmd": ["profile"]})
        assert "operating" not in body["result"]["result_time"][0]
        _, body = await client.rest("profile")
        assert "operating" in body["time"]


async def test_totals_as_texts(client: Client) -> None:
    await client.control("seed", "POST", json={"count": 51})
    await client.fault("text_numbers")
    _, body = await client.rest("crm.deal.list")
    assert (body["total"], body["next"], len(body["result"])) == ("51", "50", 50)
    for cmd in ({"a": "crm.deal.list", "b": "profile"}, ["crm.deal.list"]):
        _, body = await client.rest("batch", {"cmd": cmd})
        counts = ({"a": "51"}, {"a": "50"}) if isinstance(cmd, dict) else (["51"], ["50"])
        assert (body["result"]["result_total"], body["result"]["result_next"]) == counts


async def test_wrong_faults_are_refused_in_words(client: Client) -> None:
    for given in ({"kind": "x"}, {"kind": "500", "portal": "none"}, []):
        status, _, body = await client.raw("/_sandbox/faults", json=given)
        assert status == 400
        assert orjson.loads(body)["problem"]
