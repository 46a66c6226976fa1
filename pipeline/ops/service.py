"""The loops behind the pages: lag, board, what we tell of ourselves. None of them can end the worker."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from mode import Service

from pipeline import topology
from pipeline.ops.board import Board
from pipeline.ops.board_reader import BoardReader
from pipeline.ops.health import LAG_LOOP, Health
from pipeline.ops.lag_poller import LagPoller
from pipeline.ops.loops import Problems
from pipeline.ops.publisher import StatePublisher
from pipeline.ops.read_models import BridgeView, GatewayView, RuntimeView, SearchView

__all__ = ["Ops"]

log = logging.getLogger(__name__)

LAG_SECONDS = 2.0
STATE_SECONDS = 0.5
#: Pause of a loop that fails.
RETRY_SECONDS = 5.0
STEP_LIMIT_SECONDS = 30.0
LEAVE_LIMIT_SECONDS = 2.0


class Ops(Service):
    """Runs the loops and holds what they found; the pages read it from here."""

    def __init__(
        self,
        runtime: RuntimeView,
        gateway: GatewayView,
        bridge: BridgeView | None,
        search: SearchView | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.runtime = runtime
        self.gateway = gateway
        self.bridge = bridge
        self.search = search
        self.problems = Problems()
        self.lag = LagPoller(runtime.settings)
        self.board = Board()
        self.health = Health(runtime, gateway, bridge, self.lag, self.problems, search)
        self._reader = BoardReader(runtime.settings, self.board)
        self._publisher: StatePublisher | None = None
        # Whoever registers is told of every rebalance, whatever topic it names.
        runtime.ownership.register(runtime.wire(topology.REQUESTS_INTERACTIVE), self.health.membership)

    @property
    def worker(self) -> str:
        """Name of this worker on the board: host and port of its pages (they differ on one machine)."""
        return f"{socket.gethostname()}:{self.runtime.app.conf.web_port}"

    @Service.task
    async def _poll_lag(self) -> None:
        await self._repeat(LAG_LOOP, self.lag.look, LAG_SECONDS)

    @Service.task
    async def _read_board(self) -> None:
        await self._repeat("board", self._reader.step, STATE_SECONDS)

    @Service.task
    async def _tell(self) -> None:
        await self._repeat("state", self._tell_step, STATE_SECONDS)

    async def _tell_step(self) -> None:
        self.health.sample()
        if self.health.ready():
            return
        if self._publisher is None:
            self._publisher = StatePublisher(self.runtime, self.worker, self.gateway, self.bridge)
        await self._publisher.step()

    async def _repeat(self, name: str, step: Callable[[], Awaitable[None]], pause: float) -> None:
        while not self.should_stop:
            worked = await self.problems.attempt(name, step, STEP_LIMIT_SECONDS)
            await self.sleep(pause if worked else RETRY_SECONDS)

    async def on_stop(self) -> None:
        """Take our bridge off the board, as far as Kafka lets us."""
        if self._publisher is not None and not self.problems.get(LAG_LOOP):
            try:
                async with asyncio.timeout(LEAVE_LIMIT_SECONDS):
                    await self._publisher.leave()
            except Exception as error:
                log.info("the board was not told that this worker leaves: %r", error)

    async def on_shutdown(self) -> None:
        """The loops are over: close their clients."""
        await self.lag.close()
        await self._reader.close()
