"""pipeline/portal/access/oauth.py and tokens.py: one renewal, written before use; against a scripted token server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from pydantic import SecretStr

from pipeline.delivery.errors import Transient
from pipeline.delivery.ownership import Lost
from pipeline.delivery.tables import DurableTable
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.access.oauth import OAuth
from pipeline.portal.access.seal import Sealer
from pipeline.portal.access.token_server import TokenServer
from pipeline.portal.access.tokens import TokenTable
from pipeline.portal.partition import partition_of
from pipeline.portal.wire.access import Access
from pipeline.portal.wire.faults import PortalAuth, PortalFault
from pipeline.settings import CredentialSettings, PortalSettings
from stack.ports import free_port
from tests.support.http_server import http
from tests.support.portal_client import lines_fixture
from tests.support.token_server import CLIENT_ID, CLIENT_SECRET, REFRESH, TokenScript, refusal, token_server
from tests.unit.portal.fakes import MemoryTable

__all__ = ["lines_fixture"]

KEY = (partition_of("main"), b"t/main/app")
FIRST, SECOND, THIRD = (f"access-token-of-a-test-{number}" for number in (1, 2, 3))


class Ground:
    """A portal with an OAuth app, and what outlives a worker: the table, the token server, the clock."""

    def __init__(self, server: TokenScript, sealer: Sealer) -> None:
        self.server = server
        self.sealer = sealer
        self.table = MemoryTable()
        self.refresh = REFRESH
        self.secret = CLIENT_SECRET
        self.address = server.address
        self.time = 1_000_000.0
        self.scale = 1.0
        self.worker = self.start()

    def start(self) -> OAuth:
        """The next owner of the portal: nothing is in its memory."""
        self.app = CredentialSettings(
            client_id=CLIENT_ID,
            client_secret=SecretStr(self.secret),
            refresh_token=SecretStr(self.refresh),
            oauth_server=self.address,
            methods=["crm.*"],
        )
        webhook = CredentialSettings(user="1", token=SecretStr("webhooktoken"))
        self.portals = {
            "main": PortalSettings(
                address="https://one.example/rest/",
                scale=self.scale,
                credentials={"app": self.app, "hook": webhook},
            )
        }
        self.tokens = TokenTable(cast(DurableTable, self.table), self.sealer)
        self.worker = OAuth(
            self.portals,
            self.tokens,
            TokenServer(connect_timeout=0.5, request_timeout=0.5),
            clock=lambda: self.time,
        )
        self.credentials = Credentials(self.portals, True, self.sealer, self.worker)
        return self.worker

    async def access(self) -> str:
        return await self.worker.access("main", "app")

    def expired(self, access: str) -> bool:
        return self.worker.expired("main", "app", access)


@pytest.fixture
async def ground(sealer: Sealer, lines: list[str]) -> AsyncIterator[Ground]:
    """At the end no secret is in a log line or in the table's bytes."""
    async with token_server() as server:
        made = Ground(server, sealer)
        yield made
        await made.worker.release(1)
    written = b"".join(value or b"" for _, value in made.table.log)
    for secret in server.secrets:
        assert secret not in "".join(lines)
        assert secret.encode() not in written


async def dead(ground: Ground) -> PortalAuth:
    """The fault of an app that the token server refuses; no secret is in it."""
    with pytest.raises(PortalAuth) as raised:
        await ground.access()
    assert (raised.value.credential_dead, raised.value.sent) == (True, False)
    shown = repr(raised.value) + repr(vars(raised.value))
    assert not any(secret in shown for secret in ground.server.secrets)
    return raised.value


# -- renewing


async def test_the_first_token_is_got_with_the_configured_refresh_token(ground: Ground) -> None:
    assert await ground.access() == FIRST
    assert await ground.access() == FIRST
    ((line, headers, form),) = ground.server.requests
    # no secret is in the address
    assert line == "POST /oauth/token/ HTTP/1.1"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert form == {
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH,
    }


async def test_it_is_renewed_within_a_minute_of_its_end_with_the_rotated_refresh_token(ground: Ground) -> None:
    await ground.access()
    ground.time += 3600 - 61
    assert await ground.access() == FIRST
    ground.time += 2
    assert await ground.access() == SECOND
    assert ground.server.requests[1][2]["refresh_token"] == "refresh-token-of-a-test-1"


