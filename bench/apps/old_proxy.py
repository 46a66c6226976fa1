"""The old proxy's way: one message, one call, publish, ack; no promise (reference: seeds, section 2.3)."""

from __future__ import annotations

import asyncio
import os

import aiohttp
import aiormq
import uvloop
from pamqp.commands import Basic


async def main() -> None:
    """Run until killed."""
    connection = await aiormq.connect(os.environ["AMPQURL"])
    channel = await connection.channel(publisher_confirms=False)
    waiting: asyncio.Queue[aiormq.abc.DeliveredMessage] = asyncio.Queue()
    await channel.basic_consume(os.environ["AMPQIN"], waiting.put)
    base = os.environ["B24REST"].rstrip("/")
    async with aiohttp.ClientSession() as session:
        while True:
            message = await waiting.get()
            properties = message.header.properties
            given = properties.headers or {}
            url = f"{base}/{given['user']}/{given['token']}/{given['method']}"
            async with session.post(url, data=message.body, headers={"Content-Type": "application/json"}) as response:
                answer = await response.read()
            await channel.basic_publish(
                answer,
                routing_key=os.environ["AMPQOUT"],
                properties=Basic.Properties(content_type="text/json", message_id=properties.message_id),
            )
            assert message.delivery_tag is not None
            await channel.basic_ack(message.delivery_tag, multiple=True)


if __name__ == "__main__":
    uvloop.run(main())
