"""The agent `portal-control`: changes of tables that come from outside (design, section 5).

Commands are written to topic portal.control, keyed by portal; the owner of the portal's partition writes the tables
and acks. What is no command, or is for a portal that is not set, becomes a dead letter. A command may be executed
twice: it must bear that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Annotated, Any, cast

from pydantic import Field

from pipeline.delivery.errors import BadInput
from pipeline.delivery.flow import Event, Flow, as_model
from pipeline.portal.links.messages import DropLinks, PutLinks
from pipeline.portal.links.store import Link, Links
from pipeline.portal.partition import partition_of
from pipeline.topology import CONTROL

__all__ = ["AGENT", "Control"]

AGENT = "portal-control"

Command = Annotated[PutLinks | DropLinks, Field(discriminator="do")]

logger = logging.getLogger(__name__)


class Control:
    """`portals` = names of those that are set."""

    def __init__(
        self, portals: Collection[str], links: Links, linked: Callable[[Iterable[Link]], None] = lambda links: None
    ) -> None:
        """`linked` is told of the links that are put, when they are durable."""
        self._portals = frozenset(portals)
        self._links = links
        self._linked = linked

    def flow(self) -> Flow:
        """The flow; commands of one portal one after another."""
        return Flow(AGENT, (CONTROL,), self.handle, decode=as_model(cast(Any, Command)), headers=False)

    async def handle(self, event: Event[PutLinks | DropLinks]) -> None:
        """Execute one command; returns when the tables have it. Raises BadInput: no such portal; Lost, Transient."""
        portal = self._portal(event)
        command = event.value
        if isinstance(command, PutLinks):
            new = await self._links.put_many(event.partition, self._put(event.partition, portal, command))
            self._linked(link.over(None, portal) for link in command.links)
            logger.info("portal %s: %d links put, %d of them changed", portal, len(command.links), new)
        else:
            keys = ((portal, link.entity, link.key) for link in command.links)
            gone = await self._links.drop_many(event.partition, keys)
            logger.info("portal %s: %d links dropped", portal, gone)

    def _put(self, partition: int, portal: str, command: PutLinks) -> Iterator[Link]:
        for link in command.links:
            # one after another: the same link may stand in a command twice
            yield link.over(self._links.get(partition, portal, link.entity, link.key), portal)

    def _portal(self, event: Event[Any]) -> str:
        portal = (event.key or b"").decode("utf-8", "backslashreplace")
        if portal not in self._portals:
            known = ", ".join(sorted(self._portals)) or "none"
            raise BadInput(f"key: there is no portal {portal!r}; known: {known}")
        if event.partition != partition_of(portal):
            # its owner, and with it its tables, is another
            raise BadInput(f"partition: {event.partition}, but portal {portal!r} has {partition_of(portal)}")
        return portal
