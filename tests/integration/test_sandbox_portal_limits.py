"""Limits of the portal simulator over real HTTP: scaled time, the cut, others' load, who called when."""

import asyncio

import pytest

from sandbox.portal.options import Costs, Options
from tests.support.sandbox_portal import NO_LIMITS, Client, serving, until


async def test_ten_minutes_pass_in_three_seconds() -> None:
    options = Options(rate=0, costs=Costs({"crm.deal.list": 20.0}), operating_limit=30.0)
    async with serving(scale=200.0, default=options) as client:
        states = [(await client.rest("crm.deal.list"))[1]["time"] for _ in range(2)]
        assert [state["operating"] for state in states] == pytest.approx([0.1, 0.2])
        assert all(state["processing"] >= 0.0999 for state in states)
        assert states[0]["operating_reset_at"] == pytest.approx(states[0]["start"] + 3.0, abs=0.001)
        assert isinstance(states[0]["operating_reset_at"], float)
        assert (await client.rest("crm.deal.list"))[0] == 429

        async def passes() -> bool:
            return (await client.rest("crm.deal.list"))[0] == 200

        await until(passes)
        counters = await client.control("counters")
        assert (counters["scale"], counters["operating_limit"]) == (200.0, 0.15)
        assert counters["max_operating"] == {"1/crm.deal.list": pytest.approx(0.2)}
        assert counters["refused_by"]["operating"] >= 1


async def test_faults_pass_in_the_portals_time() -> None:
    async with serving(scale=1000.0) as client:
        await client.fault("delay", delay=100)
        assert await asyncio.wait_for(client.result("profile"), 10)
        await client.control("faults", "DELETE")
        await client.fault("500", seconds=100)

        async def over() -> bool:
            return (await client.rest("profile"))[0] == 200

        await asyncio.wait_for(until(over), 10)


async def test_the_cut_is_the_front_servers_page() -> None:
    async with serving(scale=600.0, default=Options(rate=0, costs=Costs({"crm.deal.add": 40.0}))) as client:
        cmd = {key: f"crm.deal.add?fields[ORIGIN_ID]={key}" for key in "abc"}
        status, headers, body = await client.raw("/rest/1/sandbox/batch", json={"cmd": cmd})
        assert (status, headers["Content-Type"]) == (504, "text/html; charset=utf-8")
        assert b"504 Gateway Time-out" in body

        async def completed() -> bool:
            return bool((await client.control("counters"))["objects"]["deal"] == 2)

        await until(completed)
        counters = await client.control("counters")
        assert counters["external"] == {"add": {"deal": {"a": 1, "b": 1}}}
        assert (counters["errors"], counters["statuses"]) == ({"GATEWAY_TIMEOUT": 1}, {"504": 1})
        assert await client.result("profile"), "others are served"


async def test_others_use_the_limits_too() -> None:
    options = Options(rate=0.001, burst=10, operating_limit=480.0, operating_scope="portal")
    async with serving(default=options) as client:
        loaded = await client.control("load", "POST", json={"method": "crm.deal.list", "seconds": 481})
        assert loaded == {"operating": {"*/crm.deal.list": 481.0}}
        assert (await client.rest("crm.deal.list"))[0] == 429
        assert (await client.control("load", "POST", json={"requests": 100}))["level"] == 11
        assert (await client.rest("profile"))[0] == 503
        counters = await client.control("counters")
        assert counters["refused_by"] == {"intensity": 1, "operating": 1, "overload": 0}
        assert counters["max_level"] == 1.0


async def test_another_program_with_the_same_webhook_or_with_its_own() -> None:
    async with serving(default=Options(rate=0)) as client:
        await client.control("load", "POST", json={"method": "crm.deal.list", "seconds": 481})
        assert (await client.rest("crm.deal.list"))[0] == 200, "another application's time is its own"
        await client.control("load", "POST", json={"method": "crm.deal.list", "seconds": 481, "user": "1"})
        assert (await client.rest("crm.deal.list"))[0] == 429
        states = (await client.control("counters"))["operating"]
        assert states == {"another/crm.deal.list": 481.0, "1/crm.deal.list": 481.0}
        wrong = ({}, {"method": "none"}, {"method": "profile", "user": "9"}, {"requests": "x"}, {"portal": "x"})
        for given in wrong:
            assert (await client.raw("/_sandbox/load", json=given))[0] == 400, given


