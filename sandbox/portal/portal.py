"""One portal: its objects, limits, credentials and counters, and the one way to execute a method."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.portal.auth import Auth, Credential
from sandbox.portal.bucket import Bucket
from sandbox.portal.clock import Clock
from sandbox.portal.envelope import Stamps, time_block
from sandbox.portal.errors import (
    INSUFFICIENT_SCOPE,
    INSUFFICIENT_SCOPE_OF_APP,
    METHOD_NOT_FOUND,
    WRONG_AUTH_TYPE,
    GatewayTimeout,
    RestError,
)
from sandbox.portal.events import Events
from sandbox.portal.faults import FaultBook
from sandbox.portal.journal import Execution, Journal, digest_of
from sandbox.portal.oauth.apps import Apps
from sandbox.portal.operating import BudgetKey, Meter
from sandbox.portal.options import DEFAULT_PORTAL, Options
from sandbox.portal.overload import Overload
from sandbox.portal.pace import Pace, Till
from sandbox.portal.store import Store

if TYPE_CHECKING:
    from sandbox.portal.methods.spec import Call, Method, Reply

WINDOW, MINUTE = 600.0, 60.0
"""The operating limit's window and its buckets, in the portal's seconds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A success: the method's reply and its `time` object."""

    reply: Reply
    time: dict[str, Any]


