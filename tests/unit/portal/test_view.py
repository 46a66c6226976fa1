"""pipeline/portal/view.py: what is said of a portal that waits. Its credentials and pauses: sending/test_landing.py."""

import re
import time
from collections.abc import AsyncIterator

import pytest

from pipeline.portal.access.credentials import Credentials
from pipeline.portal.view import PortalState, clock, portal_state
from pipeline.settings import PortalSettings
from tests.unit.portal.fakes import until
from tests.unit.portal.sending.ground import Ground


@pytest.fixture
async def ground(portals: dict[str, PortalSettings], credentials: Credentials) -> AsyncIterator[Ground]:
    ground = Ground(portals, credentials, connections=1, batch_room=1).start()
    yield ground
    await ground.end()


def seen(ground: Ground) -> PortalState:
    return portal_state(ground.executor, time.time())


async def throttled(ground: Ground) -> float:
    """Three of a route that may start two a minute; returns when the third may."""
    began = time.time()
    await ground.add_all(*({"throttle": "mirror"} for _ in range(3)))
    await until(lambda: len(ground.executor.scheduler) == 1 and ground.parts.throttles.waits("default", began))
    return began + 60


async def test_a_route_throttle_that_plans_wait_for_is_named(ground: Ground) -> None:
    at = await throttled(ground)
    state = seen(ground)
    assert (state.state, state.waiting) == ("held", 1)
    assert re.fullmatch(r"throttle mirror until [\d:]+", state.reason)
    assert state.until == pytest.approx(at, abs=1) and state.until == state.throttles[0].until
    assert [one.name for one in state.throttles] == ["mirror"]
    assert portal_state(ground.executor, at + 2).throttles == ()


async def test_a_throttle_is_named_beside_a_method_that_is_held(ground: Ground) -> None:
    at = await throttled(ground)
    ground.executor.scheduler.hold("all", "crm.lead.list", at + 100)
    state = seen(ground)
    held, throttle = state.reason.split("; ")
    assert held == f"method crm.lead.list is held until {clock(at + 100)}"
    assert throttle.startswith("throttle mirror until ") and state.until == at + 100


async def test_a_throttle_that_is_free_again_is_not_named(ground: Ground) -> None:
    throttles = ground.parts.throttles
    for _ in range(2):
        await throttles.take(0, "default", "mirror", 1000.0)
    assert throttles.ready_in(0, "default", "mirror", 1001.0) == 59.0
    assert throttles.waits("default", 1001.0) == {"mirror": 1060.0} and throttles.waits("closed", 1001.0) == {}
    assert throttles.ready_in(0, "default", "mirror", 1060.0) == 0.0
    assert throttles.waits("default", 1001.0) == {}
    throttles.ready_in(0, "default", "mirror", 1001.0)
    throttles.forget()
    assert throttles.waits("default", 1001.0) == {}


def test_a_time_of_another_day_has_its_date() -> None:
    assert clock(time.time()) == time.strftime("%H:%M:%S")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d [\d:]{8}", clock(time.time() - 200_000))
