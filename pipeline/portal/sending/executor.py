"""Calls one portal while this worker owns it: when, how many at once, and what happens with what comes back.

    scheduler -> packer -> (rows `sent`, confirmed) -> HTTP -> landing -> courses -> links, progress, completion

Up to `connections` HTTP requests are out at once, one of them kept for the interactive lane (design, section 5).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

from pipeline.delivery import metrics
from pipeline.delivery.errors import PipelineError, Unknown
from pipeline.delivery.exit import die
from pipeline.delivery.ownership import Lost
from pipeline.portal.limits.pause import Pause
from pipeline.portal.links.store import Link
from pipeline.portal.partition import partition_of
from pipeline.portal.requests.lanes import LANES, Lane
from pipeline.portal.requests.row import SENT, Row
from pipeline.portal.sending.entry import Entry
from pipeline.portal.sending.landing import Landed, Landing
from pipeline.portal.sending.outcome import outcomes
from pipeline.portal.sending.packer import Packer
from pipeline.portal.sending.parts import Parts
from pipeline.portal.sending.records import Records
from pipeline.portal.sending.scheduler import Scheduler
from pipeline.portal.sending.shipment import Flight, Shipment
from pipeline.portal.sending.soft_holds import SoftHolds
from pipeline.portal.steps.command import Command, Unclear
from pipeline.portal.steps.course import Course
from pipeline.portal.steps.plan_course import PlanCourse
from pipeline.portal.wire.access import Access
from pipeline.portal.wire.faults import Answer

__all__ = ["Executor"]

_STOP_TIMEOUT = 18.0
#: Seconds without an arrival that end the wait for more to pack, and the longest such wait.
_CALM = 0.02
_LINGER = 0.1


class Executor:
    """The calls to one portal. `parts`: what it is made of (parts.py)."""

    def __init__(self, name: str, parts: Parts, on_finished: Callable[[], None]) -> None:
        self.name = name
        self.partition = partition_of(name)
        self.parts = parts
        self.limiter = parts.limiter
        self.governor = parts.governor
        self.pause = Pause(parts.backoff, parts.probes.blocked_probe)
        self.scheduler = Scheduler(parts.bulk_share, self._held)
        self.in_flight = 0
        #: plans that wait for something that they have not found
        self.searching: set[Entry] = set()
        #: requests whose call has an unknown outcome
        self.settling: set[Entry] = set()
        self._last_arrival = 0.0
        self._lingering = 0.0
        self._finished: deque[float] = deque()
        self._soft = SoftHolds(self.scheduler, parts.courses.env.link)
        self._records = Records(parts, name, self.partition, self._soft.linked)
        self._packer = Packer(
            self.scheduler,
            parts.governor,
            parts.costs,
            self._prepare,
            budget=parts.limits.batch_budget,
            room=parts.batch_room,
        )
        self._landing = Landing(
            name,
            scheduler=self.scheduler,
            limiter=parts.limiter,
            governor=parts.governor,
            costs=parts.costs,
            pause=self.pause,
            backoff=parts.backoff,
            probes=parts.probes,
            credentials=parts.credentials,
            request_limit=parts.limits.request_limit,
        )
        self._on_finished = on_finished
        self._wake = asyncio.Event()
        self._stopping = False
        #: False while it looks for answers that are there already
        self.calling = False
        self._task: asyncio.Task[None] | None = None
        self._flying: dict[asyncio.Task[None], Shipment] = {}

    def add(self, entry: Entry) -> None:
        """A waiting request."""
        if entry.row.state == SENT:
            self.settling.add(entry)
        self._soft.arrive(entry)
        self.scheduler.add(entry)
        self._last_arrival = time.monotonic()
        self._wake.set()

    def linked(self, link: Link) -> None:
        """An object is known, by a link that no plan has made."""
        self._soft.linked([link])
        self._wake.set()

    def drop(self, entry: Entry) -> None:
        """A waiting request that needs no call after all."""
        self.settling.discard(entry)
        self.scheduler.drop(entry)
        self._soft.over(entry)

    def held(self, now: float) -> dict[tuple[str, str], float]:
        """Holds in force: (credential id, method or `*`) -> until, unix seconds."""
        return self.governor.holds(now) | self.scheduler.holds(now)

    def per_minute(self, now: float) -> float:
        """Requests finished in the last minute."""
        while self._finished and self._finished[0] < now - 60:
            self._finished.popleft()
        return float(len(self._finished))

    def start(self, before: Callable[[Executor], Awaitable[None]]) -> None:
        """Begin to call, after `before`, which may take from the scheduler what needs no call."""
        self._task = asyncio.create_task(self._run(before), name=f"portal {self.name}")

    async def stop(self) -> None:
        """Send nothing more; wait for the calls that are out, a bounded time, then leave them as `sent`."""
        self._stopping = True
        self._wake.set()
        tasks = [task for task in (self._task, *self._flying) if task is not None]
        if not tasks:
            return
        if self._task is not None and not self.calling:
            self._task.cancel()
        _, late = await asyncio.wait(tasks, timeout=_STOP_TIMEOUT)
        for task in (*late, *self._flying):
            task.cancel()
        if late or self._flying:
            await asyncio.wait([*late, *self._flying])
        if self.calling:
            await self._records.release()

    # -- when

    async def _run(self, before: Callable[[Executor], Awaitable[None]]) -> None:
        try:
            await before(self)
            self.calling = True
            while not self._stopping:
                shipment = await self._next()
                if shipment is not None:
                    self._launch(shipment)
        except asyncio.CancelledError:
            raise
        except Lost:
            return
        except Exception as error:
            die(f"the gateway of portal {self.name} ended", error)

    async def _next(self) -> Shipment | None:
        """The next shipment, when the portal may be called and a slot is reserved; None = look again."""
        now = time.time()
        lanes = self._lanes()
        if not lanes or not self.scheduler.has_ready(now):
            at = self.scheduler.next_time(now) if lanes else None
            await self._sleep(None if at is None else at - now)
            return None
        paused = self.pause.remaining(now)
        if paused > 0:
            await self._sleep(paused)
            return None
        wait = self.limiter.ready_in(now)
        if wait > 0:
            await self._sleep(wait)
            metrics.PORTAL_LIMITER_SECONDS.labels(self.name).inc(max(0.0, min(wait, time.time() - now)))
            return None
        wait = self._linger(time.monotonic())
        if wait > 0:
            await self._pause_for(wait)
            return None
        self._wake.clear()
        shipment = await self._packer.pack(lanes, self._leaving)
        if shipment is None:
            # seen from before: a hold that ended since then would be waited for by nobody
            at = self.scheduler.next_time(now, lanes)
            await self._sleep(None if at is None else at - time.time(), clear=False)
            return None
        if self._stopping:
            self._packer.release(shipment)
            return None
        self.limiter.reserve(time.time())
        return shipment

    def _linger(self, now: float) -> float:
        """Seconds to wait for more to pack: where requests are counted, and some are out, and more are just coming in.

        Else the first second of a flood would go out in handfuls, each at the price of a full batch.
        """
        ready = sum(self.scheduler.ready(lane) for lane in LANES)
        calm = self._last_arrival + _CALM
        if self.parts.limits.rate is None or not self._flying or ready >= self.parts.batch_room or now >= calm:
            self._lingering = 0.0
            return 0.0
        self._lingering = self._lingering or now
        return min(calm, self._lingering + _LINGER) - now

    async def _pause_for(self, seconds: float) -> None:
        """Until then; what comes meanwhile is not looked at before."""
        await asyncio.sleep(min(seconds, _CALM))

    def _lanes(self) -> tuple[Lane, ...]:
        return tuple(lane for lane in LANES if self._free(lane) > 0)

    def _free(self, lane: Lane) -> int:
        """HTTP requests that may leave now for a lane, as far as connections tell."""
        most = self.parts.connections
        free = most - len(self._flying)
        if lane == "b":
            bulk = sum(1 for shipment in self._flying.values() if shipment.lane == "b")
            free = min(free, max(1, most - 1) - bulk)
        return free

    def _leaving(self, lane: Lane) -> int:
        """HTTP requests that may leave now for a lane: as connections and the portal's bucket allow."""
        return min(self._free(lane), max(1, self.limiter.slots(time.time())))

    def _held(self, credential_id: str, method: str, lane: Lane) -> float | None:
        return self.governor.ready_at(credential_id, method, time.time(), urgent=lane == "i")

    async def _sleep(self, seconds: float | None, *, clear: bool = True) -> None:
        """Until then, or until something new comes (None = only that)."""
        if clear:
            self._wake.clear()
        if self._stopping:
            return
        try:
            async with asyncio.timeout(None if seconds is None else max(seconds, 0.0)):
                await self._wake.wait()
        except TimeoutError:
            return

    # -- what

    async def _prepare(self, entry: Entry) -> tuple[Flight, list[Command]] | None:
        """The commands of a request that may go now; None: it waits, or it is over without a call."""
        now = time.time()
        wait = self._soft.wait(entry, now) or await self._records.throttle(entry, now)
        if wait > 0:
            self.scheduler.retry(entry, now + wait)
            return None
        row, course = None, entry.course
        if course is None:
            row = self.parts.book.load(entry.row)
            course = entry.course = self.parts.courses.course(row)
        if await self._waits(entry, course, now):
            return None
        row = row or self.parts.book.load(entry.row)
        row.attempts = entry.attempts
        if course.reply is not None:
            await self._finish(entry, row)
            return None
        commands = course.commands(now)
        if not commands:
            self.scheduler.retry(entry, course.due() or now)
            return None
        self.searching.discard(entry)
        entry.method = commands[0].name
        return Flight(entry, row), commands

    async def _waits(self, entry: Entry, course: Course, now: float) -> bool:
        """Nothing of it may go now, also after a look at the links; then it is tried again when it is due."""
        course.look(now)
        await self._records.write_links([course.links()], entry.row.partition)
        due = course.due()
        if course.reply is not None or due is None or due <= now:
            return False
        if not course.is_out():
            self.searching.add(entry)
            # thousands may look at once: others come in between
            await asyncio.sleep(0)
        self.scheduler.retry(entry, due)
        return True

    def _launch(self, shipment: Shipment) -> None:
        task = asyncio.create_task(self._fly(shipment), name=f"portal {self.name} call")
        self._flying[task] = shipment
        self._lingering = 0.0
        self.in_flight += 1
        task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._flying.pop(task, None)
        self.in_flight -= 1
        self._wake.set()

    async def _fly(self, shipment: Shipment) -> None:
        try:
            head = shipment.head
            access: Access | None = None
            sent_at = time.time()
            answer: Answer | PipelineError
            try:
                access = await self.parts.credentials.access(self.name, head.credential, head.sealed)
                sent_at = await self._records.sent(shipment)
                answer = await self._call(shipment, access)
            except PipelineError as error:
                answer = error
            await self._came_back(shipment, answer, access, sent_at)
        except (Lost, asyncio.CancelledError):
            return
        except Exception as error:
            die(f"a call to portal {self.name} ended in a way that nobody handles", error)

    async def _call(self, shipment: Shipment, access: Access) -> Answer:
        for flight in shipment.flights.values():
            flight.entry.attempts += 1
            flight.entry.begun = True
            flight.row.attempts = flight.entry.attempts
        metrics.PORTAL_COMMANDS.labels(self.name).observe(len(shipment.shots))
        # frozen while the row was written: another worker may be calling by now
        self.parts.guard.check()
        with metrics.PORTAL_CALL_SECONDS.labels(self.name).time():
            return await self.parts.client.call(self.parts.address, access, shipment.method(), shipment.body())

    async def _came_back(
        self, shipment: Shipment, answer: Answer | PipelineError, access: Access | None, sent_at: float
    ) -> None:
        found, batch_times = outcomes(shipment, answer)
        for outcome in found:
            word = outcome.result.error_class if isinstance(outcome.result, PipelineError) else "ok"
            metrics.PORTAL_CALLS.labels(self.name, word).inc()
        now = time.time()
        landed = self._landing.land(shipment, found, batch_times, access, sent_at, now)
        for one in landed.values():
            course = one.flight.entry.course
            assert course is not None
            for command, result in one.results:
                course.take(command, result)
        await self._records.remember(landed.values())
        for one in landed.values():
            await self._go_on(one, now)

    async def _go_on(self, landed: Landed, now: float) -> None:
        entry = landed.flight.entry
        course = entry.course
        assert course is not None
        if course.reply is not None:
            await self._finish(entry, landed.flight.row)
            return
        at = landed.again if landed.again is not None else course.due()
        if any(isinstance(result, Unclear) for _, result in landed.results):
            metrics.PORTAL_UNKNOWN.labels(self.name).inc()
            self.settling.add(entry)
        elif landed.results:
            self.settling.discard(entry)
        following = course.commands(now if at is None else at)
        if following:
            # it waits for what it calls next, not for the method of the call before
            entry.method = following[0].name
        self.scheduler.retry(entry, now if at is None else at)

    async def _finish(self, entry: Entry, row: Row) -> None:
        course = entry.course
        assert course is not None and course.reply is not None
        self._finished.append(time.time())
        self.settling.discard(entry)
        self.searching.discard(entry)
        if isinstance(course.letter, Unknown):
            metrics.PORTAL_UNSETTLED.labels(self.name).inc()
        if isinstance(course, PlanCourse):
            await self._records.ended(row, course.end())

        def done() -> None:
            self.scheduler.finish(entry)
            self._soft.over(entry)
            self._on_finished()
            self._wake.set()

        letter = self._records.letter(row, course.letter, course.reply) if course.letter is not None else None
        await self.parts.completion.submit(
            row, course.reply, letter=letter, busy=self.scheduler.has_ready(time.time()), then=done
        )
