"""A crash between an answer and its row's `done`: the next owner sees the answer and does not make the call again."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
import uuid

import pika
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from pipeline.portal.partition import partition_of
from pipeline.portal.requests.answered import LOOK_BACK, answered
from stack.kafka import Kafka
from stack.process import wait_for
from stack.rabbitmq import RabbitMQ
from tests.support.services import PortalFactory, WorkerFactory

pytestmark = pytest.mark.services


def counters(portal_url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{portal_url}/_sandbox/counters") as response:
        return dict(json.load(response)["executions"])


def page(url: str) -> dict[str, object]:
    with urllib.request.urlopen(f"{url}/api/lag") as response:
        return dict(json.load(response))


async def results(kafka: Kafka, topic: str, partition: int, answer_ids: list[str]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    for answer_id in answer_ids:
        headers = [("answer-id", answer_id.encode()), ("source", b"amqp"), ("message-id", b"m"), ("status", b"200")]
        await producer.send_and_wait(topic, b"{}", key=b"default", partition=partition, headers=headers)
    await producer.stop()


async def test_newest_answers_of_some_partitions(kafka: Kafka) -> None:
    topic = f"answers-{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 3, 1)])
    await admin.close()
    await results(kafka, topic, 1, ["i-1-0-1", "i-1-0-2"])
    await results(kafka, topic, 2, ["i-2-0-1"])
    found = await answered([kafka.bootstrap], topic, [0, 1])
    assert set(found) == {"i-1-0-1", "i-1-0-2"}
    assert all(abs(time.time() - at) < 60 for at in found.values())
    assert LOOK_BACK > 200


async def test_what_is_answered_is_not_called_again(
    kafka: Kafka, rabbitmq: RabbitMQ, portal_factory: PortalFactory, worker_factory: WorkerFactory
) -> None:
    portal = portal_factory("--no-limits", "--any-token")
    port = portal.port
    portal.stop()  # the request is accepted, and waits
    worker = await asyncio.to_thread(worker_factory, portal.rest)
    queue = worker.env["AMPQIN"]
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq.url))
    channel = connection.channel()
    properties = pika.BasicProperties(
        message_id="m", headers={"method": "crm.deal.add", "user": "1", "token": "t"}, delivery_mode=2
    )
    wait_for(lambda: _declared(rabbitmq, queue), 60, "the queue is there")
    channel.basic_publish("", queue, b'{"fields":{"TITLE":"once"}}', properties)
    wait_for(lambda: '"waiting":1' in json.dumps(page(worker.url), separators=(",", ":")), 60, "the request waits")
    worker.kill()
    partition = partition_of("default")
    topic = f"{worker.env['PIPELINE_TOPIC_PREFIX']}portal.results"
    await results(kafka, topic, partition, [f"i-{partition}-0-0"])
    await asyncio.to_thread(portal.start)
    assert portal.port == port
    await asyncio.to_thread(worker.start)
    method, _, body = None, None, None
    deadline = time.monotonic() + 60
    while method is None and time.monotonic() < deadline:
        method, _, body = channel.basic_get(worker.env["AMPQOUT"], auto_ack=True)
        await asyncio.sleep(0.05)
    assert body == b"{}", "the answer that was there leaves"
    wait_for(lambda: '"waiting":0' in json.dumps(page(worker.url), separators=(",", ":")), 60, "nothing waits")
    assert "was answered before its owner ended" in worker.log.read_text()
    assert counters(portal.url).get("crm.deal.add", 0) == 0
    connection.close()


def _declared(rabbitmq: RabbitMQ, queue: str) -> bool:
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq.url))
    try:
        connection.channel().queue_declare(queue, passive=True)
    except pika.exceptions.ChannelClosedByBroker:
        return False
    finally:
        if connection.is_open:
            connection.close()
    return True