@pytest.mark.parametrize("status", [503, 401])
async def test_a_block_by_overload(status: int) -> None:
    async with serving(default=Options(overload_status=status)) as client:
        assert await client.control("overload", "POST", json={"users": ["1"]}) == {"on": True, "portals": ["default"]}
        got, body = await client.rest("profile")
        assert (got, body["error"]) == (status, "OVERLOAD_LIMIT")
        assert (await client.control("counters"))["levels"] == {}, "a block comes before the bucket"
        await client.control("overload", "POST", json={"on": False})
        assert (await client.rest("profile"))[0] == 200
        assert (await client.raw("/_sandbox/overload", json={"status": 418}))[0] == 400


async def test_https_required() -> None:
    async with serving(default=Options(https_required=True)) as client:
        assert await client.rest("profile") == (
            400,
            {"error": "INVALID_REQUEST", "error_description": "Https required."},
        )


async def _call_as(client: Client, worker: str, method: str) -> None:
    status, _, _ = await client.raw(f"/rest/1/sandbox/{method}", json={}, headers={"X-Worker": worker})
    assert status == 200


async def test_two_workers_at_once_are_seen() -> None:
    async with serving(default=NO_LIMITS, other=NO_LIMITS) as client:
        await asyncio.gather(*(_call_as(client, "one", "crm.deal.list") for _ in range(3)))
        await _call_as(client, "two", "profile")
        found = await client.control("overlap")
        assert (found["overlaps"], found["max_callers"]) == (0, 1)
        assert found["callers"] == {"one@127.0.0.1": 3, "two@127.0.0.1": 1}
        await client.fault("hang_after", count=1)
        hanging = asyncio.create_task(_call_as(client, "one", "crm.deal.list"))

        async def waits() -> bool:
            return bool((await client.control("faults"))["faults"][0]["waiting"])

        await until(waits)
        await _call_as(client, "two", "profile")
        assert (await client.control("overlap?by=worker"))["overlaps"] == 1
        await client.control("faults", "DELETE")
        await hanging
        (pair,) = (await client.control("overlap"))["pairs"]
        assert [entry["worker"] for entry in pair["requests"]] == ["one", "two"]
        assert (await client.control("overlap?portal=other"))["callers"] == {}
        assert (await client.raw("/_sandbox/overlap?by=x", verb="GET"))[0] == 400


async def test_executions_carry_their_requests() -> None:
    async with serving() as client:
        await client.result("batch", {"cmd": ["profile", "scope"]})
        found = await client.control("executions")
        (number,) = {str(entry["request"]) for entry in found["executions"]}
        span = found["requests"][number]
        assert (span["method"], span["status"], span["source"]) == ("batch", "200", "127.0.0.1")
        assert span["peer"].startswith("127.0.0.1:")
        assert "aiohttp" in span["agent"]
        first = found["executions"][0]
        assert span["arrived"] <= first["started"] <= first["finished"] <= span["answered"] + 0.001
        listed = await client.control("requests")
        assert [entry["number"] for entry in listed["requests"]] == [int(number)]
        assert (await client.control(f"requests?since={listed['next']}"))["requests"] == []


async def test_who_hangs_up_is_marked() -> None:
    options = Options(rate=0, operating_limit=None, costs=Costs({"crm.deal.list": 0.2}))
    async with serving(default=options) as client:
        call = asyncio.create_task(_call_as(client, "one", "crm.deal.list"))

        async def arrived() -> bool:
            return bool((await client.control("counters"))["in_flight"])

        await until(arrived)
        call.cancel()

        async def answered() -> bool:
            return not (await client.control("counters"))["in_flight"]

        await until(answered)
        (entry,) = (await client.control("requests"))["requests"]
        assert entry["gone"] is True
