"""What makes a worker degraded, what makes it failed, and what is no reason to end it."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline import topology
from pipeline.bridge.status import BridgeStatus, DestinationStatus, QueueStatus
from pipeline.delivery.breaker import Breaker
from pipeline.delivery.errors import Transient
from pipeline.ops import health as module
from pipeline.ops.health import LAG_LOOP, Check, Health, worst
from pipeline.ops.lag import LagReport, Offsets, PartitionLag, by_agent
from pipeline.ops.lag_poller import LagPoller
from pipeline.ops.loops import Problems
from pipeline.portal.view import clock
from pipeline.search.status import SinkStatus
from pipeline.settings import Settings
from tests.support.pages import FakeBridge, FakeGateway, FakeRuntime, portal

LIMIT = 300.0


class Clock:
    """time.monotonic that a test moves; the wall clock stays."""

    now = 10_000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return time.time()


class Bench:
    """A Health with everything that it looks at."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.clock = clock
        self.runtime = FakeRuntime(Settings(app_id="health", stuck_limit=LIMIT, waiting_limit=100), folder)
        self.runtime.app = SimpleNamespace(rebalancing=False, in_recovery=False, tables=SimpleNamespace())
        self.gateway = FakeGateway()
        self.bridge = FakeBridge()
        self.lag = LagPoller(self.runtime.settings)
        self.problems = Problems()
        self.health = Health(self.runtime, self.gateway, self.bridge, self.lag, self.problems)
        self.runtime.ownership.register(topology.LEASES, self.health.membership)

    async def own(self, *partitions: tuple[str, int]) -> None:
        await self.runtime.ownership.gained(partitions)

    def lags(self, topic: str, partition: int, commit_age: float) -> None:
        lines = [PartitionLag("agent", topic, partition, Offsets(1, 0, 5), 4, 0, "", 1.0, commit_age)]
        self.lag.report = LagReport(time.time(), by_agent([("agent", (topic,))], lines))

    async def fail(self, loop: str) -> None:
        async def step() -> None:
            raise ConnectionError("refused")

        await self.problems.attempt(loop, step, 1)

    def words(self) -> dict[str, str]:
        return {check.name: check.word for check in self.health.checks() if check.word != "ok"}

    def reasons(self) -> str:
        return "\n".join(reason for check in self.health.checks() for reason in check.reasons)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return Bench(tmp_path, clock)


async def test_a_worker_that_does_its_work_is_well(bench: Bench) -> None:
    await bench.own((topology.RESULTS, 0))
    bench.clock.now += 1000
    bench.lags(topology.RESULTS, 0, LIMIT)
    assert bench.words() == {}
    assert bench.health.ready() == ""


@pytest.mark.parametrize(("word", "expected"), [("failed", "failed"), ("degraded", "degraded"), ("ok", "ok")])
def test_the_worst_word_wins(word: Any, expected: str) -> None:
    assert worst((Check("a", "ok"), Check("b", word))) == expected
    assert worst((Check("a", "degraded"), Check("b", "failed"))) == "failed"


async def test_commits_that_stand_still_fail_only_the_worker_that_owns_them(bench: Bench) -> None:
    await bench.own((topology.LEASES, 0))
    bench.clock.now += LIMIT + 1
    bench.lags(topology.LEASES, 0, LIMIT + 1)
    assert bench.words() == {"commits": "failed"}
    assert f"{topology.LEASES}[0] of agent: no commit for 301 s" in bench.reasons()
    bench.lags(topology.LEASES, 1, LIMIT + 1)
    assert bench.words() == {"commits": "degraded"}


async def test_a_new_owner_gets_the_whole_limit(bench: Bench) -> None:
    await bench.own((topology.LEASES, 0))
    bench.clock.now += LIMIT - 1
    bench.lags(topology.LEASES, 0, 5000.0)
    assert bench.words() == {}


async def test_old_figures_prove_nothing(bench: Bench) -> None:
    await bench.own((topology.LEASES, 0))
    bench.clock.now += LIMIT + 1
    bench.lags(topology.LEASES, 0, LIMIT + 1)
    await bench.fail(LAG_LOOP)
    assert bench.words() == {"kafka": "degraded"}


async def test_answers_that_cannot_leave_are_no_reason_to_end_the_worker(bench: Bench) -> None:
    await bench.own((topology.RESULTS, 0))
    bench.clock.now += LIMIT + 1
    bench.lags(topology.RESULTS, 0, LIMIT + 1)
    assert bench.words() == {"commits": "failed"}
    bench.bridge.state = BridgeStatus(1.0, "refused")
    assert bench.words() == {"commits": "degraded", "rabbitmq": "degraded"}


async def test_an_intake_at_its_bound_is_no_reason_to_end_the_worker(bench: Bench) -> None:
    await bench.own((topology.REQUESTS_BULK, 0))
    bench.clock.now += LIMIT + 1
    bench.lags(topology.REQUESTS_BULK, 0, LIMIT + 1)
    bench.gateway.states = [portal("a", waiting=99)]
    assert bench.words() == {"commits": "failed"}
    bench.gateway.states.append(portal("b", waiting=1))
    assert bench.words() == {"commits": "degraded"}


async def test_an_open_breaker_is_no_reason_to_end_the_worker(bench: Bench) -> None:
    await bench.own((topology.LEASES, 0))
    bench.clock.now += LIMIT + 1
    bench.lags(topology.LEASES, 0, LIMIT + 1)
    breaker = Breaker(1)
    bench.runtime.flows["agent"] = SimpleNamespace(breaker=breaker)
    assert bench.words() == {"commits": "failed"}
    breaker.failed()
    assert bench.words() == {"commits": "degraded"}


