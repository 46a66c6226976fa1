"""Is this worker well? `/healthz` and `/readyz` show it.

`failed` means that a restart may help, so a supervisor may act on it: commits that stand still for no known reason,
or a consumer group that cannot be joined although Kafka answers. Anything outside (a portal, RabbitMQ, Kafka itself)
only makes it `degraded`: ending the worker would not bring it back.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.delivery import metrics
from pipeline.ops.lag import PartitionLag
from pipeline.ops.lag_poller import LagPoller
from pipeline.ops.loops import Problems
from pipeline.ops.read_models import BridgeView, GatewayView, RuntimeView, SearchView
from pipeline.portal.view import PortalState, clock
from pipeline.search.status import SinkStatus
from pipeline.topology import REQUESTS_BULK, REQUESTS_INTERACTIVE, RESULTS, SEARCH_DOCUMENTS

__all__ = ["LAG_LOOP", "Check", "Health", "Membership", "worst"]

Word = Literal["ok", "degraded", "failed"]
LAG_LOOP = "lag"

#: States in which a portal answers nobody, and a person may have to act.
BAD_PORTAL_STATES = frozenset({"auth", "blocked", "down"})
#: States in which requests wait, as they should.
SLOW_PORTAL_STATES = frozenset({"held", "throttled"})
#: States whose reason does not tell when the portal is tried again.
_PROBED = frozenset({"blocked", "down"})


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `reasons` name portals and topics: for those who may see the pages.

    `notes`: what passes by itself and makes nothing worse, as a portal that is throttled.
    """

    name: str
    word: Word
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Membership:
    """An Owner of pipeline/delivery/ownership.py: knows since when this worker has settled, or has not."""

    def __init__(self) -> None:
        self.settled = False
        self._since = time.monotonic()
        self._remaining: int | None = None

    @property
    def age(self) -> float:
        """Seconds in the present state."""
        return time.monotonic() - self._since

    async def on_owned(self, partitions: frozenset[int]) -> None:
        """A rebalance is over and the tables are recovered."""
        self._turn(True)

    async def on_lost(self) -> None:
        """A rebalance has begun, or the worker stops."""
        metrics.REBALANCES.inc()
        self._turn(False)

    def progress(self, remaining: int) -> None:
        """Recovery of tables that moves on is no standstill, however long it takes."""
        if not self.settled and remaining != self._remaining:
            self._remaining = remaining
            self._since = time.monotonic()

    def _turn(self, settled: bool) -> None:
        self.settled = settled
        self._remaining = None
        self._since = time.monotonic()


