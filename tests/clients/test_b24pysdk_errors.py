"""b24pysdk: refusals, limits, another address of the portal, renewal of tokens."""

from collections.abc import Callable
from typing import Any

import pytest
from b24pysdk import BitrixApp, BitrixToken, BitrixWebhook, Client, errors
from b24pysdk.api.requesters.bitrix_oauth_requester import BitrixOAuthRequester
from b24pysdk.errors.oauth import BitrixOAuthInvalidGrant

from tests.clients.simulator import CLIENT_ID, CLIENT_SECRET, Simulator


@pytest.fixture
def client(secure: Simulator) -> Any:
    """Its pauses are short: it waits a second before it repeats a refused request."""
    webhook = BitrixWebhook(domain=secure.address, webhook_token="1/sandbox")
    return Client(webhook, initial_retry_delay=0.05, retry_delay_increment=0.05)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda c: c.get_token().call_method("crm.nothing.add", {}), errors.BitrixAPINotFound, "Method not found!"),
        (lambda c: c.crm.deal.get(bitrix_id=999_999).result, errors.BitrixAPIBadRequest, "Not found"),
        (lambda c: c.crm.company.update(bitrix_id=999_999, fields={}).result, errors.BitrixAPIBadRequest, "not found"),
        (lambda c: c.crm.item.get(bitrix_id=999_999, entity_type_id=2).result, errors.BitrixAPINotFound, "not found"),
        (
            lambda c: c.crm.item.list(entity_type_id=2, filter={"nothing": 1}).result,
            errors.BitrixAPIInvalidArgValue,
            "Invalid filter: field 'nothing' is not allowed in filter",
        ),
        (lambda c: c.get_token().call_method("crm.deal.add", {}), errors.BitrixAPIBadRequest, "fields"),
        (lambda c: c.event.bind(event="ONCRMDEALADD", handler="https://e.x").result, errors.BitrixAPIForbidden, ""),
    ],
)
def test_refusals(client: Any, secure: Simulator, call: Callable[[Any], Any], error: type, text: str) -> None:
    with pytest.raises(error) as raised:
        call(client)
    assert text in str(raised.value)
    assert secure.counters()["requests"] == 1, "refused is not repeated"


def test_wrong_credentials(secure: Simulator) -> None:
    client = Client(BitrixWebhook(domain=secure.address, webhook_token="1/wrong"))
    with pytest.raises(errors.BitrixAPIInvalidCredentials) as raised:
        client.profile().result  # noqa: B018
    assert raised.value.status_code == 401
    assert secure.executed() == {}


def test_missing_scope(client: Any, secure: Simulator) -> None:
    secure.fault("403_scope", methods=["crm.*"])
    with pytest.raises(errors.BitrixAPIInsufficientScope):
        client.crm.deal.list().result  # noqa: B018
    assert client.profile().result["ID"] == "1"
    assert secure.executed() == {"profile": 1}


def test_a_full_bucket_is_waited_for(client: Any, secure: Simulator) -> None:
    secure.control("load", {"requests": 51})
    assert Client(client.get_token(), initial_retry_delay=0.6).crm.deal.get(bitrix_id=3).result["ID"] == "3"
    counters = secure.counters()
    assert (counters["refused"], counters["executions"]) == (1, {"crm.deal.get": 1})


def test_a_bucket_that_stays_full_is_an_error(client: Any, secure: Simulator) -> None:
    secure.fault("503")
    with pytest.raises(errors.BitrixAPIQueryLimitExceeded) as raised:
        client.crm.deal.add(fields={"TITLE": "never"}).result  # noqa: B018
    assert raised.value.error_description == "Too many requests"
    assert (secure.counters()["requests"], secure.executed()) == (3, {})


def test_operating_limit(client: Any, secure: Simulator) -> None:
    secure.control("load", {"method": "crm.deal.list", "seconds": 490, "user": "1"})
    with pytest.raises(errors.BitrixAPIOperationTimeLimit) as raised:
        client.crm.deal.list().result  # noqa: B018
    assert raised.value.status_code == 429
    assert client.crm.deal.get(bitrix_id=3).result["ID"] == "3", "the other methods go on"
    done = client.call_batch({"held": client.crm.deal.list(), "free": client.crm.deal.get(bitrix_id=3)}).result
    assert (list(done.result), list(done.result_error)) == (["free"], ["held"])
    assert done.result_error["held"]["error"] == "OPERATION_TIME_LIMIT"
    assert secure.counters()["refused_by"]["operating"] == 2


def test_overload(client: Any, secure: Simulator) -> None:
    secure.control("overload", {"status": 503})
    try:
        with pytest.raises(errors.BitrixAPIOverloadLimit):
            client.crm.deal.list().result  # noqa: B018
    finally:
        secure.control("overload", {"on": False})
    assert secure.executed() == {}


@pytest.mark.parametrize(
    ("kind", "error"),
    [("500", errors.BitrixAPIInternalServerError), ("502", errors.BitrixResponseJSONDecodeError)],
)
def test_a_broken_server(client: Any, secure: Simulator, kind: str, error: type) -> None:
    secure.fault(kind, count=1)
    with pytest.raises(error):
        client.crm.deal.list().result  # noqa: B018
    assert secure.executed() == {}


def test_a_renamed_portal(client: Any, secure: Simulator) -> None:
    """It goes on at the new host, but forgets the port, which no portal has and the simulator needs."""
    secure.fault("302", location="https://moved.invalid", count=1)
    with pytest.raises(errors.BitrixRequestError):
        client.crm.deal.add(fields={"TITLE": "moved"}).result  # noqa: B018
    assert client.get_token().domain == "moved.invalid"
    assert secure.counters()["statuses"] == {"302": 1} and secure.executed() == {}


@pytest.fixture
def token(secure: Simulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Of an application; the token server's address is written into the client."""
    monkeypatch.setattr(BitrixOAuthRequester, "_OAUTH_TOKEN_URL", f"{secure.url}/oauth/token/")
    pair = secure.tokens()
    app = BitrixApp(client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
    access, refresh = pair["access_token"], pair["refresh_token"]
    return BitrixToken(domain=secure.address, auth_token=access, refresh_token=refresh, bitrix_app=app)


def test_an_expired_token_is_renewed(token: Any, secure: Simulator) -> None:
    client = Client(token)
    assert client.profile().result["ID"] == "1"
    first = token.auth_token
    secure.control("oauth/expire", {})
    assert client.profile().result["ID"] == "1"
    assert token.auth_token != first
    counters = secure.counters()
    assert (counters["executions"], counters["errors"]) == ({"profile": 2}, {"expired_token": 1})


def test_a_used_refresh_token(token: Any, secure: Simulator) -> None:
    secure.control("oauth/expire", {"refresh": True})
    with pytest.raises(BitrixOAuthInvalidGrant):
        Client(token).profile().result  # noqa: B018
    assert secure.executed() == {}
