"""pipeline/delivery/pure.py: runs of pure flows. Confirmed before the ack, sent again in order."""

import asyncio
import time
from typing import Any

import pytest

from pipeline.delivery.errors import BadInput, Permanent, Transient
from pipeline.delivery.flow import Event, Flow, as_json
from pipeline.delivery.records import Record
from pipeline.delivery.runner import FlowRunner
from pipeline.topology import CRASHES, DEAD_LETTERS
from tests.unit.delivery.fakes import Died, FakeRuntime, acked, settle, source, until


def flow(handler: Any, **given: Any) -> Flow:
    return Flow(**{"name": "pure", "topics": ("in",), "handler": handler, "decode": as_json, **given})


def copy(event: Event[Any]) -> list[Record]:
    return [Record("out", event.raw, key=event.key, headers={"from": str(event.offset)})]


def values(runtime: FakeRuntime) -> list[bytes | None]:
    return [record.value for record in runtime.producer.records]


def numbered(*offsets: int) -> list[Any]:
    return [source(offset, b"%d" % offset) for offset in offsets]


async def test_acks_follow_the_confirmations_of_whole_runs_in_order(runtime: FakeRuntime) -> None:
    runtime.producer.auto = False
    runner = runtime.runner(flow(copy))
    first, second = numbered(1, 2), numbered(3)
    await runner._runs.take(first)
    await runner._runs.take(second)
    assert values(runtime) == [b"1", b"2", b"3"]
    assert runtime.producer.records[0].headers == {"from": "1"}
    runtime.producer.sent[2].acknowledge()
    runtime.producer.sent[0].acknowledge()
    await settle()
    assert acked(first + second) == []
    runtime.producer.sent[1].acknowledge()
    await until(lambda: acked(first + second) == [1, 2, 3])
    await runner.drain(1)


async def test_a_run_that_takes_long_lets_others_have_their_turn(runtime: FakeRuntime) -> None:
    turns = 0

    async def beside() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def slow(event: Event[Any]) -> list[Record]:
        time.sleep(0.012)
        return copy(event)

    runner = runtime.runner(flow(slow))
    task = asyncio.create_task(beside())
    run = numbered(*range(1, 6))
    await runner._runs.take(run)
    task.cancel()
    assert turns >= 5
    assert values(runtime) == [b"1", b"2", b"3", b"4", b"5"]
    await runner.drain(1)


@pytest.mark.parametrize("how", ["future", "post"])
async def test_a_run_that_is_not_confirmed_is_sent_again_and_all_after_it_in_order(
    how: str, runtime: FakeRuntime
) -> None:
    runtime.producer.auto = False
    runner = runtime.runner(flow(copy))
    sources = numbered(1, 2, 3)
    if how == "post":
        runtime.producer.refuse = lambda record: Transient("buffer full") if record.value == b"1" else None
    for one in sources:
        await runner._runs.take([one])
    runtime.producer.refuse = lambda record: None
    if how == "future":
        runtime.producer.sent[0].fail(Transient("away"))
    # the second one's acknowledgement must not save it from going again: it would stand before the first
    runtime.producer.sent[1].acknowledge()
    before = len(runtime.producer.sent)
    await until(lambda: len(runtime.producer.sent) == before + 3)
    assert values(runtime)[before:] == [b"1", b"2", b"3"]
    assert acked(sources) == []
    runtime.producer.acknowledge()
    await until(lambda: acked(sources) == [1, 2, 3])


async def test_only_so_many_runs_are_unconfirmed_at_once(runtime: FakeRuntime) -> None:
    runtime.producer.auto = False
    runner = runtime.runner(flow(copy))
    for offset in range(4):
        await runner._runs.take(numbered(offset))
    fifth = asyncio.create_task(runner._runs.take(numbered(4)))
    await settle()
    assert not fifth.done()
    runtime.producer.sent[0].acknowledge()
    await fifth
    assert len(runtime.producer.sent) == 5
    runtime.producer.acknowledge()
    await runner.drain(1)


