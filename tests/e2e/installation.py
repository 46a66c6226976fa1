"""One installation of the bus, seen from outside: a worker, portals behind it, a mailbox for its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pika.exceptions

from stack.sandbox import Portal
from stack.worker import Worker
from tests.e2e.kafka_log import Raw, dead_letter
from tests.e2e.outside import Answer, Mailbox, channel, publish
from tests.e2e.waiting import eventually

#: A self-hosted portal: neither limits nor a rate of ours.
UNLIMITED = {"PIPELINE_PORTAL_RATE": "none"}
#: Pauses that a test can wait for; the session timeout decides how soon the group forgets a killed worker.
QUICK = {"PIPELINE_RETRY_MIN": "0.05", "PIPELINE_RETRY_MAX": "0.2", "PIPELINE_SESSION_TIMEOUT": "6"}


#: One for all: to make one costs more than a call.
_http = httpx.Client(timeout=30)


class Simulator:
    """The control of one portal of a simulator."""

    def __init__(self, process: Portal, portal: str = "default") -> None:
        self.process = process
        self.portal = portal

    @property
    def rest(self) -> str:
        """Address of the portal, up to /rest/."""
        part = "" if self.portal == "default" else f"/{self.portal}"
        return f"{self.process.url}{part}/rest/"

    def counters(self) -> dict[str, Any]:
        """docs/sandbox-portal.md, Counters."""
        return dict(self._ask("GET", f"counters?portal={self.portal}"))

    @property
    def requests(self) -> int:
        """HTTP requests that came, refused ones too."""
        return int(self.counters()["requests"])

    def executed(self, method: str) -> int:
        """How often a method was executed."""
        return int(self.counters()["executions"].get(method, 0))

    def executions(self) -> list[dict[str, Any]]:
        """The journal, oldest first."""
        return list(self._ask("GET", f"executions?portal={self.portal}&limit=100000")["executions"])

    def fault(self, kind: str, **rule: Any) -> int:
        """Inject a fault; the id of its rule."""
        return int(self._ask("POST", "faults", json={"kind": kind, "portal": self.portal, **rule})["id"])

    def hits(self, rule: int) -> int:
        """Requests that a fault has hit."""
        rules = self._ask("GET", "faults")["faults"]
        return int(next(found["hits"] for found in rules if found["id"] == rule))

    def heal(self) -> None:
        """Take this portal's faults away."""
        self._ask("DELETE", f"faults?portal={self.portal}")

    def call(self, method: str, params: object = None) -> Any:
        """Call the portal without the bus; the result."""
        answer = _http.post(f"{self.rest}1/sandbox/{method}", json=params or {})
        answer.raise_for_status()
        return answer.json()["result"]

    def _ask(self, verb: str, path: str, **more: Any) -> Any:
        answer = _http.request(verb, f"{self.process.url}/_sandbox/{path}", **more)
        answer.raise_for_status()
        return answer.json()


class Installation:
    """A worker that runs, and the outside of it."""

    def __init__(self, worker: Worker, *, url: str | None = None, declare: bool = True) -> None:
        """`url`: RabbitMQ, when the client's way to it is not the worker's; `declare`: make the queue AMPQOUT."""
        self.worker = worker
        self.url = url or worker.env["AMPQURL"]
        self.queue_in = worker.env["AMPQIN"]
        self.queue_out = worker.env["AMPQOUT"]
        self._mailboxes: list[Mailbox] = []
        self.mailbox = self.listen(self.queue_out, declare=declare)

    @property
    def bootstrap(self) -> str:
        """Kafka's host:port."""
        return self.worker.env["KAFKA_URL"].removeprefix("kafka://").rstrip("/")

    def listen(self, queue: str, *, declare: bool = True) -> Mailbox:
        """A mailbox on one more queue; closed with the installation."""
        made = Mailbox(self.url, queue, declare=declare)
        self._mailboxes.append(made)
        return made

    def close(self) -> None:
        for mailbox in self._mailboxes:
            mailbox.close()

    def until_reading(self) -> None:
        """Wait until the worker has made its queue, so that messages find one."""
        eventually(self._has_queue, "the worker makes its queue")

    def _has_queue(self) -> bool:
        with channel(self.url) as asking:
            try:
                asking.queue_declare(self.queue_in, passive=True)
            except pika.exceptions.ChannelClosedByBroker:
                return False
        return True

    def send(self, method: object = "sandbox.echo", params: object = None, **more: Any) -> str:
        """Put a request in; its message_id. See `publish`."""
        return publish(self.url, self.queue_in, method, params, **more)

    def ask(self, method: object = "sandbox.echo", params: object = None, **more: Any) -> Answer:
        """Put a request in and wait for its answer."""
        return self.mailbox.wait(self.send(method, params, **more))

    def dead_letter(self, message_id: str, header: str = "amqp-message-id") -> Raw:
        """The dead letter of a request; of an answer with header="message-id"."""
        topic = f"{self.worker.env['PIPELINE_TOPIC_PREFIX']}dead.letters"
        return dead_letter(self.bootstrap, topic, lambda raw: raw.headers.get(header) == message_id.encode())

    def page(self, path: str) -> httpx.Response:
        """A page of the worker."""
        return _http.get(self.worker.url + path)

    def health(self, check: str) -> list[str]:
        """The reasons that /healthz gives in one of its checks."""
        return [str(reason) for reason in self.page("/healthz").json().get("reasons", {}).get(check, [])]


class Place:
    """A portal that no other test uses, behind the shared worker: its counters are this test's own."""

    def __init__(self, bus: Installation, simulator: Simulator) -> None:
        self.bus = bus
        self.simulator = simulator
        self.name = simulator.portal

    def send(self, method: object = "sandbox.echo", params: object = None, **more: Any) -> str:
        return self.bus.send(method, params, portal=self.name, **more)

    def ask(self, method: object = "sandbox.echo", params: object = None, **more: Any) -> Answer:
        return self.bus.ask(method, params, portal=self.name, **more)

    def still_works(self) -> None:
        """The portal answers a good request; what was sent before it is behind us."""
        params = {"n": "still works"}
        answer = self.ask(params=params)
        assert (answer.error_class, answer.json["result"]) == (None, params)


def toml(portals: Mapping[str, Mapping[str, object]]) -> str:
    """pipeline.toml with these portals; a value that is a dict becomes credentials."""
    return "\n".join(line for name, portal in portals.items() for line in _section(f"portals.{name}", portal))


def _section(name: str, content: Mapping[str, object]) -> Iterator[str]:
    yield f"[{name}]"
    for key, value in content.items():
        if not isinstance(value, Mapping):
            yield f"{key} = {_value(value)}"
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _section(f"{name}.{key}", value)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


Places = Callable[[], Place]
