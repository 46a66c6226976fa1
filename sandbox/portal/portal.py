"""One portal: its objects, limits, credentials and counters, and the one way to execute a method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.portal.auth import Auth
from sandbox.portal.bucket import Bucket
from sandbox.portal.clock import Clock
from sandbox.portal.envelope import Stamps, time_block
from sandbox.portal.errors import INSUFFICIENT_SCOPE, METHOD_NOT_FOUND, RestError
from sandbox.portal.faults import FaultBook
from sandbox.portal.journal import Execution, Journal, digest_of
from sandbox.portal.operating import Meter
from sandbox.portal.options import Options
from sandbox.portal.store import Store

if TYPE_CHECKING:
    from sandbox.portal.methods.spec import Call, Method, Reply


@dataclass(frozen=True, slots=True)
class Outcome:
    """A success: the method's reply and its `time` object."""

    reply: Reply
    time: dict[str, Any]


class Portal:
    """A portal named `name`; it shares nothing with other portals but the clock and the book of faults."""

    def __init__(
        self, name: str, options: Options, methods: Mapping[str, Method], clock: Clock, faults: FaultBook
    ) -> None:
        self.name = name
        self.methods = methods
        self.clock = clock
        self.faults = faults
        self.zone = options.zone
        self.costs = options.costs
        self.stamps = Stamps(options.zone)
        self.auth = Auth(options.credentials, any_token=options.any_token)
        self.bucket = Bucket(options.rate, options.burst)
        self.meter = Meter(options.operating_limit)
        self.store = Store()
        self.journal = Journal(options.journal_size)

    async def execute(self, call: Call) -> Outcome:
        """Check method, scope and operating limit, spend the method's cost, run it, and write it down.

        Raises `RestError` for a refusal (nothing was executed, nothing is logged) or for the method's own
        error (logged with its code).
        """
        method = self.methods.get(call.method)
        if method is None:
            raise RestError(METHOD_NOT_FOUND)
        if method.scope is not None and method.scope not in call.credential.scopes:
            raise RestError(INSUFFICIENT_SCOPE)
        budget = (call.credential.user, call.credential.token, method.name)
        started = self.clock.now()
        if method.billed:
            self.meter.check(budget, started)
        if call.command is not None:
            self.faults.refuse_command(self.name, method.name)
        cost = self.costs.of(method.name)
        await self.clock.sleep(cost)
        error: str | int | None = None
        try:
            reply = await method.run(self, call)
        except Exception as failure:
            error = failure.problem.code if isinstance(failure, RestError) else "INTERNAL_SERVER_ERROR"
            raise
        finally:
            finished = self.clock.now()
            if method.billed:
                self.meter.charge(budget, started, cost)
            self._write_down(call, method, started, finished, error)
        state = self.meter.state(budget, finished)
        return Outcome(reply, time_block(self.stamps, started, finished, finished - started, state))

    def reset(self, parts: frozenset[str]) -> None:
        """Forget `store` (objects), `limits` (bucket, operating) and `journal` (log, counters), as named."""
        if "store" in parts:
            self.store.reset()
        if "limits" in parts:
            self.bucket.reset()
            self.meter.reset()
        if "journal" in parts:
            self.journal.reset()

    def _write_down(self, call: Call, method: Method, started: float, finished: float, error: str | int | None) -> None:
        execution = Execution(
            seq=self.journal.next_seq(),
            time=finished,
            method=method.name,
            digest=digest_of(call.params),
            keys=call.touched,
            user=call.credential.user,
            source=call.source,
            request=call.request,
            command=call.command,
            started=started,
            finished=finished,
            error=error,
        )
        self.journal.ran(execution, adds=method.adds)
