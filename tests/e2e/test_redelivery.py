"""The same message from RabbitMQ again is one request (issue 3, section 5; design, section 5, Identity).

The worker's connections go through a relay that swallows its acks: Kafka has the requests, RabbitMQ does not know,
and gives them again, marked, when the connection breaks.
"""

from collections.abc import Iterator

import pika
import pytest

from stack.rabbitmq import RabbitMQ
from tests.e2e.conftest import Install
from tests.e2e.installation import QUICK, UNLIMITED, Installation, Simulator
from tests.e2e.outside import channel, publish
from tests.e2e.relay import Wire, wire_to
from tests.e2e.waiting import eventually
from tests.support.services import PortalFactory, WorkerFactory

pytestmark = pytest.mark.services


@pytest.fixture
def wire(rabbitmq: RabbitMQ) -> Iterator[Wire]:
    with wire_to(rabbitmq.url) as made:
        yield made


def redelivered(bus: Installation) -> int:
    """Messages that RabbitMQ gave the worker with the mark."""
    return sum(q["redelivered"] for b in bus.page("/api/lag").json()["bridges"] for q in b["queues"])


def add(title: str) -> dict[str, object]:
    return {"fields": {"TITLE": title}}


def test_redelivered_messages_are_executed_and_answered_once(
    wire: Wire,
    rabbitmq: RabbitMQ,
    portal_factory: PortalFactory,
    worker_factory: WorkerFactory,
    install: Install,
) -> None:
    portal = Simulator(portal_factory("--no-limits"))
    worker = worker_factory(portal.rest, env=UNLIMITED | QUICK | {"AMPQURL": wire.url}, start=False)
    queue = worker.env["AMPQIN"]

    # Another consumer took it, and gave it back: marked, and yet no copy of anything.
    with channel(rabbitmq.url) as there:
        there.queue_declare(queue, durable=True)
    early = publish(rabbitmq.url, queue, "crm.deal.add", add("early"))
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq.url))
    assert connection.channel().basic_get(queue)[0] is not None
    connection.close()

    worker.start()
    bus = install(worker, url=rabbitmq.url)
    mailbox = bus.mailbox
    assert mailbox.wait(early).json["result"] == 1
    eventually(lambda: redelivered(bus) == 1, "it came marked")

    wire.swallow()
    ids = [bus.send("crm.deal.add", add(f"with id {n}")) for n in range(20)]
    for n in range(5):
        bus.send("crm.deal.add", add(f"without id {n}"), message_id=None)
    twins = [bus.send("crm.deal.add", add("twin"), message_id="twin") for _ in range(2)]
    bad = bus.send("no method")
    eventually(lambda: portal.executed("crm.deal.add") == 1 + 20 + 5 + 2, "the requests went through Kafka")
    assert len(mailbox.all()) == 1, "no answer could leave"

    wire.cut()
    eventually(lambda: redelivered(bus) >= 1 + 28, "RabbitMQ gives all of them again")
    last = bus.send("crm.deal.add", add("last"))
    mailbox.wait(last)
    answers = mailbox.wait_number(1 + 20 + 5 + 2 + 1 + 1)
    for message_id in ids:
        assert len(mailbox.of(message_id)) == 1
    assert len(mailbox.of(twins[0])) == 2, "sent twice on purpose: two requests"
    assert {answer.error_class for answer in mailbox.of(bad)} == {"permanent"}
    good = [answer for answer in answers if answer.error_class is None]
    assert len({answer.headers["answer-id"] for answer in good}) == len(good) == 29
    assert portal.executed("crm.deal.add") == 29
    assert portal.counters()["executed_more_than_once"]["by_title"] == 1, "the twins"


def test_answers_wait_while_rabbitmq_is_gone(
    wire: Wire,
    rabbitmq: RabbitMQ,
    portal_factory: PortalFactory,
    worker_factory: WorkerFactory,
    install: Install,
) -> None:
    portal = Simulator(portal_factory("--no-limits"))
    worker = worker_factory(portal.rest, env=UNLIMITED | QUICK | {"AMPQURL": wire.url})
    bus = install(worker, url=rabbitmq.url)
    mailbox = bus.mailbox
    rule = portal.fault("delay", delay=60)
    asked = [bus.send("crm.deal.add", add(f"deal {n}")) for n in range(5)]
    eventually(lambda: portal.hits(rule) == 1, "the first is at the portal")
    wire.take_down()
    reason = eventually(lambda: "; ".join(r for r in bus.health("rabbitmq") if "down" in r), "health says it")
    assert "guest:guest" not in reason
    portal.heal()
    eventually(lambda: portal.executed("crm.deal.add") == 5, "portals are called all the same")
    late = bus.send("crm.deal.add", add("meanwhile"))
    assert not mailbox.all()

    wire.bring_up()
    for message_id in [*asked, late]:
        assert mailbox.wait(message_id).error_class is None
    eventually(lambda: not bus.health("rabbitmq"), "well again")
    assert len(mailbox.all()) == 6
    assert portal.counters()["executed_more_than_once"]["by_title"] == 0
