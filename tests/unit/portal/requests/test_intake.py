"""pipeline/portal/requests/intake.py: a record becomes a waiting row, once. Refusals: test_intake_refusals.py."""

import asyncio
from typing import Any, cast

import pytest

from pipeline.delivery.errors import Transient
from pipeline.delivery.flow import Event
from pipeline.delivery.ownership import Lost
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.requests.book import Book
from pipeline.portal.requests.intake import Intake
from pipeline.portal.requests.lanes import Lane
from pipeline.portal.requests.row import WAITING
from pipeline.portal.sending.scheduler import Entry
from pipeline.settings import Settings
from pipeline.topology import DEAD_LETTERS, REQUESTS_BULK, REQUESTS_INTERACTIVE, RESULTS
from tests.unit.portal.fakes import Kafka, MemoryTable, book_on, record, settle


class Ground:
    """An intake, and what it stands on."""

    def __init__(self, credentials: Credentials, **settings: Any) -> None:
        self.table = MemoryTable()
        self.kafka = Kafka()
        self.waiting: list[Entry] = []
        self.limit = 1000
        self.credentials = credentials
        self.settings = Settings.model_construct(**settings)
        self.restart()

    def restart(self) -> None:
        """Another worker takes over: what was in memory is gone."""
        self.waiting = []
        self.book: Book = book_on(self.table)
        self.intake = Intake(
            self.settings,
            self.book,
            self.credentials,
            self.waiting.append,
            lambda: len(self.waiting) < self.limit,
            self.kafka.send,
        )

    async def take(self, event: Event[bytes], lane: Lane = "i") -> Any:
        """What the agent's handler does."""
        return await cast(Any, self.intake.flows()["ib".index(lane)].handler)(event)

    @property
    def offsets(self) -> list[int]:
        """Of the requests that wait."""
        return [entry.row.offset for entry in self.waiting]


@pytest.fixture
def ground(credentials: Credentials) -> Ground:
    return Ground(credentials)


def test_the_two_agents() -> None:
    flows = Ground(cast(Any, None)).intake.flows()
    assert [(flow.name, flow.topics) for flow in flows] == [
        ("portal-intake-interactive", (REQUESTS_INTERACTIVE,)),
        ("portal-intake-bulk", (REQUESTS_BULK,)),
    ]


async def test_a_request_becomes_a_row_and_waits_without_its_body(ground: Ground) -> None:
    assert not await ground.take(record(3, body=b'{"id":5}', method="crm.deal.get"))
    assert ground.offsets == [3]
    row = ground.waiting[0].row
    assert (row.state, row.keys, row.body, row.message_id) == (WAITING, ("deal:5",), b"", "m3")
    assert ground.book.load(row).body == b'{"id":5}'
    assert ground.book.applied("i", 0).through == 3
    await ground.take(record(3, "b"), "b")
    assert ground.book.find("b", 0, 3) is not None
    assert ground.kafka.taken == []


async def test_it_does_not_wait_before_its_row_is_durable(ground: Ground) -> None:
    ground.table.gate.clear()
    taking = asyncio.create_task(ground.take(record(0)))
    await settle()
    assert not taking.done() and ground.waiting == [] and ground.book.applied("i", 0).through == -1
    ground.table.gate.set()
    await taking
    assert ground.offsets == [0]


async def test_a_row_that_was_not_written_is_written_at_the_next_try(ground: Ground) -> None:
    ground.table.errors.append(Transient("away"))
    with pytest.raises(Transient):
        await ground.take(record(0))
    assert ground.waiting == [] and ground.book.applied("i", 0).through == -1
    await ground.take(record(1))
    assert ground.book.applied("i", 0).through == -1
    await ground.take(record(0))
    assert ground.offsets == [1, 0] and ground.book.applied("i", 0).through == 1


async def test_a_record_delivered_again_finds_its_row(ground: Ground) -> None:
    await ground.take(record(0))
    await ground.take(record(0))
    assert ground.offsets == [0]
    ground.restart()
    await ground.take(record(0))
    assert ground.offsets == []


async def test_a_record_delivered_again_after_its_row_expired_is_not_executed_again(ground: Ground) -> None:
    await ground.take(record(0))
    await ground.book.done(ground.book.load(ground.waiting[0].row))
    await ground.book.mark("i", 0, 0, None)
    assert await ground.book.expire(0, 1e12) == 1
    ground.restart()
    await ground.take(record(0))
    assert ground.offsets == [] and ground.kafka.taken == []


async def test_a_message_that_rabbitmq_delivers_again_is_one_request(ground: Ground) -> None:
    await ground.take(record(0, amqp_message_id="m"))
    await ground.take(record(1, amqp_message_id="m", amqp_redelivered="1"))
    assert ground.offsets == [0]
    ground.restart()
    await ground.take(record(2, amqp_message_id="m", amqp_redelivered="1"))
    assert ground.offsets == []


