"""What leaves in one HTTP request: one call, or a batch of up to 50 commands of any requests of one credential."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from pipeline.portal import methods
from pipeline.portal.entities import KEYS_A_LOOKUP, entity
from pipeline.portal.requests.lanes import Lane
from pipeline.portal.requests.row import Row
from pipeline.portal.sending.entry import Entry
from pipeline.portal.steps.command import Command, LookUp
from pipeline.portal.wire import batch, encode

__all__ = ["Flight", "Shipment", "Shot"]


@dataclass(slots=True, eq=False)
class Flight:
    """A request whose commands leave: its row with the body, and the commands of this shipment."""

    entry: Entry
    row: Row
    commands: list[Command] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Shot:
    """One command on the wire. It has several members only when it is one look-up for several requests."""

    method: str
    params: Any
    expected: float
    #: its form within a batch, of several look-ups made one
    joined: str = ""
    members: list[tuple[Flight, Command]] = field(default_factory=list)

    @property
    def query(self) -> str:
        """Its form within a batch. Known once the packer has looked at it (packer.py)."""
        query = self.joined or self.members[0][1].query
        assert query, "a command that must go alone is in no batch"
        return query

    @property
    def body(self) -> bytes:
        """JSON of a call alone; in a batch nobody needs it."""
        command = self.members[0][1]
        return orjson.dumps(self.params) if self.joined else command.json()

    @property
    def charged(self) -> list[str]:
        """Methods that the portal bills for it."""
        return self.members[0][1].charged


class Shipment:
    """Shots of one lane and credential. `packed`: they leave as a batch.

    `room`: by method, how many more of it the governor has granted to this shipment.
    """

    def __init__(self, lane: Lane, credential_id: str, head: Row) -> None:
        self.lane = lane
        self.credential_id = credential_id
        self.head = head
        self.shots: list[Shot] = []
        self.flights: dict[Entry, Flight] = {}
        self.expected = 0.0
        self.room: dict[str, int] = {}
        self._lookups: dict[tuple[Any, ...], Shot] = {}

    @property
    def packed(self) -> bool:
        """More than one shot needs a batch."""
        return len(self.shots) > 1

    def join(self, flight: Flight, command: Command) -> bool:
        """Take it along in a look-up that is there already; False: there is none that it fits into."""
        shot = self._room_in(command.lookup) if command.lookup is not None else None
        if shot is None or not _widen(shot, command):
            return False
        self._board(flight, command)
        shot.members.append((flight, command))
        return True

    def add(self, flight: Flight, command: Command, expected: float) -> None:
        """Take a command along as one more shot."""
        self._board(flight, command)
        shot = Shot(command.name, command.params, expected, members=[(flight, command)])
        self.shots.append(shot)
        self.expected += expected
        if (lookup := command.lookup) is not None:
            self._lookups[lookup.family] = shot

    def body(self) -> bytes:
        """JSON of the request."""
        if not self.packed:
            return self.shots[0].body
        return batch.build([shot.query for shot in self.shots])

    def method(self) -> str:
        """The method of the request; of a lone call as its client wrote it."""
        return methods.BATCH if self.packed else self.shots[0].members[0][1].method

    def writes(self) -> Iterator[Flight]:
        """Requests whose rows must be `sent` before this leaves."""
        return (flight for flight in self.flights.values() if any(command.write for command in flight.commands))

    def _board(self, flight: Flight, command: Command) -> None:
        flight.commands.append(command)
        self.flights[flight.entry] = flight

    def _room_in(self, lookup: LookUp) -> Shot | None:
        shot = self._lookups.get(lookup.family)
        return shot if shot is not None and len(shot.members) < KEYS_A_LOOKUP else None


def _widen(shot: Shot, command: Command) -> bool:
    """The look-up asks for one more external id; False: with that it could be in no batch (wire/encode.py)."""
    lookups = [one.lookup for one in (*(member for _, member in shot.members), command) if one.lookup is not None]
    externals = list(dict.fromkeys(lookup.external for lookup in lookups))
    params = entity(lookups[0].entity).lookup_params(externals, lookups[0].originator, lookups[0].inside)
    try:
        shot.joined = encode.command(shot.method, params)
    except encode.Unfit:
        return False
    shot.params = params
    return True
