"""Faust's Kafka transport with our consumer and an idempotent producer that waits for all replicas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from aiokafka import AIOKafkaProducer
from faust.transport.drivers.aiokafka import Producer, Transport

from pipeline.delivery.consumer import SafeConsumer
from pipeline.delivery.sockets import guarded

if TYPE_CHECKING:
    from pipeline.delivery.app import BusApp

__all__ = ["SafeProducer", "SafeTransport"]


class SafeProducer(Producer):
    """Idempotent, acks=all: a retry inside the client makes no double and keeps the order of a partition."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    def _new_producer(self, transactional_id: str | None = None) -> AIOKafkaProducer:
        return guarded(super()._new_producer(transactional_id), cast("BusApp", self.app).runtime.guard)


class SafeTransport(Transport):
    """What `BusApp` talks to Kafka with."""

    Consumer = SafeConsumer
    Producer = SafeProducer
