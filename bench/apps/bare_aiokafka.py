"""A bare aiokafka loop: getmany, send, await the acknowledgements of the run, commit."""

from __future__ import annotations

import asyncio
import os

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.payload import transform


async def main() -> None:
    """Run until killed."""
    prefix = os.environ["PIPELINE_TOPIC_PREFIX"]
    consumer = AIOKafkaConsumer(
        f"{prefix}bench.in",
        bootstrap_servers=os.environ["KAFKA_URL"],
        group_id=os.environ["PIPELINE_APP_ID"],
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=500,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=os.environ["KAFKA_URL"],
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        max_batch_size=131_072,
    )
    await consumer.start()
    await producer.start()
    while True:
        futures = []
        for records in (await consumer.getmany(timeout_ms=200)).values():
            for record in records:
                futures.append(await producer.send(f"{prefix}bench.out", transform(record.value), key=record.key))
        if futures:
            await asyncio.gather(*futures)
            await consumer.commit()


if __name__ == "__main__":
    uvloop.run(main())
