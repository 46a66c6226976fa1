"""The pages as a real worker serves them: `faust -A pipeline worker` with Kafka, RabbitMQ and a portal."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from stack.worker import Worker
from tests.support.services import KafkaFactory, PortalFactory, WorkerFactory

pytestmark = pytest.mark.services

TOKEN = "a-token-for-the-pages"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def get(worker: Worker, path: str, **given: Any) -> httpx.Response:
    return httpx.get(worker.url + path, timeout=10, **given)


def eventually(true: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"not true after {seconds} s"
        time.sleep(0.1)
    return found


def view(worker: Worker) -> dict[str, Any]:
    answer = get(worker, "/api/lag", headers=BEARER)
    assert answer.status_code == 200
    return dict(answer.json())


def test_one_worker_from_start_to_page(worker_factory: WorkerFactory, portal_factory: PortalFactory) -> None:
    worker = worker_factory(portal_factory().rest, env={"PIPELINE_WEB_TOKEN": TOKEN})

    assert get(worker, "/readyz").json() == {"ready": True, "reason": ""}
    eventually(lambda: get(worker, "/healthz").json()["status"] == "ok")
    for path in ("/", "/api/lag", "/metrics", "/static/page.css"):
        assert get(worker, path).status_code == 401, path
        assert get(worker, path, headers=BEARER).status_code == 200, path
    for path in ("/router/", "/table/", "/graph/", "/performance/"):
        assert get(worker, path, headers=BEARER).status_code == 404, "Faust's own pages are gone"

    shown = eventually(lambda: (found := view(worker))["agents"] and found)
    assert {agent["status"] for agent in shown["agents"]} == {"ok"}
    assert {len(agent["partitions"]) for agent in shown["agents"]} == {12}
    (portal,) = shown["portals"]
    assert (portal["portal"], portal["state"], portal["waiting"]) == ("default", "ok", 0)
    (bridge,) = shown["bridges"]
    assert bridge["down_since"] is None
    assert [queue["consuming"] for queue in bridge["queues"]] == [True]

    page = get(worker, "/", headers=BEARER | {"Accept-Language": "ru"}).text
    assert "Отставание шины" in page
    assert "portal.requests.interactive" in page
    metrics = get(worker, "/metrics", headers=BEARER).text
    assert 'pipeline_portal_waiting{portal="default"} 0.0' in metrics
    assert 'pipeline_lag_records{agent="amqp-answers"' in metrics
    assert TOKEN not in page + metrics + get(worker, "/api/lag", headers=BEARER).text + worker.log.read_text()


def owners(worker: Worker) -> dict[str, str]:
    """Portals that are well, and who owns them."""
    return {line["portal"]: line["worker"] for line in view(worker)["portals"] if line["state"] == "ok"}


def test_each_worker_shows_the_whole_cluster(worker_factory: WorkerFactory, portal_factory: PortalFactory) -> None:
    rest = portal_factory().rest
    names = {f"p{number}" for number in range(8)}
    portals = {f"PIPELINE_PORTALS__{name}__ADDRESS": rest for name in names}
    shared = {"PIPELINE_WEB_TOKEN": TOKEN, "PIPELINE_SESSION_TIMEOUT": "6"}
    first = worker_factory(rest, env=shared | portals)
    second = worker_factory(like=first, env=shared)

    eventually(lambda: len(set(owners(first).values())) == 2)
    assert eventually(lambda: owners(second) == owners(first))
    assert owners(first).keys() == names | {"default"}
    eventually(lambda: len(view(second)["bridges"]) == 2)

    before = set(owners(second).values())
    first.kill()
    (left,) = eventually(lambda: len(set(owners(second).values())) == 1 and set(owners(second).values()), 60)
    assert left in before
    assert owners(second).keys() == names | {"default"}, "the portals of the dead one are owned by the other"


def test_without_kafka_the_last_known_figures_stay(
    worker_factory: WorkerFactory, portal_factory: PortalFactory, kafka_factory: KafkaFactory
) -> None:
    kafka = kafka_factory()
    worker = worker_factory(portal_factory().rest, env={"PIPELINE_WEB_TOKEN": TOKEN, "KAFKA_URL": kafka.url})
    eventually(lambda: view(worker)["agents"])
    kafka.kill()
    shown = eventually(lambda: (found := view(worker))["kafka"] and found)
    assert shown["agents"], "the last known figures"
    health = get(worker, "/healthz")
    assert (health.status_code, health.json()["checks"]["kafka"]) == (200, "degraded"), "a restart would not help"
    page = get(worker, "/", headers=BEARER).text
    assert "Kafka does not answer since" in page
    kafka.start()
    eventually(lambda: view(worker)["kafka"] is None, 60)
    worker.stop()
    assert "Traceback" not in worker.log.read_text().partition("Stopping")[2]
