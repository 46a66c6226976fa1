"""What AMPQOUT is: a queue (made when missing) or an exchange. Asked once a connection."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from pipeline.bridge.answers import Destination, destination_of
from pipeline.bridge.connection import Connection
from pipeline.bridge.declare import declare_queue, exchange_exists
from pipeline.delivery.errors import Transient
from pipeline.topology import OutboundTarget

__all__ = ["Addresses"]

logger = logging.getLogger(__name__)

AWAY_TIMEOUT = 5.0
SETTLE_PAUSE = 0.5


class Addresses:
    """Turns reply_to into a destination."""

    def __init__(self, connection: Connection, target: OutboundTarget) -> None:
        self.target = target
        self._connection = connection
        self._is_exchange = target.kind == "exchange"
        self._asked_on = -1
        self._asking = asyncio.Lock()

    async def destination(self, reply_to: str | None) -> Destination:
        """Where an answer goes. Raises Transient: RabbitMQ is away and cannot be asked what AMPQOUT is."""
        if self._asked_on != self._connection.connects:
            await self._connection.wait_up(AWAY_TIMEOUT)
            async with self._asking:
                connects = self._connection.connects
                if self._asked_on != connects:
                    self._is_exchange = await self._ask()
                    self._asked_on = connects
        return destination_of(self.target.name, self._is_exchange, reply_to)

    async def settle(self) -> None:
        """Ask, and make the queue, as soon as RabbitMQ is there: clients may wait for it before the first answer."""
        while True:
            await self._connection.wait_up()
            with suppress(Transient):
                await self.destination(None)
                return
            await asyncio.sleep(SETTLE_PAUSE)

    async def _ask(self) -> bool:
        target = self.target
        if target.kind == "exchange":
            return True
        if target.kind == "auto" and await exchange_exists(self._connection, target.name):
            logger.info("answers go to exchange %s", target.name)
            return True
        try:
            difference = await declare_queue(self._connection, target.name)
        except Transient as error:
            if not self._connection.up:
                raise
            # Not allowed to make it: answers for it will be returned and parked, those with reply_to still leave.
            difference = str(error)
        if difference is not None:
            logger.warning("%s", difference)
        return False