async def test_also_without_message_id_by_its_content(ground: Ground) -> None:
    await ground.take(record(0, amqp_message_id="", body=b'{"a":1}'))
    await ground.take(record(1, amqp_message_id="", body=b'{"a":1}', amqp_redelivered="1"))
    await ground.take(record(2, amqp_message_id="", body=b'{"a":2}', amqp_redelivered="1"))
    assert ground.offsets == [0, 2]


@pytest.mark.parametrize("other", [{"amqp_message_id": "other"}, {"body": b'{"x":1}'}, {"method": "crm.deal.get"}])
async def test_redelivered_alone_makes_no_copy(other: dict[str, Any], ground: Ground) -> None:
    await ground.take(record(0, amqp_message_id="m"))
    await ground.take(record(1, **{"amqp_message_id": "m", "amqp_redelivered": "1", **other}))
    assert ground.offsets == [0, 1]


async def test_a_deliberate_repeat_is_two_requests(ground: Ground) -> None:
    await ground.take(record(0, amqp_message_id="m"))
    await ground.take(record(1, amqp_message_id="m"))
    assert ground.offsets == [0, 1]


async def test_a_copy_waits_for_the_earlier_one_that_is_being_written(ground: Ground) -> None:
    """Both stand in the pool when the limit of waiting requests is reached."""
    ground.limit = 0
    first = asyncio.create_task(ground.take(record(0, amqp_message_id="m")))
    await settle()
    copy = asyncio.create_task(ground.take(record(1, amqp_message_id="m", amqp_redelivered="1")))
    await settle()
    assert not first.done() and not copy.done()
    ground.limit = 10
    ground.intake.has_room()
    await asyncio.gather(first, copy)
    assert ground.offsets == [0]


async def test_a_copy_takes_the_place_of_an_earlier_one_that_could_not_be_written(ground: Ground) -> None:
    ground.table.gate.clear()
    first = asyncio.create_task(ground.take(record(0, amqp_message_id="m")))
    await settle()
    copy = asyncio.create_task(ground.take(record(1, amqp_message_id="m", amqp_redelivered="1")))
    await settle()
    ground.table.errors.append(Transient("away"))
    ground.table.gate.set()
    with pytest.raises(Transient):
        await first
    await copy
    assert ground.offsets == [1]


@pytest.mark.parametrize(
    ("headers", "error_class", "code"),
    [
        ({"method": ""}, "permanent", "BUS_BAD_REQUEST"),
        ({"credential": ""}, "auth", "BUS_UNAUTHORIZED"),
    ],
)
async def test_bad_input_is_an_answer_and_a_dead_letter(
    headers: dict[str, Any], error_class: str, code: str, ground: Ground
) -> None:
    await ground.take(record(4, amqp_reply_to="back", **headers))
    (answer,) = ground.kafka.of(RESULTS)
    (letter,) = ground.kafka.of(DEAD_LETTERS)
    assert ground.waiting == []
    assert answer.headers["error-class"] == letter.headers["dl-error-class"] == error_class
    assert code.encode() in (answer.value or b"")
    assert (answer.headers["message-id"], answer.headers["reply-to"], answer.headers["attempts"]) == ("m4", "back", "0")
    assert answer.headers["answer-id"] == "i-0-0-4"
    assert (letter.headers["dl-topic"], letter.headers["dl-offset"]) == (REQUESTS_INTERACTIVE, "4")
    assert ground.book.applied("i", 0).through == 4


async def test_back_pressure_holds_and_gives_way(ground: Ground) -> None:
    ground.limit = 1
    await ground.take(record(0))
    late = asyncio.create_task(ground.take(record(1)))
    await settle()
    ground.intake.has_room()  # something was finished, but there is no room yet
    await settle()
    assert not late.done() and ground.book.find("i", 0, 1) is None
    ground.waiting.clear()
    ground.intake.has_room()
    await late
    assert ground.offsets == [1]


async def test_partitions_go_while_somebody_waits_for_room(ground: Ground) -> None:
    ground.limit = 0
    late = asyncio.create_task(ground.take(record(0)))
    await settle()
    ground.intake.close()
    with pytest.raises(Lost):
        await late
    assert ground.book.find("i", 0, 0) is None
    ground.intake.open()
    ground.limit = 1
    await ground.take(record(0))
    assert ground.offsets == [0]


async def test_strict_order_is_one_key_for_a_queue(credentials: Credentials) -> None:
    ground = Ground(credentials, strict_order=True)
    await ground.take(record(0))
    assert ground.waiting[0].row.keys == ("queue:amqp",)
