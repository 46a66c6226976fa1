"""A plain Faust agent, tuned as in the measurements that the design was made from: nothing confirmed, nothing kept."""

from __future__ import annotations

import os

import faust
import uvloop

from bench.payload import transform

uvloop.install()
app = faust.App(
    os.environ["PIPELINE_APP_ID"],
    broker=f"kafka://{os.environ['KAFKA_URL']}",
    datadir=os.environ["PIPELINE_DATA_DIR"],
    key_serializer="raw",
    value_serializer="raw",
    store="memory://",
    broker_max_poll_records=500,
    producer_linger=0.02,
    producer_max_batch_size=131_072,
    cython_optimizations=True,
    consumer_auto_offset_reset="earliest",
    topic_disable_leader=True,
)
prefix = os.environ["PIPELINE_TOPIC_PREFIX"]
source = app.topic(f"{prefix}bench.in", key_type=bytes, value_type=bytes, value_serializer="raw")
target = app.topic(f"{prefix}bench.out", key_type=bytes, value_type=bytes, value_serializer="raw")


@app.agent(source)
async def bench(stream: faust.StreamT[bytes]) -> None:
    """One record in, one out; the send is not awaited for delivery."""
    async for key, value in stream.items():
        await target.send(key=key, value=transform(value))
