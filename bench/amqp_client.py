"""A client of bitrix24in for benchmarks: sends with confirms, takes answers, keeps when each came."""

from __future__ import annotations

import asyncio
import time
import uuid

import aiormq
import orjson
from pamqp.commands import Basic

__all__ = ["Client"]


class Client:
    """`answered`: message id -> perf_counter() of its answer."""

    def __init__(self, url: str, queue_in: str, queue_out: str) -> None:
        self.url = url
        self.queue_in = queue_in
        self.queue_out = queue_out
        self.answered: dict[str, float] = {}
        self.errors = 0
        self._news = asyncio.Event()

    async def open(self) -> None:
        """Connect, declare both queues, take answers from now on."""
        self._connection = await aiormq.connect(self.url)
        self._sending = await self._connection.channel()
        receiving = await self._connection.channel()
        for queue in (self.queue_in, self.queue_out):
            await self._sending.queue_declare(queue, durable=True)
        await receiving.basic_consume(self.queue_out, self._take, no_ack=True)

    async def close(self) -> None:
        """Disconnect."""
        await self._connection.close()

    async def _take(self, message: aiormq.abc.DeliveredMessage) -> None:
        properties = message.header.properties
        self.answered[str(properties.message_id)] = time.perf_counter()
        if (properties.headers or {}).get("error-class"):
            self.errors += 1
        self._news.set()

    async def send(self, method: str, params: object) -> str:
        """One persistent request, confirmed by RabbitMQ. Returns its message id."""
        message_id = str(uuid.uuid4())
        await self._sending.basic_publish(
            orjson.dumps(params),
            routing_key=self.queue_in,
            properties=Basic.Properties(
                content_type="text/json",
                delivery_mode=2,
                message_id=message_id,
                headers={"method": method, "user": "1", "token": "bench"},
            ),
        )
        return message_id

    async def wait(self, count: int, timeout: float) -> None:
        """Until so many are answered in all. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while len(self.answered) < count:
                self._news.clear()
                await self._news.wait()