class Health:
    """Looks at what the loops of this package have found; asks nobody, so it is cheap and never hangs."""

    def __init__(
        self,
        runtime: RuntimeView,
        gateway: GatewayView,
        bridge: BridgeView | None,
        lag: LagPoller,
        problems: Problems,
        search: SearchView | None = None,
    ) -> None:
        self.membership = Membership()
        self._runtime = runtime
        self._gateway = gateway
        self._bridge = bridge
        self._search = search
        self._lag = lag
        self._problems = problems
        self._limit = runtime.settings.stuck_limit

    def checks(self) -> tuple[Check, ...]:
        """All checks, in a fixed order."""
        checks = (self._kafka(), self._group(), self._commits(), self._rabbitmq(), self._portals(), self._loops())
        return (*checks, self._elasticsearch()) if self._search is not None else checks

    def ready(self) -> str:
        """Why this worker takes no work yet; "" = it does."""
        app = self._runtime.app
        if self._runtime.ownership.generation == 0:
            return "joining the group"
        if app.rebalancing:
            return "rebalancing"
        if app.in_recovery:
            return "recovering tables"
        return "" if self.membership.settled else "rebalancing"

    def sample(self) -> None:
        """Notice the progress of a recovery; called by a loop."""
        if not self.membership.settled:
            recovery = self._runtime.app.tables.recovery
            self.membership.progress(recovery.active_remaining_total() + recovery.standby_remaining_total())

    def _kafka(self) -> Check:
        problem = self._problems.get(LAG_LOOP)
        return _check("kafka", degraded=[f"no answer for {_ago(problem.since)}: {problem.text}"] if problem else [])

    def _group(self) -> Check:
        waiting = self.ready()
        if not waiting or self.membership.settled or self.membership.age <= self._limit:
            return _check("group")
        reason = f"{waiting} for {self.membership.age:.0f} s"
        if self._problems.get(LAG_LOOP):
            return _check("group", degraded=[reason])
        return _check("group", failed=[reason])

    def _commits(self) -> Check:
        degraded, failed = [], []
        # Figures that are no longer renewed prove nothing; the check of Kafka tells that.
        report = None if self._problems.get(LAG_LOOP) else self._lag.report
        for line in (line for agent in report.agents for line in agent.partitions) if report else ():
            if line.commit_age is None or line.commit_age <= self._limit:
                continue
            reason = f"{line.topic}[{line.partition}] of {line.agent}: no commit for {line.commit_age:.0f} s"
            if line.partition not in self._runtime.ownership.owned(line.topic):
                degraded.append(f"{reason}; another worker's")
            elif excuse := self._excuse(line):
                degraded.append(f"{reason}; {excuse}")
            elif self.membership.age > self._limit:
                failed.append(reason)
        return _check("commits", degraded, failed)

    def _excuse(self, line: PartitionLag) -> str:
        """A cause outside this worker for which commits stand still."""
        wire = self._runtime.wire
        # A destination that takes none is no excuse: its answers are parked and acked.
        if line.topic == wire(RESULTS) and self._bridge is not None and self._bridge.status().down_since is not None:
            return "RabbitMQ is down"
        if line.topic in (wire(REQUESTS_INTERACTIVE), wire(REQUESTS_BULK)):
            waiting = sum(portal.waiting for portal in self._gateway.portals())
            if waiting >= self._runtime.settings.waiting_limit:
                return f"{waiting} requests wait for portals, no more are taken in"
        search = self._search
        if line.topic == wire(SEARCH_DOCUMENTS) and search is not None and search.status().trouble is not None:
            return "Elasticsearch takes no documents"
        runner = self._runtime.flows.get(line.agent)
        if runner is not None and runner.breaker.open:
            return "its effects fail one after another, so it holds them back"
        return ""

    def _rabbitmq(self) -> Check:
        if self._bridge is None:
            return _check("rabbitmq")
        status = self._bridge.status()
        reasons = [f"down for {_ago(status.down_since)}: {status.error}"] if status.down_since is not None else []
        reasons += [f"queue {queue.queue}: {queue.error}" for queue in status.queues if queue.error]
        reasons += [
            f"{waiting.parked} answers parked for {waiting.destination}: {waiting.reason}"
            for waiting in status.destinations
            if waiting.parked
        ]
        return _check("rabbitmq", degraded=reasons)

    def _portals(self) -> Check:
        portals = self._gateway.portals()
        bad = [_portal(portal) for portal in portals if portal.state in BAD_PORTAL_STATES]
        notes = [_portal(portal) for portal in portals if portal.state in SLOW_PORTAL_STATES]
        return replace(_check("portals", degraded=bad), notes=tuple(notes))

    def _elasticsearch(self) -> Check:
        status = self._search.status() if self._search is not None else SinkStatus()
        trouble = status.trouble
        if trouble is None:
            return _check("elasticsearch")
        reason = f"takes no documents for {_ago(trouble.since)}, {status.waiting} wait here: {trouble.text}"
        return _check("elasticsearch", degraded=[reason])

    def _loops(self) -> Check:
        others = (problem for problem in self._problems.current if problem.loop != LAG_LOOP)
        return _check("pages", degraded=[f"{problem.loop}: {problem.text}" for problem in others])


def worst(checks: tuple[Check, ...]) -> Word:
    """The word for the whole worker."""
    words = {check.word for check in checks}
    return "failed" if "failed" in words else "degraded" if "degraded" in words else "ok"


def _check(name: str, degraded: list[str] | None = None, failed: list[str] | None = None) -> Check:
    word: Word = "failed" if failed else "degraded" if degraded else "ok"
    return Check(name, word, (*(failed or ()), *(degraded or ())))


def _portal(portal: PortalState) -> str:
    text = f"{portal.name}: {portal.state}; {portal.reason}"
    if portal.state in BAD_PORTAL_STATES and portal.since is not None:
        text += f"; since {clock(portal.since)}"
    if portal.state in _PROBED and portal.until is not None and portal.until > time.time():
        text += f"; next try at {clock(portal.until)}"
    return text


def _ago(since: float) -> str:
    return f"{max(0.0, time.time() - since):.0f} s"
