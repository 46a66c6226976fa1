"""pipeline/portal/wire/client.py over real sockets, against the portal simulator."""

from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from pipeline.delivery.errors import Auth, Blocked, Permanent, PipelineError, Throttled, Unknown
from pipeline.portal.wire.access import Access
from pipeline.portal.wire.client import PortalClient
from pipeline.portal.wire.faults import PortalOversize
from stack.sandbox import Portal
from tests.support.portal_client import LIMIT, TOKEN, call, client_fixture, fault_of, lines_fixture
from tests.support.services import PortalFactory, Services

__all__ = ["client_fixture", "lines_fixture"]


@pytest.fixture(scope="module")
def running_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    services = Services(tmp_path_factory.mktemp("portal"))
    yield PortalFactory(services)("--no-limits", "--token", f"1:{TOKEN}")
    services.close()


@pytest.fixture
def portal(running_portal: Portal) -> Portal:
    """A simulator that has seen nothing yet."""
    httpx.post(f"{running_portal.url}/_sandbox/reset").raise_for_status()
    return running_portal


async def inject(portal: Portal, **rule: Any) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{portal.url}/_sandbox/faults", json={"count": 1, **rule})
        assert answer.status_code == 201, answer.text


async def counters(portal: Portal) -> dict[str, Any]:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{portal.url}/_sandbox/counters")
        return dict(answer.json())


async def test_a_portal_answers(client: PortalClient, portal: Portal) -> None:
    added = await call(client, portal.rest, "crm.deal.add", '{"fields":{"TITLE":"Ёлка"}}'.encode())
    assert added.status == 200
    number = orjson.loads(added.body)["result"]
    got = await call(client, portal.rest, "crm.deal.get.json", orjson.dumps({"id": number}))
    assert orjson.loads(got.body)["result"]["TITLE"] == "Ёлка"


@pytest.mark.parametrize(
    ("method", "body", "kind", "code"),
    [
        ("crm.deal.get", b'{"id":99999}', Permanent, ""),
        ("crm.deal.add", b'{"fields":5}', Permanent, ""),
        ("no.such.method", b"", Permanent, "ERROR_METHOD_NOT_FOUND"),
    ],
)
async def test_a_portal_refuses(
    client: PortalClient, portal: Portal, method: str, body: bytes, kind: type[PipelineError], code: str
) -> None:
    fault = await fault_of(client, portal.rest, method, body)
    assert isinstance(fault, kind)
    assert fault.code == code
    assert fault.answer is not None
    assert "error_description" in orjson.loads(fault.answer.body)


async def test_a_wrong_token(client: PortalClient, portal: Portal) -> None:
    with pytest.raises(Auth) as raised:
        await client.call(portal.rest, Access.webhook("1", "wrong-token"), "profile", b"")
    assert getattr(raised.value, "credential_dead", None) is True


@pytest.mark.parametrize(
    ("rule", "kind", "code", "executed"),
    [
        ({"kind": "503"}, Throttled, "QUERY_LIMIT_EXCEEDED", 0),
        ({"kind": "429"}, Throttled, "OPERATION_TIME_LIMIT", 0),
        ({"kind": "503_overload"}, Blocked, "OVERLOAD_LIMIT", 0),
        ({"kind": "401_overload"}, Blocked, "OVERLOAD_LIMIT", 0),
        ({"kind": "401_expired"}, Auth, "expired_token", 0),
        ({"kind": "403_scope"}, Auth, "insufficient_scope", 0),
        ({"kind": "500"}, Unknown, "INTERNAL_SERVER_ERROR", 0),
        ({"kind": "error_200"}, Unknown, "INTERNAL_SERVER_ERROR", 0),
        ({"kind": "502"}, Unknown, "", 0),
        ({"kind": "504", "after": True}, Unknown, "", 1),
        ({"kind": "reset_before"}, Unknown, "", 0),
        ({"kind": "reset_after"}, Unknown, "", 1),
        ({"kind": "hang_before"}, Unknown, "", 0),
        ({"kind": "hang_after"}, Unknown, "", 1),
        ({"kind": "malformed"}, Unknown, "", 1),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
async def test_faults(
    client: PortalClient,
    portal: Portal,
    rule: dict[str, Any],
    kind: type[PipelineError],
    code: str,
    executed: int,
) -> None:
    await inject(portal, **rule)
    fault = await fault_of(client, portal.rest, "crm.deal.add", b'{"fields":{"TITLE":"x"}}')
    assert isinstance(fault, kind)
    assert (fault.code, fault.sent) == (code, True)
    assert (await counters(portal))["objects"].get("deal", 0) == executed
    # the next call is not touched by it
    assert (await call(client, portal.rest)).status == 200


async def test_an_answer_that_is_too_long(client: PortalClient, portal: Portal) -> None:
    await inject(portal, kind="big", size=3 * LIMIT)
    fault = await fault_of(client, portal.rest, "crm.deal.add", b'{"fields":{"TITLE":"x"}}')
    assert isinstance(fault, PortalOversize)
    assert fault.exact
    assert 3 * LIMIT < fault.length < 3 * LIMIT + 2000
    assert str(fault.length) in str(fault)
    assert "executed" in str(fault)
    assert (await counters(portal))["objects"]["deal"] == 1


async def test_a_renamed_portal(client: PortalClient, portal: Portal, caplog: pytest.LogCaptureFixture) -> None:
    new = f"http://localhost:{portal.port}"
    await inject(portal, kind="302", location=new)
    added = await call(client, portal.rest, "crm.deal.add", b'{"fields":{"TITLE":"x"}}')
    assert orjson.loads(added.body)["result"] > 0
    assert (await counters(portal))["statuses"].get("302") == 1
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [
        f"portal 127.0.0.1:{portal.port} has moved: calls go to localhost:{portal.port} now; change the settings"
    ]
    # from now on it is called there at once, and said once
    await call(client, portal.rest)
    assert (await counters(portal))["statuses"].get("302") == 1