@pytest.mark.parametrize("state", ["down", "blocked", "auth"])
async def test_a_portal_that_answers_nobody_is_told_and_nothing_more(bench: Bench, state: Any) -> None:
    await bench.own((topology.LEASES, 0))
    bench.gateway.states = [portal("a", state=state, reason="because"), portal("b", state="throttled", reason="limit")]
    assert bench.words() == {"portals": "degraded"}
    assert bench.reasons() == f"a: {state}; because"


@pytest.mark.parametrize(("state", "tried"), [("down", True), ("blocked", True), ("auth", False)])
async def test_a_portal_is_told_since_when_and_when_it_is_tried_again(bench: Bench, state: Any, tried: bool) -> None:
    now = time.time()
    bench.gateway.states = [portal("a", state=state, reason="because", since=now - 5, until=now + 600)]
    text = f"a: {state}; because; since {clock(now - 5)}"
    assert bench.reasons() == text + (f"; next try at {clock(now + 600)}" if tried else "")
    bench.gateway.states = [portal("a", state=state, reason="because", until=now - 1)]
    assert bench.reasons() == f"a: {state}; because"


@pytest.mark.parametrize("state", ["throttled", "held"])
async def test_a_portal_at_its_limit_is_noted_and_does_no_harm(bench: Bench, state: Any) -> None:
    await bench.own((topology.LEASES, 0))
    bench.gateway.states = [portal("a", state=state, reason="limit", until=time.time() + 60), portal("b")]
    assert (bench.words(), bench.reasons()) == ({}, "")
    assert [check.notes for check in bench.health.checks() if check.notes] == [(f"a: {state}; limit",)]


async def test_rabbitmq(bench: Bench) -> None:
    await bench.own((topology.LEASES, 0))
    bench.bridge.state = BridgeStatus(
        time.time() - 5,
        "refused",
        (QueueStatus("in", error="no rights"),),
        (DestinationStatus("r", 2, 1.0, "full"),),
    )
    assert bench.words() == {"rabbitmq": "degraded"}
    assert "down for 5 s: refused" in bench.reasons()
    assert "queue in: no rights" in bench.reasons()
    assert "2 answers parked for r: full" in bench.reasons()


async def test_a_loop_of_the_pages_that_fails_is_told(bench: Bench) -> None:
    await bench.own((topology.LEASES, 0))
    await bench.fail("board")
    assert bench.words() == {"pages": "degraded"}
    assert "board: ConnectionError: refused" in bench.reasons()


async def test_a_group_that_cannot_be_joined_fails_after_the_limit(bench: Bench) -> None:
    assert bench.health.ready() == "joining the group"
    bench.clock.now += LIMIT
    assert bench.words() == {}
    bench.clock.now += 1
    assert bench.words() == {"group": "failed"}
    await bench.fail(LAG_LOOP)
    assert bench.words() == {"group": "degraded", "kafka": "degraded"}, "without Kafka a restart does not help"


async def test_a_rebalance_that_does_not_end_fails_after_the_limit(bench: Bench) -> None:
    await bench.own((topology.LEASES, 0))
    bench.clock.now += 10_000
    await bench.runtime.ownership.lost()
    assert bench.health.ready() == "rebalancing"
    bench.clock.now += LIMIT
    assert bench.words() == {}
    bench.clock.now += 1
    assert bench.words() == {"group": "failed"}
    await bench.own((topology.LEASES, 0))
    assert bench.words() == {}
    assert bench.health.ready() == ""


async def test_a_recovery_that_moves_on_is_no_standstill(bench: Bench) -> None:
    left = {"active": 10_000, "standby": 5}
    bench.runtime.app.in_recovery = True
    bench.runtime.app.tables.recovery = SimpleNamespace(
        active_remaining_total=lambda: left["active"], standby_remaining_total=lambda: left["standby"]
    )
    for _ in range(5):
        bench.clock.now += LIMIT
        left["active"] -= 1
        bench.health.sample()
        assert bench.words() == {}
    for _ in range(2):
        bench.clock.now += LIMIT
        bench.health.sample()
    assert bench.words() == {"group": "failed"}


async def test_not_ready_while_faust_rebalances_or_recovers(bench: Bench) -> None:
    await bench.own((topology.LEASES, 0))
    bench.runtime.app.rebalancing = True
    assert bench.health.ready() == "rebalancing"
    bench.runtime.app.rebalancing = False
    bench.runtime.app.in_recovery = True
    assert bench.health.ready() == "recovering tables"


async def test_elasticsearch_that_takes_nothing_is_told_and_no_reason_to_end_the_worker(bench: Bench) -> None:
    await bench.own((topology.SEARCH_DOCUMENTS, 0))
    bench.clock.now += 1000
    status = SinkStatus(waiting=7)
    search = SimpleNamespace(status=lambda: status)
    bench.health = Health(bench.runtime, bench.gateway, bench.bridge, bench.lag, bench.problems, search)
    await bench.health.membership.on_owned(frozenset())
    bench.clock.now += 1000
    assert bench.words() == {}
    status.failed(0, Transient("Elasticsearch cannot be reached: refused"))
    assert bench.words() == {"elasticsearch": "degraded"}
    assert "7 wait here: Elasticsearch cannot be reached: refused" in bench.reasons()
    bench.lags(bench.runtime.wire(topology.SEARCH_DOCUMENTS), 0, LIMIT + 1)
    assert worst(bench.health.checks()) == "degraded"
    status.succeeded(0)
    assert worst(bench.health.checks()) == "failed"
