"""Two workers on one queue: the lease moves, nothing is lost, copies say that they are copies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.bridge import declare, publish, ready_count, until, world

pytestmark = pytest.mark.services


async def test_queue_moves_between_workers_under_load(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path, prefetch=100) as first:
        names = {"ampqin": first.settings.ampqin, "topic_prefix": first.settings.topic_prefix, "prefetch": 100}
        async with world(kafka.url, rabbitmq.url, tmp_path, **names) as second:
            await declare(first.url, first.settings.ampqin)
            sent = await publish(first.url, first.settings.ampqin, 4000)
            await first.bridge.start()
            await second.bridge.start()
            owner, other = first, second
            for _ in range(6):
                await owner.runtime.take_over()
                before = owner.bridge.status().queues[0].acked
                await until(lambda o=owner, b=before: o.bridge.status().queues[0].acked > b + 200, "it reads")
                await owner.runtime.ownership.lost()
                status = owner.bridge.status().queues[0]
                assert (status.consuming, status.unacked) == (False, 0)
                owner, other = other, owner
            await owner.runtime.take_over()

            def acked() -> int:
                return sum(w.bridge.status().queues[0].acked for w in (first, second))

            await until(lambda: acked() >= len(sent) and not owner.bridge.status().queues[0].unacked, "all acked")
            assert await ready_count(first.url, first.settings.ampqin) == 0
            records = await first.records()
            found = [dict(record.headers)["amqp-message-id"].decode() for record in records]
            assert set(found) == set(sent)
            # An orderly hand-over waits for Kafka's word: nothing that was posted comes twice unmarked.
            marked = [r for r in records if dict(r.headers).get("amqp-redelivered") == b"1"]
            assert len(found) - len(set(found)) <= len(marked)
