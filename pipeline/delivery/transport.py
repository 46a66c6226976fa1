"""Faust's Kafka transport with our consumer and an idempotent producer that waits for all replicas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faust.transport.drivers.aiokafka import Producer, Transport

from pipeline.delivery.consumer import SafeConsumer

__all__ = ["SafeProducer", "SafeTransport"]


class SafeProducer(Producer):
    """Idempotent, acks=all: a retry inside the client makes no double and keeps the order of a partition."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}


class SafeTransport(Transport):
    """What `BusApp` talks to Kafka with."""

    Consumer = SafeConsumer
    Producer = SafeProducer
