"""RabbitMQ as a client sees it: requests that go in, answers that come out. Blocking, by `pika`."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel

PATIENCE = 60.0
#: The simulator's usual webhook.
USER, TOKEN = "1", "sandbox"


@dataclass(frozen=True)
class Answer:
    """One answer; `number` counts all answers of its mailbox in the order of arrival."""

    number: int
    message_id: str | None
    correlation_id: str | None
    content_type: str | None
    delivery_mode: int | None
    headers: Mapping[str, str]
    exchange: str
    routing_key: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error_class(self) -> str | None:
        return self.headers.get("error-class")

    @property
    def status(self) -> int:
        """HTTP status that the portal gave, 0 = none."""
        return int(self.headers["status"])

    @property
    def attempts(self) -> int:
        """Calls that were made to the portal."""
        return int(self.headers["attempts"])


@contextmanager
def channel(url: str) -> Iterator[BlockingChannel]:
    """A channel of a connection of its own, with publisher confirms."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        made = connection.channel()
        made.confirm_delivery()
        yield made
    finally:
        if connection.is_open:
            connection.close()


class Mailbox:
    """Takes all answers out of a queue, in the background, and keeps them."""

    def __init__(self, url: str, queue: str, *, declare: bool = True) -> None:
        self._url = url
        self.queue = queue
        self._answers: list[Answer] = []
        self._came = threading.Condition()
        self._stop = threading.Event()
        if declare:
            with channel(url) as declaring:
                declaring.queue_declare(queue, durable=True)
        self._thread = threading.Thread(target=self._run, name=f"mailbox {queue}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more."""
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        with channel(self._url) as consuming:
            for method, properties, body in consuming.consume(self.queue, auto_ack=True, inactivity_timeout=0.1):
                if method is not None:
                    self._take(method, properties, body)
                if self._stop.is_set():
                    return

    def _take(self, method: Any, properties: Any, body: bytes) -> None:
        with self._came:
            answer = Answer(
                number=len(self._answers),
                message_id=properties.message_id,
                correlation_id=properties.correlation_id,
                content_type=properties.content_type,
                delivery_mode=properties.delivery_mode,
                headers=properties.headers or {},
                exchange=method.exchange,
                routing_key=method.routing_key,
                body=body,
            )
            self._answers.append(answer)
            self._came.notify_all()

    def all(self) -> list[Answer]:
        """Everything that has come."""
        with self._came:
            return list(self._answers)

    def of(self, message_id: str) -> list[Answer]:
        """The answers to one request that have come so far."""
        return [answer for answer in self.all() if answer.message_id == message_id]

    def wait(self, message_id: str, count: int = 1, timeout: float = PATIENCE) -> Answer:
        """The newest of at least `count` answers to a request. Fails the test when they do not come."""
        with self._came:
            found = self._came.wait_for(lambda: len(self.of(message_id)) >= count, timeout)
        assert found, f"{len(self.of(message_id))} answers to {message_id} within {timeout:g} s, not {count}"
        return self.of(message_id)[-1]

    def wait_number(self, count: int, timeout: float = PATIENCE) -> list[Answer]:
        """At least `count` answers, whatever they answer."""
        with self._came:
            found = self._came.wait_for(lambda: len(self._answers) >= count, timeout)
        assert found, f"{len(self._answers)} answers within {timeout:g} s, not {count}"
        return self.all()


def publish(
    url: str,
    queue: str,
    method: object = "sandbox.echo",
    params: object = None,
    *,
    portal: str | None = None,
    user: object = USER,
    token: object = TOKEN,
    body: bytes | None = None,
    message_id: str | None = "",
    headers: Mapping[str, object] | None = None,
    **properties: Any,
) -> str:
    """Put one request into a queue and return its message_id ("" when it has none: message_id=None).

    None leaves a header out; `body` goes in place of `params`; `headers` are put over the usual ones.
    """
    if message_id == "":
        message_id = str(uuid.uuid4())
    named = {"method": method, "user": user, "token": token, "portal": portal, **(headers or {})}
    properties.setdefault("content_type", "text/json")
    with channel(url) as publishing:
        publishing.basic_publish(
            exchange="",
            routing_key=queue,
            body=json.dumps(params or {}).encode() if body is None else body,
            mandatory=True,
            properties=pika.BasicProperties(
                message_id=message_id,
                headers={name: value for name, value in named.items() if value is not None},
                **properties,
            ),
        )
    return message_id or ""
