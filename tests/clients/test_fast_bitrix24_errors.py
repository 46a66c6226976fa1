"""fast_bitrix24: refusals, limits, tokens. It tells little of an error: codes and texts of the portal are lost."""

import asyncio
from typing import Any

import aiohttp
import httpx
import pytest
from fast_bitrix24 import BitrixAsync
from fast_bitrix24.server_response import ErrorInServerResponseException

from tests.clients.simulator import CLIENT_ID, CLIENT_SECRET, Simulator


@pytest.fixture
def client(plain: Simulator) -> BitrixAsync:
    return BitrixAsync(plain.webhook, verbose=False)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("crm.nothing.add", {"fields": {}}, "ERROR_METHOD_NOT_FOUND"),
        ("crm.deal.get", {"ID": 999_999}, ""),
        ("crm.item.get", {"entityTypeId": 2, "id": 999_999}, "NOT_FOUND"),
        ("crm.item.list", {"entityTypeId": 2, "filter": {"nothing": 1}}, "INVALID_ARG_VALUE"),
    ],
)
@pytest.mark.filterwarnings("ignore:It.s better to use get_all")
async def test_refusals(client: BitrixAsync, plain: Simulator, method: str, params: Any, code: str) -> None:
    with pytest.raises(ErrorInServerResponseException) as raised:
        await client.call(method, params)
    (error,) = raised.value.args[0].values()
    assert error["error"] == code and error["error_description"]
    assert plain.counters()["requests"] == 1


async def test_refused_alone(client: BitrixAsync, plain: Simulator) -> None:
    with pytest.raises(aiohttp.ClientResponseError) as raised:
        await client.call("crm.deal.get", {"ID": 999_999}, raw=True)
    assert raised.value.status == 400
    assert plain.counters()["statuses"] == {"400": 1}


async def test_wrong_credentials(plain: Simulator) -> None:
    client = BitrixAsync(f"{plain.url}/rest/1/wrong/", verbose=False)
    with pytest.raises(aiohttp.ClientResponseError) as raised:
        await client.get_all("crm.deal.list")
    assert (raised.value.status, plain.executed()) == (401, {})


async def test_missing_scope(client: BitrixAsync, plain: Simulator) -> None:
    plain.fault("403_scope", methods=["crm.*"])
    with pytest.raises(aiohttp.ClientResponseError) as raised:
        await client.get_all("crm.deal.list")
    assert (raised.value.status, plain.executed()) == (403, {})


async def test_a_full_bucket_is_waited_for(client: BitrixAsync, plain: Simulator) -> None:
    plain.control("load", {"requests": 51})
    assert (await client.call("crm.deal.get", {"ID": 3}, raw=True))["result"]["ID"] == "3"
    counters = plain.counters()
    assert counters["refused"] > 0 and counters["executions"] == {"crm.deal.get": 1}


async def test_operating_limit(client: BitrixAsync, plain: Simulator) -> None:
    plain.control("load", {"method": "crm.deal.list", "seconds": 490, "user": "1"})
    with pytest.raises(aiohttp.ClientResponseError) as raised:
        await client.get_all("crm.deal.list")
    assert raised.value.status == 429
    with pytest.raises(ErrorInServerResponseException, match="OPERATION_TIME_LIMIT"):
        await client.get_by_ID("crm.deal.list", [1])
    assert plain.counters()["refused_by"]["operating"] == 2


@pytest.mark.parametrize("kind", ["500", "502", "reset_before"])
async def test_a_broken_server_is_asked_again(client: BitrixAsync, plain: Simulator, kind: str) -> None:
    plain.fault(kind, count=2)
    assert (await client.call("crm.deal.get", {"ID": 3}, raw=True))["result"]["ID"] == "3"
    assert plain.executed() == {"crm.deal.get": 1}


async def test_an_expired_token_is_renewed(plain: Simulator) -> None:
    """The renewal itself is its user's business."""
    pairs = [plain.tokens()]

    async def token() -> str:
        given = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        async with httpx.AsyncClient(trust_env=False) as http:
            data = given | {"refresh_token": pairs[-1]["refresh_token"]}
            answer = await http.post(f"{plain.url}/oauth/token/", data=data)
        pairs.append(answer.raise_for_status().json())
        return pairs[-1]["access_token"]

    client = BitrixAsync(f"{plain.url}/rest/", token_func=token, verbose=False)
    assert (await client.call("profile", {}, raw=True))["result"]["ID"] == "1"
    plain.control("oauth/expire", {})
    answers = await asyncio.gather(*(client.call("profile", {}, raw=True) for _ in range(3)))
    assert [answer["result"]["ID"] for answer in answers] == ["1"] * 3
    assert len(pairs) == 3, "once at the start, once for all three"
    assert plain.executed() == {"profile": 4}