async def test_times_of_a_portal_that_runs_faster(ground: Ground) -> None:
    ground.scale = 60.0
    ground.start()
    await ground.access()
    ground.time += 60 - 1.1
    assert await ground.access() == FIRST
    ground.time += 0.2
    assert await ground.access() == SECOND


async def test_callers_at_the_same_time_share_a_renewal(ground: Ground) -> None:
    ground.server.gate.clear()
    callers = [asyncio.create_task(ground.access()) for _ in range(20)]
    await ground.server.arrived.wait()
    ground.server.gate.set()
    assert set(await asyncio.gather(*callers)) == {FIRST}
    assert ground.server.renewals == 1


async def test_callers_at_the_same_time_share_a_failure(ground: Ground) -> None:
    ground.server.answers = [refusal(400, "invalid_grant")]
    results = await asyncio.gather(*(ground.access() for _ in range(5)), return_exceptions=True)
    assert all(isinstance(result, PortalAuth) for result in results)
    assert len(ground.server.requests) == 1


async def test_a_caller_that_gives_up_does_not_end_the_renewal(ground: Ground) -> None:
    ground.server.gate.clear()
    caller = asyncio.create_task(ground.access())
    await ground.server.arrived.wait()
    caller.cancel()
    await asyncio.wait([caller])
    ground.server.gate.set()
    assert await ground.access() == FIRST
    assert ground.server.renewals == 1


# -- the table


async def test_a_token_is_in_the_table_before_it_is_used(ground: Ground) -> None:
    confirmed: list[bool] = []
    put_all = ground.table.put_all

    async def watched(*given: Any, **options: Any) -> None:
        await put_all(*given, **options)
        confirmed.append(not caller.done())

    ground.table.put_all = watched  # type: ignore[method-assign]
    caller = asyncio.create_task(ground.access())
    assert await caller == FIRST and confirmed == [True]
    kept = ground.tokens.read("main", "app", ground.app)
    assert kept is not None
    assert (kept.access, kept.refresh) == (FIRST, "refresh-token-of-a-test-1")
    assert (kept.expires_at, kept.endpoint) == (ground.time + 3600, "https://one.example/rest/")


async def test_the_next_owner_has_them_without_a_renewal(ground: Ground) -> None:
    await ground.access()
    ground.start()
    assert await ground.access() == FIRST
    assert ground.server.renewals == 1
    # and renews with the rotated one
    ground.time += 3600
    ground.start()
    assert await ground.access() == SECOND


async def test_a_crash_between_rotation_and_use(ground: Ground) -> None:
    """The table has them; the access token was never handed out."""
    await ground.access()
    ground.time += 3600
    ground.server.gate.clear()
    ground.server.arrived.clear()
    caller = asyncio.create_task(ground.access())
    await ground.server.arrived.wait()
    caller.cancel()
    ground.server.gate.set()
    crashed = ground.worker
    async with asyncio.timeout(5):
        while len(ground.table.log) < 2:
            await asyncio.sleep(0.001)
    ground.start()
    assert await ground.access() == SECOND
    assert ground.server.renewals == 2
    await crashed.release(1)


async def test_kafka_is_away_after_the_rotation(ground: Ground) -> None:
    """The rotated token is written when it is back, and not asked for again: the old one is used up."""
    ground.table.errors = [Transient("Kafka is away")] * 2
    for _ in range(2):
        with pytest.raises(Transient, match="Kafka is away"):
            await ground.access()
    assert await ground.access() == FIRST
    assert ground.server.renewals == 1


async def test_what_is_not_written_is_written_at_the_end(ground: Ground) -> None:
    ground.table.errors = [Transient("Kafka is away")]
    with pytest.raises(Transient):
        await ground.access()
    await ground.worker.release(1)
    ground.start()
    assert await ground.access() == FIRST


async def test_a_renewal_on_its_way_is_waited_for_at_the_end(ground: Ground) -> None:
    ground.server.gate.clear()
    caller = asyncio.create_task(ground.access())
    await ground.server.arrived.wait()
    ending = asyncio.create_task(ground.worker.release(5))
    await asyncio.sleep(0)
    assert not ending.done()
    ground.server.gate.set()
    await ending
    assert await caller == FIRST and KEY in ground.table.rows