async def test_bad_input_and_permanent_errors_are_dead_letters_with_their_companions(runtime: FakeRuntime) -> None:
    def handler(event: Event[Any]) -> list[Record]:
        if event.value == {"no": 1}:
            raise Permanent("never")
        return copy(event)

    subject = flow(handler, on_dead=lambda event, error: [Record("answers", str(error).encode())], headers=False)
    sources = [source(1), source(2, b"{", headers={"h": "1"}), source(3, b'{"no": 1}'), source(4)]
    await runtime.runner(subject)._runs.take(sources)
    await until(lambda: acked(sources) == [1, 2, 3, 4])
    assert [record.headers["dl-offset"] for record in runtime.producer.of(DEAD_LETTERS)] == ["2", "3"]
    assert runtime.producer.of(DEAD_LETTERS)[0].headers["h"] == "1"
    assert len(runtime.producer.of("answers")) == 2 and len(runtime.producer.of("out")) == 2


@pytest.mark.parametrize("part", ["value", "headers", "key"])
async def test_a_record_that_no_topic_takes_is_a_dead_letter_of_its_event(part: str, runtime: FakeRuntime) -> None:
    """It must not reach the broker: its refusal would hold up the run for ever."""
    limit = 1024 * 1024
    runtime.settings.message_limit = limit
    long: dict[str, Any] = {"value": b"x" * limit, "headers": {"h": "x" * limit}, "key": b"x" * limit}

    def handler(event: Event[Any]) -> list[Record]:
        return [Record(**{"topic": "out", "value": b"1", part: long[part]})]

    sources = numbered(1)
    await runtime.runner(flow(handler))._runs.take(sources)
    await until(lambda: acked(sources) == [1])
    (letter,) = runtime.producer.records
    assert letter.topic == DEAD_LETTERS and "too long" in letter.headers["dl-last-error"]


@pytest.mark.parametrize("where", ["handler", "decode", "on_dead"])
async def test_the_unexpected_is_noted_and_ends_the_worker(where: str, runtime: FakeRuntime) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError(where)

    def refuse(event: Event[Any]) -> None:
        raise Permanent("x")

    subject = flow(**{"handler": refuse, where: broken})
    sources = numbered(1)
    with pytest.raises(Died):
        await runtime.runner(subject)._runs.take(sources)
    assert runtime.producer.of(CRASHES)[0].key == b"in:0:1"
    assert acked(sources) == []


async def test_poison_is_a_dead_letter(runtime: FakeRuntime) -> None:
    runtime.ledger._counts["in:0:1"] = 3
    sources = numbered(1, 2)
    await runtime.runner(flow(copy))._runs.take(sources)
    await until(lambda: acked(sources) == [1, 2])
    assert len(runtime.producer.of(DEAD_LETTERS)) == 1 and len(runtime.producer.of("out")) == 1


async def test_a_confirmation_that_fails_for_good_ends_the_worker(runtime: FakeRuntime) -> None:
    """A run that nobody confirms and nobody sends again would hold up its partition in silence."""
    runtime.producer.auto = False
    runner: FlowRunner = runtime.runner(flow(copy))
    sources = numbered(1)
    await runner._runs.take(sources)
    runtime.producer.sent[0].fail(BadInput("refused by the broker"))
    assert runner._runs._finisher is not None
    with pytest.raises(Died):
        await runner._runs._finisher
    assert acked(sources) == []


async def test_drain_waits_and_then_leaves_the_rest_un_acked(runtime: FakeRuntime) -> None:
    runtime.producer.auto = False
    runner = runtime.runner(flow(copy))
    first, second = numbered(1), numbered(2)
    await runner._runs.take(first)
    await runner._runs.take(second)
    runtime.releasing = True
    drain = asyncio.create_task(runner.drain(0.05))
    await settle()
    runtime.producer.sent[0].acknowledge()
    await drain
    assert acked(first + second) == [1]
    runtime.producer.sent[1].acknowledge()
    await settle()
    assert acked(second) == []
    # nothing begins while partitions are given up, and there is room afterwards
    await runner._runs.take(numbered(3))
    assert len(runtime.producer.sent) == 2
    runtime.releasing = False
    runtime.producer.auto = True
    later = numbered(4, 5, 6)
    for one in later:
        await runner._runs.take([one])
    await until(lambda: acked(later) == [4, 5, 6])


async def test_after_a_rebalance_nothing_old_is_acked(runtime: FakeRuntime) -> None:
    runtime.producer.auto = False
    runner = runtime.runner(flow(copy))
    sources = numbered(1)
    await runner._runs.take(sources)
    runtime.app.consumer_generation_id += 1
    runtime.producer.acknowledge()
    await runner.drain(1)
    assert acked(sources) == []
