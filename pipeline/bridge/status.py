"""What the bridge shows of itself: no secrets, cheap to make, fit for pages, health and metrics."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["BridgeStatus", "DestinationStatus", "QueueStatus"]


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """One inbound queue of this worker. Counts since the worker's start.

    `consuming`: this worker owns the queue and reads it now. `unacked`: taken and not acked, so RabbitMQ still has
    them. `waits`: seconds since the last ack while there are such: Kafka takes none. `differences`: how what exists in
    RabbitMQ differs from the topology. `error`: why it is not consuming, or why Kafka takes nothing. `mode`: `steady`,
    or `on-command` = nobody reads it but `faust -A pipeline exchange`.
    """

    queue: str
    consuming: bool = False
    received: int = 0
    acked: int = 0
    unacked: int = 0
    redelivered: int = 0
    buried: int = 0
    waits: float = 0.0
    differences: tuple[str, ...] = ()
    error: str = ""
    mode: str = "steady"


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """Answers that wait because their destination takes none. `oldest_age` and `next_try` in seconds from now."""

    destination: str
    parked: int
    oldest_age: float | None
    reason: str
    next_try: float | None = None


@dataclass(frozen=True, slots=True)
class BridgeStatus:
    """RabbitMQ as this worker sees it. `down_since`: unix time since when a direction is down; None = both are up."""

    down_since: float | None
    error: str = ""
    queues: tuple[QueueStatus, ...] = field(default=())
    destinations: tuple[DestinationStatus, ...] = field(default=())
    published: int = 0
    returned: int = 0
