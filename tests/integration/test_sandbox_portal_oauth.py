"""Applications of the portal simulator over real HTTP: tokens, their end, their renewal."""

from typing import Any

import orjson
import pytest

from sandbox.portal.oauth.apps import App
from sandbox.portal.options import Costs, Options
from tests.support.sandbox_portal import Client, serving, until

APP = App("local.one", "client-secret", "first-refresh-token", user="7")
NARROW = App("local.narrow", "other-secret", scopes=frozenset({"user"}))
OPTIONS = Options(rate=0, apps=(APP, NARROW), costs=Costs({"crm.deal.list": 0.1}))


async def _ask(client: Client, *, verb: str = "POST", place: str = "", **form: str) -> tuple[int, Any]:
    given = {"grant_type": "refresh_token", "client_id": APP.client_id, "client_secret": APP.client_secret, **form}
    more = {"params": given} if verb == "GET" else {"data": given}
    status, _, body = await client.raw(f"{place}/oauth/token/", verb=verb, **more)
    return status, orjson.loads(body)


async def _called(client: Client, token: str, method: str = "profile") -> tuple[int, Any]:
    status, _, body = await client.raw(f"/rest/{method}", json={"auth": token})
    return status, orjson.loads(body)


async def test_a_refresh_token_gives_a_pair_once() -> None:
    async with serving(default=OPTIONS) as client:
        status, pair = await _ask(client, refresh_token=APP.refresh_token)
        assert (status, pair["expires_in"], pair["user_id"], pair["status"]) == (200, 3600, 7, "L")
        assert pair["client_endpoint"] == f"{client.root}/rest/"
        assert len(pair["member_id"]) == 32
        assert await _ask(client, refresh_token=APP.refresh_token) == (
            400,
            {"error": "invalid_grant", "error_description": "Invalid authorization tokens were provided"},
        )
        status, following = await _ask(client, verb="GET", refresh_token=pair["refresh_token"])
        assert status == 200
        assert following["refresh_token"] != pair["refresh_token"]
        for token in (pair["access_token"], following["access_token"]):
            assert (await _called(client, token))[0] == 200, "an access token outlives its refresh token"
        shown = await client.control("oauth")
        assert shown["apps"][0] | {"access_tokens": 2, "refresh_tokens": 1, "refreshes": 2} == shown["apps"][0]
        assert shown["refused"] == {"invalid_grant": 1}
        assert pair["access_token"] not in str(shown)


async def test_a_token_is_taken_from_three_places_and_is_no_parameter() -> None:
    async with serving(default=OPTIONS) as client:
        token = (await client.control("oauth/tokens", "POST", json={}))["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        ways: list[tuple[str, str, dict[str, Any]]] = [
            ("POST", "/rest/sandbox.echo.json", {"json": {"n": "1", "auth": token}}),
            ("POST", "/rest/sandbox.echo", {"data": {"n": "1", "auth": token}}),
            ("GET", f"/rest/sandbox.echo?n=1&auth={token}", {}),
            ("GET", "/rest/sandbox.echo?n=1", {"headers": bearer}),
            ("POST", f"/default/rest/sandbox.echo?auth={token}", {"json": {"n": "1"}}),
        ]
        for verb, path, more in ways:
            status, _, body = await client.raw(path, verb=verb, **more)
            assert (status, orjson.loads(body).get("result")) == (200, {"n": "1"}), path
        log = (await client.control("executions"))["executions"]
        assert {entry["user"] for entry in log} == {"local.one"}
        assert token not in str(log)


async def test_errors_of_the_token_server() -> None:
    async with serving(default=OPTIONS) as client:
        for form, expected in [
            ({"client_secret": "wrong", "refresh_token": APP.refresh_token}, (401, "invalid_client")),
            ({"client_id": "local.none", "refresh_token": APP.refresh_token}, (401, "invalid_client")),
            ({"refresh_token": "unknown"}, (400, "invalid_grant")),
            ({"refresh_token": ""}, (400, "invalid_request")),
            ({"grant_type": "password", "refresh_token": APP.refresh_token}, (400, "invalid_request")),
            ({"client_id": NARROW.client_id, "client_secret": NARROW.client_secret, "refresh_token": APP.refresh_token},
             (400, "invalid_grant")),
        ]:  # fmt: skip
            status, body = await _ask(client, **form)
            assert (status, body["error"]) == expected, form
        assert (await _ask(client, refresh_token=APP.refresh_token))[0] == 200, "no failure has used it up"


