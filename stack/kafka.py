"""A Kafka broker of one node (KRaft), run by java from jars of the cache."""

import os
import shutil
import socket
import struct
import subprocess
import uuid
from pathlib import Path

from stack.cache import kafka_jars
from stack.ports import HOST, free_port
from stack.process import Process, ProcessError
from stack.service import Service

MAX_MESSAGE_BYTES = 18874368
"""What the broker takes in one record batch: 16 MiB of body with room for headers."""

_JAVA = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_LOGGING = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")


class Kafka(Service):
    """One broker whose data lives in `folder` and outlives stop, kill and a change of ports.

    `port` is where clients connect; without it a free one is taken, once for the life of this object.
    A tied broker dies with this process. start() raises ProcessError or stack.cache.FetchError.
    """

    def __init__(self, folder: Path, *, port: int | None = None, tied: bool = True) -> None:
        self.folder = folder.absolute()
        self.port = port or free_port()
        self.process = Process("kafka", self.folder, tied=tied)
        self._controller_port: int | None = None

    @property
    def bootstrap(self) -> str:
        """Address for Kafka clients: host:port."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """Address for KAFKA_URL: kafka://host:port."""
        return f"kafka://{self.bootstrap}"

    @staticmethod
    def fetch() -> Path:
        """Fetch the jars when the cache has none; the folder with them. Raises stack.cache.FetchError."""
        return kafka_jars()

    def start(self, timeout: float = 60) -> None:
        """Start the broker and wait until it serves clients."""
        java = shutil.which("java")
        if java is None:
            raise ProcessError("kafka needs java 17 or newer on PATH: apt-get install openjdk-17-jre-headless")
        class_path = f"{self.fetch()}/*"
        self._controller_port = self._controller_port or free_port()
        properties = self.folder / "server.properties"
        self.folder.mkdir(parents=True, exist_ok=True)
        properties.write_text(self._properties())
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(java, class_path, properties)
        command = [java, *_JAVA, *_LOGGING, "-cp", class_path, "kafka.Kafka", str(properties)]
        self.process.start(command, env=os.environ, cwd=self.folder)
        self.wait_ready(timeout)

    def ready(self) -> bool:
        """True when the broker names itself as coordinator of groups, so that producers and groups can begin."""
        try:
            with socket.create_connection((HOST, self.port), timeout=2) as sock:
                return _coordinates(sock)
        except OSError:
            return False

    def _format(self, java: str, class_path: str, properties: Path) -> None:
        # 22 characters of base64; hexadecimal ones, since an id that begins with - is taken for an option.
        cluster = uuid.uuid4().hex[:22]
        command = [java, "-cp", class_path, "kafka.tools.StorageTool", "format"]
        done = subprocess.run(
            [*command, "-t", cluster, "-c", str(properties)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0:
            raise ProcessError(f"kafka's data folder {self.folder} cannot be formatted:\n{done.stdout}")

    def _properties(self) -> str:
        # A quorum given by voters, not by the data folder, lets the same data start on other ports.
        controller = f"{HOST}:{self._controller_port}"
        values = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.folder / "data",
            "num.partitions": 1,
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "message.max.bytes": MAX_MESSAGE_BYTES,
            "replica.fetch.max.bytes": MAX_MESSAGE_BYTES,
            # A broker that was killed may come back only after its session: 9 s by default.
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
        }
        return "".join(f"{name}={value}\n" for name, value in values.items())


def _coordinates(sock: socket.socket) -> bool:
    """Ask who coordinates a group (api key 10, version 0); the first who asks makes the topic of offsets."""
    group = b"stack"
    body = struct.pack(">hhih", 10, 0, 1, len(group)) + group + struct.pack(">h", len(group)) + group
    sock.sendall(struct.pack(">i", len(body)) + body)
    with sock.makefile("rb") as answer:
        head = answer.read(10)
    # Length, correlation id, error code.
    return len(head) == 10 and struct.unpack(">iih", head)[2] == 0
