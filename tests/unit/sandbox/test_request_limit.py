"""The front server's cut: what has run stays, what runs completes, what would follow does not begin."""

from typing import Any

import pytest

from sandbox.portal.errors import GatewayTimeout, RestError
from sandbox.portal.faults import FaultBook
from sandbox.portal.methods import registry
from sandbox.portal.methods.spec import Call
from sandbox.portal.options import DEFAULT_CREDENTIAL, Costs, Options
from sandbox.portal.portal import Portal
from tests.unit.sandbox.virtual_clock import VirtualClock


def _portal(clock: VirtualClock, **options: Any) -> Portal:
    costs = Costs({"crm.deal.add": 25.0, "crm.company.add": 60.0, "crm.lead.add": 60.1})
    return Portal("default", Options(costs=costs, **options), registry(), clock, FaultBook())


def _call(method: str, **params: Any) -> Call:
    return Call(method, params, DEFAULT_CREDENTIAL, "127.0.0.1", 1)


async def _settled(portal: Portal, clock: VirtualClock) -> None:
    """Wait until what was left running has ended."""
    await clock.pause(1000)


@pytest.mark.parametrize("scale", [1.0, 60.0])
async def test_a_batch_is_cut_while_a_command_runs(scale: float) -> None:
    clock = VirtualClock(scale)
    portal = _portal(clock)
    cmd = {key: f"crm.deal.add?fields[TITLE]={key}" for key in "abcd"}
    with pytest.raises(GatewayTimeout):
        await portal.execute(_call("batch", cmd=cmd))
    assert clock.time == pytest.approx(1000 + 60 / scale)
    titles = [row["TITLE"] for row in portal.store.tables["deal"].rows.values()]
    assert titles == ["a", "b"], "at the cut the third still runs"
    await _settled(portal, clock)
    titles = [row["TITLE"] for row in portal.store.tables["deal"].rows.values()]
    assert titles == ["a", "b", "c"], "it completes, and the fourth never begins"
    log = portal.journal.log(None, 0, 10)
    assert [(item.command, item.error) for item in log] == [
        ("a", None),
        ("b", None),
        (None, "GATEWAY_TIMEOUT"),
        ("c", None),
    ]
    assert log[3].finished == pytest.approx(1000 + 75 / scale)
    assert portal.meter.peaks()["1/crm.deal.add"] == pytest.approx(75 / scale)


async def test_a_single_call_is_cut_and_completes() -> None:
    clock = VirtualClock()
    portal = _portal(clock)
    with pytest.raises(GatewayTimeout):
        await portal.execute(_call("crm.lead.add", fields={}))
    assert (clock.time, len(portal.store.tables["lead"].rows)) == (1060.0, 0)
    await _settled(portal, clock)
    assert len(portal.store.tables["lead"].rows) == 1


async def test_exactly_the_limit_passes() -> None:
    assert (await _portal(VirtualClock()).execute(_call("crm.company.add", fields={}))).reply.result == 1


async def test_the_limit_can_be_set_or_taken_away() -> None:
    with pytest.raises(GatewayTimeout):
        await _portal(VirtualClock(), request_limit=20.0).execute(_call("crm.deal.add", fields={}))
    clock = VirtualClock()
    outcome = await _portal(clock, request_limit=None).execute(
        _call("batch", cmd={key: "crm.lead.add?fields[A]=1" for key in "ab"})
    )
    assert len(outcome.reply.result["result"]) == 2
    assert outcome.time["duration"] == pytest.approx(120.2)


async def test_an_error_after_the_cut_is_only_in_the_log() -> None:
    clock = VirtualClock()
    portal = Portal("default", Options(costs=Costs({"crm.deal.get": 100.0})), registry(), clock, FaultBook())
    with pytest.raises(GatewayTimeout):
        await portal.execute(_call("crm.deal.get", id=5))
    await _settled(portal, clock)
    assert [item.error for item in portal.journal.log(None, 0, 10)] == [""]


async def test_the_server_end_stops_what_is_left_running() -> None:
    portal = _portal(VirtualClock())
    with pytest.raises(GatewayTimeout):
        await portal.execute(_call("crm.lead.add", fields={}))
    await portal.close()
    assert len(portal.store.tables["lead"].rows) == 0
    assert [item.error for item in portal.journal.log(None, 0, 10)] == ["CANCELLED"]


async def test_refusals_come_before_the_cut() -> None:
    portal = _portal(VirtualClock(), operating_limit=10.0)
    await portal.execute(_call("crm.deal.add", fields={}))
    with pytest.raises(RestError, match="OPERATION_TIME_LIMIT"):
        await portal.execute(_call("crm.deal.add", fields={}))


async def test_nothing_begins_after_the_cut() -> None:
    clock = VirtualClock()
    portal = _portal(clock)
    call = _call("crm.deal.fields")
    call.pace = portal.pace()
    call.pace.begin()
    clock.time += 61
    with pytest.raises(GatewayTimeout):
        await portal.execute(call)
    await _settled(portal, clock)
    assert portal.journal.log(None, 0, 10) == []
