"""Which commands leave together (design, section 5, Packing).

A lone request on an idle portal goes alone, at once. When more waits than connections are free, ready commands of one
lane and credential travel as one batch: at most 50, whose expected time together stays within a budget. Commands that a
query string would change go alone (wire/encode.py). The operating governor says how many of a method may leave.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from pipeline.portal import methods
from pipeline.portal.limits.costs import Costs
from pipeline.portal.limits.governor import Governor
from pipeline.portal.requests.lanes import Lane
from pipeline.portal.sending.entry import Entry
from pipeline.portal.sending.scheduler import Scheduler
from pipeline.portal.sending.shipment import Flight, Shipment
from pipeline.portal.steps.command import Command
from pipeline.portal.wire import batch, encode

__all__ = ["Packer"]

#: requests that were looked at and must go alone or wait; more of them end the search for this shipment
_MOST_ASIDE = 25

#: gives the flight of a request with commands that may go now; None: it needs no call now and was taken care of
Prepare = Callable[[Entry], Awaitable[tuple[Flight, list[Command]] | None]]


class Packer:
    """Makes shipments of what waits for one portal."""

    def __init__(
        self, scheduler: Scheduler, governor: Governor, costs: Costs, prepare: Prepare, *, budget: float, room: int = 50
    ) -> None:
        """`budget`: seconds of expected time of a batch; `room`: commands of a batch, at most 50; 1 = never pack."""
        self._scheduler = scheduler
        self._governor = governor
        self._costs = costs
        self._prepare = prepare
        self._budget = budget
        self._room = min(room, batch.LIMIT)

    async def pack(self, lanes: tuple[Lane, ...], free: Callable[[Lane], int]) -> Shipment | None:
        """The next shipment, its commands reserved with the governor; None: nothing can go now.

        `free`: HTTP requests that may leave now for a lane, this one included.
        """
        while (entry := self._scheduler.pick(time.time(), lanes)) is not None:
            prepared = await self._prepare(entry)
            if prepared is None:
                continue
            flight, commands = prepared
            shipment = Shipment(entry.row.lane, entry.row.credential_id, flight.row)
            budget = self._batch_budget(entry)
            if not self._fill(shipment, flight, commands, budget):
                self._put_back(entry)
                continue
            if budget > 0 and self._is_to_be_packed(shipment, free(entry.row.lane)):
                await self._more(shipment, budget)
            self._reserve_batch(shipment)
            return shipment
        return None

    def release(self, shipment: Shipment) -> None:
        """It does not leave after all: what was reserved goes back."""
        now = time.time()
        for shot in shipment.shots:
            for method in shot.charged:
                self._governor.not_executed(shipment.credential_id, method, now)
        if shipment.packed:
            self._governor.not_executed(shipment.credential_id, methods.BATCH, now, seconds=shipment.expected)

    def _batch_budget(self, head: Entry) -> float:
        """Expected seconds of a batch with it: also what the governor allows where the batch itself is billed."""
        if head.alone or self._room < 2:
            return 0.0
        credential, urgent = head.row.credential_id, head.row.lane == "i"
        if not self._governor.knows(credential, methods.BATCH):
            # until the first batch has come back nothing is known of batches; those beside it pass the same check
            return self._budget
        return min(self._budget, self._governor.room_seconds(credential, time.time(), urgent=urgent))

    def _is_to_be_packed(self, shipment: Shipment, free: int) -> bool:
        if _query(shipment.shots[0].members[0][1]) == "":
            return False
        return len(shipment.shots) > 1 or self._scheduler.ready(shipment.lane) >= free

    async def _more(self, shipment: Shipment, budget: float) -> None:
        aside: list[Entry] = []
        while len(shipment.shots) < self._room and len(aside) < _MOST_ASIDE:
            entry = self._scheduler.pick_with(shipment.lane, shipment.credential_id, time.time(), shipment.room)
            if entry is None:
                break
            prepared = await self._prepare(entry)
            if prepared is None:
                continue
            flight, commands = prepared
            if entry.alone or _query(commands[0]) == "":
                aside.append(entry)
            elif not self._fill(shipment, flight, commands, budget):
                aside.append(entry)
                if shipment.expected + self._costs.expected(commands[0].name) > budget:
                    break
        for entry in aside:
            self._put_back(entry)

    def _put_back(self, entry: Entry) -> None:
        if not entry.begun:
            # thousands may wait for one method: their bodies stay in the table
            entry.course = None
        self._scheduler.put_back(entry)

    def _fill(self, shipment: Shipment, flight: Flight, commands: list[Command], budget: float) -> bool:
        """Take along what fits of one request; False: nothing of it. The first command of a shipment always fits."""
        taken = 0
        for command in commands:
            if shipment.join(flight, command):
                taken += 1
                continue
            if shipment.shots and (_query(command) == "" or _query(shipment.shots[0].members[0][1]) == ""):
                break
            expected = sum(self._costs.expected(method) for method in command.charged)
            if shipment.shots and (len(shipment.shots) >= self._room or shipment.expected + expected > budget):
                break
            if not self._reserve(shipment, flight, command, expected):
                break
            taken += 1
        return taken > 0

    def _reserve(self, shipment: Shipment, flight: Flight, command: Command, expected: float) -> bool:
        """Take it along if the governor lets each method of it go now; else the request waits for that method."""
        now, credential, room = time.time(), shipment.credential_id, shipment.room
        charged = command.charged
        for method in charged:
            if method not in room:
                # asked once: what the governor slows down it grants in portions, each for one shipment
                room[method] = self._governor.room(credential, method, now, urgent=shipment.lane == "i")
            # a client's own batch cannot be cut: it goes when one more of each of its methods may go
            if room[method] < 1:
                flight.entry.method = method
                return False
        shipment.add(flight, command, expected)
        for method in charged:
            room[method] -= 1
            self._governor.sent(credential, method, now)
        return True

    def _reserve_batch(self, shipment: Shipment) -> None:
        if shipment.packed:
            self._governor.sent(shipment.credential_id, methods.BATCH, time.time(), seconds=shipment.expected)


def _query(command: Command) -> str:
    """Its form within a batch; "" = it must go alone."""
    if command.query is None:
        try:
            command.query = encode.command(command.method, command.params)
        except encode.Unfit:
            command.query = ""
    return command.query
