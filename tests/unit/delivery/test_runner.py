"""pipeline/delivery/runner.py: flows with effects. Retry by class, dead letters, poison, breaker, ack last."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest

from pipeline.delivery.errors import Auth, BadInput, Blocked, Oversize, Permanent, Throttled, Transient, Unknown
from pipeline.delivery.flow import Event, Flow, as_json
from pipeline.delivery.ownership import Lost
from pipeline.delivery.records import Record
from pipeline.delivery.runner import FlowRunner
from pipeline.topology import CRASHES, DEAD_LETTERS, OUTCOMES
from tests.unit.delivery.fakes import Died, FakeProducer, FakeRuntime, Feed, acked, deaths, settle, source, until

OUT = "out"


class Running:
    """A runner that reads a feed."""

    def __init__(self, runtime: FakeRuntime, flow: Flow) -> None:
        self.runner: FlowRunner = runtime.runner(flow)
        self.feed = Feed()
        self.task = asyncio.create_task(self.runner.run(self.feed))
        self.sources: list[Any] = []

    def put(self, *sources: Any) -> None:
        self.sources += sources
        self.feed.put(*sources)

    @property
    def acked(self) -> list[int]:
        return acked(self.sources)


@pytest.fixture
async def run(runtime: FakeRuntime) -> AsyncIterator[Callable[[Flow], Running]]:
    made: list[Running] = []

    def start(flow: Flow) -> Running:
        made.append(Running(runtime, flow))
        return made[-1]

    yield start
    for running in made:
        running.task.cancel()
        await asyncio.wait([running.task])
        await running.runner.drain(0)


def flow(handler: Any, **given: Any) -> Flow:
    return Flow(**{"name": "test", "topics": ("in",), "handler": handler, "decode": as_json, **given})


async def test_nothing_is_acked_before_what_it_makes_is_confirmed(runtime: FakeRuntime, run: Any) -> None:
    async def handler(event: Event[Any]) -> list[Record]:
        return [Record(OUT, b"1"), Record(OUT, b"2")]

    runtime.producer.auto = False
    running = run(flow(handler))
    running.put(source(5))
    await until(lambda: len(runtime.producer.sent) == 2)
    runtime.producer.sent[0].acknowledge()
    await settle()
    assert running.acked == []
    runtime.producer.sent[1].acknowledge()
    await until(lambda: running.acked == [5])


@pytest.mark.parametrize(
    "error",
    [Transient("x"), Throttled("x"), Auth("x"), Blocked("x"), Unknown("x"), Throttled("x", time.time() - 5)],
    ids=lambda error: type(error).__name__,
)
async def test_what_may_pass_is_tried_again_never_given_up(error: Exception, runtime: FakeRuntime, run: Any) -> None:
    attempts: list[int] = []

    async def handler(event: Event[Any]) -> None:
        attempts.append(event.attempt)
        if len(attempts) < 30:
            raise error

    running = run(flow(handler))
    running.put(source(1))
    await until(lambda: running.acked)
    assert attempts == list(range(1, 31))
    assert runtime.producer.records == []


async def test_throttled_waits_until_the_time_that_was_told(run: Any) -> None:
    until_time = time.time() + 0.05
    calls: list[float] = []

    async def handler(event: Event[Any]) -> None:
        calls.append(time.time())
        if len(calls) == 1:
            raise Throttled("later", until_time)

    running = run(flow(handler))
    running.put(source(1))
    await until(lambda: running.acked)
    assert calls[1] >= until_time


@pytest.mark.parametrize(
    ("error", "name"), [(Permanent("never"), "permanent"), (BadInput("bad"), "permanent"), (Oversize("o"), "oversize")]
)
async def test_what_can_never_succeed_is_a_dead_letter_at_once(
    error: Exception, name: str, runtime: FakeRuntime, run: Any
) -> None:
    async def handler(event: Event[Any]) -> None:
        if event.offset == 1:
            raise error

    running = run(flow(handler, version="4"))
    running.put(source(1, b'{"a": 1}', headers={"h": "1"}), source(2))
    await until(lambda: running.acked == [1, 2])
    (letter,) = runtime.producer.of(DEAD_LETTERS)
    assert letter.value == b'{"a": 1}' and letter.headers["h"] == "1"
    assert letter.headers["dl-error-class"] == name
    assert (letter.headers["dl-agent"], letter.headers["dl-agent-version"]) == ("test", "4")
    assert (letter.headers["dl-topic"], letter.headers["dl-offset"], letter.headers["dl-attempts"]) == ("in", "1", "1")


async def test_a_dead_letter_tells_the_first_error_and_the_last(runtime: FakeRuntime, run: Any) -> None:
    async def handler(event: Event[Any]) -> None:
        raise Transient("first") if event.attempt == 1 else Permanent("last")

    running = run(flow(handler))
    running.put(source(1))
    await until(lambda: running.acked)
    headers = runtime.producer.of(DEAD_LETTERS)[0].headers
    assert (headers["dl-first-error"], headers["dl-last-error"], headers["dl-attempts"]) == ("first", "last", "2")
    assert float(headers["dl-first-time"]) < float(headers["dl-time"])


async def test_bad_input_is_a_dead_letter_and_no_handler_sees_it(runtime: FakeRuntime, run: Any) -> None:
    seen: list[int] = []

    async def handler(event: Event[Any]) -> None:
        seen.append(event.offset)

    running = run(flow(handler))
    running.put(source(1, b"{"), source(2), source(3, b""))
    await until(lambda: sorted(running.acked) == [1, 2, 3])
    assert seen == [2]
    assert [letter.value for letter in runtime.producer.of(DEAD_LETTERS)] == [b"{", b""]


async def test_a_dead_letter_is_confirmed_before_the_ack_and_its_companions_go_with_it(
    runtime: FakeRuntime, run: Any
) -> None:
    async def handler(event: Event[Any]) -> None: ...

    runtime.producer.auto = False
    running = run(flow(handler, on_dead=lambda event, error: [Record("answers", str(error).encode())]))
    running.put(source(1, b"{"))
    await until(lambda: len(runtime.producer.sent) == 2)
    await settle()
    assert running.acked == []
    assert runtime.producer.of("answers")[0].value.startswith(b"no JSON")  # type: ignore[union-attr]
    # Kafka does not take it: again, until it does
    for sent in runtime.producer.sent:
        sent.fail(Transient("away"))
    await until(lambda: len(runtime.producer.sent) == 4)
    assert running.acked == []
    for sent in runtime.producer.sent[2:]:
        sent.acknowledge()
    await until(lambda: running.acked == [1])


@pytest.mark.parametrize("headers", [True, False])
async def test_the_dead_letter_of_a_runs_item_goes_with_a_failed_outcome(
    headers: bool, runtime: FakeRuntime, run: Any
) -> None:
    async def handler(event: Event[Any]) -> None:
        raise Permanent("no such price")

    running = run(flow(handler, headers=headers))
    running.put(source(1, headers={"run": "r", "item": "7"}), source(2))
    await until(lambda: sorted(running.acked) == [1, 2])
    (told,) = runtime.producer.of(OUTCOMES)
    content = orjson.loads(told.value or b"")
    assert (told.key, content["item"], content["flow"], content["status"]) == (b"r", "7", "test", "failed")
    assert (content["error_class"], content["error"]) == ("permanent", "no such price")
    assert len(runtime.producer.of(DEAD_LETTERS)) == 2


async def test_an_outcome_that_on_dead_gives_is_the_only_one(runtime: FakeRuntime, run: Any) -> None:
    async def handler(event: Event[Any]) -> None:
        raise Permanent("no")

    running = run(flow(handler, on_dead=lambda event, error: [Record(OUTCOMES, b"its own")]))
    running.put(source(1, headers={"run": "r", "item": "7"}))
    await until(lambda: running.acked == [1])
    assert [told.value for told in runtime.producer.of(OUTCOMES)] == [b"its own"]


async def test_headers_are_in_the_dead_letter_also_where_the_flow_needs_none(runtime: FakeRuntime, run: Any) -> None:
    async def handler(event: Event[Any]) -> None:
        assert event.headers == {}
        raise Permanent("x")

    running = run(flow(handler, headers=False))
    running.put(source(1, headers={"h": "1"}))
    await until(lambda: running.acked)
    assert runtime.producer.of(DEAD_LETTERS)[0].headers["h"] == "1"


async def test_the_unexpected_ends_the_worker_un_acked_and_notes_the_record(runtime: FakeRuntime, run: Any) -> None:
    async def handler(event: Event[Any]) -> None:
        raise KeyError("price")

    running = run(flow(handler))
    running.put(source(9))
    await until(lambda: deaths)
    assert deaths[0] == "agent test at in:0:9"
    (note,) = runtime.producer.of(CRASHES)
    assert note.key == b"in:0:9" and orjson.loads(note.value or b"")["error"] == "KeyError: 'price'"
    assert running.acked == []


@pytest.mark.parametrize("where", ["decode", "key", "on_dead"])
async def test_also_when_the_flow_breaks_outside_its_handler(where: str, runtime: FakeRuntime, run: Any) -> None:
    """Without a note the record would end the worker for ever, and never become a dead letter."""

    def broken(*_: Any) -> Any:
        raise KeyError(where)

    async def handler(event: Event[Any]) -> None:
        raise Permanent("x")

    running = run(flow(handler, **{where: broken}))
    running.put(source(9))
    await until(lambda: runtime.producer.of(CRASHES))
    assert runtime.producer.of(CRASHES)[0].key == b"in:0:9"
    assert running.acked == []
    assert deaths[0] == "agent test at in:0:9"


async def test_what_ended_the_worker_too_often_is_a_dead_letter(runtime: FakeRuntime, run: Any) -> None:
    seen: list[int] = []

    async def handler(event: Event[Any]) -> None:
        seen.append(event.offset)

    runtime.ledger._counts["in:0:1"] = 3
    runtime.ledger._errors["in:0:1"] = "KeyError: 'price'"
    runtime.ledger._counts["in:0:2"] = 2
    running = run(flow(handler))
    running.put(source(1), source(2))
    await until(lambda: sorted(running.acked) == [1, 2])
    assert seen == [2]
    (letter,) = runtime.producer.of(DEAD_LETTERS)
    assert letter.headers["dl-last-error"] == "it has ended the worker 3 times: KeyError: 'price'"


async def test_an_open_breaker_holds_back_what_fails_until_something_succeeds(run: Any) -> None:
    runtime = FakeRuntime(breaker_failures=2)
    broken = True

    async def handler(event: Event[Any]) -> None:
        if broken:
            raise Permanent("everything fails")

    running = Running(runtime, flow(handler, in_flight=1))
    running.put(*(source(n, key=b"%d" % n) for n in range(5)))
    await until(lambda: running.acked == [0, 1])
    await asyncio.sleep(0.02)
    assert running.runner.breaker.open
    assert running.acked == [0, 1] and len(runtime.producer.of(DEAD_LETTERS)) == 2
    broken = False
    await until(lambda: running.acked == [0, 1, 2, 3, 4])
    assert len(runtime.producer.of(DEAD_LETTERS)) == 2 and not running.runner.breaker.open
    running.task.cancel()


async def test_bad_input_never_counts_for_the_breaker() -> None:
    runtime = FakeRuntime(breaker_failures=2)

    async def handler(event: Event[Any]) -> None:
        raise BadInput("x")

    running = Running(runtime, flow(handler))
    running.put(*(source(n, b"{" if n % 2 else b"{}", key=b"%d" % n) for n in range(20)))
    await until(lambda: len(running.acked) == 20)
    assert not running.runner.breaker.open and len(runtime.producer.of(DEAD_LETTERS)) == 20
    running.task.cancel()


async def test_a_record_too_long_for_kafka_is_a_dead_letter(runtime: FakeRuntime, run: Any) -> None:
    async def handler(event: Event[Any]) -> list[Record]:
        return [Record(OUT, b"long")]

    runtime.producer.refuse = lambda record: BadInput("longer than the topic takes") if record.topic == OUT else None
    running = run(flow(handler))
    running.put(source(1))
    await until(lambda: running.acked)
    assert runtime.producer.of(DEAD_LETTERS)[0].headers["dl-last-error"] == "longer than the topic takes"


async def test_lost_partitions_are_left_to_the_next_owner(runtime: FakeRuntime, run: Any) -> None:
    async def handler(event: Event[Any]) -> None:
        raise Lost("gone")

    running = run(flow(handler))
    running.put(source(1))
    await settle(50)
    assert running.acked == [] and runtime.producer.records == []


async def test_what_was_fetched_before_a_rebalance_is_not_begun(runtime: FakeRuntime, run: Any) -> None:
    seen: list[int] = []

    async def handler(event: Event[Any]) -> None:
        seen.append(event.offset)

    running = run(flow(handler))
    running.put(source(1, generation_id=6), source(2))
    await until(lambda: running.acked == [2])
    runtime.accepting = False
    running.put(source(3))
    await settle(50)
    assert seen == [2]


async def test_while_partitions_are_given_up_only_what_was_begun_goes_on(runtime: FakeRuntime, run: Any) -> None:
    gate = asyncio.Event()
    seen: list[int] = []

    async def handler(event: Event[Any]) -> None:
        seen.append(event.offset)
        await gate.wait()

    running = run(flow(handler, in_flight=2))
    # 1 and 2 are begun; 3 waits for room; 4 and 5 are in the same run
    running.put(source(1, key=b"a"), source(2, key=b"b"), *(source(n, key=b"a") for n in (3, 4, 5)))
    await until(lambda: seen == [1, 2])
    runtime.releasing = True
    drain = asyncio.create_task(running.runner.drain(5))
    await settle()
    gate.set()
    await drain
    await settle(50)
    assert seen == [1, 2] and running.acked == [1, 2]


async def test_one_key_in_order_others_beside(run: Any) -> None:
    gate = asyncio.Event()
    ended: list[int] = []

    async def handler(event: Event[Any]) -> None:
        if event.offset == 1:
            await gate.wait()
        ended.append(event.offset)

    running = run(flow(handler))
    running.put(source(1, key=b"a"), source(2, key=b"a"), source(3, key=b"b"), source(4, key=None))
    await until(lambda: running.acked == [3, 4])
    gate.set()
    await until(lambda: running.acked == [1, 2, 3, 4])
    assert ended == [3, 4, 1, 2]


async def test_a_frozen_worker_acks_nothing(runtime: FakeRuntime) -> None:
    async def handler(event: Event[Any]) -> None: ...

    def frozen() -> None:
        raise Died("stood still")

    runtime.guard.check = frozen
    one = source(1)
    with pytest.raises(Died):
        runtime.runner(flow(handler)).ack(one)
    assert not one.message.acked


def test_the_fake_is_one() -> None:
    from pipeline.delivery.producer import ConfirmedProducer

    producer: ConfirmedProducer = FakeProducer()
    assert producer
