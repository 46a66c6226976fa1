"""The pages as a real worker serves them: `faust -A pipeline worker` with Kafka, RabbitMQ and a portal."""

import re
import time
from collections.abc import Callable
from typing import Any

import httpx
import pika
import pytest

from pipeline import topology
from pipeline.settings import Settings
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
    assert "pipeline_owned_partitions 60.0" in metrics
    state = topology.wire_name(Settings(topic_prefix=worker.env["PIPELINE_TOPIC_PREFIX"]), topology.OPS_STATE)
    assert re.search(rf'pipeline_sends_confirmed_total{{topic="{re.escape(state)}"}} [1-9]', metrics)
    assert "pipeline_commits_failed_total 0.0" in metrics
    assert TOKEN not in page + metrics + get(worker, "/api/lag", headers=BEARER).text + worker.log.read_text()


def owners(worker: Worker) -> dict[str, str]:
    """Portals that are well, and who owns them."""
    return {line["portal"]: line["worker"] for line in view(worker)["portals"] if line["state"] == "ok"}


def test_what_went_through_is_counted(worker_factory: WorkerFactory, portal_factory: PortalFactory) -> None:
    worker = worker_factory(portal_factory().rest)
    queue = worker.env["AMPQIN"]
    with pika.BlockingConnection(pika.URLParameters(worker.env["AMPQURL"])) as connection:
        channel = connection.channel()
        for number in range(5):
            headers = {"method": "profile", "user": "1", "token": "whoever"}
            channel.basic_publish("", queue, b"{}", pika.BasicProperties(message_id=str(number), headers=headers))

    def counted(line: str) -> float:
        text = get(worker, "/metrics").text
        return sum(float(found) for found in re.findall(rf"^{line} (.*)$", text, re.MULTILINE))

    for line, least in {
        f'pipeline_bridge_received_total{{queue="{queue}"}}': 5,
        f'pipeline_bridge_acked_total{{queue="{queue}"}}': 5,
        'pipeline_events_handled_total{agent="portal-intake-interactive"}': 5,
        'pipeline_portal_calls_total{outcome=".*",portal="default"}': 5,
        'pipeline_bridge_published_total{target=".*"}': 5,
        'pipeline_sends_confirmed_total{topic=".*results"}': 5,
        "pipeline_commits_total": 1,
    }.items():
        pattern = line.replace("{", r"\{").replace("}", r"\}")
        eventually(lambda pattern=pattern, least=least: counted(pattern) >= least)
    eventually(lambda: get(worker, "/api/lag").json()["totals"] == {
        "lag": 0, "oldest_age": None, "waiting": 0, "oldest_waiting_age": None, "parked": 0, "oldest_parked_age": None,
    })  # fmt: skip

    def ends() -> tuple[int, int]:
        agents = {agent["agent"]: agent["end"] for agent in get(worker, "/api/lag").json()["agents"]}
        return agents["portal-intake-interactive"], agents["amqp-answers"]

    # the figures are those of one look every two seconds: a lag of 0 may be from before the last answers
    assert eventually(lambda: ends() == (5, 5))


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

    def taken_over() -> set[str] | None:
        found = owners(second)
        return set(found.values()) if found.keys() == names | {"default"} and len(set(found.values())) == 1 else None

    (left,) = eventually(taken_over, 60)
    assert left in before, "the portals of the dead one are owned by the other"


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
