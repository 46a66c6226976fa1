"""pipeline/portal/sending/landing.py: each row of its table, for calls that went alone. Batches: test_landing_batch.py.

One connection and no packing, so that what happens first is known.
"""

import asyncio
import time
from collections.abc import Callable

import orjson
import pytest

from pipeline.delivery.errors import Auth, PipelineError, Transient
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.access.seal import Sealer
from pipeline.portal.limits.governor import MANY
from pipeline.portal.limits.limiter import Limiter
from pipeline.portal.requests.row import DONE, WAITING
from pipeline.portal.sending.landing import GIVE_UP_AFTER
from pipeline.portal.view import clock, portal_state
from pipeline.portal.wire.access import Access
from pipeline.portal.wire.faults import (
    Answer,
    PortalAuth,
    PortalBlocked,
    PortalOversize,
    PortalPermanent,
    PortalThrottled,
    PortalTransient,
    PortalUnknown,
)
from tests.unit.portal.fakes import settle, until
from tests.unit.portal.sending.ground import PROBES, Ground, limited

Make = Callable[..., Ground]


@pytest.fixture
async def plain(make: Make) -> Ground:
    return make(connections=1, batch_room=1)


FINAL = [
    (PortalPermanent("no such method", answer=Answer(400, b'{"error":"X"}')), "permanent", b'{"error":"X"}'),
    (PortalAuth("no rights", answer=Answer(403, b'{"error":"insufficient_scope"}')), "auth", b'{"error":"insuff'),
    (
        PortalOversize("too long", length=99, exact=True, answer=Answer(200, b"")),
        "oversize",
        b"BUS_ANSWER_TOO",
    ),
]


@pytest.mark.parametrize("method", ["crm.deal.list", "crm.deal.add"])
@pytest.mark.parametrize(("error", "error_class", "body"), FINAL, ids=lambda given: type(given).__name__)
async def test_what_is_final_is_an_error_answer(
    error: PipelineError, error_class: str, body: bytes, method: str, plain: Ground
) -> None:
    plain.portal.outcomes = [error]
    one = await plain.add(method=method)
    await plain.all_done()
    record = plain.answer(one)
    assert record.headers["error-class"] == error_class and body in record.value
    assert len(plain.portal.calls) == 1 and plain.executor.pause.word == "ok"


@pytest.mark.parametrize("method", ["crm.deal.list", "crm.deal.add"])
async def test_throttled_backs_off_and_goes_again(method: str, make: Make) -> None:
    plain = make(limiter=Limiter(5.0, 50), connections=1, batch_room=1)
    plain.portal.outcomes = [PortalThrottled("503 QUERY_LIMIT_EXCEEDED")]
    one = await plain.add(method=method)
    await until(lambda: plain.executor.pause.word == "throttled")
    assert plain.executor.limiter.factor < 1
    assert portal_state(plain.executor, time.time()).state == "throttled"
    await plain.all_done()
    assert plain.portal.calls[1].at - plain.portal.calls[0].at >= 0.2
    assert plain.answer(one).headers["attempts"] == "2" and plain.executor.pause.word == "ok"


async def test_a_method_at_its_limit_is_held_others_go_on(make: Make) -> None:
    plain = make(limits=limited(), connections=1, batch_room=1)
    plain.portal.outcomes = [PortalThrottled("429", method_only=True)]
    held, also, free = await plain.add_all(
        {"method": "crm.deal.list"}, {"method": "crm.deal.list"}, {"method": "crm.company.list"}
    )
    await until(lambda: plain.state(free) == DONE)
    assert plain.states() == WAITING + WAITING + DONE and plain.executor.pause.word == "ok"
    assert ("all", "crm.deal.list") in plain.executor.governor.holds(time.time())
    await plain.all_done()
    first, *others = [call.at for call in plain.portal.calls if call.method == "crm.deal.list"]
    assert all(at >= first + 0.2 for at in others)
    assert plain.answer(held).headers["attempts"] == "2" and plain.answer(also).headers["attempts"] == "1"


