"""pipeline/portal/requests/completion.py: answer confirmed, then row done; never a second execution."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn, cast

import orjson
import pytest

from pipeline.delivery.errors import BadInput, Transient
from pipeline.delivery.ownership import Lost
from pipeline.delivery.records import Record
from pipeline.delivery.retry import Backoff
from pipeline.portal.requests import completion as module
from pipeline.portal.requests.answers import Reply
from pipeline.portal.requests.book import Book
from pipeline.portal.requests.completion import Completion
from pipeline.portal.requests.row import DONE, Row
from pipeline.topology import DEAD_LETTERS, OUTCOMES, RESULTS
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
    done: list[str] = []
    await completion.submit(one, ANSWER, then=lambda: done.append(state(book, one)))
    await settle()
    assert kafka.on_its_way == 1 and state(book, one) != DONE and done == []
    kafka.gate.set()
    await until(lambda: state(book, one) == DONE)
    (record,) = kafka.of(RESULTS)
    assert (record.key, record.value) == (b"default", ANSWER.body)
    headers = record.headers
    assert (headers["answer-id"], headers["message-id"], headers["reply-to"]) == (one.identity, "m", "back")
    assert (headers["correlation-id"], headers["status"], headers["attempts"]) == ("c", "200", "2")
    assert "error-class" not in headers
    await completion.drain(1)
    assert done == [DONE], "what its order keys hold back goes on only then"


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
    done: list[Row] = []
    await completion.submit(one, ANSWER, then=lambda: done.append(one))
    await completion.drain(1)
    assert state(book, one) != DONE
    kafka.gate.clear()
    await completion.submit(one, ANSWER, then=lambda: done.append(one))
    await completion.drain(0.01)
    assert state(book, one) != DONE and deaths == [] and done == []


async def test_a_dead_letter_is_confirmed_with_its_answer(completion: Completion, book: Book, kafka: Kafka) -> None:
    """Before the row is done: nothing else would bring it to a person."""
    one = await accepted(book)
    letter = Record(DEAD_LETTERS, b"letter", key=b"default", headers={})
    kafka.errors.append(Transient("away"))
    await completion.submit(one, ANSWER, letter=letter)
    await until(lambda: state(book, one) == DONE)
    assert [record.topic for record in kafka.taken] == [DEAD_LETTERS, RESULTS]


async def test_answers_of_a_busy_portal_wait_for_each_other_but_not_those_with_order_keys(
    completion: Completion, book: Book, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GATHER", 3600.0)
    free, keyed = await accepted(book), await accepted(book, keys=("deal:1",))
    await completion.submit(free, ANSWER, busy=True)
    await completion.submit(keyed, ANSWER, busy=True)
    await until(lambda: state(book, keyed) == DONE)
    assert len(kafka.taken) == 1 and state(book, free) != DONE
    assert completion._window is not None
    completion._close(completion._window)
    await completion.drain(1)
    assert state(book, free) == DONE


async def test_the_answer_of_an_idle_portal_waits_for_nobody(
    completion: Completion, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GATHER", 3600.0)
    one = await accepted(book)
    await completion.submit(one, ANSWER)
    await until(lambda: state(book, one) == DONE)


async def test_a_portal_is_held_up_while_too_many_answers_are_unconfirmed(
    completion: Completion, book: Book, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_IN_FLIGHT", 2)
    completion = Completion(book, cast(Any, kafka), Backoff(0.001, 0.002))
    kafka.gate.clear()
    rows = [await accepted(book) for _ in range(3)]
    for one in rows[:2]:
        await completion.submit(one, ANSWER)
    third = asyncio.create_task(completion.submit(rows[2], ANSWER))
    await settle()
    assert not third.done()
    kafka.gate.set()
    await third
    await completion.drain(1)
    assert all(state(book, one) == DONE for one in rows)


async def test_a_row_whose_answer_is_there_already_is_done_when_kafka_takes_it(
    completion: Completion, book: Book, table: MemoryTable, kafka: Kafka
) -> None:
    one = await accepted(book)
    table.errors += [Transient("away")] * 3
    await completion.answered(one)
    assert state(book, one) == DONE and kafka.taken == []
    table.errors.append(Lost("gone"))
    with pytest.raises(Lost):
        await completion.answered(one)


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


class NoAnswers(Kafka):
    """Takes everything but answers, until they are `open`."""

    open = False

    async def send(self, records: Iterable[Record]) -> Sequence[Any]:
        records = list(records)
        if not self.open and any(record.topic == RESULTS for record in records):
            raise Transient("away")
        return await super().send(records)


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply(200, b'{"plan":1,"steps":{"a":{"id":"1","action":"added"}}}'), "done"),
        (Reply(0, b'{"error":"X","error_description":"step \'a\': no","plan":1}', "permanent"), "failed"),
    ],
)
async def test_the_outcome_of_a_runs_item_is_confirmed_before_its_answer(reply: Reply, status: str, book: Book) -> None:
    """A crash in between makes the plan run again; a next owner who finds the answer would write no outcome."""
    kafka = NoAnswers()
    completion = Completion(book, cast(Any, kafka), Backoff(0.001, 0.002))
    one = await accepted(book, plan=True, source="companies", run={"run": "r", "item": "7"})
    letter = Record(DEAD_LETTERS, b"letter", key=b"default", headers={}) if status == "failed" else None
    kafka.errors.append(Transient("away"))
    await completion.submit(one, reply, letter=letter)
    beside = [OUTCOMES] if letter is None else [DEAD_LETTERS, OUTCOMES]
    await until(lambda: [record.topic for record in kafka.taken] == beside)
    kafka.open = True
    await until(lambda: state(book, one) == DONE)
    assert [record.topic for record in kafka.taken] == [*beside, RESULTS], "each once"
    content = orjson.loads(kafka.of(OUTCOMES)[0].value or b"")
    assert (content["run"], content["item"], content["flow"], content["status"]) == ("r", "7", "companies", status)
    assert book.load(one).run is None


async def test_a_request_of_no_run_has_no_outcome(completion: Completion, book: Book, kafka: Kafka) -> None:
    one = await accepted(book, plan=True, source="companies")
    await completion.submit(one, ANSWER)
    await until(lambda: state(book, one) == DONE)
    assert [record.topic for record in kafka.taken] == [RESULTS]
