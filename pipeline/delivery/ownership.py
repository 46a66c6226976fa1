"""Who owns which partitions, and being told when that changes.

Kafka's assignment is the lease of everything here: portals, queues. An `Owner` is told what it owns after the tables
are recovered, and what it loses before the partitions go; Kafka waits for the latter (design, sections 1 and 3).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

__all__ = ["Lost", "Owner", "Ownership"]


class Lost(Exception):
    """The partition is no longer ours (in this generation): leave the work to its next owner, ack nothing."""


class Owner(Protocol):
    """Something that works for the partitions of a topic that this worker owns."""

    async def on_owned(self, partitions: frozenset[int]) -> None:
        """All partitions that are owned now, tables recovered. Called once after each rebalance."""

    async def on_lost(self) -> None:
        """Everything is given up: stop, wait for what is in flight (at most 20 s), leave the rest.

        Tables can still be written until this returns.
        """


class Ownership:
    """Registry of owners by topic, and the partitions owned now. `generation` counts every change."""

    def __init__(self) -> None:
        self._owners: list[tuple[str, Owner]] = []
        self._owned: dict[str, frozenset[int]] = {}
        self._changing = asyncio.Lock()
        self._told = False
        self.generation = 0

    def register(self, topic: str, owner: Owner) -> None:
        """`topic` is the name in Kafka, prefix included."""
        self._owners.append((topic, owner))

    def owned(self, topic: str) -> frozenset[int]:
        """Partitions of that topic that this worker owns now; empty between two assignments."""
        return self._owned.get(topic, frozenset())

    @property
    def settled(self) -> bool:
        """True while an assignment is in force and the tables are recovered."""
        return bool(self._owned)

    async def gained(self, assignment: Iterable[tuple[str, int]]) -> None:
        """A rebalance is over and the tables are recovered."""
        owned: dict[str, set[int]] = {}
        for name, partition in assignment:
            owned.setdefault(name, set()).add(partition)
        async with self._changing:
            self._owned = {name: frozenset(partitions) for name, partitions in owned.items()}
            self.generation += 1
            self._told = True
            for name, owner in self._owners:
                await owner.on_owned(self.owned(name))

    async def lost(self) -> None:
        """A rebalance begins (all is revoked: Faust's protocol is the eager one), or the worker stops."""
        async with self._changing:
            if not self._told:
                return
            self._told = False
            await asyncio.gather(*(owner.on_lost() for _, owner in self._owners))
            self._owned = {}
            self.generation += 1