async def test_never_sent_pauses_the_portal_and_goes_again_first(plain: Ground) -> None:
    plain.portal.outcomes = [PortalTransient("refused; nothing was sent", sent=False)] * 3
    await plain.add_all({"method": "crm.first.list"}, {"method": "crm.second.list"})
    await until(lambda: plain.executor.pause.word == "down")
    assert portal_state(plain.executor, time.time()).reason.startswith("refused")
    await plain.all_done()
    assert plain.portal.methods == ["crm.first.list"] * 4 + ["crm.second.list"]
    assert plain.executor.pause.word == "ok"


async def test_a_portal_that_is_down_for_long_loses_nothing_and_gives_up_nothing(plain: Ground) -> None:
    plain.portal.outcomes = [PortalTransient("refused", sent=False)] * 30
    one = await plain.add(method="crm.deal.add")
    await plain.all_done()
    assert "error-class" not in plain.answer(one).headers and len(plain.portal.calls) == 31


async def test_an_unknown_read_is_tried_again_while_nobody_is_served(plain: Ground) -> None:
    plain.portal.outcomes = [PortalUnknown("no answer in time")] * (GIVE_UP_AFTER + 5)
    one = await plain.add()
    await plain.all_done()
    assert plain.answer(one).headers["attempts"] == str(GIVE_UP_AFTER + 6)


async def test_an_unknown_read_is_given_up_when_the_portal_serves_others(plain: Ground) -> None:
    plain.portal.by["crm.bad.list"] = PortalUnknown("HTTP 502", answer=Answer(502, b"<html>"))
    bad = await plain.add(method="crm.bad.list")

    async def others() -> None:
        while plain.state(bad) != DONE:
            await plain.add(method="crm.deal.list")
            await asyncio.sleep(0.002)

    async with asyncio.timeout(5):
        await others()
    record = plain.answer(bad)
    assert record.headers["error-class"] == "unknown" and orjson.loads(record.value)["error"] == "BUS_UNKNOWN_OUTCOME"
    assert plain.portal.methods.count("crm.bad.list") == GIVE_UP_AFTER
    await plain.all_done()


async def test_a_retry_keeps_its_order_key(plain: Ground) -> None:
    plain.portal.outcomes = [PortalUnknown("reset")]
    bodies = [b'{"id":1}', b'{"id":1,"select":[]}', b'{"free":1}']
    keys: list[tuple[str, ...]] = [("deal:1",), ("deal:1",), ()]
    await plain.add_all(
        *({"method": "crm.x.get", "body": body, "keys": kept} for body, kept in zip(bodies, keys, strict=True))
    )
    await plain.all_done()
    went = [call.body for call in plain.portal.calls]
    assert [body for body in went if body != bodies[2]] == [bodies[0], bodies[0], bodies[1]]


async def test_a_configured_credential_that_is_refused_waits_others_go_on(plain: Ground) -> None:
    plain.portal.outcomes = [PortalAuth("expired_token", credential_dead=True)]
    waiting, other = await plain.add_all(
        {"credential": "all", "credential_id": "all"}, {"credential": "crm", "credential_id": "crm"}
    )
    await until(lambda: plain.state(other) == DONE)
    assert plain.state(waiting) == WAITING
    state = portal_state(plain.executor, time.time())
    assert state.state == "auth" and state.since is not None and state.until is not None
    assert state.until == state.since + PROBES.credential_probe
    assert state.reason == f"credential all is refused (expired_token); tried again at {clock(state.until)}"
    await plain.all_done()
    assert portal_state(plain.executor, time.time()).refused == ()
    assert "error-class" not in plain.answer(waiting).headers
    assert [call.access.token for call in plain.portal.calls] == ["allallall", "crmcrmcrm", "allallall"]


