"""Limits, counters, log and command of the portal simulator over real HTTP. Needs no service."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import orjson
import pytest

from sandbox.portal.options import Costs, Options
from tests.support.sandbox_portal import NO_LIMITS, Client, serving, until

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with serving() as found:
        yield found


async def test_the_intensity_limit() -> None:
    async with serving(default=Options(rate=0.001, burst=3)) as client:
        statuses = [(await client.rest("crm.deal.add", {"fields": {}}))[0] for _ in range(6)]
        # What drains between two requests lets one more through: the level is just below the burst.
        assert statuses == [200, 200, 200, 200, 503, 503]
        _, _, body = await client.raw("/rest/1/sandbox/profile", json={})
        assert body == b'{"error":"QUERY_LIMIT_EXCEEDED","error_description":"Too many requests"}'
        counters = await client.control("counters")
        assert (counters["refused"], counters["requests"], counters["executions"]) == (3, 7, {"crm.deal.add": 4})
        assert counters["max_level"] == pytest.approx(4, abs=0.01)
        await client.control("reset", "POST", json={"parts": ["limits"]})
        assert await client.result("crm.deal.add", {"fields": {}}) == 5, "the objects are still there"


async def test_the_operating_limit_holds_one_method() -> None:
    async with serving(default=Options(costs=Costs({"crm.deal.list": 0.1}), operating_limit=0.15)) as client:
        for expected in (0.1, 0.2):
            _, body = await client.rest("crm.deal.list")
            assert body["time"]["operating"] == pytest.approx(expected)
            assert body["time"]["processing"] >= 0.09
        status, _, raw = await client.raw("/rest/1/sandbox/crm.deal.list", json={})
        assert (status, raw) == (
            429,
            b'{"error":"OPERATION_TIME_LIMIT","error_description":"Method is blocked due to operation time limit."}',
        )
        assert (await client.rest("crm.deal.add", {"fields": {}}))[0] == 200
        assert (await client.control("counters"))["operating"] == {"1/crm.deal.list": pytest.approx(0.2)}


async def test_portals_share_nothing() -> None:
    one, two = Options(rate=0.001, burst=0.5), Options(rate=0.001, burst=0.5)
    async with serving(default=NO_LIMITS, one=one, two=two) as client:
        assert await client.result("crm.deal.add", {"fields": {"TITLE": "1"}}, "/one") == 1
        assert await client.result("crm.deal.add", {"fields": {"TITLE": "2"}}, "/two") == 1
        assert (await client.rest("profile", portal="/one"))[0] == 503
        assert (await client.result("crm.deal.list")) == []
        assert (await client.control("counters?portal=two"))["refused"] == 0
        everywhere = (await client.control("counters?portal=*&detail=0"))["portals"]
        assert {name: item["requests"] for name, item in everywhere.items()} == {"default": 1, "one": 2, "two": 1}
        await client.fault("500", portal="one")
        assert (await client.rest("profile"))[0] == 200
        assert (await client.raw("/_sandbox/counters?portal=none", verb="GET"))[0] == 400


async def test_the_execution_log() -> None:
    options = Options(rate=0, operating_limit=None, costs=Costs({"crm.deal.add": 0.05}))
    async with serving(default=options) as client:
        fields = [{"TITLE": str(number), "ORIGIN_ID": f"o-{number}"} for number in range(3)]
        made = await asyncio.gather(*(client.result("crm.deal.add", {"fields": item}) for item in fields))
        await client.result("crm.deal.get", {"id": made[0]})
        log = await client.control("executions?method=crm.deal.add")
        assert [item["seq"] for item in log["executions"]] == [1, 2, 3]
        by_request = sorted(log["executions"], key=lambda item: item["request"])
        assert {item["keys"]["ORIGIN_ID"] for item in by_request} == {"o-0", "o-1", "o-2"}
        # They ran side by side: the last began before the first ended.
        assert max(item["started"] for item in by_request) < min(item["finished"] for item in by_request)
        assert (await client.control("counters"))["max_in_flight"] == 3
        rest = await client.control(f"executions?since={log['next']}")
        assert [(item["method"], item["keys"]) for item in rest["executions"]] == [("crm.deal.get", {"ID": made[0]})]


async def test_reset_forgets_all(client: Client) -> None:
    await client.result("crm.deal.add", {"fields": {}})
    await client.fault("500")
    await client.control("reset", "POST")
    counters = await client.control("counters")
    assert (counters["requests"], counters["objects"]["deal"], counters["executions"]) == (0, 0, {})
    assert await client.result("crm.deal.add", {"fields": {}}) == 1
    assert (await client.raw("/_sandbox/reset", json={"parts": ["nonsense"]}))[0] == 400


async def test_health(client: Client) -> None:
    assert await client.control("health") == {"status": "ok", "portals": ["default"]}


@pytest.mark.parametrize("path", ["/_sandbox", "/_sandbox/", "/_sandbox/nothing", "/_sandbox/reset"])
async def test_an_unknown_request_is_told_as_a_problem(client: Client, path: str) -> None:
    status, headers, body = await client.raw(path, verb="GET")
    assert (status, headers["Content-Type"]) == (404, "application/json")
    assert list(orjson.loads(body)) == ["problem"]


async def test_probabilities_are_from_0_to_1(client: Client) -> None:
    for path, kind in (("/_sandbox/faults", "502"), ("/_sandbox/events/faults", "lost")):
        status, _, body = await client.raw(path, json={"kind": kind, "probability": 3})
        assert (status, orjson.loads(body)) == (400, {"problem": "probability is 3; it must be a number from 0 to 1"})


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


async def test_the_command_says_when_it_is_ready_and_ends_on_a_signal(tmp_path: Path) -> None:
    arguments = ["-m", "sandbox.portal", "--port", "0", "--portal", "one", "--any-token"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=subprocess.PIPE, cwd=tmp_path, env=_environment()
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        prefix, _, address = line.strip().rpartition(" ")
        assert prefix == "sandbox portal ready"
        assert address.startswith("http://127.0.0.1:")
        assert address.endswith("/rest/")
        async with aiohttp.ClientSession() as session:
            client = Client(session, address.removesuffix("/rest/"))
            assert (await client.result("profile", portal="/one"))["LAST_NAME"] == "one"
            # The command's own event loop must cut connections as well.
            await client.fault("reset_before", count=1)
            with pytest.raises(aiohttp.ClientError):
                await client.rest("profile")
            # A hanging request does not hold up the end.
            await client.fault("hang_before")
            hanging = asyncio.create_task(client.rest("profile"))

            async def waits() -> bool:
                return bool((await client.control("faults"))["faults"][-1]["waiting"])

            await until(waits)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 10) == 0
            with pytest.raises(aiohttp.ClientError):
                await hanging
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_taken_port_is_one_clear_line(client: Client) -> None:
    port = client.root.rpartition(":")[2]
    command = [sys.executable, "-m", "sandbox.portal", "--port", port]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, env=_environment(), timeout=30
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"sandbox portal: cannot listen on 127.0.0.1:{port}")
    assert len(done.stderr.splitlines()) == 1
