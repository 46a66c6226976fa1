"""A RabbitMQ broker with the management plugin, run as an ordinary process from its own folder."""

import os
import shutil
import socket
import uuid
from pathlib import Path

from stack.ports import HOST, free_port, is_open
from stack.process import Process, ProcessError
from stack.service import Service

# Not the wrapper in sbin: that one wants root or the user rabbitmq.
_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class RabbitMQ(Service):
    """One broker whose data lives in `folder` and outlives stop, kill and a change of ports.

    `port` (AMQP) and `management_port` (HTTP) are free ones when not given, once for the life of this
    object. User and password are guest. A tied broker dies with this process; epmd, which all RabbitMQ
    and Erlang programs of a machine share, is left. start() raises ProcessError.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, management_port: int | None = None, tied: bool = True
    ) -> None:
        self.folder = folder.absolute()
        self.port = port or free_port()
        self.management_port = management_port or free_port()
        self.process = Process("rabbitmq", self.folder, tied=tied)
        self._distribution_port: int | None = None

    @property
    def url(self) -> str:
        """Address for AMPQURL, with user, password and the virtual host `/`."""
        return f"amqp://guest:guest@{HOST}:{self.port}/"

    @property
    def management_url(self) -> str:
        """Address of the management pages and their API (under /api); basic auth guest:guest."""
        return f"http://{HOST}:{self.management_port}"

    @staticmethod
    def server() -> Path | None:
        """The program that starts a broker as the current user; None when RabbitMQ is not installed."""
        if _SERVER.exists():
            return _SERVER
        found = shutil.which("rabbitmq-server")
        return Path(found) if found else None

    def start(self, timeout: float = 90) -> None:
        """Start the broker and wait until it serves AMQP and the management API."""
        server = self.server()
        if server is None:
            raise ProcessError("rabbitmq-server is not installed: apt-get install rabbitmq-server")
        self._distribution_port = self._distribution_port or free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "plugins").write_text("[rabbitmq_management].\n")
        (self.folder / "rabbitmq.conf").write_text(self._config())
        self.process.start([str(server)], env=self._environment(), cwd=self.folder)
        self.wait_ready(timeout)

    def ready(self) -> bool:
        """True when the broker opens the AMQP dialogue and its management port is open."""
        try:
            with socket.create_connection((HOST, self.port), timeout=2) as sock:
                sock.sendall(b"AMQP\x00\x00\x09\x01")
                # The first frame of a broker is a method (1) on channel 0: connection.start.
                return sock.recv(3) == b"\x01\x00\x00" and is_open(self.management_port)
        except OSError:
            return False

    def _node(self) -> str:
        """The node's name: unique on the machine, and the same for the life of the data, which it owns."""
        file = self.folder / "node"
        if not file.exists():
            file.write_text(f"bus-{uuid.uuid4().hex[:12]}@localhost")
        return file.read_text()

    def _config(self) -> str:
        return (
            f"listeners.tcp.1 = {HOST}:{self.port}\n"
            f"management.tcp.ip = {HOST}\n"
            f"management.tcp.port = {self.management_port}\n"
            "log.console = true\n"
            "log.console.level = warning\n"
            "disk_free_limit.absolute = 100MB\n"
        )

    def _environment(self) -> dict[str, str]:
        # Settings of another RabbitMQ on this machine must not leak into this one.
        env = {name: value for name, value in os.environ.items() if not name.startswith("RABBITMQ_")}
        here = self.folder
        return env | {
            "HOME": str(here),
            "RABBITMQ_CONF_ENV_FILE": str(here / "no-env.conf"),
            "RABBITMQ_NODENAME": self._node(),
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(here / "no-advanced.config"),
            "RABBITMQ_MNESIA_BASE": str(here / "data"),
            "RABBITMQ_LOG_BASE": str(here / "logs"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "plugins"),
            "RABBITMQ_PID_FILE": str(here / "erlang.pid"),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_CRASH_DUMP": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ("+S 2:2 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}"),
            # The start script then becomes the Erlang machine itself, and signals reach it.
            "RUNNING_UNDER_SYSTEMD": "1",
        }
