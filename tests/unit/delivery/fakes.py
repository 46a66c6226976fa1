"""A producer whose acknowledgements the test gives, received records, and the part of the runtime that flows use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NoReturn

from aiokafka.structs import RecordMetadata, TopicPartition

from pipeline.delivery.errors import PipelineError
from pipeline.delivery.flow import Flow
from pipeline.delivery.ledger import CrashLedger
from pipeline.delivery.records import Record, read_headers, wire_headers
from pipeline.delivery.runner import FlowRunner
from pipeline.settings import Settings

GENERATION = 7


#: reasons for which the process would have ended, in this test
deaths: list[str] = []


class Died(BaseException):
    """Stands for the end of the process."""


def died(reason: str, error: BaseException | None = None) -> NoReturn:
    """In place of `die`."""
    deaths.append(reason)
    raise Died(reason) from error


@dataclass
class Sent:
    """A record that was put into the producer; the test acknowledges or fails it."""

    record: Record
    future: asyncio.Future[RecordMetadata]
    offset: int

    def acknowledge(self) -> None:
        """The broker has it."""
        if not self.future.done():
            place = TopicPartition(self.record.topic, self.record.partition or 0)
            metadata = RecordMetadata(place.topic, place.partition, place, self.offset, 0, 0, 0)
            self.future.set_result(metadata)

    def fail(self, error: BaseException) -> None:
        """The broker did not take it."""
        self.future.set_exception(error)


class FakeProducer:
    """A ConfirmedProducer. `auto` acknowledges at once; `refuse(record)` gives an error to raise instead."""

    def __init__(self, *, auto: bool = True, refuse: Callable[[Record], Exception | None] = lambda _: None) -> None:
        self.auto = auto
        self.refuse = refuse
        self.sent: list[Sent] = []

    @property
    def records(self) -> list[Record]:
        """All that was taken, in order."""
        return [sent.record for sent in self.sent]

    def of(self, topic: str) -> list[Record]:
        """What was taken for a topic."""
        return [record for record in self.records if record.topic == topic]

    async def post_raw(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> asyncio.Future[RecordMetadata]:
        """See ConfirmedProducer."""
        return self._take(Record(topic, value, key, read_headers(headers), partition))

    async def post(self, record: Record) -> asyncio.Future[RecordMetadata]:
        """See ConfirmedProducer."""
        return self._take(record)

    async def send(self, records: Iterable[Record]) -> Sequence[RecordMetadata]:
        """See ConfirmedProducer."""
        futures = [self._take(record) for record in records]
        return [await future for future in futures]

    def acknowledge(self) -> None:
        """Everything that was taken so far."""
        for sent in self.sent:
            sent.acknowledge()

    def _take(self, record: Record) -> asyncio.Future[RecordMetadata]:
        error = self.refuse(record)
        if error is not None:
            raise error
        sent = Sent(record, asyncio.get_running_loop().create_future(), len(self.sent))
        self.sent.append(sent)
        if self.auto:
            sent.acknowledge()
        return sent.future


@dataclass
class Message:
    """A received record, as Faust hands it over."""

    offset: int
    value: bytes = b"{}"
    key: bytes | None = b"k"
    topic: str = "in"
    partition: int = 0
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    timestamp: float = 1000.0
    generation_id: int = GENERATION
    acked: bool = False

    def ack(self, consumer: Any) -> None:
        """Count it."""
        self.acked = True


def source(offset: int, value: bytes = b"{}", **given: Any) -> Any:
    """An event of Faust around a received record."""
    headers = wire_headers(given.pop("headers", {}))
    return SimpleNamespace(message=Message(offset, value, headers=headers, **given))


def settings(**given: Any) -> Settings:
    """Settings without environment and files."""
    values: dict[str, Any] = {"retry_min": 0.001, "retry_max": 0.002, **given}
    return Settings.model_construct(**values)


class FakeRuntime:
    """What FlowRunner uses of the runtime."""

    def __init__(self, **given: Any) -> None:
        self.settings = settings(**given)
        self.producer = self.bulk = FakeProducer()
        self.ledger = CrashLedger(self.settings.crash_limit)
        self.guard = SimpleNamespace(check=lambda: None)
        self.app = SimpleNamespace(consumer=object(), consumer_generation_id=GENERATION)
        self.accepting = True
        self.releasing = False

    def wire(self, topic: str) -> str:
        """No prefix."""
        return topic

    def reads(self, topics: Iterable[str], queue: asyncio.Queue[Any], agent: str = "") -> None:
        """See Runtime."""

    def runner(self, flow: Flow) -> FlowRunner:
        """The flow's runner in this runtime."""
        return FlowRunner(flow, self)  # type: ignore[arg-type]


class Feed:
    """The stream of an agent; `put` delivers, `closed` ends it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.channel = SimpleNamespace(queue=self.queue)

    def put(self, *sources: Any) -> None:
        """Deliver."""
        for one in sources:
            self.queue.put_nowait(one)


async def until(condition: Callable[[], object], turns: int = 2000) -> None:
    """Let the loop turn until it is so."""
    for _ in range(turns):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came about")


async def settle(turns: int = 20) -> None:
    """Let everything that can go on go on."""
    for _ in range(turns):
        await asyncio.sleep(0)


def acked(sources: Iterable[Any]) -> list[int]:
    """Offsets that were acked."""
    return [one.message.offset for one in sources if one.message.acked]


def failing(*errors: PipelineError | None) -> Callable[[], None]:
    """Raises these one after another (None = no error), then nothing."""
    left = list(errors)

    def step() -> None:
        error = left.pop(0) if left else None
        if error is not None:
            raise error

    return step
