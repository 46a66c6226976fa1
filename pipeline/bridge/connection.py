"""A connection to RabbitMQ that comes back by itself, for ever, and says since when it is down.

aiormq, not aio-pika above it: half the CPU a message (bench/bridge.py). The bridge holds two: a broker that raises a
memory or disk alarm stops reading from connections that publish, and acks on the same one would wait with them
(RabbitMQ, "Alarms"; its advice is one connection a direction).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiormq
from aiormq.channel import Channel
from aiormq.connection import Connection as Link
from pydantic import SecretStr
from yarl import URL

from pipeline.bridge.faults import amqp_faults, describe, is_cancelled
from pipeline.bridge.lenient import install_lenient_decoding
from pipeline.bridge.tasks import spawn
from pipeline.configuration import MASK, mask_url
from pipeline.delivery.errors import Transient
from pipeline.delivery.metrics import BRIDGE_CONNECTED
from pipeline.delivery.retry import Backoff

__all__ = ["Connection", "ConnectionStatus"]

logger = logging.getLogger(__name__)

#: Seconds. aiormq gives a silent peer up after three heartbeats: half a minute.
HEARTBEAT = 10
CONNECT_TIMEOUT = 15.0
CLOSE_TIMEOUT = 5.0
RPC_TIMEOUT = 30.0
RETRY = Backoff(first=0.2, longest=5.0)


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """`down_since` is a unix time, None = connected; `error` is the last one, without secrets; `server` masked."""

    direction: str
    server: str
    down_since: float | None
    error: str
    connects: int


class Connection:
    """One connection; `direction` (`in`, `out`) names it in logs, metrics and RabbitMQ's own pages."""

    def __init__(self, url: SecretStr, direction: str) -> None:
        install_lenient_decoding()
        text = url.get_secret_value()
        parsed = URL(text)
        defaults = {"heartbeat": str(HEARTBEAT), "name": f"pipeline {direction}"}
        self._url = parsed.update_query({k: v for k, v in defaults.items() if k not in parsed.query})
        self._password = parsed.password or ""
        self.direction = direction
        self.server = mask_url(text)
        self._connection: Link | None = None
        self._up = asyncio.Event()
        self._down_since: float | None = time.time()
        self._error = "not connected yet"
        self._task: asyncio.Task[None] | None = None
        #: Counts connections made: whoever keeps something that is true for one connection compares it.
        self.connects = 0

    def start(self) -> None:
        """Begin to connect; returns at once."""
        if self._task is None:
            self._task = spawn(self._run(), f"RabbitMQ connection {self.direction}")

    async def stop(self) -> None:
        """Close the connection and stay closed."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    @property
    def up(self) -> bool:
        """True while connected."""
        return self._up.is_set()

    def status(self) -> ConnectionStatus:
        """The state now, fit for pages."""
        return ConnectionStatus(self.direction, self.server, self._down_since, self._error, self.connects)

    async def wait_up(self, timeout: float | None = None) -> None:
        """Wait for a connection, at most `timeout` seconds. Raises Transient when there is none by then."""
        if self._up.is_set():
            return
        try:
            async with asyncio.timeout(timeout):
                await self._up.wait()
        except TimeoutError:
            since = time.strftime("%H:%M:%S", time.localtime(self._down_since))
            raise Transient(f"RabbitMQ is away since {since}: {self._error}") from None

    async def channel(self, *, confirms: bool = False) -> Channel:
        """A new channel. With `confirms` RabbitMQ confirms what is published. Raises Transient."""
        connection = self._connection
        if connection is None:
            raise Transient(f"RabbitMQ is away: {self._error}")
        with amqp_faults("open a channel"):
            # A returned message is told by the exception of its publish, see publisher.py.
            options: dict[str, Any] = {"publisher_confirms": confirms, "on_return_raises": True}
            channel = await connection.channel(timeout=RPC_TIMEOUT, **options)
        assert isinstance(channel, Channel)
        return channel

    @asynccontextmanager
    async def throwaway(self) -> AsyncIterator[Channel]:
        """A channel for a question whose wrong answer closes it (passive declarations). Raises Transient."""
        channel = await self.channel()
        try:
            yield channel
        finally:
            await close_channel(channel)

    async def _run(self) -> None:
        attempt = 0
        while True:
            attempt += 1
            connection = await self._connect()
            if connection is not None:
                began = time.monotonic()
                try:
                    reason = await self._hold(connection)
                finally:
                    self._lost()
                    with suppress(Exception):
                        await connection.close(timeout=CLOSE_TIMEOUT)
                self._note(reason)
                # A broker that takes the connection and drops it at once must not be knocked at without a pause.
                if time.monotonic() - began > RETRY.longest:
                    attempt = 1
            await asyncio.sleep(RETRY.pause(attempt))

    async def _connect(self) -> Link | None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                return await aiormq.connect(self._url)
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            self._note("the connection was lost while it was made")
        except Exception as error:
            # Whatever it is (name service, TLS, login refused), the answer is the same: say it and try again.
            self._note(describe(error))
        return None

    async def _hold(self, connection: Link) -> str:
        """Stay connected until it breaks; returns why."""
        self._connection = connection
        self._down_since, self._error = None, ""
        self.connects += 1
        BRIDGE_CONNECTED.labels(self.direction).set(1)
        logger.info("RabbitMQ %s: connected to %s", self.direction, self.server)
        self._up.set()
        closing = connection.closing
        await asyncio.wait({closing})
        error = None if closing.cancelled() else closing.exception()
        return describe(error) if error is not None else "closed"

    def _lost(self) -> None:
        self._up.clear()
        self._connection = None
        self._down_since = time.time()
        BRIDGE_CONNECTED.labels(self.direction).set(0)

    def _note(self, reason: str) -> None:
        text = reason.replace(self._password, MASK) if self._password else reason
        if text != self._error:
            logger.warning("RabbitMQ %s: %s: %s", self.direction, self.server, text)
        self._error = text


async def close_channel(channel: Channel) -> None:
    """Close a channel, whatever state it is in; what it held un-acked RabbitMQ delivers again."""
    with suppress(Exception):
        try:
            await channel.close(timeout=CLOSE_TIMEOUT)
        except asyncio.CancelledError:
            if is_cancelled():
                raise