async def test_the_portal_is_lost_meanwhile(ground: Ground) -> None:
    ground.table.errors = [Lost("gone")]
    with pytest.raises(Lost):
        await ground.access()


async def test_a_new_refresh_token_in_the_settings_wins(ground: Ground) -> None:
    await ground.access()
    ground.server.current = ground.refresh = "refresh-token-of-a-test-pasted"
    ground.start()
    assert await ground.access() == SECOND
    # and is not asked for again
    ground.time += 3600
    ground.start()
    assert await ground.access() == THIRD


async def test_a_wrong_paste_can_be_taken_back(ground: Ground) -> None:
    await ground.access()
    ground.refresh = "refresh-token-of-a-test-wrong"
    ground.start()
    await dead(ground)
    ground.refresh = REFRESH
    ground.start()
    assert await ground.access() == FIRST


async def test_a_row_that_cannot_be_opened_counts_as_none(ground: Ground) -> None:
    ground.table.rows[KEY] = b"x"
    assert await ground.access() == FIRST


# -- the portal refuses a token


async def test_a_token_that_the_portal_refuses_is_renewed_once(ground: Ground) -> None:
    await ground.access()
    ground.time += 100
    assert ground.expired(FIRST)
    # three calls were out with it
    assert ground.expired(FIRST)
    assert [await ground.access() for _ in range(2)] == [SECOND, SECOND]
    assert ground.expired(FIRST)
    assert await ground.access() == SECOND
    assert ground.server.renewals == 2


async def test_a_new_token_that_is_refused_is_a_dead_credential(ground: Ground) -> None:
    await ground.access()
    ground.time += 100
    assert ground.expired(FIRST)
    await ground.access()
    assert not ground.expired(SECOND)
    assert not ground.expired(SECOND)
    # the probe, after the pause, gets another
    ground.time += 100
    assert await ground.access() == THIRD
    assert ground.expired(SECOND)
    assert not ground.expired(THIRD)


async def test_a_kept_token_that_is_refused_is_renewed(ground: Ground) -> None:
    await ground.access()
    ground.start()
    assert await ground.access() == FIRST
    assert ground.expired(FIRST)
    assert await ground.access() == SECOND


# -- the token server refuses, or is away


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refusal(400, "invalid_grant"), "put its new refresh_token into the settings"),
        (refusal(401, "invalid_client", "Client not found"), "check client_id and client_secret"),
        (refusal(401, "PAYMENT_REQUIRED"), "subscription"),
        (refusal(403, "insufficient_scope"), "rights of the app"),
        (refusal(200, "invalid_request"), "new refresh_token"),
        (refusal(400, "SOMETHING_NEW", f"for {REFRESH}\nand {CLIENT_SECRET}"), "SOMETHING_NEW: for ********"),
        (refusal(400, "x", "x" * 190 + REFRESH), "xxx****"),
        (refusal(400, f"{REFRESH} is wrong"), "******** is wrong"),
        (http(400, b'{"error":17}'), "HTTP 400 17"),
    ],
)
async def test_a_dead_refresh_token(ground: Ground, answer: bytes, words: str) -> None:
    ground.server.answers = [answer]
    fault = await dead(ground)
    assert words.replace(": for", " for") in str(fault) and "\n" not in str(fault)
    assert ground.table.rows == {}
    # mended at the server: the next probe goes through
    assert await ground.access() == FIRST


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        http(500, b"<html>"),
        http(503, b'{"error":"invalid_grant"}'),
        http(429, b'{"error":"QUERY_LIMIT_EXCEEDED"}'),
        http(400, b'{"error":"temporarily_unavailable"}'),
        http(400, b'{"no":"error"}'),
        http(302, b"", "Location: https://elsewhere.example/?refresh_token=x"),
        http(200, b"<html>maintenance"),
        http(200, b"[]"),
        http(200, b'{"access_token":""}'),
        http(200, b'{"access_token":["access-token-of-a-test-0"],"refresh_token":"x"}'),
        http(200, b'{"access_token":"x","refresh_token":"x","rest":"' + b"x" * 1_000_000 + b'"}'),
        b"nonsense\r\n\r\n",
    ],
)
async def test_an_answer_that_may_pass(ground: Ground, answer: bytes) -> None:
    ground.server.answers = [answer]
    with pytest.raises(Transient) as raised:
        await ground.access()
    shown = str(raised.value) + repr(vars(raised.value)) + repr(raised.value.__context__)
    # it must not count as the portal's
    assert not isinstance(raised.value, PortalFault)
    assert ground.server.address.split("/")[2] in shown and "\n" not in str(raised.value)
    assert not any(secret in shown for secret in ground.server.secrets)
    assert await ground.access() == FIRST


