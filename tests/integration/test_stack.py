"""The local services really start, keep their data, and go away with their owner."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pika
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pika.exceptions import ChannelClosedByBroker

from stack.kafka import Kafka
from stack.process import Process, ProcessError, wait_for
from stack.rabbitmq import RabbitMQ
from tests.support.services import KafkaFactory, RabbitMQFactory

pytestmark = pytest.mark.services


async def _create_topic(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()


async def _send(bootstrap: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, max_request_size=17 * 2**20)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def _read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_kafka_keeps_records_over_stop_kill_and_other_ports(kafka_factory: KafkaFactory) -> None:
    kafka = kafka_factory()
    await _create_topic(kafka.bootstrap, "t")
    await _send(kafka.bootstrap, "t", b"1")
    kafka.kill()
    kafka.start()
    await _send(kafka.bootstrap, "t", b"2")
    kafka.stop()
    assert not kafka.running and not kafka.ready()
    moved = Kafka(kafka.folder)
    moved.start()
    try:
        assert moved.port != kafka.port
        assert await _read(moved.bootstrap, "t", 2) == [b"1", b"2"]
        moved.pause()
        assert moved.running and not moved.ready()
        moved.resume()
        wait_for(moved.ready, 15, "kafka after its freeze")
        moved.pause()
        moved.stop()
        assert not moved.running
    finally:
        moved.kill()


async def test_kafka_takes_messages_of_16_mib(kafka: Kafka) -> None:
    await _create_topic(kafka.bootstrap, "big")
    await _send(kafka.bootstrap, "big", os.urandom(16 * 2**20))


def _publish(url: str, queue: str, body: bytes) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare(queue, durable=True)
        channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2), mandatory=True)


def _drain(url: str, queue: str) -> list[bytes]:
    bodies = []
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        while (message := channel.basic_get(queue, auto_ack=True))[0] is not None:
            bodies.append(message[2])
    return bodies


def test_rabbitmq_keeps_messages_over_stop_kill_and_other_ports(
    rabbitmq: RabbitMQ, rabbitmq_factory: RabbitMQFactory
) -> None:
    own = rabbitmq_factory()
    _publish(own.url, "q", b"1")
    own.stop()
    assert not own.running and not own.ready()
    own.start()
    _publish(own.url, "q", b"2")
    own.kill()
    moved = RabbitMQ(own.folder)
    moved.start()
    try:
        assert moved.port != own.port
        assert _drain(moved.url, "q") == [b"1", b"2"]
    finally:
        moved.kill()
    # Another broker of the same machine never saw that queue.
    with (
        pika.BlockingConnection(pika.URLParameters(rabbitmq.url)) as connection,
        pytest.raises(ChannelClosedByBroker),
    ):
        connection.channel().queue_declare("q", passive=True)


def test_tied_process_dies_with_its_owner(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys, time\n"
        "from stack.process import Process\n"
        "process = Process('child', pathlib.Path(sys.argv[1]))\n"
        "process.start(['sleep', '600'], env=os.environ)\n"
        "time.sleep(600)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=Path(__file__).parents[2])
    try:
        child = Process("child", tmp_path)
        wait_for(lambda: child.running, 10, "child")
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    wait_for(lambda: not child.running, 5, "end of the child")


def test_untied_process_is_found_again_and_stopped(tmp_path: Path) -> None:
    Process("child", tmp_path, tied=False).start(["sleep", "600"], env=os.environ)
    found = Process("child", tmp_path)
    assert found.running
    with pytest.raises(ProcessError, match="runs already"):
        found.start(["sleep", "600"], env=os.environ)
    found.stop()
    assert not found.running and not found.pid_file.exists()


def test_process_that_ends_at_once_shows_the_end_of_its_log(tmp_path: Path) -> None:
    process = Process("broken", tmp_path)
    process.start(["sh", "-c", "echo the reason; exit 3"], env=os.environ)
    with pytest.raises(ProcessError, match=r"(?s)broken ended while starting \(3\).*the reason"):
        process.wait_ready(lambda: False, 10)


def test_process_that_is_never_ready_is_reported(tmp_path: Path) -> None:
    process = Process("slow", tmp_path)
    process.start(["sleep", "600"], env=os.environ)
    with pytest.raises(ProcessError, match="slow was not ready within"):
        process.wait_ready(lambda: False, 0.2)
    process.kill()


def test_missing_program_is_reported(tmp_path: Path) -> None:
    process = Process("missing", tmp_path, tied=False)
    with pytest.raises(ProcessError, match="missing cannot be started"):
        process.start([str(tmp_path / "nothing")], env=os.environ)
