"""OAuth from end to end against the portal simulator: its token server, its access tokens, its refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import httpx
import orjson
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from pipeline.delivery.tables import DurableTable
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.access.oauth import OAuth
from pipeline.portal.access.seal import Sealer
from pipeline.portal.access.token_server import TokenServer
from pipeline.portal.access.tokens import TokenTable
from pipeline.portal.wire.client import PortalClient
from pipeline.portal.wire.faults import Answer, PortalAuth
from pipeline.settings import CredentialSettings, PortalSettings
from stack.sandbox import Portal
from tests.support.portal_client import client_fixture, lines_fixture
from tests.support.services import PortalFactory, Services
from tests.unit.portal.fakes import MemoryTable

__all__ = ["client_fixture", "lines_fixture"]

CLIENT_ID, CLIENT_SECRET, REFRESH = "local.app.1", "client-secret-of-a-test", "refresh-token-of-a-test"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A simulator with one app installed."""
    services = Services(tmp_path_factory.mktemp("portal"))
    yield PortalFactory(services)("--no-limits", "--app", f"{CLIENT_ID}:{CLIENT_SECRET}:{REFRESH}")
    services.close()


class Worker:
    """The owner of the portal: calls as the gateway does, with a clock that the test turns."""

    def __init__(self, portal: Portal, client: PortalClient, refresh: str) -> None:
        app = CredentialSettings(
            client_id=CLIENT_ID,
            client_secret=SecretStr(CLIENT_SECRET),
            refresh_token=SecretStr(refresh),
            oauth_server=f"{portal.url}/oauth/token/",
        )
        portals = {"main": PortalSettings(address=portal.rest, credentials={"app": app})}
        sealer = Sealer([Fernet.generate_key()])
        table = TokenTable(cast(DurableTable, MemoryTable()), sealer)
        self.late = 0.0
        oauth = OAuth(portals, table, TokenServer(connect_timeout=1), clock=lambda: 1_000_000 + self.late)
        self.credentials = Credentials(portals, True, sealer, oauth)
        self.client = client
        self.address = portal.rest
        self.tokens: list[str] = []

    async def call(self, method: str, **params: Any) -> Answer:
        while True:
            access = await self.credentials.access("main", "app", None)
            self.tokens.append(access.token)
            try:
                return await self.client.call(self.address, access, method, orjson.dumps(params))
            except PortalAuth as fault:
                if not self.credentials.refused("main", "app", access, fault):
                    raise


@pytest.fixture
async def worker(portal: Portal, client: PortalClient, lines: list[str]) -> AsyncIterator[Worker]:
    """A worker with a refresh token of its own; at the end no token is in a log line."""
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{portal.url}/_sandbox/oauth/tokens", json={"client_id": CLIENT_ID})
    refresh = answer.raise_for_status().json()["refresh_token"]
    made = Worker(portal, client, refresh)
    yield made
    for secret in (*made.tokens, refresh, CLIENT_SECRET):
        assert secret not in "".join(lines)


async def expire(portal: Portal, *, refresh: bool = False) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(
            f"{portal.url}/_sandbox/oauth/expire", json={"client_id": CLIENT_ID, "refresh": refresh}
        )
    assert answer.raise_for_status().json()["expired"] > 0


async def test_calls_of_an_app(worker: Worker) -> None:
    added = orjson.loads((await worker.call("crm.deal.add", fields={"TITLE": "Ёлка"})).body)["result"]
    batch = await worker.call("batch", halt=0, cmd={"a": f"crm.deal.get?id={added}"})
    assert orjson.loads(batch.body)["result"]["result"]["a"]["TITLE"] == "Ёлка"
    assert len(set(worker.tokens)) == 1


async def test_the_configured_token_is_the_apps_first(portal: Portal, client: PortalClient) -> None:
    assert (await Worker(portal, client, REFRESH).call("profile")).status == 200


async def test_a_token_is_renewed_before_it_expires(worker: Worker) -> None:
    for _ in range(3):
        await worker.call("profile")
        worker.late += 3600
    assert len(set(worker.tokens)) == 3


async def test_a_token_that_expires_before_its_time_is_renewed_and_the_call_made_again(
    worker: Worker, portal: Portal
) -> None:
    await worker.call("profile")
    await expire(portal)
    worker.late += 100
    assert (await worker.call("crm.deal.add", fields={"TITLE": "once"})).status == 200
    assert len(set(worker.tokens)) == 2
    found = orjson.loads((await worker.call("crm.deal.list", filter={"TITLE": "once"})).body)
    assert found["total"] == 1


async def test_an_app_that_is_taken_away(worker: Worker, portal: Portal) -> None:
    await worker.call("profile")
    await expire(portal, refresh=True)
    worker.late += 100
    with pytest.raises(PortalAuth, match=r"invalid_grant.*new refresh_token into the settings") as raised:
        await worker.call("profile")
    assert raised.value.credential_dead and not raised.value.sent
