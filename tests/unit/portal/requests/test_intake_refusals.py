"""A wrong request is answered before its offset counts as applied: else a repeat would take it for finished."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import pytest

from pipeline.delivery.errors import Transient
from pipeline.delivery.flow import Event
from pipeline.delivery.records import Record
from pipeline.delivery.tables import DurableTable
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.access.seal import load_sealer
from pipeline.portal.requests.book import Book
from pipeline.portal.requests.intake import Intake
from pipeline.settings import Settings
from pipeline.topology import DEAD_LETTERS, REQUESTS_INTERACTIVE, RESULTS


class EmptyTable:
    """No request was ever taken in."""

    def get(self, partition: int, key: bytes) -> bytes | None:
        return None


class Kafka:
    """Takes records when it is not away."""

    def __init__(self) -> None:
        self.away = False
        self.taken: list[Record] = []

    async def send(self, records: Iterable[Record]) -> None:
        if self.away:
            raise Transient("Kafka did not take a record")
        self.taken += records


@pytest.fixture
def kafka() -> Kafka:
    return Kafka()


@pytest.fixture
def book() -> Book:
    return Book(cast(DurableTable, EmptyTable()))


@pytest.fixture
def intake(kafka: Kafka, book: Book, tmp_path: Path) -> Intake:
    settings = Settings(b24rest="http://127.0.0.1:1/rest/")
    credentials = Credentials(settings.all_portals(), True, load_sealer(tmp_path / "seal.key"))
    return Intake(settings, book, credentials, lambda entry: None, lambda: True, kafka.send)


async def _take(intake: Intake, event: Event[bytes]) -> Any:
    return await cast(Any, intake.flows()[0].handler)(event)


def _without_method(offset: int) -> Event[bytes]:
    headers = {"source": "amqp", "portal": "default", "amqp-message-id": f"m{offset}"}
    return Event(REQUESTS_INTERACTIVE, 0, offset, b"default", headers, b"{}", b"{}", time.time())


async def test_a_refusal_that_kafka_did_not_take_is_made_again(intake: Intake, kafka: Kafka) -> None:
    event = _without_method(5)
    kafka.away = True
    with pytest.raises(Transient):
        await _take(intake, event)
    kafka.away = False
    assert not await _take(intake, event)
    assert [record.topic for record in kafka.taken] == [RESULTS, DEAD_LETTERS]
    assert kafka.taken[0].headers["message-id"] == "m5"


async def test_its_offset_is_applied_only_when_the_answer_is_in_kafka(intake: Intake, kafka: Kafka, book: Book) -> None:
    await _take(intake, _without_method(5))
    assert book.applied("i", 0).through == 5
    kafka.away = True
    with pytest.raises(Transient):
        await _take(intake, _without_method(6))
    kafka.away = False
    await _take(intake, _without_method(7))
    assert book.applied("i", 0).through == 5
    await _take(intake, _without_method(6))
    assert book.applied("i", 0).through == 7
