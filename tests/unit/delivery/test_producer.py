"""pipeline/delivery/producer.py: acknowledged or an error of the taxonomy, never "awaited"."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotLeaderForPartitionError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
)

from pipeline.delivery.errors import BadInput, Transient
from pipeline.delivery.guard import FreezeGuard
from pipeline.delivery.producer import KafkaProducer, confirm, translate
from pipeline.delivery.records import Record
from tests.unit.delivery.fakes import Died, settle


class Client:
    """An aiokafka producer whose futures the test resolves."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.futures: list[asyncio.Future[Any]] = []
        self.error: Exception | None = None

    async def send(self, topic: str, value: Any, key: Any, partition: Any, headers: Any) -> asyncio.Future[Any]:
        if self.error is not None:
            raise self.error
        self.sent.append((topic, value, key, partition, list(headers)))
        self.futures.append(asyncio.get_running_loop().create_future())
        return self.futures[-1]


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def producer(client: Client) -> KafkaProducer:
    return KafkaProducer(lambda: cast(Any, client), lambda topic: f"p.{topic}", FreezeGuard(10))


async def test_send_returns_when_the_broker_has_all_in_order(client: Client, producer: KafkaProducer) -> None:
    sending = asyncio.create_task(
        producer.send([Record("a", b"1", key=b"k", headers={"h": "ü"}), Record("b", None, partition=3)])
    )
    await settle()
    assert client.sent == [("p.a", b"1", b"k", None, [("h", "ü".encode())]), ("p.b", None, None, 3, [])]
    client.futures[0].set_result("first")
    await settle()
    assert not sending.done()
    client.futures[1].set_result("second")
    assert list(await sending) == ["first", "second"]


async def test_a_refusal_is_told_in_terms_of_the_taxonomy(client: Client, producer: KafkaProducer) -> None:
    sending = asyncio.create_task(producer.send([Record("a", b"1"), Record("a", b"2")]))
    await settle()
    client.futures[0].set_exception(NotLeaderForPartitionError())
    await settle()
    assert not sending.done(), "the others are looked at, too"
    client.futures[1].set_result("x")
    with pytest.raises(Transient):
        await sending


@pytest.mark.parametrize(("error", "kind"), [(KafkaTimeoutError(), Transient), (MessageSizeTooLargeError(), BadInput)])
async def test_a_record_that_is_not_even_taken(
    error: Exception, kind: type[Exception], client: Client, producer: KafkaProducer
) -> None:
    client.error = error
    for sending in (producer.send([Record("a", b"1")]), producer.post(Record("a", b"1")), producer.post_raw("t", b"")):
        with pytest.raises(kind):
            await sending


async def test_post_gives_a_future_with_the_taxonomys_errors(client: Client, producer: KafkaProducer) -> None:
    first, second, third = [await producer.post(Record("a", b"1")) for _ in range(3)]
    assert not first.done()
    client.futures[0].set_result("there")
    client.futures[1].set_exception(MessageSizeTooLargeError())
    client.futures[2].cancel()
    assert await first == "there"
    with pytest.raises(BadInput):
        await second
    with pytest.raises(Transient, match="closed"):
        await third


@pytest.mark.parametrize("error", [OutOfOrderSequenceNumber(), InvalidProducerEpoch(), ProducerFenced()])
def test_a_producer_beyond_repair_ends_the_worker(error: Exception) -> None:
    with pytest.raises(Died):
        translate(error)


def test_what_is_no_error_of_kafka_is_a_defect() -> None:
    with pytest.raises(KeyError):
        translate(KeyError("x"))


async def test_confirm_of_nothing() -> None:
    assert list(await confirm([])) == []


async def test_a_frozen_worker_sends_nothing(client: Client) -> None:
    def frozen() -> None:
        raise Died

    guard = cast(FreezeGuard, SimpleNamespace(check=frozen))
    producer = KafkaProducer(lambda: cast(Any, client), str, guard)
    with pytest.raises(Died):
        await producer.send([Record("a", b"1")])
    assert client.sent == []
