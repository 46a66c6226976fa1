"""Confirmed sends: nothing counts as sent before the broker has acknowledged it.

`KafkaProducer` sends through an idempotent aiokafka producer with acks=all: the worker's own (short linger), or one
of its own with a long linger for paths that move thousands a second. Faust's `topic.send` is not used: it can be
awaited without being delivered, and costs twice as much (reference: Faust, section 1.7; reference: speed).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
)
from aiokafka.structs import RecordMetadata

from pipeline.delivery import metrics
from pipeline.delivery.errors import BadInput, PipelineError, Transient
from pipeline.delivery.exit import die
from pipeline.delivery.guard import FreezeGuard
from pipeline.delivery.records import Record, wire_headers

__all__ = ["Confirmation", "ConfirmedProducer", "KafkaProducer", "translate"]

Confirmation = asyncio.Future[RecordMetadata]

#: the producer's session with the broker is broken; only a new one (a new process) can go on without holes
_FATAL = (OutOfOrderSequenceNumber, InvalidProducerEpoch, ProducerFenced)


class ConfirmedProducer(Protocol):
    """What flows and bridges send with."""

    async def post(self, record: Record) -> Confirmation:
        """Put into the producer's buffer (waits while it is full); the future resolves at the acknowledgement.

        The future raises Transient when the broker did not take it in time.

        Raises:
            BadInput: the record is longer than the topic takes.
            Transient: the buffer stayed full, or the broker is away.
        """
        ...

    async def post_raw(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> Confirmation:
        """The same with Kafka's own topic name; the future raises aiokafka's errors (see `translate`)."""
        ...

    async def send(self, records: Iterable[Record]) -> Sequence[RecordMetadata]:
        """Send all in order and wait for all acknowledgements.

        Raises:
            BadInput, Transient: as `post`; some of the records may have been delivered.
        """
        ...


def translate(error: BaseException) -> PipelineError:
    """An error of aiokafka in terms of the taxonomy. A producer that is beyond repair ends the process."""
    if isinstance(error, PipelineError):
        return error
    if isinstance(error, MessageSizeTooLargeError):
        return BadInput(f"longer than the topic takes: {error}")
    if isinstance(error, _FATAL):
        die("Kafka no longer accepts this producer's sequence", error)
    if isinstance(error, KafkaError | asyncio.CancelledError):
        return Transient(f"Kafka did not take a record: {error!r}")
    raise error


class KafkaProducer:
    """`client` gives the started aiokafka producer; `wire` maps a declared topic to its name in Kafka."""

    def __init__(self, client: Callable[[], AIOKafkaProducer], wire: Callable[[str], str], guard: FreezeGuard) -> None:
        self._client = client
        self._wire = wire
        self._guard = guard
        self._names: dict[str, str] = {}
        self._counts: dict[str, Callable[[Confirmation], None]] = {}

    async def post_raw(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> Confirmation:
        """See `ConfirmedProducer`."""
        self._guard.check()
        try:
            future: Confirmation = await self._client().send(
                topic, value, key=key, partition=partition, headers=headers
            )
        except KafkaError as error:
            metrics.SENDS_FAILED.labels(topic).inc()
            raise translate(error) from error
        count = self._counts.get(topic)
        if count is None:
            count = self._counts[topic] = _counting(topic)
        future.add_done_callback(count)
        return future

    async def post(self, record: Record) -> Confirmation:
        """See `ConfirmedProducer`."""
        future = await self._post(record)
        confirmed: Confirmation = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: _pass_on(done, confirmed))
        return confirmed

    async def send(self, records: Iterable[Record]) -> Sequence[RecordMetadata]:
        """See `ConfirmedProducer`."""
        return await confirm([await self._post(record) for record in records])

    async def _post(self, record: Record) -> Confirmation:
        return await self.post_raw(
            self.name(record.topic), record.value, record.key, record.partition, wire_headers(record.headers)
        )

    def name(self, topic: str) -> str:
        """Name of a declared topic in Kafka."""
        name = self._names.get(topic)
        if name is None:
            name = self._names[topic] = self._wire(topic)
        return name


async def confirm(futures: Sequence[Confirmation]) -> Sequence[RecordMetadata]:
    """Wait for acknowledgements; every future is looked at, the first error is raised in terms of the taxonomy."""
    results = await asyncio.gather(*futures, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise translate(result) from result
    return results  # type: ignore[return-value]


def _counting(topic: str) -> Callable[[Confirmation], None]:
    confirmed, failed = metrics.SENDS_CONFIRMED.labels(topic), metrics.SENDS_FAILED.labels(topic)

    def count(done: Confirmation) -> None:
        (failed if done.cancelled() or done.exception() is not None else confirmed).inc()

    return count


def _pass_on(done: Confirmation, confirmed: Confirmation) -> None:
    if confirmed.done():
        return
    if done.cancelled():
        confirmed.set_exception(Transient("Kafka's producer was closed before it delivered"))
        return
    error = done.exception()
    if error is None:
        confirmed.set_result(done.result())
    else:
        confirmed.set_exception(translate(error))


def bulk_client(servers: Sequence[str], message_limit: int) -> AIOKafkaProducer:
    """A producer with a long linger and big batches, for paths that move thousands a second."""
    return AIOKafkaProducer(
        bootstrap_servers=list(servers),
        acks="all",
        enable_idempotence=True,
        linger_ms=20,
        max_batch_size=131_072,
        max_request_size=message_limit,
        request_timeout_ms=120_000,
    )
