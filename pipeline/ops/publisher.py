"""Tells of our portals and our bridge: the other workers through the topic `ops.state`, and the log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from pipeline import topology
from pipeline.bridge.status import BridgeStatus
from pipeline.delivery import metrics
from pipeline.delivery.records import Record
from pipeline.ops.board_records import BRIDGE, PORTAL, Entry, pack
from pipeline.ops.read_models import BridgeView, GatewayView, RuntimeView
from pipeline.ops.state_log import StateLog
from pipeline.portal.view import PortalState

__all__ = ["StatePublisher"]

#: Numbers that changed are told this often, a change of state at once (at the next step).
CHANGED_SECONDS = 2.0
#: What did not change is told again this often, so that silence means: the owner is gone.
REPEAT_SECONDS = 5.0


class StatePublisher:
    """Compares what is with what was told last; `step` is called twice a second."""

    def __init__(self, runtime: RuntimeView, worker: str, gateway: GatewayView, bridge: BridgeView | None) -> None:
        self._runtime = runtime
        self._worker = worker
        self._gateway = gateway
        self._bridge = bridge
        self._told: dict[tuple[str, str], Entry] = {}
        self._log = StateLog()

    async def step(self) -> None:
        """Tell what is due. Raises Transient when Kafka does not take it."""
        now = time.time()
        current = {(entry.kind, entry.name): entry for entry in self._current(now)}
        for gone in self._told.keys() - current.keys():
            # A portal that moved is told of by its new owner.
            del self._told[gone]
        due = [entry for key, entry in current.items() if self._due(self._told.get(key), entry)]
        if not due:
            return
        await self._runtime.producer.send(
            Record(topology.OPS_STATE, value=value, key=key) for key, value in map(pack, due)
        )
        self._told.update(((entry.kind, entry.name), entry) for entry in due)

    async def leave(self) -> None:
        """This worker ends in good order: its bridge is no longer shown."""
        if self._bridge is not None and (BRIDGE, self._worker) in self._told:
            record = Record(topology.OPS_STATE, value=None, key=f"{BRIDGE}:{self._worker}".encode())
            await self._runtime.producer.send([record])

    def _current(self, now: float) -> Iterator[Entry]:
        portals = self._gateway.portals()
        _count(portals)
        self._log.look(portals, now)
        for portal in portals:
            yield Entry(PORTAL, portal.name, self._worker, now, portal)
        if self._bridge is not None:
            yield Entry(BRIDGE, self._worker, self._worker, now, self._bridge.status())

    @staticmethod
    def _due(told: Entry | None, entry: Entry) -> bool:
        if told is None or _word(told) != _word(entry):
            return True
        age = entry.time - told.time
        return age >= REPEAT_SECONDS or (age >= CHANGED_SECONDS and told.state != entry.state)


def _word(entry: Entry) -> object:
    """What is told at once when it changes."""
    if isinstance(entry.state, BridgeStatus):
        return entry.state.down_since
    return entry.state.state


def _count(portals: Sequence[PortalState]) -> None:
    for gauge in (
        metrics.PORTAL_WAITING,
        metrics.PORTAL_OLDEST_SECONDS,
        metrics.PORTAL_IN_FLIGHT,
        metrics.PORTAL_SETTLING,
        metrics.PORTAL_STATE,
        metrics.PORTAL_HELD_SECONDS,
        metrics.PORTAL_SPEED,
        metrics.PORTAL_WATCHES,
    ):
        gauge.clear()
    now = time.time()
    for portal in portals:
        metrics.PORTAL_WAITING.labels(portal.name).set(portal.waiting)
        metrics.PORTAL_OLDEST_SECONDS.labels(portal.name).set(portal.oldest_age or 0.0)
        metrics.PORTAL_IN_FLIGHT.labels(portal.name).set(portal.sent)
        metrics.PORTAL_SETTLING.labels(portal.name).set(portal.settling)
        metrics.PORTAL_STATE.labels(portal.name, portal.state).set(1)
        metrics.PORTAL_SPEED.labels(portal.name).set(portal.speed)
        metrics.PORTAL_WATCHES.labels(portal.name).set(portal.watches)
        for hold in portal.held:
            left = max(0.0, hold.until - now)
            metrics.PORTAL_HELD_SECONDS.labels(portal.name, hold.credential, hold.method).set(left)
