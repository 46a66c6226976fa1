"""The eight defects of fast_bitrix24 1.8.14: each is shown on it, and not to be found in our gateway."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import aiohttp
import orjson
import pytest
from fast_bitrix24 import BitrixAsync
from fast_bitrix24 import srh as their_requests
from fast_bitrix24.server_response import ErrorInServerResponseException

from sandbox.portal.options import Options
from tests.support.gateway import gateway
from tests.support.sandbox_portal import NO_LIMITS, Client, serving, until

CLOUD = Options()
#: what a query string would change, so that each goes in a request of its own
ALONE = b'{"flag":true}'


@pytest.fixture
async def cloud() -> AsyncIterator[Client]:
    """With the documented limits."""
    async with serving(default=CLOUD) as portal:
        yield portal


@pytest.fixture
async def free() -> AsyncIterator[Client]:
    """Without limits."""
    async with serving(default=NO_LIMITS) as portal:
        yield portal


def theirs(portal: Client) -> BitrixAsync:
    return BitrixAsync(f"{portal.root}/rest/1/sandbox/", verbose=False)


async def counters(portal: Client) -> dict[str, Any]:
    found = await portal.control("counters?portal=default")
    return found.get("portals", {}).get("default", found)


async def executions(portal: Client, method: str) -> list[dict[str, Any]]:
    return (await portal.control(f"executions?method={method}&limit=100000"))["executions"]


def call(method: str, **params: Any) -> dict[str, Any]:
    """One request."""
    return {"method": method, "body": orjson.dumps(params)}


# 1: nobody reserves a slot before sending


async def test_140_parallel_calls_are_within_the_bucket() -> None:
    """When 30 were made just before."""
    async with serving(scale=20, default=CLOUD) as portal, gateway(portal, scale=20) as ours:
        await portal.control("load", "POST", json={"requests": 30})
        for _ in range(30):
            ours.parts.limiter.reserve(time.time())
        await ours.run(*({"method": "sandbox.echo", "body": ALONE} for _ in range(140)))
        told = await counters(portal)
    assert (told["refused"], told["requests"], told["executions"]) == (0, 140, {"sandbox.echo": 140})
    assert 35 < told["max_level"] <= 46, "the bucket was used, and its last places were not"


async def test_140_parallel_calls_of_theirs_are_not(cloud: Client) -> None:
    client = theirs(cloud)
    calls = [asyncio.create_task(client.call("sandbox.echo", {"n": n}, raw=True)) for n in range(140)]

    async def refused() -> bool:
        return (await counters(cloud))["refused"] > 0

    await until(refused)
    for one in calls:
        one.cancel()
    await asyncio.gather(*calls, return_exceptions=True)


# 2: the accumulated time is summed as if it were the time of one call

USED = {"method": "crm.deal.list", "seconds": 100, "user": "1"}


async def test_a_constant_operating_does_not_stall(cloud: Client) -> None:
    await cloud.control("load", "POST", json=USED)
    async with gateway(cloud) as ours:
        for _ in range(10):
            (row,) = await ours.run(call("crm.deal.list"))
            assert ours.result(row)["time"]["operating"] == 100
        assert ours.holds() == set() and ours.governor.room("all", "crm.deal.list", row.accepted) > 1
    assert len(await executions(cloud, "crm.deal.list")) == 10


async def test_a_constant_operating_stalls_them(cloud: Client) -> None:
    await cloud.control("load", "POST", json=USED)
    client = theirs(cloud)
    for _ in range(5):
        await client.call("crm.deal.list", {}, raw=True)
    assert client.srh.method_throttlers["crm.deal.list"]._calculate_needed_sleep_time() > 500


# 3: the times of a batch's commands are looked for in the wrong place

NEAR = {"method": "crm.deal.list", "seconds": 479.9, "user": "1"}


async def test_times_of_commands_are_counted() -> None:
    async with serving(scale=300, default=CLOUD) as portal, gateway(portal, scale=300) as ours:
        await portal.control("load", "POST", json=NEAR)
        mixed = [call(f"crm.{entity}.list") for entity in ("deal", "company", "contact", "lead")]
        await ours.run(*mixed)
        assert (await counters(portal))["executions"]["batch"] == 1, "it was told within a batch"
        assert ours.holds() == {"crm.deal.list"}
        rows = await ours.run(*mixed)
        order = [record.headers["answer-id"] for record in ours.kafka.taken if "answer-id" in record.headers][-4:]
        assert order[-1] == rows[0].identity, "the others did not wait for the one that was held"
        told = await counters(portal)
    assert (told["refused"], told["command_errors"], told["executions"]["crm.deal.list"]) == (0, {}, 2)


async def test_times_of_their_commands_are_not(cloud: Client) -> None:
    await cloud.control("load", "POST", json=NEAR)
    client = theirs(cloud)
    await client.get_by_ID("crm.deal.list", [1, 2])
    assert {method: len(one._request_history) for method, one in client.srh.method_throttlers.items()} == {"batch": 1}


# 4: code and description of a refusal are lost


@pytest.mark.parametrize("many", [1, 4])
async def test_code_and_description_reach_the_client(many: int, cloud: Client) -> None:
    """Alone and packed."""
    async with gateway(cloud) as ours:
        rows = await ours.run(*[call("crm.item.get", entityTypeId=2, id=999_999)] * many)
        for row in rows:
            answer = ours.answer(row)
            body = orjson.loads(answer.value)
            assert (answer.headers["error-class"], body["error"]) == ("permanent", "NOT_FOUND")
            assert "not found" in body["error_description"].lower()


async def test_a_429_is_no_error_of_the_client(cloud: Client) -> None:
    """Nothing is lost of what is not told: the method is held, and its request goes when it may."""
    await cloud.fault("429", count=1)
    async with gateway(cloud) as ours:
        held = await ours.add(**call("crm.item.list", entityTypeId=2))

        async def is_held() -> bool:
            await asyncio.sleep(0)
            return ours.holds() == {"crm.item.list"}

        await until(is_held)
        assert ours.finished == 0 and ours.state(held) != "d"


async def test_code_and_description_are_lost_to_them(free: Client) -> None:
    with pytest.raises(aiohttp.ClientResponseError) as raised:
        await theirs(free).call("crm.item.get", {"entityTypeId": 2, "id": 999_999}, raw=True)
    assert "NOT_FOUND" not in repr(raised.value) and raised.value.message == "Bad Request"


# 5: one bad command, and the ids of the nine good ones are lost

TEN: list[dict[str, Any]] = [{"fields": {"TITLE": f"t{n}"}} if n != 4 else {"fields": "none"} for n in range(10)]


async def test_nine_of_ten_are_delivered(free: Client) -> None:
    async with gateway(free) as ours:
        rows = await ours.run(*(call("crm.deal.add", **params) for params in TEN))
        bad = rows.pop(4)
        assert "fields" in orjson.loads(ours.answer(bad).value)["error_description"]
        ids = ours.results(rows)
    titles = {number: (await free.result("crm.deal.get", {"id": number}))["TITLE"] for number in ids}
    assert list(titles.values()) == [params["fields"]["TITLE"] for params in TEN if params is not TEN[4]]
    assert (await counters(free))["executions"]["batch"] == 1


async def test_none_of_ten_is_delivered_by_them(free: Client) -> None:
    with pytest.raises(ErrorInServerResponseException):
        await theirs(free).call("crm.deal.add", TEN)
    assert (await counters(free))["writes"] == {"add": {"deal": 9}}


# 6: a connection that is cut after the execution


@pytest.mark.parametrize("many", [1, 3])
async def test_what_was_cut_is_added_once(many: int) -> None:
    """Alone and packed: what was executed is found by the external id that it was stamped with."""
    async with serving(scale=120, default=NO_LIMITS) as portal, gateway(portal, scale=120) as ours:
        await portal.fault("reset_after", count=1)
        rows = await ours.run(*(call("crm.deal.add", fields={"TITLE": f"t{n}"}) for n in range(many)))
        ids = ours.results(rows)
        told = await counters(portal)
    assert len(set(ids)) == many and told["faults"] == {"reset_after": 1}
    assert (told["writes"], told["objects"]["deal"]) == ({"add": {"deal": many}}, many)


async def test_what_was_cut_is_added_again_by_them(free: Client) -> None:
    await free.fault("reset_after", count=2)
    await theirs(free).call("crm.deal.add", {"fields": {"TITLE": "once"}}, raw=True)
    assert (await counters(free))["writes"] == {"add": {"deal": 3}}


# 7: a query string changes what it cannot carry

ODD: dict[str, Any] = {"none": None, "yes": True, "no": False, "empty": [], "object": {}}
#: as PHP sees JSON
SEEN = ODD | {"object": []}


async def test_odd_values_keep_what_they_mean(free: Client) -> None:
    async with gateway(free) as ours:
        plain = [call("sandbox.echo", n=n) for n in range(4)]
        rows = await ours.run(*plain, *(call("sandbox.echo", value=value) for value in ODD.values()), *plain)
        found = ours.results(rows)
    assert found[4:9] == [{"value": value} for value in SEEN.values()]
    ran = await executions(free, "sandbox.echo")
    assert sum(one["command"] is None for one in ran) >= 5 and any(one["command"] for one in ran), "others were packed"


async def test_odd_values_mean_other_things_with_them(free: Client) -> None:
    (found,) = (await theirs(free).call("sandbox.echo", {**ODD, "n": 1})).values()
    assert {name: found.get(name) for name in ODD} == {
        "none": "None",
        "yes": "True",
        "no": "False",
        "empty": None,
        "object": None,
    }


# 8: a persistent 503: short pauses at first, and an end soon


async def test_a_persistent_503_is_outlasted() -> None:
    async with serving(scale=20, default=CLOUD) as portal, gateway(portal, scale=20) as ours:
        await portal.fault("503")
        rows = await ours.add_all(*(call("crm.deal.add", fields={"TITLE": f"t{n}"}) for n in range(10)))

        async def often_refused() -> bool:
            return (await counters(portal))["statuses"].get("503", 0) >= 8

        await until(often_refused)
        await portal.control("faults", "DELETE")
        await ours.all_done()
        ids = ours.results(rows)
        requests = (await portal.control("requests?limit=100"))["requests"]
        told = await counters(portal)
    arrived = [one["arrived"] for one in requests if one["status"] == "503"]
    # the first pause is the time in which the portal's bucket drains by one; each is half as long again
    shortest = [1.5**n / (2 * 20) for n in range(7)]
    pauses = [after - before for before, after in pairwise(arrived)]
    assert all(pause >= 0.95 * least for pause, least in zip(pauses, shortest, strict=False))
    assert len(set(ids)) == 10 and told["writes"] == {"add": {"deal": 10}}


async def test_a_persistent_503_is_an_error_to_them(free: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(their_requests, "sleep", pause)
    await free.fault("503")
    with pytest.raises(RuntimeError, match="exhausted"):
        await theirs(free).call("crm.deal.add", {"fields": {}}, raw=True)
    assert (await counters(free))["requests"] == 11
    assert pauses[0] < 0.15 and sum(pauses[:4]) < 1.5, "four more requests before three slots are free again"
