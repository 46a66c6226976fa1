"""What the pages need from the other rooms, as shapes: the gateway, the bridge and the runtime fit them.

Nothing here holds a secret: all of it is published to a topic and shown on a page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pipeline.delivery.ownership import Ownership
from pipeline.delivery.producer import ConfirmedProducer
from pipeline.settings import Settings

__all__ = [
    "BAD_PORTAL_STATES",
    "BridgeState",
    "BridgeView",
    "DestinationState",
    "GatewayView",
    "PortalState",
    "PortalWord",
    "QueueState",
    "RuntimeView",
]

PortalWord = Literal["ok", "throttled", "held", "auth", "blocked", "down"]

#: States in which a portal answers nobody, and a person may have to act.
BAD_PORTAL_STATES: frozenset[PortalWord] = frozenset({"auth", "blocked", "down"})


@dataclass(frozen=True, slots=True)
class PortalState:
    """One portal as its owner sees it. Ages are seconds; `since` and `until` are unix times.

    `reason` says why requests wait ("" when nothing does): "intensity limit until 12:00:03", "down since …:
    connection refused", "auth failed: credential crm".
    """

    name: str
    waiting: int
    oldest_age: float | None
    sent: int
    done_per_minute: float
    reason: str
    state: PortalWord
    since: float | None
    until: float | None


class GatewayView(Protocol):
    """What the gateway shows."""

    def portals(self) -> Sequence[PortalState]:
        """The portals whose partition this worker owns now; cheap, called twice a second."""
        ...


@dataclass(frozen=True, slots=True)
class QueueState:
    """An inbound queue. `consuming`: this worker holds its lease and reads it now."""

    queue: str
    consuming: bool
    received: int
    unacked: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class DestinationState:
    """Answers that wait because a destination takes none. `oldest_age` in seconds."""

    destination: str
    parked: int
    oldest_age: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class BridgeState:
    """RabbitMQ as this worker sees it. `down_since` is a unix time, None = connected."""

    down_since: float | None
    error: str = ""
    queues: tuple[QueueState, ...] = ()
    destinations: tuple[DestinationState, ...] = ()


class BridgeView(Protocol):
    """What the bridge shows."""

    def status(self) -> BridgeState:
        """The state now; cheap, called twice a second."""
        ...


class RuntimeView(Protocol):
    """The part of the runtime that the pages use."""

    @property
    def settings(self) -> Settings:
        """All settings."""
        ...

    @property
    def app(self) -> Any:
        """The Faust app."""
        ...

    @property
    def producer(self) -> ConfirmedProducer:
        """Confirmed sends; usable once the worker runs."""
        ...

    @property
    def ownership(self) -> Ownership:
        """Which partitions this worker owns."""
        ...

    def wire(self, topic: str) -> str:
        """Name of a topic in Kafka, prefix included."""
        ...

    def on_start(self, call: Callable[[], Awaitable[None]]) -> None:
        """Called when the worker starts, topics declared, before it joins the group."""
        ...