async def test_errors_of_calls() -> None:
    async with serving(default=OPTIONS) as client:
        for headers in ({}, {"Authorization": "Basic x"}):
            status, _, body = await client.raw("/rest/profile", json={}, headers=headers)
            assert (status, orjson.loads(body)["error"]) == (401, "NO_AUTH_FOUND")
        status, body = await _called(client, "nonsense")
        assert (status, body["error"]) == (401, "invalid_token")
        token = (await client.control("oauth/tokens", "POST", json={"client_id": NARROW.client_id}))["access_token"]
        status, body = await _called(client, token, "crm.deal.list")
        assert (status, body["error"]) == (403, "insufficient_scope")
        assert body["error_description"].endswith("the access token")
        assert await client.control("oauth/expire", "POST", json={"client_id": NARROW.client_id}) == {"expired": 1}
        assert await _called(client, token) == (
            401,
            {"error": "expired_token", "error_description": "The access token provided has expired."},
        )
        assert (await client.raw("/_sandbox/oauth/tokens", json={"client_id": "none"}))[0] == 400


async def test_tokens_expire_in_the_portals_time() -> None:
    async with serving(scale=36_000.0, default=OPTIONS) as client:
        status, pair = await _ask(client, refresh_token=APP.refresh_token)
        assert (status, pair["expires_in"]) == (200, 3600)

        async def expired() -> bool:
            return (await _called(client, pair["access_token"]))[1].get("error") == "expired_token"

        await until(expired)
        assert (await _ask(client, refresh_token=pair["refresh_token"]))[0] == 200


async def test_a_grace_lets_an_old_refresh_token_count_on() -> None:
    async with serving(default=Options(rate=0, apps=(APP,), refresh_grace=60.0)) as client:
        for _ in range(2):
            assert (await _ask(client, refresh_token=APP.refresh_token))[0] == 200


async def test_a_code_counts_once() -> None:
    async with serving(default=OPTIONS) as client:
        code = (await client.control("oauth/code", "POST", json={"client_id": APP.client_id, "user": "9"}))["code"]
        status, pair = await _ask(client, grant_type="authorization_code", code=code)
        assert (status, pair["user_id"]) == (200, 9)
        assert (await _called(client, pair["access_token"]))[1]["result"]["ID"] == "9"
        assert (await _ask(client, grant_type="authorization_code", code=code))[0] == 400


async def test_an_application_has_one_budget_whatever_its_tokens() -> None:
    async with serving(default=OPTIONS) as client:
        for _ in range(2):
            token = (await client.control("oauth/tokens", "POST", json={}))["access_token"]
            _, body = await _called(client, token, "crm.deal.list")
        assert body["time"]["operating"] == pytest.approx(0.2)
        assert (await client.control("counters"))["operating"] == {"local.one/crm.deal.list": pytest.approx(0.2)}


async def test_one_application_in_two_portals() -> None:
    one, two = (App("local.one", "client-secret", f"refresh-of-{name}") for name in ("one", "two"))
    async with serving(one=Options(apps=(one,)), two=Options(apps=(two,))) as client:
        status, pair = await _ask(client, refresh_token="refresh-of-two")
        assert (status, pair["client_endpoint"]) == (200, f"{client.root}/two/rest/")
        assert (await _ask(client, place="/one", refresh_token="refresh-of-one"))[0] == 200
        assert (await _ask(client, place="/none", refresh_token="refresh-of-one"))[0] == 400
        status, _, _ = await client.raw("/two/rest/profile", json={"auth": pair["access_token"]})
        assert status == 200
        status, _, body = await client.raw("/one/rest/profile", json={"auth": pair["access_token"]})
        assert (status, orjson.loads(body)["error"]) == (401, "invalid_token")
