"""Which results leave for RabbitMQ."""

from __future__ import annotations

from typing import Any, cast

import pytest

from pipeline.bridge.address import Addresses
from pipeline.bridge.answers import Answer, Destination
from pipeline.bridge.outbound import Answers
from pipeline.bridge.parking import Parking
from pipeline.bridge.publisher import Publisher
from pipeline.delivery.flow import Event
from pipeline.topology import RESULTS


class Outside:
    """Address, publisher and parking of nobody; remembers what was published."""

    def __init__(self) -> None:
        self.published: list[Answer] = []

    async def destination(self, reply_to: str | None) -> Destination:
        return Destination("", reply_to or "out")

    async def publish(self, destination: Destination, answer: Answer) -> None:
        self.published.append(answer)

    def taken(self, destination: Destination) -> None:
        """Nothing is parked."""


@pytest.mark.parametrize(
    ("source", "leaves"), [("amqp", True), ("links", False), ("companies", False), ("", False), (None, False)]
)
async def test_only_what_came_from_rabbitmq_is_answered_there(source: str | None, leaves: bool) -> None:
    outside: Any = Outside()
    answers = Answers(cast(Addresses, outside), cast(Publisher, outside), cast(Parking, outside))
    headers = {"message-id": "m1", "answer-id": "a1", "reply-to": "mine"}
    headers |= {} if source is None else {"source": source}
    await answers.handle(Event(RESULTS, 0, 0, b"main", headers, b"{}", b"{}", 0.0))
    assert [answer.message_id for answer in outside.published] == (["m1"] if leaves else [])
