"""A flow in a real worker on a real Kafka: poison, bad input, SIGTERM."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from pipeline.delivery.exit import EXIT_UNEXPECTED
from pipeline.topology import DEAD_LETTERS
from stack.kafka import Kafka
from stack.process import wait_for
from tests.support.delivery import Installation, eventually

pytestmark = pytest.mark.services


@pytest.fixture
def flow(kafka: Kafka, tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(kafka.bootstrap, tmp_path)
    yield installation
    installation.close()


def event(number: int, do: str = "") -> bytes:
    return orjson.dumps({"id": number, **({"do": do} if do else {})})


def ids(values: list[bytes | None]) -> list[int]:
    return [orjson.loads(value or b"")["id"] for value in values]


async def committed(flow: Installation, offset: int) -> bool:
    return await flow.committed("flow.in") == {0: offset}


async def test_poison_ends_the_worker_three_times_and_then_the_rest_goes_on(flow: Installation) -> None:
    worker = flow.start()
    wait_for(lambda: flow.said("Worker ready") > 0, 40, "the worker is ready")
    await flow.put("flow.in", [event(0), event(1, "crash"), event(2)])
    for times in (1, 2, 3):
        assert worker.wait(30) == EXIT_UNEXPECTED
        assert flow.said(f"agent echo at {flow.wire('flow.in')}:0:1") >= times
        worker = flow.start()
    await eventually(lambda: committed(flow, 3), 20, "everything is committed")
    # what was not committed when the worker ended is made again: at least once
    out = await flow.records("flow.out", 2)
    assert set(ids([record.value for record in out])) == {0, 2}
    (letter,) = await flow.records(DEAD_LETTERS, 1)
    headers = dict(letter.headers)
    assert letter.value == event(1, "crash") and headers["dl-offset"] == b"1"
    assert headers["dl-last-error"] == b"it has ended the worker 3 times: RuntimeError: this record is poison"
    assert worker.poll() is None


async def test_bad_input_is_dead_letters_without_end_and_delays_nothing_good(flow: Installation) -> None:
    worker = flow.start()
    wait_for(lambda: flow.said("Worker ready") > 0, 40, "the worker is ready")
    # more than the breaker's limit of failed effects
    bad, good = 300, 30
    await flow.put("flow.in", [b"{"] * bad)
    values = [value for number in range(good) for value in (b"no json", event(number))]
    await flow.put("flow.in", values)
    out = await flow.records("flow.out", good)
    assert sorted(ids([record.value for record in out])) == list(range(good))
    letters = await flow.records(DEAD_LETTERS, bad + good)
    assert len({dict(letter.headers)["dl-offset"] for letter in letters}) == len(letters) == bad + good

    await eventually(lambda: committed(flow, bad + 2 * good), 20, "everything is committed")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0


@pytest.mark.parametrize("ends", ["in time", "too late"])
async def test_sigterm_during_a_slow_event_loses_nothing(flow: Installation, ends: str) -> None:
    release = "20" if ends == "in time" else "1"
    worker = flow.start(RELEASE=release)
    wait_for(lambda: flow.said("Worker ready") > 0, 40, "the worker is ready")
    await flow.put("flow.in", [event(0), event(1, "wait"), event(2)])
    wait_for(lambda: flow.said("echo has begun 1") > 0, 20, "the slow event has begun")
    worker.send_signal(signal.SIGTERM)
    if ends == "in time":
        wait_for(lambda: flow.said("Stopping") > 0 or worker.poll() is not None, 20, "it stops")
        flow.gate.touch()
    assert worker.wait(30) == 0
    # 2 has the key of 1: it was not begun, and is the next one's
    assert await flow.committed("flow.in") == {0: 2 if ends == "in time" else 1}
    flow.gate.touch()
    flow.start()
    out = await flow.records("flow.out", 3)
    assert ids([record.value for record in out]) == [0, 1, 2], "nothing lost, nothing twice"


async def test_what_expired_before_it_was_read_is_told(flow: Installation) -> None:
    worker = flow.start()
    wait_for(lambda: flow.said("Worker ready") > 0, 40, "the worker is ready")
    await flow.put("flow.in", [event(0), event(1)])
    await eventually(lambda: committed(flow, 2), 20, "both are committed")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    await flow.put("flow.in", [event(number) for number in range(2, 7)])
    admin = AIOKafkaAdminClient(bootstrap_servers=flow.bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(flow.wire("flow.in"), 0): RecordsToDelete(5)})
    await admin.close()
    flow.start()
    await eventually(lambda: committed(flow, 7), 40, "the rest is committed")
    assert flow.said(f"{flow.wire('flow.in')}[0]: offsets 2 to 4 were never read") == 1
    assert ids([record.value for record in await flow.records("flow.out", 4)]) == [0, 1, 5, 6]
