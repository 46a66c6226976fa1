"""A wrong request is answered before its offset counts as applied: else a repeat would take it for finished."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from pipeline.delivery.errors import Permanent, Transient
from pipeline.delivery.flow import Event
from pipeline.delivery.records import Record
from pipeline.delivery.tables import DurableTable
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.access.seal import load_sealer
from pipeline.portal.requests.book import Book
from pipeline.portal.requests.intake import Intake
from pipeline.settings import Settings
from pipeline.topology import DEAD_LETTERS, OUTCOMES, REQUESTS_INTERACTIVE, RESULTS


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


def _of_a_run() -> Event[bytes]:
    event = _without_method(5)
    event.headers |= {"source": "companies", "run": "r", "item": "7"}
    return event


async def test_a_refused_request_of_a_run_has_an_outcome_of_the_flow_that_asked(intake: Intake, kafka: Kafka) -> None:
    await _take(intake, _of_a_run())
    assert [record.topic for record in kafka.taken] == [OUTCOMES, RESULTS, DEAD_LETTERS]
    content = orjson.loads(kafka.taken[0].value or b"")
    assert (content["run"], content["item"], content["flow"]) == ("r", "7", "companies")
    assert (content["status"], content["error_class"]) == ("failed", "permanent")
    assert "header method is needed" in content["error"]
    assert kafka.taken[2].headers["run"] == "r"


def test_so_has_one_that_the_intake_could_not_handle(intake: Intake) -> None:
    for flow in intake.flows():
        assert flow.on_dead is not None
        told, answer = flow.on_dead(_of_a_run(), Permanent("no"))
        assert (told.topic, answer.topic) == (OUTCOMES, RESULTS)
        assert orjson.loads(told.value or b"")["flow"] == "companies"
        (answer,) = flow.on_dead(_without_method(5), KeyError("x"))
        assert answer.topic == RESULTS
