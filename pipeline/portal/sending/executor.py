"""Calls one portal: one call at a time, under its intensity limit, the outcome of each by its class.

The next step of the product puts packing, the operating governor and settling in this file's place; what comes in
(scheduler) and what goes out (completion) stays.

| outcome | what happens |
|---|---|
| answer | done |
| throttled | whole portal: limiter backs off; one method: that method is held; the request goes again |
| transient (never sent) | portal `down`, growing pauses; the request goes again first |
| unknown | tried again with growing pauses; given up when the portal serves others meanwhile |
| auth, credential dead | a configured credential waits, paused; a token of the message's own: error answer |
| auth otherwise, permanent, oversize | error answer |
| blocked | portal paused, rare probes, requests wait |
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

from pipeline.delivery import metrics
from pipeline.delivery.errors import Auth, Blocked, Permanent, PipelineError, Throttled, Transient, Unknown
from pipeline.delivery.exit import die
from pipeline.delivery.ownership import Lost
from pipeline.delivery.retry import Backoff
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.limits.limiter import Limiter
from pipeline.portal.limits.pause import Pause, Probes
from pipeline.portal.requests.answers import Reply, failed, succeeded
from pipeline.portal.requests.book import Book
from pipeline.portal.requests.completion import Completion
from pipeline.portal.requests.row import Row
from pipeline.portal.sending.scheduler import Entry, Scheduler
from pipeline.portal.wire.client import PortalClient
from pipeline.portal.wire.faults import Answer, PortalAuth, PortalThrottled
from pipeline.settings import PortalSettings

__all__ = ["Executor"]

#: a request whose outcome stays unknown is given up after so many calls, if the portal serves others meanwhile
GIVE_UP_AFTER = 10
_STOP_TIMEOUT = 18.0


class Executor:
    """The calls to one portal, while this worker owns it."""

    def __init__(
        self,
        name: str,
        settings: PortalSettings,
        *,
        book: Book,
        client: PortalClient,
        credentials: Credentials,
        completion: Completion,
        limiter: Limiter,
        backoff: Backoff,
        probes: Probes,
        bulk_share: float,
        on_finished: Callable[[], None],
    ) -> None:
        self.name = name
        self.settings = settings
        self.scheduler = Scheduler(bulk_share)
        self.limiter = limiter
        self.pause = Pause(backoff, probes.blocked_probe)
        self.in_flight = 0
        self._finished: deque[float] = deque()
        self._book = book
        self._client = client
        self._credentials = credentials
        self._completion = completion
        self._backoff = backoff
        self._probes = probes
        self._on_finished = on_finished
        self._wake = asyncio.Event()
        self._stopping = False
        #: False while it looks for answers that are there already
        self.calling = False
        self._task: asyncio.Task[None] | None = None

    def add(self, entry: Entry) -> None:
        """A waiting request."""
        self.scheduler.add(entry)
        self._wake.set()

    def per_minute(self, now: float) -> float:
        """Requests finished in the last minute."""
        while self._finished and self._finished[0] < now - 60:
            self._finished.popleft()
        return float(len(self._finished))

    def start(self, before: Callable[[Executor], Awaitable[None]]) -> None:
        """Begin to call, after `before`, which may take from the scheduler what needs no call."""
        self._task = asyncio.create_task(self._run(before), name=f"portal {self.name}")

    async def stop(self) -> None:
        """Send nothing more; wait for the call that is out, a bounded time, then leave it as `sent`."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            if not self.calling:
                self._task.cancel()
            _, late = await asyncio.wait([self._task], timeout=_STOP_TIMEOUT)
            if late:
                self._task.cancel()
                await asyncio.wait([self._task])

    async def _run(self, before: Callable[[Executor], Awaitable[None]]) -> None:
        try:
            await before(self)
            self.calling = True
            while not self._stopping:
                entry = await self._next()
                if entry is not None:
                    await self._execute(entry)
        except asyncio.CancelledError:
            raise
        except Lost:
            return
        except Exception as error:
            die(f"the gateway of portal {self.name} ended", error)

    async def _next(self) -> Entry | None:
        """The next request, when the portal may be called and a slot is reserved; None = look again."""
        now = time.time()
        paused = self.pause.remaining(now)
        if paused > 0:
            await self._sleep(paused)
            return None
        if not self.scheduler.has_ready(now):
            at = self.scheduler.next_time()
            await self._sleep(None if at is None else at - now)
            return None
        wait = self.limiter.ready_in(now)
        if wait > 0:
            await self._sleep(wait)
            metrics.PORTAL_LIMITER_SECONDS.labels(self.name).inc(max(0.0, min(wait, time.time() - now)))
            return None
        entry = self.scheduler.pick(now)
        if entry is not None:
            self.limiter.reserve(now)
        return entry

    async def _sleep(self, seconds: float | None) -> None:
        """Until then, or until something new comes (None = only that)."""
        self._wake.clear()
        if self._stopping:
            return
        try:
            async with asyncio.timeout(None if seconds is None else max(seconds, 0.0)):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _execute(self, entry: Entry) -> None:
        row = self._book.load(entry.row)
        row.attempts = entry.attempts
        try:
            user, token = self._credentials.resolve(self.name, row.credential, row.sealed)
        except Auth as error:
            await self._finish(entry, row, failed(error))
            return
        row.attempts = entry.attempts = entry.attempts + 1
        if not row.repeatable:
            await self._book.sent(row, self.limiter.state())
        try:
            answer = await self._call(row, user, token)
        except PipelineError as error:
            metrics.PORTAL_CALLS.labels(self.name, error.error_class).inc()
            entry.error = str(error)
            await self._failed(entry, row, error)
            return
        metrics.PORTAL_CALLS.labels(self.name, "ok").inc()
        now = time.time()
        self.pause.succeeded(now)
        self.limiter.succeeded()
        self.scheduler.release(row.credential_id, "*")
        await self._finish(entry, row, succeeded(answer))

    async def _call(self, row: Row, user: str, token: str) -> Answer:
        self.in_flight += 1
        try:
            with metrics.PORTAL_CALL_SECONDS.labels(self.name).time():
                return await self._client.call(self.settings.address, user, token, row.method, row.body)
        finally:
            self.in_flight -= 1

    async def _failed(self, entry: Entry, row: Row, error: PipelineError) -> None:
        now = time.time()
        text = str(error)
        if isinstance(error, Throttled):
            self._throttled(entry, row, error, now)
        elif isinstance(error, Blocked):
            self.pause.blocked(now, text)
            self.scheduler.retry(entry, now)
        elif isinstance(error, PortalAuth) and error.credential_dead and row.credential is not None:
            self.scheduler.hold(row.credential_id, "*", now + self._probes.credential_probe)
            self.scheduler.retry(entry, now)
        elif isinstance(error, Auth | Permanent):
            self.pause.succeeded(now)
            await self._finish(entry, row, failed(error))
        elif isinstance(error, Unknown):
            await self._unknown(entry, row, error, now)
        elif isinstance(error, Transient):
            self.pause.unreachable(now, text)
            self.scheduler.retry(entry, now)
        else:
            die(f"portal {self.name}: {type(error).__name__} has no place in the table of outcomes", error)

    def _throttled(self, entry: Entry, row: Row, error: Throttled, now: float) -> None:
        if isinstance(error, PortalThrottled) and error.method_only:
            held = max(error.until or 0.0, now + self._probes.method_hold)
            self.scheduler.hold(row.credential_id, row.method, held)
        else:
            self.limiter.throttled(now)
            self.pause.throttled(now, self.limiter.ready_in(now), str(error))
        self.scheduler.retry(entry, now)

    async def _unknown(self, entry: Entry, row: Row, error: Unknown, now: float) -> None:
        self.pause.failed(now, str(error))
        entry.first_failure = entry.first_failure or now
        serves_others = (self.pause.last_success or 0.0) > entry.first_failure
        if entry.attempts >= GIVE_UP_AFTER and serves_others:
            await self._finish(entry, row, failed(error))
            return
        self.scheduler.retry(entry, now + self._backoff.pause(entry.attempts))

    async def _finish(self, entry: Entry, row: Row, reply: Reply) -> None:
        # the effect is at the portal: the next one of this order key may go while Kafka takes the answer
        self.scheduler.finish(entry)
        self._finished.append(time.time())
        self._on_finished()
        await self._completion.submit(row, reply, busy=self.scheduler.has_ready(time.time()))