async def test_a_refusal_is_shown_during_its_probes_and_since_its_beginning(plain: Ground) -> None:
    plain.portal.outcomes = [PortalAuth("expired_token", credential_dead=True), PortalAuth("x", credential_dead=True)]
    await plain.add()
    await until(lambda: plain.executor.pause.refusals)
    first = portal_state(plain.executor, time.time())
    during = portal_state(plain.executor, time.time() + 1)
    assert during.state == "auth" and during.reason.endswith("(expired_token); tried again now")
    await until(lambda: plain.executor.pause.refusals["all"].text == "x")
    state = portal_state(plain.executor, time.time())
    assert (state.state, state.since) == ("auth", first.since) and " (x); " in state.reason
    await plain.all_done()


@pytest.mark.parametrize("code", ["insufficient_scope", "X"])
async def test_an_error_of_a_requests_own_ends_a_refusal(code: str, plain: Ground) -> None:
    """The portal has looked at the call, so it knows the credential."""
    final = PortalPermanent("no", code=code) if code == "X" else PortalAuth("no", code=code)
    plain.portal.outcomes = [PortalAuth("expired_token", credential_dead=True), final]
    await plain.add()
    await plain.all_done()
    assert plain.executor.pause.refusals == {}


def no_access_once(monkeypatch: pytest.MonkeyPatch, error: PipelineError) -> list[PipelineError]:
    """The first time that access is asked for, `error` is raised; the list is empty when it was."""
    errors = [error]
    real = Credentials.access

    async def access(self: Credentials, portal: str, credential: str | None, sealed: str | None) -> Access:
        if errors:
            raise errors.pop()
        return await real(self, portal, credential, sealed)

    monkeypatch.setattr(Credentials, "access", access)
    return errors