async def test_no_redirect_takes_the_secrets_along(ground: Ground) -> None:
    async with token_server() as other:
        ground.server.answers = [http(307, b"", f"Location: {other.address}")]
        with pytest.raises(Transient, match="HTTP 307"):
            await ground.access()
        assert other.requests == []


async def test_a_token_server_that_is_silent(ground: Ground) -> None:
    ground.server.gate.clear()
    with pytest.raises(Transient, match="no answer in time"):
        await ground.access()


async def test_a_token_server_that_is_down(ground: Ground) -> None:
    ground.address = f"http://127.0.0.1:{free_port()}/oauth/token/"
    ground.start()
    with pytest.raises(Transient, match="token server 127"):
        await ground.access()


@pytest.mark.parametrize(("lifetime", "seconds"), [("1800", 1800), (None, 3600), ("soon", 3600), (-5, 3600)])
async def test_how_long_a_token_lives(ground: Ground, lifetime: object, seconds: float) -> None:
    ground.server.lifetime = lifetime
    await ground.access()
    kept = ground.tokens.read("main", "app", ground.app)
    assert kept is not None and kept.expires_at == ground.time + seconds


async def test_an_answer_without_a_refresh_token_keeps_the_one_there_is(ground: Ground) -> None:
    ground.server.answers = [http(200, b'{"access_token":"access-token-of-a-test-0"}')]
    assert await ground.access() == "access-token-of-a-test-0"
    ground.time += 3600
    assert await ground.access() == FIRST


async def test_an_app_of_another_portal_is_said_once(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    ground.server.endpoint = "https://other.example/rest/"
    for _ in range(3):
        await ground.access()
        ground.time += 3600
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["portal main, credential app: the app belongs to other.example, the settings name one.example"]


# -- as the callers see it


async def test_credentials_give_access_of_both_kinds(ground: Ground) -> None:
    assert await ground.credentials.access("main", "hook", None) == Access.webhook("1", "webhooktoken")
    assert await ground.credentials.access("main", "app", None) == Access.oauth(FIRST)


@pytest.mark.parametrize("code", ["expired_token", "invalid_token", "NO_AUTH_FOUND"])
async def test_a_refused_call_is_made_again_with_another_token(ground: Ground, code: str) -> None:
    fault = PortalAuth("HTTP 401", code=code, credential_dead=True)
    access = await ground.credentials.access("main", "app", None)
    ground.time += 100
    assert ground.credentials.refused("main", "app", access, fault)
    access = await ground.credentials.access("main", "app", None)
    assert access == Access.oauth(SECOND)
    assert not ground.credentials.refused("main", "app", access, fault)


@pytest.mark.parametrize("code", ["", "insufficient_scope", "INVALID_CREDENTIALS", "PAYMENT_REQUIRED"])
async def test_other_refusals_stand(ground: Ground, code: str) -> None:
    access = await ground.credentials.access("main", "app", None)
    ground.time += 100
    assert not ground.credentials.refused("main", "app", access, PortalAuth("x", code=code))
    assert await ground.access() == FIRST


async def test_the_refusal_of_a_webhook_stands(ground: Ground) -> None:
    fault = PortalAuth("x", code="NO_AUTH_FOUND", credential_dead=True)
    access = await ground.credentials.access("main", "hook", None)
    assert not ground.credentials.refused("main", "hook", access, fault)


async def test_an_app_has_its_methods_and_no_message_can_name_its_tokens(ground: Ground) -> None:
    assert ground.credentials.allowed("main", "app", "crm.deal.list", b"{}")
    assert not ground.credentials.allowed("main", "app", "user.get", b"{}")
    for pair in ((CLIENT_ID, CLIENT_SECRET), ("", REFRESH), ("None", REFRESH)):
        assert ground.credentials.protect("main", *pair).credential is None
