"""A worker that finds another Kafka behind its settings than the one that its tables on disk were read from."""

import pytest

from tests.e2e.conftest import Install
from tests.e2e.installation import QUICK, Simulator
from tests.support.services import KafkaFactory, PortalFactory, WorkerFactory

pytestmark = pytest.mark.services


def test_no_request_is_taken_for_one_of_another_kafka(
    portal_factory: PortalFactory, worker_factory: WorkerFactory, kafka_factory: KafkaFactory, install: Install
) -> None:
    """The same topics, partitions and offsets, other requests in them: lost if they count as known."""
    portal = Simulator(portal_factory("--no-limits"))
    first, second = kafka_factory(), kafka_factory()
    limits = {"PIPELINE_PORTAL_RATE": "none"}
    worker = worker_factory(portal.rest, env=QUICK | limits | {"KAFKA_URL": first.url})
    bus = install(worker)
    for message_id in [bus.send("profile") for _ in range(20)]:
        assert bus.mailbox.wait(message_id).error_class is None
    worker.stop()
    first.kill()

    worker.env["KAFKA_URL"] = second.url
    worker.start()
    for message_id in [bus.send("profile") for _ in range(10)]:
        assert bus.mailbox.wait(message_id).error_class is None
    assert worker.log.read_text(errors="replace").count("come from another Kafka") == 1
