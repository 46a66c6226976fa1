"""When a worker tells of its portals, and when it keeps quiet."""

from pathlib import Path

import pytest

from pipeline.bridge.status import BridgeStatus
from pipeline.delivery.errors import Transient
from pipeline.ops import publisher
from pipeline.ops.board_records import unpack
from pipeline.ops.publisher import StatePublisher
from pipeline.settings import Settings
from tests.support.pages import FakeBridge, FakeGateway, FakeRuntime, portal


class Clock:
    now = 1000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(publisher, "time", clock)
    return clock


@pytest.fixture
def runtime(tmp_path: Path) -> FakeRuntime:
    return FakeRuntime(Settings(app_id="publisher"), tmp_path)


def told(runtime: FakeRuntime) -> list[tuple[str, int]]:
    entries = [unpack(record.key or b"", record.value or b"") for record in runtime.producer.sent]
    runtime.producer.sent.clear()
    return [(entry.name, getattr(entry.state, "waiting", -1)) for entry in entries]


async def test_numbers_are_told_every_two_seconds_and_silence_never_lasts(runtime: FakeRuntime, clock: Clock) -> None:
    gateway = FakeGateway([portal("a", waiting=1), portal("b")])
    publisher = StatePublisher(runtime, "w1", gateway, None)
    await publisher.step()
    assert told(runtime) == [("a", 1), ("b", 0)]
    clock.now += 1
    gateway.states[0] = portal("a", waiting=2)
    await publisher.step()
    assert told(runtime) == []
    clock.now += 1
    await publisher.step()
    assert told(runtime) == [("a", 2)]
    clock.now += 3
    await publisher.step()
    assert told(runtime) == [("b", 0)]


async def test_a_change_of_state_is_told_at_once(runtime: FakeRuntime, clock: Clock) -> None:
    gateway, bridge = FakeGateway([portal("a")]), FakeBridge()
    publisher = StatePublisher(runtime, "w1", gateway, bridge)
    await publisher.step()
    told(runtime)
    clock.now += 0.5
    gateway.states[0] = portal("a", state="down", reason="connection refused")
    bridge.state = BridgeStatus(clock.now, "refused")
    await publisher.step()
    assert [name for name, _ in told(runtime)] == ["a", "w1"]


async def test_a_portal_that_moved_away_is_no_longer_told_of_and_told_anew_when_it_comes_back(
    runtime: FakeRuntime, clock: Clock
) -> None:
    gateway = FakeGateway([portal("a")])
    publisher = StatePublisher(runtime, "w1", gateway, None)
    await publisher.step()
    gateway.states.clear()
    clock.now += 10
    await publisher.step()
    told(runtime)
    gateway.states.append(portal("a"))
    await publisher.step()
    assert told(runtime) == [("a", 0)]


async def test_what_kafka_did_not_take_is_told_again(runtime: FakeRuntime, clock: Clock) -> None:
    publisher = StatePublisher(runtime, "w1", FakeGateway([portal("a")]), None)
    runtime.producer.error = Transient("no broker")
    with pytest.raises(Transient):
        await publisher.step()
    runtime.producer.error = None
    await publisher.step()
    assert told(runtime) == [("a", 0)]


async def test_a_worker_that_leaves_takes_its_bridge_off_the_board(runtime: FakeRuntime) -> None:
    publisher = StatePublisher(runtime, "w1", FakeGateway(), FakeBridge())
    await publisher.leave()
    assert runtime.producer.sent == [], "nothing was told, so nothing is taken back"
    await publisher.step()
    runtime.producer.sent.clear()
    await publisher.leave()
    (record,) = runtime.producer.sent
    assert (record.key, record.value) == (b"bridge:w1", None)