class Portal:
    """A portal named `name`; it shares nothing with other portals but the clock and the book of faults.

    `after_success` holds functions that are called, in order, with every call that succeeded: the place for what
    follows a write. `base` is the address under which clients see the portal, without `/rest/`. `spawn` runs what
    goes on after an answer, until the server's end.
    """

    def __init__(
        self, name: str, options: Options, methods: Mapping[str, Method], clock: Clock, faults: FaultBook
    ) -> None:
        self.name = name
        self.options = options
        self.methods = methods
        self.clock = clock
        self.faults = faults
        self.zone = options.zone
        self.costs = options.costs
        self.stamps = Stamps(options.zone)
        self.auth = Auth(options.credentials, any_token=options.any_token)
        self.apps = Apps(options.apps, clock, grace=options.refresh_grace, lifetime=options.access_lifetime)
        self.overload = Overload(options.overload_status)
        self.bucket = Bucket(
            options.rate * clock.scale,
            options.burst,
            count_rejected=options.count_rejected,
            allow_one_over=options.allow_one_over,
        )
        self.meter = Meter(
            None if options.operating_limit is None else clock.scaled(options.operating_limit),
            window=clock.scaled(WINDOW),
            minute=clock.scaled(MINUTE),
            floor=clock.scaled(options.operating_floor),
            shown=options.operating_shown,
            whole=clock.scale == 1,
        )
        self.store = Store()
        self.journal = Journal(options.journal_size)
        self.base = "http://127.0.0.1"
        self.events = Events(self)
        self.after_success: list[Callable[[Call, Method, Reply], None]] = [self.events.follow]
        self._request_limit = None if options.request_limit is None else clock.scaled(options.request_limit)
        self._till = Till()
        self._background: set[asyncio.Task[Any]] = set()

    @property
    def is_default(self) -> bool:
        """Whether this portal is served under `/rest/` too."""
        return self.name == DEFAULT_PORTAL

    def pace(self) -> Pace:
        """The time account of one HTTP request that begins to execute now."""
        return Pace(self.clock, self._till, self._request_limit)

    async def execute(self, call: Call) -> Outcome:
        """Check method, scope and operating limit, spend the method's cost, run it, and write it down.

        Raises `RestError` for a refusal (nothing was executed, nothing is logged) or for the method's own error
        (logged with its code), and `GatewayTimeout` when the front server cuts the request meanwhile: what runs
        then goes on to its end, what would begin after it does not.
        """
        method = self.methods.get(call.method)
        if method is None:
            raise RestError(METHOD_NOT_FOUND)
        if method.scope is not None and method.scope not in call.credential.scopes:
            raise RestError(INSUFFICIENT_SCOPE_OF_APP if call.credential.app else INSUFFICIENT_SCOPE)
        if method.needs_app and not call.credential.app:
            raise RestError(WRONG_AUTH_TYPE)
        pace = call.pace
        if pace is None:
            pace = call.pace = self.pace()
        started = pace.begin()
        budget = self._checked_budget(call, method, started)
        if call.command is not None:
            self.overload.check(call.credential)
            self.faults.refuse_command(self.name, method.name)
        cost = self.clock.scaled(self.costs.draw(method.name))
        if not pace.passes(started, cost):
            return await self._run(call, method, budget, started, cost, pace)
        if pace.passes(started, 0.0):
            raise GatewayTimeout
        running = self.spawn(self._run(call, method, budget, started, cost, pace))
        await self.clock.pause(pace.left())
        # What the client no longer gets to see must not be reported as forgotten either.
        running.add_done_callback(lambda task: task.cancelled() or task.exception())
        raise GatewayTimeout

    def budget(self, credential: Credential, method: str) -> BudgetKey:
        """Whose execution time a method's calls of this webhook or app are summed with."""
        if self.options.operating_scope == "portal":
            return ("*", "", method)
        return (*credential.budget, method)

    def foreign_budget(self, name: str, method: str) -> BudgetKey:
        """The same of an application that this portal does not know."""
        return self.budget(Credential("0", "", app=name), method)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `work` beside the requests; it is cancelled at the server's end."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def close(self) -> None:
        """Cancel what still runs in the background."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    def reset(self, parts: frozenset[str]) -> None:
        """Forget `store` (objects), `limits` (bucket, operating, block) and `journal` (logs, counters), as named."""
        if "store" in parts:
            self.store.reset()
            self.events.reset()
        if "limits" in parts:
            self.bucket.reset()
            self.meter.reset()
            self.overload.reset()
        if "journal" in parts:
            self.journal.reset()

    def _checked_budget(self, call: Call, method: Method, now: float) -> BudgetKey | None:
        """The budget that the call is billed to, checked where it is this call's own; None = not billed at all."""
        if self.options.batch_billing == "batch" and (call.command is not None or method.name == "batch"):
            budget = self.budget(call.credential, "batch")
            if call.command is None:
                self.meter.check(budget, now)
            return budget
        if not method.billed:
            return None
        budget = self.budget(call.credential, method.name)
        self.meter.check(budget, now)
        return budget

    async def _run(
        self, call: Call, method: Method, budget: BudgetKey | None, started: float, cost: float, pace: Pace
    ) -> Outcome:
        error: str | int | None = None
        reply: Reply | None = None
        try:
            await pace.spend(started, cost)
            reply = await method.run(self, call)
        except BaseException as failure:
            error = _code(failure)
            raise
        finally:
            finished = pace.end(started, cost)
            if budget is not None:
                self.meter.charge(budget, started, cost)
            self._write_down(call, method, reply, started, finished, error)
        for follow in self.after_success:
            follow(call, method, reply)
        state = self.meter.state(budget or self.budget(call.credential, method.name), finished)
        # a machine that was late must not look like an expensive call: what is told is what is billed
        told = finished - cost if cost > 0 else started
        return Outcome(reply, time_block(self.stamps, told, finished, finished - told, state))

    def _write_down(
        self, call: Call, method: Method, reply: Reply | None, started: float, finished: float, error: str | int | None
    ) -> None:
        execution = Execution(
            seq=self.journal.next_seq(),
            time=finished,
            method=method.name,
            digest=digest_of(call.params),
            keys=call.touched,
            user=call.credential.name,
            source=call.source,
            request=call.request,
            command=call.command,
            started=started,
            finished=finished,
            error=error,
        )
        self.journal.ran(execution, call.params, reply.result if reply else None, adds=method.adds)


def _code(failure: BaseException) -> str | int:
    """What the log says of a call that failed."""
    if isinstance(failure, RestError):
        return failure.problem.code
    if isinstance(failure, GatewayTimeout):
        return "GATEWAY_TIMEOUT"
    return "INTERNAL_SERVER_ERROR" if isinstance(failure, Exception) else "CANCELLED"
