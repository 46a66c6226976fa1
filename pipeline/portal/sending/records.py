"""What an executor writes down, and when: each line is durable before the next thing happens.

- a route throttle has counted a plan before its first call;
- the limiter's state covers the calls to come before they leave, so that the next owner goes on from it;
- rows are `sent` before a call that changes something leaves;
- links and results of steps are in their tables before the next step, or the answer, goes out;
- so is the watch that a plan leaves behind.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from pipeline.delivery import metrics
from pipeline.delivery.errors import PipelineError, Transient
from pipeline.delivery.ownership import Lost
from pipeline.delivery.records import Record
from pipeline.portal.links.keys import split_external
from pipeline.portal.links.store import Link
from pipeline.portal.requests.answers import Reply
from pipeline.portal.requests.row import SENT, WAITING, Row
from pipeline.portal.sending.entry import Entry
from pipeline.portal.sending.landing import Landed
from pipeline.portal.sending.parts import Parts
from pipeline.portal.sending.shipment import Shipment
from pipeline.portal.steps.command import Unclear
from pipeline.portal.steps.course import LinkChanges
from pipeline.portal.steps.plan_end import Missing, PlanEnd

__all__ = ["Records"]

log = logging.getLogger(__name__)

#: Keys that a warning names; of more their number.
_NAMED = 10
#: Part of the portal's time limit that may pass between the time in a row and the call. Settling waits longer.
_PROMPT = 1 / 30
#: Calls that a note of the limiter's state covers in advance.
_AHEAD = 5


class Records:
    """Writes for one portal. Kafka away: tried until it is there. Raises Lost when the portal is not ours any more."""

    def __init__(
        self,
        parts: Parts,
        portal: str,
        partition: int,
        on_links: Callable[[Iterable[Link]], None] = lambda links: None,
    ) -> None:
        """`on_links`: is told of links that are durable."""
        self._parts = parts
        self._on_links = on_links
        self._place = (partition, portal)
        #: the bucket is noted as empty at this time
        self._noted = 0.0

    async def throttle(self, entry: Entry, now: float) -> float:
        """Seconds until a plan may start by its route throttle; 0.0 = now, and it is counted."""
        row = entry.row
        if row.throttle is None or entry.counted or row.progress is not None:
            return 0.0
        throttles = self._parts.throttles
        wait = throttles.ready_in(row.partition, row.portal, row.throttle, now)
        if wait <= 0:
            await self._parts.backoff.insist(lambda: throttles.take(row.partition, row.portal, row.throttle or "", now))
            entry.counted = True
        return wait

    async def sent(self, shipment: Shipment) -> float:
        """Rows of writes are `sent`; returns when the call leaves, unix seconds."""
        await self._note_bucket()
        flights = list(shipment.writes())
        margin = following = 0.0
        while True:
            began = time.time()
            if not flights:
                return began
            # slow time and again: a time that lies ahead does no harm, settling waits the longer
            sent_at = began + margin
            for flight in flights:
                course = flight.entry.course
                assert course is not None
                course.mark_sent(flight.commands, sent_at)
                row = flight.row
                row.state, row.sent_at, row.progress = SENT, sent_at, course.progress()
            rows = [flight.row for flight in flights]
            await self._parts.backoff.insist(lambda rows=rows: self._parts.book.put(rows))  # type: ignore[misc]
            now = time.time()
            if now - sent_at <= self._parts.limits.request_limit * _PROMPT:
                return now
            margin, following = following, 2 * (now - began)

    async def _note_bucket(self) -> None:
        rate, state = self._parts.limits.rate, self._parts.limiter.state()
        if rate is not None and state > self._noted:
            noted = max(state, time.time()) + _AHEAD / rate
            await self._parts.backoff.insist(lambda: self._parts.book.note_bucket(*self._place, noted))
            self._noted = noted

    async def release(self) -> None:
        """Nothing leaves any more: the exact state for the next owner, if Kafka takes it at once."""
        with suppress(Transient, Lost):
            await self._parts.book.note_bucket(*self._place, self._parts.limiter.state())

    async def remember(self, landed: Iterable[Landed]) -> None:
        """Links, then the results of plans that go on."""
        landed = tuple(landed)
        courses = [course for one in landed if (course := one.flight.entry.course) is not None]
        if landed:
            await self.write_links([course.links() for course in courses], landed[0].flight.row.partition)
        rows = []
        for one in landed:
            course = one.flight.entry.course
            if course is None or course.reply is not None:
                continue
            for command in one.refused:
                course.not_executed(command)
            progress = course.progress()
            if one.refused or (progress is not None and _has_changed(one)):
                row = one.flight.row
                # what was refused before it was looked at must not look like an unknown outcome after a crash
                row.state, row.progress = SENT if course.is_out() else WAITING, progress
                rows.append(row)
        if rows:
            await self._parts.backoff.insist(lambda: self._parts.book.put(rows))

    async def write_links(self, changes: Iterable[LinkChanges], partition: int) -> None:
        """Drops, then puts, then what parts were given."""
        changes = [one for one in changes if one]
        if not changes:
            return
        portal, links = self._parts.courses.env.portal, self._parts.links
        drops = [(portal, *place) for one in changes for place in one.drops]
        puts = [link for one in changes for link in one.puts]
        notes = [note for one in changes for note in one.parts]
        if drops:
            await self._parts.backoff.insist(lambda: links.drop_many(partition, drops))
        found = [link for one in changes for link in one.found]
        if puts:
            await self._parts.backoff.insist(lambda: links.put_many(partition, puts))
        if notes:
            await self._parts.backoff.insist(lambda: links.put_parts(partition, notes))
        if found:
            # a link of a moment ago knows more: looked at one by one, when nothing else can come in between
            await self._parts.backoff.insist(
                lambda: links.put_many(
                    partition, (self._beside(partition, link) for link in found if not self._is_held(partition, link))
                )
            )
        self._on_links([*puts, *found])
        self._parts.watches.linked([*puts, *found])

    def _is_held(self, partition: int, found: Link) -> bool:
        """Has its object a link of another key? A key without an originator means any object with that id."""
        held = self._parts.links.by_id(partition, found.portal, found.entity, found.id)
        return held is not None and held.external != found.external

    def _beside(self, partition: int, found: Link) -> Link:
        """What is found gives a link that is there its title, and changes nothing else of it."""
        before = self._parts.links.get(partition, found.portal, found.entity, found.external)
        if before is None:
            return found
        return replace(before, title=found.title or before.title) if before.id == found.id else before

    async def ended(self, row: Row, end: PlanEnd) -> None:
        """A plan is over: what it has not found is told, and watched. `row` with its body."""
        if end.missing:
            for entity, _ in end.missing:
                metrics.PORTAL_MISSING.labels(row.portal, entity).inc()
            log.warning("portal %s: %s ends without %s", row.portal, end.subject or row.identity, _listed(end.missing))
        await self._parts.watches.ended(row, end)

    def letter(self, row: Row, error: PipelineError, reply: Reply) -> Record:
        """The dead letter of a request that a person must look at; `reply` is its answer."""
        return self._parts.letters.letter(row, error, reply)


def _listed(missing: Sequence[Missing]) -> str:
    names = [f"{entity} {split_external(external)[1]!r}" for entity, external in missing[:_NAMED]]
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return ", ".join(names) + more


def _has_changed(landed: Landed) -> bool:
    """Has a write of it got a result? What reads brought can be read again."""
    return any(command.write and not isinstance(result, Unclear) for command, result in landed.results)