async def test_what_the_token_server_says_is_shown(plain: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = PortalAuth(
        "token server o: HTTP 400 invalid_grant", code="invalid_grant", credential_dead=True, sent=False
    )
    no_access_once(monkeypatch, refused)
    await plain.add()
    await until(lambda: plain.executor.pause.refusals)
    state = portal_state(plain.executor, time.time())
    assert state.reason.startswith("credential all is refused (token server o: HTTP 400 invalid_grant); tried again at")
    assert plain.portal.calls == []
    await plain.all_done()
    assert plain.executor.pause.refusals == {}


async def test_no_secret_is_in_what_a_refusal_says(plain: Ground) -> None:
    plain.portal.outcomes = [PortalAuth("HTTP 401 expired_token:\n allallall is old", credential_dead=True)]
    await plain.add()
    await until(lambda: plain.executor.pause.refusals)
    state = portal_state(plain.executor, time.time())
    assert "(HTTP 401 expired_token: ******** is old)" in state.reason and "allallall" not in repr(state)
    await plain.all_done()


async def test_a_probe_that_succeeds_lets_all_of_the_credential_go(plain: Ground) -> None:
    """Only one is needed: nobody waits for the rest of the pause."""
    plain.portal.outcomes = [PortalAuth("expired_token", credential_dead=True)]
    await plain.add()
    await until(lambda: plain.executor.scheduler.holds(time.time()))
    plain.executor.scheduler.hold("all", "*", time.time() + 3600)
    await plain.add_all({}, {})
    await settle()
    assert len(plain.portal.calls) == 1
    plain.executor.scheduler.hold("all", "*", time.time())
    plain.executor._wake.set()
    await plain.all_done()
    assert plain.executor.scheduler.holds(time.time()) == {}


async def test_a_token_of_the_messages_own_that_is_refused_is_an_error_answer(plain: Ground, sealer: Sealer) -> None:
    plain.portal.outcomes = [PortalAuth("invalid", credential_dead=True, answer=Answer(401, b'{"error":"NO_AUTH"}'))]
    one, other = await plain.add_all(
        {"credential": None, "credential_id": "sealed:x", "sealed": sealer.seal("7", "own-token")}, {}
    )
    await plain.all_done()
    assert plain.portal.calls[0].access == Access.webhook("7", "own-token")
    assert plain.answer(one).headers["error-class"] == "auth"
    assert "error-class" not in plain.answer(other).headers


async def test_a_credential_that_cannot_be_resolved_is_an_error_answer_without_a_call(plain: Ground) -> None:
    gone, foreign = await plain.add_all(
        {"credential": "gone", "credential_id": "gone", "method": "crm.deal.add"},
        {"credential": None, "credential_id": "sealed:y", "sealed": "x.not-ours"},
    )
    await plain.all_done()
    for one in (gone, foreign):
        assert plain.answer(one).headers["error-class"] == "auth" and plain.answer(one).headers["attempts"] == "0"
    assert plain.portal.calls == []


@pytest.mark.parametrize("error", [Auth("no such app"), Transient("the token server is away")])
async def test_what_fails_before_a_call_says_nothing_of_the_portal(
    error: PipelineError, plain: Ground, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = no_access_once(monkeypatch, error)
    plain.executor.pause.unreachable(time.time() - 1, "refused")
    assert plain.executor.pause.word == "down"
    one = await plain.add()
    await until(lambda: not errors)
    await settle(3)
    assert plain.portal.calls or plain.executor.pause.word == "down", "no answer of the portal has ended the pause"
    assert plain.portal.calls or plain.executor.pause.last_success is None
    await plain.all_done()
    assert plain.answer(one).headers["attempts"] == str(len(plain.portal.calls))


async def test_a_refusal_of_our_own_says_nothing_of_the_portal(plain: Ground) -> None:
    """A list as the body of an OAuth app's call has no place for its token: nothing was sent."""
    plain.executor.pause.unreachable(time.time() - 1, "refused")
    plain.portal.outcomes = [PortalPermanent("a JSON object is needed", sent=False)]
    one = await plain.add()
    await plain.all_done()
    assert plain.answer(one).headers["error-class"] == "permanent"
    assert plain.executor.pause.word == "down" and plain.executor.pause.last_success is None


async def test_an_apps_token_that_was_renewed_makes_it_go_again_at_once(
    plain: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Credentials, "refused", lambda *_: True)
    plain.portal.outcomes = [PortalAuth("expired_token", credential_dead=True)]
    one = await plain.add()
    await plain.all_done()
    assert plain.answer(one).headers["attempts"] == "2" and plain.executor.scheduler.holds(time.time()) == {}


async def test_a_block_pauses_the_whole_portal_and_is_probed(plain: Ground) -> None:
    plain.portal.outcomes = [PortalBlocked("OVERLOAD_LIMIT")]
    await plain.add_all({"method": "crm.first.list"}, {"method": "crm.second.list"})
    await until(lambda: plain.executor.pause.word == "blocked")
    state = portal_state(plain.executor, time.time())
    assert (state.state, state.waiting, state.reason) == ("blocked", 2, "OVERLOAD_LIMIT")
    assert state.since is not None and state.until == state.since + PROBES.blocked_probe
    await plain.all_done()
    assert plain.portal.calls[1].at - plain.portal.calls[0].at >= 0.2
    assert plain.portal.methods == ["crm.first.list", "crm.first.list", "crm.second.list"]


async def test_a_method_that_only_refuses_is_known_after_its_first_call(make: Make) -> None:
    """A refusal of its own was executed and paid for: the governor learns that there is no limit to be told."""
    plain = make(limits=limited(), connections=1, batch_room=1)
    plain.portal.outcomes = [PortalPermanent("not found", answer=Answer(400, b'{"error":"X"}'))]
    assert plain.executor.governor.room("all", "crm.deal.get", time.time()) == 1
    await plain.add(method="crm.deal.get")
    await plain.all_done()
    assert plain.executor.governor.room("all", "crm.deal.get", time.time()) == MANY


async def test_what_has_no_place_in_the_table_ends_the_worker(plain: Ground, deaths: list[str]) -> None:
    plain.portal.outcomes = [PipelineError("strange")]
    one = await plain.add()
    await until(lambda: deaths)
    assert "PipelineError has no place" in deaths[0] and plain.state(one) == WAITING
    deaths.clear()
