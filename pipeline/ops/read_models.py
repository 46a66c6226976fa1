"""What the pages need from the rooms below, as protocols: gateway, bridge and runtime fit them, and so do stand-ins.

Nothing that they give holds a secret: all of it is published to a topic and shown on a page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from pipeline.bridge.status import BridgeStatus
from pipeline.delivery.ownership import Ownership
from pipeline.delivery.producer import ConfirmedProducer
from pipeline.delivery.runner import FlowRunner
from pipeline.portal.view import PortalState
from pipeline.search.status import SinkStatus
from pipeline.settings import Settings

__all__ = ["BridgeView", "GatewayView", "RuntimeView", "SearchView"]


class GatewayView(Protocol):
    """What the gateway shows."""

    def portals(self) -> Sequence[PortalState]:
        """The portals whose partition this worker owns now; cheap, called twice a second."""
        ...


class BridgeView(Protocol):
    """What the bridge shows."""

    def status(self) -> BridgeStatus:
        """The state now; cheap, called twice a second."""
        ...


class SearchView(Protocol):
    """What the search sink shows."""

    def status(self) -> SinkStatus:
        """The state now; cheap."""
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

    @property
    def flows(self) -> Mapping[str, FlowRunner]:
        """The agents of this worker, by name."""
        ...

    def wire(self, topic: str) -> str:
        """Name of a topic in Kafka, prefix included."""
        ...

    def on_start(self, call: Callable[[], Awaitable[None]]) -> None:
        """Called when the worker starts, topics declared, before it joins the group."""
        ...
