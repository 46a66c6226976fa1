"""Where answers go: AMPQOUT as a queue and as an exchange, `reply_to`, queues that exist already (section 5)."""

import uuid

import pytest

from stack.sandbox import Portal
from tests.e2e.conftest import Install
from tests.e2e.installation import QUICK, UNLIMITED, Place, Simulator
from tests.e2e.outside import channel
from tests.e2e.waiting import eventually
from tests.support.services import WorkerFactory

pytestmark = pytest.mark.services


def test_reply_to_names_a_queue_when_ampqout_is_a_queue(place: Place) -> None:
    mailbox = place.bus.listen(f"reply-{uuid.uuid4().hex[:8]}")
    message_id = place.send(params={"n": 1}, reply_to=mailbox.queue)
    answer = mailbox.wait(message_id)
    assert answer.json["result"] == {"n": 1}
    assert (answer.exchange, answer.routing_key) == ("", mailbox.queue)
    bad = place.send("no method", reply_to=mailbox.queue)
    assert mailbox.wait(bad).error_class == "permanent", "error answers go there too"
    place.still_works()
    assert not place.bus.mailbox.of(message_id) + place.bus.mailbox.of(bad), "and nowhere else"


def test_ampqout_an_exchange_and_queues_that_exist_with_other_arguments(
    simulator: Portal, worker_factory: WorkerFactory, install: Install
) -> None:
    unique = uuid.uuid4().hex[:8]
    queue_in, exchange = f"in-{unique}", f"out-{unique}"
    env = UNLIMITED | QUICK | {"AMPQIN": queue_in, "AMPQOUT": exchange, "PIPELINE_ANSWER_PARK_LIMIT": "2"}
    worker = worker_factory(Simulator(simulator).rest, env=env, start=False)
    with channel(worker.env["AMPQURL"]) as there:
        there.queue_declare(queue_in, durable=True, arguments={"x-queue-type": "quorum", "x-delivery-limit": 20})
        there.exchange_declare(exchange, exchange_type="topic", durable=True)
        for queue, arguments, key in (
            (f"a-{unique}", {"x-max-length": 1000}, "answers.a"),
            (exchange, {"x-message-ttl": 600_000}, exchange),
        ):
            there.queue_declare(queue, durable=True, arguments=arguments)
            there.queue_bind(queue, exchange, key)
    worker.start()
    bus = install(worker, declare=False)
    by_key = bus.listen(f"a-{unique}", declare=False)

    asked = bus.send(params={"n": 1}, reply_to="answers.a")
    answer = by_key.wait(asked)
    assert (answer.exchange, answer.routing_key, answer.json["result"]) == (exchange, "answers.a", {"n": 1})
    answer = bus.ask(params={"n": 2})
    assert (answer.exchange, answer.routing_key, answer.json["result"]) == (exchange, exchange, {"n": 2})
    assert not bus.mailbox.of(asked)

    (queue,) = eventually(lambda: [q for b in bus.page("/api/lag").json()["bridges"] for q in b["queues"]], "status")
    assert "x-queue-type" in str(queue["differences"]), "what differs is reported"

    nowhere = bus.send(params={"n": 3}, reply_to="nobody.listens")
    assert bus.ask(params={"n": 4}).json["result"] == {"n": 4}, "other destinations go on"
    letter = bus.dead_letter(nowhere, header="message-id")
    assert letter.text("dl-agent") == "amqp-answers"
    assert "nobody.listens" in letter.text("dl-last-error")
    assert letter.value.startswith(b'{"result":{"n":3}'), "the answer itself is kept"
    eventually(lambda: not bus.health("rabbitmq"), "nothing is parked any more")


def test_a_missing_answer_queue_parks_its_answers_only(place: Place) -> None:
    missing = f"missing-{uuid.uuid4().hex[:8]}"
    asked = [place.send(params={"n": n}, reply_to=missing) for n in range(3)]
    place.still_works()
    reason = eventually(
        lambda: next((r for r in place.bus.health("rabbitmq") if missing in r and r.startswith("3 ")), ""), "shown"
    )
    assert "returned" in reason
    mailbox = place.bus.listen(missing)
    for n, message_id in enumerate(asked):
        assert mailbox.wait(message_id).json["result"] == {"n": n}
    eventually(lambda: not any(missing in reason for reason in place.bus.health("rabbitmq")), "all have left")
    assert len(mailbox.all()) == 3
    assert place.simulator.executed("sandbox.echo") == 4, "answers were tried again, requests were not"


def test_a_full_answer_queue_parks_its_answers_only(place: Place) -> None:
    full = f"full-{uuid.uuid4().hex[:8]}"
    limits = {"x-max-length": 1, "x-overflow": "reject-publish"}
    with channel(place.bus.url) as there:
        there.queue_declare(full, durable=True, arguments=limits)
        there.basic_publish("", full, b"in the way")
    asked = [place.send(params={"n": n}, reply_to=full) for n in range(3)]
    place.still_works()
    eventually(lambda: any(full in r and "refused" in r for r in place.bus.health("rabbitmq")), "shown")
    mailbox = place.bus.listen(full, declare=False)
    for n, message_id in enumerate(asked):
        assert mailbox.wait(message_id).json["result"] == {"n": n}
    eventually(lambda: not any(full in reason for reason in place.bus.health("rabbitmq")), "all have left")
    assert len(mailbox.all()) == 4, "each answer once, and what was in the way"
