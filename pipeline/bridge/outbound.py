"""The flow `amqp-answers`: results leave for RabbitMQ, confirmed, or are parked; then the result is acked."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from pipeline.bridge.address import Addresses
from pipeline.bridge.answers import answer_of
from pipeline.bridge.parking import AGENT, VERSION, Parking
from pipeline.bridge.publisher import Publisher
from pipeline.delivery.flow import Event, Flow
from pipeline.topology import RESULTS

__all__ = ["Answers"]

#: Results that flows asked for have another source and are theirs.
SOURCE = "amqp"


class Answers:
    """Handler of the flow."""

    def __init__(self, addresses: Addresses, publisher: Publisher, parking: Parking) -> None:
        self._addresses = addresses
        self._publisher = publisher
        self._parking = parking

    def flow(self) -> Flow:
        """The flow; events of one message id one after another, all others side by side."""
        return Flow(name=AGENT, topics=(RESULTS,), handler=self.handle, key=_order_key, version=VERSION)

    async def handle(self, event: Event[Any]) -> None:
        """Publish or park one result. Raises Transient: RabbitMQ is away, it waits. Permanent: no AMQP address."""
        headers = event.headers
        if headers.get("source") != SOURCE:
            return
        answer = answer_of(headers, event.raw)
        destination = await self._addresses.destination(headers.get("reply-to"))
        reason = await self._publisher.publish(destination, answer)
        if reason is None:
            self._parking.taken(destination)
        else:
            await self._parking.park(event, destination, reason)


def _order_key(event: Event[Any]) -> Hashable | None:
    return event.headers.get("message-id")
