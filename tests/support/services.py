"""What the fixtures of tests/conftest.py hand out: services that are given, and factories of own ones."""

import os
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from stack.elasticsearch import Elasticsearch
from stack.kafka import Kafka
from stack.process import ProcessError
from stack.rabbitmq import RabbitMQ
from stack.sandbox import Portal
from stack.worker import Worker

NOWHERE = "http://127.0.0.1:1/rest/"
"""A portal address at which nothing listens."""

_SHARED = ("KAFKA_URL", "AMPQURL", "B24REST", "AMPQIN", "AMPQOUT")
_SHARED_PREFIX = ("PIPELINE_APP_ID", "PIPELINE_TOPIC_PREFIX", "PIPELINE_KEY_FILE", "PIPELINE_PORTAL")


@dataclass(frozen=True)
class GivenKafka:
    """A broker that TEST_KAFKA_URL names; it cannot be stopped."""

    url: str

    @property
    def bootstrap(self) -> str:
        """host:port"""
        return self.url.removeprefix("kafka://").rstrip("/")


@dataclass(frozen=True)
class GivenRabbitMQ:
    """A broker that TEST_AMPQURL names; it cannot be stopped."""

    url: str


@dataclass(frozen=True)
class GivenElasticsearch:
    """A node that TEST_ES_URL names; it cannot be stopped."""

    url: str


class _Service(Protocol):
    folder: Path

    def kill(self) -> None: ...


S = TypeVar("S", bound=_Service)


class Services:
    """Starts things in folders under `root`, and kills all of them at the end, in reverse order."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._started: list[_Service] = []

    def folder(self, name: str) -> Path:
        """A new folder for one service."""
        folder = self.root / f"{name}-{len(self._started)}"
        folder.mkdir(parents=True)
        return folder

    def keep(self, service: S) -> S:
        """Remember a service, so that close() kills it and removes its folder."""
        self._started.append(service)
        return service

    def close(self) -> None:
        """Kill everything and remove the data; logs stay. STACK_KEEP=1 keeps the data too."""
        for service in reversed(self._started):
            with suppress(ProcessError):
                service.kill()
            if not os.environ.get("STACK_KEEP"):
                if isinstance(service, Elasticsearch):
                    service.remove()
                shutil.rmtree(service.folder / "data", ignore_errors=True)
        self._started.clear()


class KafkaFactory:
    """`kafka_factory()` -> a broker of one's own, started unless start=False."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def __call__(self, *, start: bool = True) -> Kafka:
        kafka = self._services.keep(Kafka(self._services.folder("kafka")))
        if start:
            kafka.start()
        return kafka


class RabbitMQFactory:
    """`rabbitmq_factory()` -> a broker of one's own, started unless start=False."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def __call__(self, *, start: bool = True) -> RabbitMQ:
        rabbitmq = self._services.keep(RabbitMQ(self._services.folder("rabbitmq")))
        if start:
            rabbitmq.start()
        return rabbitmq


class ElasticsearchFactory:
    """`elasticsearch_factory()` -> a node of one's own, started unless start=False."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def __call__(self, *, start: bool = True) -> Elasticsearch:
        elasticsearch = self._services.keep(Elasticsearch(self._services.folder("elasticsearch"), quick=True))
        if start:
            elasticsearch.start()
        return elasticsearch


class PortalFactory:
    """`portal_factory("--no-limits")` -> a simulated portal, started unless start=False."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def __call__(self, *arguments: str, start: bool = True) -> Portal:
        portal = self._services.keep(Portal(self._services.folder("portal"), arguments=arguments))
        if start:
            portal.start()
        return portal


class WorkerFactory:
    """Makes real workers.

    `worker_factory(rest)` has an app id, topic prefix, queues and key of its own;
    `worker_factory(like=other)` joins the group of another worker, with a data folder of its own.
    `env` goes over all of it. start=False only prepares it; ready=False does not wait for /readyz.
    """

    def __init__(self, services: Services, addresses: Callable[[str], str]) -> None:
        self._services = services
        self._addresses = addresses

    def __call__(
        self,
        rest: str = NOWHERE,
        *,
        like: Worker | None = None,
        env: Mapping[str, str] | None = None,
        start: bool = True,
        ready: bool = True,
        timeout: float = 60,
    ) -> Worker:
        folder = self._services.folder("worker")
        given = dict(env or {})
        if like is None:
            group = self._new_group(folder, rest, given)
        else:
            group = {k: v for k, v in like.env.items() if k in _SHARED or k.startswith(_SHARED_PREFIX)}
        worker = self._services.keep(Worker(folder, group | given))
        if start:
            worker.start(timeout, wait=ready)
        return worker

    def _new_group(self, folder: Path, rest: str, given: Mapping[str, str]) -> dict[str, str]:
        unique = uuid.uuid4().hex[:8]
        return {
            # Brokers of the session are started only when the test did not name its own.
            **{name: self._addresses(name) for name in ("KAFKA_URL", "AMPQURL") if name not in given},
            "B24REST": rest,
            "AMPQIN": f"bitrix24in-{unique}",
            "AMPQOUT": f"bitrix24out-{unique}",
            "PIPELINE_APP_ID": f"test-{unique}",
            "PIPELINE_TOPIC_PREFIX": f"test-{unique}.",
            "PIPELINE_KEY_FILE": str(folder / "seal.key"),
        }


def failed_logs(workers: Sequence[Worker], lines: int = 40) -> str:
    """The ends of the workers' logs, for a message of a failed assertion."""
    return "\n".join(f"--- {worker.log}\n{worker.process.tail(lines)}" for worker in workers)
