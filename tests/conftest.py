"""Services for tests: real ones, on free ports, in the session's temporary folder.

`kafka`, `rabbitmq`, `elasticsearch`   shared by the session; nobody stops them
`kafka_factory`, `rabbitmq_factory`, `elasticsearch_factory`   one of its own, to stop, kill and start
`portal_factory`, `worker_factory`    simulated portals and real workers, killed after the test

A test that asks for none of them starts nothing. TEST_KAFKA_URL, TEST_AMPQURL and TEST_ES_URL name services to use
instead of own ones; STACK_KEEP=1 keeps the data folders.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from stack.elasticsearch import Elasticsearch
from stack.kafka import Kafka
from stack.rabbitmq import RabbitMQ
from tests.support.services import (
    ElasticsearchFactory,
    GivenElasticsearch,
    GivenKafka,
    GivenRabbitMQ,
    KafkaFactory,
    PortalFactory,
    RabbitMQFactory,
    Services,
    WorkerFactory,
)

# how long an example takes is the machine's business
settings.register_profile("bus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("bus")


@pytest.fixture(scope="session")
def _session_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    services = Services(tmp_path_factory.mktemp("session"))
    yield services
    services.close()


@pytest.fixture
def _services(tmp_path: Path) -> Iterator[Services]:
    services = Services(tmp_path / "services")
    yield services
    services.close()


@pytest.fixture(scope="session")
def kafka(_session_services: Services) -> Kafka | GivenKafka:
    """A running broker: `.url` (kafka://host:port), `.bootstrap` (host:port)."""
    given = os.environ.get("TEST_KAFKA_URL")
    return GivenKafka(given) if given else KafkaFactory(_session_services)()


@pytest.fixture(scope="session")
def rabbitmq(_session_services: Services) -> RabbitMQ | GivenRabbitMQ:
    """A running broker: `.url` (amqp://guest:guest@host:port/)."""
    given = os.environ.get("TEST_AMPQURL")
    return GivenRabbitMQ(given) if given else RabbitMQFactory(_session_services)()


@pytest.fixture(scope="session")
def elasticsearch(_session_services: Services) -> Elasticsearch | GivenElasticsearch:
    """A running node: `.url` (http://host:port). Tests use indices of their own."""
    given = os.environ.get("TEST_ES_URL")
    return GivenElasticsearch(given) if given else ElasticsearchFactory(_session_services)()


@pytest.fixture
def kafka_factory(_services: Services) -> KafkaFactory:
    """Makes brokers of the test's own: `kafka_factory()`."""
    return KafkaFactory(_services)


@pytest.fixture
def rabbitmq_factory(_services: Services) -> RabbitMQFactory:
    """Makes brokers of the test's own: `rabbitmq_factory()`."""
    return RabbitMQFactory(_services)


@pytest.fixture
def elasticsearch_factory(_services: Services) -> ElasticsearchFactory:
    """Makes nodes of the test's own: `elasticsearch_factory()`."""
    return ElasticsearchFactory(_services)


@pytest.fixture
def portal_factory(_services: Services) -> PortalFactory:
    """Makes simulated portals: `portal_factory("--no-limits").rest`."""
    return PortalFactory(_services)


@pytest.fixture
def worker_factory(_services: Services, request: pytest.FixtureRequest) -> WorkerFactory:
    """Makes real workers: `worker_factory(portal.rest)`, `worker_factory(like=worker)`."""

    def address(name: str) -> str:
        fixture = {"KAFKA_URL": "kafka", "AMPQURL": "rabbitmq"}[name]
        return str(request.getfixturevalue(fixture).url)

    return WorkerFactory(_services, address)
