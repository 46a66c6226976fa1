"""The same message from RabbitMQ again is one request (issue 3, section 5; design, section 5, Identity).

The worker's connections go through a relay that swallows its acks: Kafka has the requests, RabbitMQ does not know,
and gives them again, marked, when the connection breaks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pika
import pytest

from stack.rabbitmq import RabbitMQ
from stack.sandbox import Portal
from tests.e2e.installation import QUICK, UNLIMITED, Installation, Simulator
from tests.e2e.outside import channel, publish
from tests.e2e.relay import Wire, wire_to
from tests.e2e.waiting import eventually
from tests.support.services import WorkerFactory

pytestmark = pytest.mark.services


@dataclass(frozen=True)
class Far:
    """An installation whose worker has the relay `wire` between itself and RabbitMQ; clients have not."""

    bus: Installation
    wire: Wire
    early: str  # message_id of a request that was in the queue before the worker


@pytest.fixture(scope="module")
def far(rabbitmq: RabbitMQ, simulator: Portal, workers: WorkerFactory) -> Iterator[Far]:
    with wire_to(rabbitmq.url) as wire:
        worker = workers(Simulator(simulator, "far").rest, env=UNLIMITED | QUICK | {"AMPQURL": wire.url}, start=False)
        early = _given_back(rabbitmq.url, worker.env["AMPQIN"])
        worker.start()
        bus = Installation(worker, url=rabbitmq.url)
        bus.mailbox.wait(early)
        yield Far(bus, wire, early)
        bus.close()
        worker.stop()


def _given_back(url: str, queue: str) -> str:
    """A message that another consumer took and gave back: marked as redelivered, and yet no copy of anything."""
    with channel(url) as there:
        there.queue_declare(queue, durable=True)
    message_id = publish(url, queue, "crm.deal.add", add("early"))
    connection = pika.BlockingConnection(pika.URLParameters(url))
    assert connection.channel().basic_get(queue)[0] is not None
    connection.close()
    return message_id


@pytest.fixture
def portal(simulator: Portal) -> Simulator:
    """The portal behind these tests' worker, which no other test uses."""
    return Simulator(simulator, "far")


def redelivered(bus: Installation) -> int:
    """Messages that RabbitMQ gave the worker with the mark."""
    return sum(q["redelivered"] for b in bus.page("/api/lag").json()["bridges"] for q in b["queues"])


def add(title: str) -> dict[str, object]:
    return {"fields": {"TITLE": title}}


def test_a_message_that_others_gave_back_is_handled(far: Far) -> None:
    assert far.bus.mailbox.wait(far.early).error_class is None
    eventually(lambda: redelivered(far.bus) == 1, "it came marked")


def test_redelivered_messages_are_executed_and_answered_once(far: Far, portal: Simulator) -> None:
    bus, mailbox = far.bus, far.bus.mailbox
    answered, marked, executed = len(mailbox.all()), redelivered(bus), portal.executed("crm.deal.add")

    far.wire.swallow()
    ids = [bus.send("crm.deal.add", add(f"with id {n}")) for n in range(20)]
    for n in range(5):
        bus.send("crm.deal.add", add(f"without id {n}"), message_id=None)
    twins = [bus.send("crm.deal.add", add("twin"), message_id="twin") for _ in range(2)]
    bad = bus.send("no method")
    eventually(lambda: portal.executed("crm.deal.add") == executed + 27, "the requests went through Kafka")
    assert len(mailbox.all()) == answered, "no answer could leave"

    far.wire.cut()
    eventually(lambda: redelivered(bus) >= marked + 28, "RabbitMQ gives all of them again")
    last = bus.send("crm.deal.add", add("last"))
    mailbox.wait(last)
    answers = mailbox.wait_number(answered + 29)[answered:]
    for message_id in ids:
        assert len(mailbox.of(message_id)) == 1
    assert len(mailbox.of(twins[0])) == 2, "sent twice on purpose: two requests"
    assert {answer.error_class for answer in mailbox.of(bad)} == {"permanent"}
    good = [answer for answer in answers if answer.error_class is None]
    assert len({answer.headers["answer-id"] for answer in good}) == len(good) == 28
    assert portal.executed("crm.deal.add") == executed + 28
    assert portal.counters()["adds"]["by_title"]["crm.deal.add"]["with id 0"] == 1
    assert portal.counters()["executed_more_than_once"]["by_title"] == 1, "the twins"


def test_answers_wait_while_rabbitmq_is_gone(far: Far, portal: Simulator) -> None:
    bus, mailbox = far.bus, far.bus.mailbox
    answered, executed = len(mailbox.all()), portal.executed("crm.deal.update")
    params = {"id": 1, "fields": {"TITLE": "early"}}
    rule = portal.fault("delay", delay=60, methods=["crm.deal.update"])
    asked = [bus.send("crm.deal.update", params) for _ in range(5)]
    eventually(lambda: portal.hits(rule) == 1, "the first is at the portal")
    far.wire.take_down()
    reason = eventually(lambda: "; ".join(r for r in bus.health("rabbitmq") if "down" in r), "health says it")
    assert "guest:guest" not in reason
    portal.heal()
    eventually(lambda: portal.executed("crm.deal.update") == executed + 5, "portals are called all the same")
    late = bus.send("crm.deal.update", params)
    assert len(mailbox.all()) == answered

    far.wire.bring_up()
    for message_id in [*asked, late]:
        assert mailbox.wait(message_id).error_class is None
    eventually(lambda: not bus.health("rabbitmq"), "well again")
    assert len(mailbox.all()) == answered + 6
    assert portal.executed("crm.deal.update") == executed + 6
