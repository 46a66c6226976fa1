"""pipeline/portal/requests/completion.py: answer confirmed, then row done; never a second execution."""

from collections.abc import Iterator
from typing import Any, NoReturn, cast

import orjson
import pytest

from pipeline.delivery.errors import BadInput, Transient
from pipeline.delivery.ownership import Lost
from pipeline.delivery.retry import Backoff
from pipeline.portal.requests import completion as module
from pipeline.portal.requests.answers import Reply
from pipeline.portal.requests.book import Book
from pipeline.portal.requests.completion import Completion
from pipeline.portal.requests.row import DONE, Row
from pipeline.topology import RESULTS
from tests.unit.portal.fakes import Kafka, MemoryTable, book_on, row, settle, until

ANSWER = Reply(200, b'{"result":1}')


@pytest.fixture
def kafka() -> Kafka:
    return Kafka()


@pytest.fixture
def table() -> MemoryTable:
    return MemoryTable()


@pytest.fixture
def book(table: MemoryTable) -> Book:
    return book_on(table)


@pytest.fixture
def completion(book: Book, kafka: Kafka) -> Completion:
    return Completion(book, cast(Any, kafka), Backoff(0.001, 0.002))


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    seen: list[str] = []

    class Died(BaseException): ...

    def died(reason: str, error: BaseException | None = None) -> NoReturn:
        seen.append(reason)
        raise Died

    monkeypatch.setattr(module, "die", died)
    yield seen


def state(book: Book, one: Row) -> str:
    return book.load(one).state


async def accepted(book: Book, **given: Any) -> Row:
    one = row(**given)
    await book.accept(one)
    return one


async def test_the_answer_is_confirmed_before_the_row_is_done(completion: Completion, book: Book, kafka: Kafka) -> None:
    one = await accepted(book, message_id="m", reply_to="back", correlation_id="c", attempts=2)
    kafka.gate.clear()
    await completion.submit(one, ANSWER)
    await settle()
    assert kafka.on_its_way == 1 and state(book, one) != DONE
    assert list(completion.open_rows()) == [one]
    kafka.gate.set()
    await until(lambda: state(book, one) == DONE)
    (record,) = kafka.of(RESULTS)
    assert (record.key, record.value) == (b"default", ANSWER.body)
    headers = record.headers
    assert (headers["answer-id"], headers["message-id"], headers["reply-to"]) == (one.identity, "m", "back")
    assert (headers["correlation-id"], headers["status"], headers["attempts"]) == ("c", "200", "2")
    assert "error-class" not in headers
    await completion.drain(1)
    assert list(completion.open_rows()) == []


async def test_a_message_without_id_gets_its_identity(completion: Completion, book: Book, kafka: Kafka) -> None:
    one = await accepted(book)
    await completion.submit(one, ANSWER)
    await completion.drain(1)
    assert kafka.taken[0].headers["message-id"] == one.identity


async def test_kafka_away_the_answer_is_tried_until_it_is_there(
    completion: Completion, book: Book, kafka: Kafka, table: MemoryTable
) -> None:
    one = await accepted(book)
    kafka.errors += [Transient("away")] * 5
    table.errors += [Transient("away")] * 3
    await completion.submit(one, ANSWER)
    await until(lambda: state(book, one) == DONE)
    assert len(kafka.of(RESULTS)) == 1, "what is confirmed is not sent again because the row was not"


async def test_lost_or_cancelled_is_left_to_the_next_owner(
    completion: Completion, book: Book, table: MemoryTable, kafka: Kafka, deaths: list[str]
) -> None:
    one = await accepted(book)
    table.errors.append(Lost("gone"))
    await completion.submit(one, ANSWER)
    await completion.drain(1)
    assert state(book, one) != DONE
    kafka.gate.clear()
    await completion.submit(one, ANSWER)
    await completion.drain(0.01)
    assert state(book, one) != DONE and deaths == []
    assert list(completion.open_rows()) == []


async def test_the_ends_of_one_order_key_keep_the_order_of_calls(
    completion: Completion, book: Book, kafka: Kafka
) -> None:
    """Else a crash could leave the earlier update to be made again, after the later one."""
    first, second = await accepted(book, order="deal:1"), await accepted(book, order="deal:1")
    beside = await accepted(book)
    kafka.errors += [Transient("away")]
    for one in (first, second, beside):
        await completion.submit(one, ANSWER)
    await until(lambda: state(book, second) == DONE)
    order = [record.headers["answer-id"] for record in kafka.taken]
    assert order.index(first.identity) < order.index(second.identity)
    assert order[0] == beside.identity
    assert state(book, first) == DONE


async def test_an_answer_that_kafka_does_not_take_becomes_a_short_one_never_a_second_execution(
    completion: Completion, book: Book, kafka: Kafka, deaths: list[str]
) -> None:
    one = await accepted(book, message_id="m")
    kafka.errors.append(BadInput("longer than the topic takes"))
    await completion.submit(one, Reply(200, b"x" * 100_000))
    await until(lambda: state(book, one) == DONE)
    (record,) = kafka.taken
    assert record.headers["error-class"] == "oversize" and record.headers["status"] == "200"
    body = orjson.loads(record.value or b"")
    assert body["error"] == "BUS_ANSWER_TOO_LONG" and "100000 bytes" in body["error_description"]
    assert record.headers["message-id"] == "m" and deaths == []


@pytest.mark.parametrize("error", [KeyError("x"), BadInput("a short answer is refused")])
async def test_the_unexpected_ends_the_worker(
    error: Exception, completion: Completion, book: Book, kafka: Kafka, deaths: list[str]
) -> None:
    one = await accepted(book)
    kafka.errors.append(error)
    await completion.submit(one, ANSWER)
    await until(lambda: deaths)
    assert one.identity in deaths[0] and state(book, one) != DONE
