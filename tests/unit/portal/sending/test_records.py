"""pipeline/portal/sending/records.py and route_throttles.py: what is durable before what."""

import time
from collections.abc import Callable
from typing import cast

import orjson
import pytest

from pipeline.delivery.errors import Transient
from pipeline.delivery.tables import DurableTable
from pipeline.portal.requests.row import DONE, WAITING
from pipeline.portal.sending.route_throttles import RouteThrottles
from pipeline.settings import PortalSettings
from tests.unit.portal.fakes import MemoryTable, settle, until
from tests.unit.portal.sending.ground import Ground
from tests.unit.portal.sending.test_settling import call, plan

Make = Callable[..., Ground]
NOW = 1_000_000.0


def throttles(table: MemoryTable, portals: dict[str, PortalSettings]) -> RouteThrottles:
    return RouteThrottles(cast(DurableTable, table), portals)


async def test_a_route_is_counted_over_a_restart(portals: dict[str, PortalSettings]) -> None:
    """Two in sixty seconds, by the settings of the portal."""
    table = MemoryTable()
    before = throttles(table, portals)
    for at in (NOW, NOW + 5):
        assert before.ready_in(3, "default", "mirror", at) == 0.0
        await before.take(3, "default", "mirror", at)
    for one in (before, throttles(table, portals)):
        assert one.ready_in(3, "default", "mirror", NOW + 10) == 50.0
        assert one.ready_in(3, "default", "mirror", NOW + 60) == 0.0


async def test_after_partitions_were_lost_the_table_is_read_again(portals: dict[str, PortalSettings]) -> None:
    table = MemoryTable()
    ours, other = throttles(table, portals), throttles(table, portals)
    assert ours.ready_in(3, "default", "mirror", NOW) == 0.0
    for at in (NOW, NOW + 5):
        await other.take(3, "default", "mirror", at)
    assert ours.ready_in(3, "default", "mirror", NOW + 10) == 0.0, "what it remembers"
    ours.forget()
    assert ours.ready_in(3, "default", "mirror", NOW + 10) == 50.0


async def test_routes_and_portals_are_counted_apart_and_an_unknown_one_not_at_all(
    portals: dict[str, PortalSettings],
) -> None:
    table = throttles(MemoryTable(), portals)
    for name in ("mirror", "gone"):
        for _ in range(3):
            await table.take(3, "default", name, NOW)
    assert table.ready_in(3, "default", "mirror", NOW) == 60.0
    assert table.ready_in(3, "default", "gone", NOW) == 0.0
    assert table.ready_in(3, "closed", "mirror", NOW) == table.ready_in(3, "nowhere", "mirror", NOW) == 0.0


async def test_what_kafka_did_not_take_is_not_counted(portals: dict[str, PortalSettings]) -> None:
    """It is tried again, and counts once."""
    table = MemoryTable()
    route = throttles(table, portals)
    table.errors += [Transient("away")] * 3
    for _ in range(3):
        with pytest.raises(Transient):
            await route.take(3, "default", "mirror", NOW)
    await route.take(3, "default", "mirror", NOW)
    assert route.ready_in(3, "default", "mirror", NOW) == 0.0
    assert [orjson.loads(value or b"") for value in table.rows.values()] == [[NOW]]


async def test_plans_of_a_route_wait_and_others_do_not(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = [0.0]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + ahead[0])
    ground = make()
    for _ in range(3):
        await ground.add(**plan(call("one", "crm.x.list"), throttle="mirror"))
    free = await ground.add(**plan(call("one", "crm.y.list")))
    await until(lambda: ground.state(free) == DONE)
    await until(lambda: ground.states().count(DONE) == 3)
    await settle()
    assert ground.states() == DONE * 2 + WAITING + DONE
    await ground.executor.stop()
    heir = await make(table=ground.table, portal=ground.portal).take_over(ground)
    await settle()
    assert len(ground.portal.commands) == 3, "a restart forgets nothing"
    ahead[0] = 61.0
    heir.executor._wake.set()
    await heir.all_done()


async def test_a_plan_is_counted_once_however_often_it_is_looked_at(ground: Ground) -> None:
    """It has two steps, and Kafka was away when it was counted."""
    ground.table.errors.clear()
    one = await ground.accept(**plan(call("one", "crm.x.list"), call("two", "crm.y.list"), throttle="mirror"))
    ground.table.errors += [Transient("away")] * 2
    ground.enqueue(one)
    await ground.all_done()
    assert ground.parts.throttles.ready_in(0, "default", "mirror", time.time()) == 0.0
    await ground.add(**plan(call("one", "crm.x.list"), throttle="mirror"))
    await ground.all_done()
    assert ground.parts.throttles.ready_in(0, "default", "mirror", time.time()) > 50.0
