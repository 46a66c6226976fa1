"""A queue is read by the owner of its partition, and by nobody else."""

from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from pipeline.bridge.leases import LOST_TIMEOUT, Leases, partition_of
from pipeline.topology import InboundQueue


@given(st.text(min_size=1, max_size=60), st.integers(1, 48))
def test_partition_is_the_one_every_kafka_client_computes(queue: str, partitions: int) -> None:
    everything = list(range(partitions))
    assert partition_of(queue, partitions) == DefaultPartitioner()(queue.encode(), everything, everything)


class Reader:
    def __init__(self, queue: str) -> None:
        self.inbound = InboundQueue(queue, "topic", "plain")
        self.calls: list[object] = []

    def start(self) -> None:
        self.calls.append("start")

    async def stop(self, timeout: float) -> None:
        self.calls.append(timeout)


async def test_readers_follow_the_partitions() -> None:
    readers = [Reader(f"queue-{number}") for number in range(40)]
    leases = Leases(readers, 12)  # type: ignore[arg-type]
    await leases.on_owned(frozenset({0, 5}))
    for reader in readers:
        ours = partition_of(reader.inbound.queue, 12) in {0, 5}
        assert reader.calls == (["start"] if ours else [])
    assert any(reader.calls for reader in readers)
    await leases.on_lost()
    assert all(reader.calls[-1] == LOST_TIMEOUT for reader in readers)
    assert LOST_TIMEOUT < 20
