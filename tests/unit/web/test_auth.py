"""Who may see the pages."""

import pytest
from faust.exceptions import AlreadyConfiguredWarning
from pydantic import SecretStr

from pipeline.web.auth import COOKIE
from tests.unit.web.conftest import TOKEN, Serve

PAGES = ["/", "/api/lag", "/metrics", "/static/page.js", "/nothing"]


@pytest.mark.parametrize("path", PAGES)
async def test_nothing_without_the_token(serve: Serve, path: str) -> None:
    site = await serve(web_token=SecretStr(TOKEN))
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": f"{COOKIE}=x"},
    ):
        answer = await site.client.get(path, headers=headers)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert await answer.json() == {"error": "token missing or wrong"}


@pytest.mark.parametrize("path", [path for path in PAGES if path != "/nothing"])
async def test_the_token_as_a_header(serve: Serve, path: str) -> None:
    site = await serve(web_token=SecretStr(TOKEN))
    answer = await site.client.get(path, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status == 200


async def test_the_token_once_in_the_address_sets_a_cookie_that_does_not_hold_it(serve: Serve) -> None:
    site = await serve(web_token=SecretStr(TOKEN))
    answer = await site.client.get("/", params={"token": TOKEN, "lang": "ru"}, allow_redirects=False)
    assert answer.status == 303
    assert answer.headers["Location"] == "/?lang=ru"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert TOKEN not in cookie
    answer = await site.client.get("/")
    assert answer.status == 200
    assert TOKEN not in await answer.text()


@pytest.mark.parametrize("path", ["//evil.example/x", "///evil.example", "/%5Cevil.example"])
async def test_entering_never_leads_to_another_server(serve: Serve, path: str) -> None:
    site = await serve(web_token=SecretStr("abc"))
    url = site.client.make_url("/").with_path(path, encoded=True).with_query(token="abc")
    answer = await site.client.session.get(url, allow_redirects=False)
    assert answer.status == 303
    location = answer.headers["Location"]
    assert location[0] == "/"
    assert location[1] not in "/\\"


async def test_a_wrong_token_in_the_address_sets_nothing(serve: Serve) -> None:
    site = await serve(web_token=SecretStr(TOKEN))
    answer = await site.client.get("/", params={"token": "x"}, headers={"Accept": "text/html"})
    assert answer.status == 401
    assert "Set-Cookie" not in answer.headers
    text = await answer.text()
    assert 'type="password"' in text


async def test_health_is_open_but_says_states_only(serve: Serve) -> None:
    site = await serve(web_token=SecretStr(TOKEN))
    site.bridge.state = type(site.bridge.state)(1.0, "refused by rabbit.internal")
    answer = await site.client.get("/healthz")
    assert answer.status == 200
    body = await answer.json()
    assert body["status"] == "degraded"
    assert body["checks"]["rabbitmq"] == "degraded"
    assert "rabbit.internal" not in await answer.text()
    answer = await site.client.get("/healthz", headers={"Authorization": "Bearer " + TOKEN})
    assert "rabbit.internal" in await answer.text()
    answer = await site.client.get("/readyz")
    assert (answer.status, await answer.json()) == (503, {"ready": False, "reason": "joining the group"})


async def test_no_token_is_fine_on_loopback_only(serve: Serve) -> None:
    site = await serve()
    assert (await site.client.get("/")).status == 200
    # --web-bind on the command line goes over the setting, which alone was checked at the start
    with pytest.warns(AlreadyConfiguredWarning):
        site.runtime.app.conf.web_bind = "0.0.0.0"
    answer = await site.client.get("/")
    assert answer.status == 403
    answer = await site.client.get("/", headers={"Accept": "text/html"})
    assert "PIPELINE_WEB_TOKEN" in await answer.text()
    assert (await site.client.get("/healthz")).status == 200
