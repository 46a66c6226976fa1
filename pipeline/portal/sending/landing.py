"""What an answer means for the portal, its credential, its methods, and each request that was in the shipment.

| outcome of a command | what happens |
|---|---|
| executed | its course goes on |
| throttled: the whole portal | the limiter backs off; it goes again |
| throttled: one method | the governor holds that method; it goes again |
| transient (never sent) | portal `down`, growing pauses; it goes again |
| unknown, a write | its course settles it (steps/) |
| unknown, a read | again, with growing pauses; given up when the portal serves others meanwhile |
| unknown, a batch as a whole | also: after some times its requests go alone, as one of them may be the cause |
| auth, the credential is dead | an app's token is renewed; a configured credential waits, paused; else an error |
| auth otherwise, permanent, oversize | an error for its course |
| blocked | the portal is paused, rare probes; it goes again |
| refused because it was in a batch | it goes again, alone |
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.delivery.errors import Auth, Blocked, Oversize, Permanent, PipelineError, Throttled, Transient, Unknown
from pipeline.delivery.exit import die
from pipeline.delivery.retry import Backoff
from pipeline.portal import methods
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.limits.costs import Costs
from pipeline.portal.limits.governor import Governor
from pipeline.portal.limits.limiter import Limiter
from pipeline.portal.limits.pause import Pause, Probes
from pipeline.portal.sending.entry import Entry
from pipeline.portal.sending.outcome import Outcome, charges
from pipeline.portal.sending.scheduler import Scheduler
from pipeline.portal.sending.shipment import Flight, Shipment, Shot
from pipeline.portal.steps.command import Command, Executed, Refused, Result, Unclear
from pipeline.portal.wire.access import Access
from pipeline.portal.wire.faults import PortalAuth, PortalFault, PortalPermanent, PortalThrottled
from pipeline.portal.wire.times import Times

__all__ = ["GIVE_UP_AFTER", "Landed", "Landing"]

#: A read whose outcome stays unknown is given up after so many calls, if the portal serves others meanwhile.
GIVE_UP_AFTER = 10
#: Batches with a request that broke off before it goes alone: while the portal serves others, and anyway.
_BREAKS, _MOST_BREAKS = 2, 5
#: Codes of a command that would have been looked at outside of a batch.
_NOT_IN_BATCH = frozenset({"ERROR_BATCH_METHOD_NOT_ALLOWED"})
_AGAIN = frozenset({"ERROR_BATCH_LENGTH_EXCEEDED"})


@dataclass(slots=True)
class Landed:
    """Of one request: results for its course, and when to send the rest again (None = nothing is left to send).

    `refused`: writes that left and were refused before they were looked at.
    """

    flight: Flight
    results: list[tuple[Command, Result]] = field(default_factory=list)
    again: float | None = None
    refused: list[Command] = field(default_factory=list)


class Landing:
    """Judges what comes back from one portal. Times are unix seconds."""

    def __init__(
        self,
        name: str,
        *,
        scheduler: Scheduler,
        limiter: Limiter,
        governor: Governor,
        costs: Costs,
        pause: Pause,
        backoff: Backoff,
        probes: Probes,
        credentials: Credentials,
        request_limit: float,
    ) -> None:
        """`request_limit`: seconds after which the portal cuts a request."""
        self._name = name
        self._scheduler = scheduler
        self._limiter = limiter
        self._governor = governor
        self._costs = costs
        self._pause = pause
        self._backoff = backoff
        self._probes = probes
        self._credentials = credentials
        self._request_limit = request_limit

    def land(
        self,
        shipment: Shipment,
        outcomes: list[Outcome],
        batch_times: Times | None,
        access: Access | None,
        sent_at: float,
        now: float,
    ) -> dict[Entry, Landed]:
        """What each request of the shipment gets. `access` None: nothing was sent."""
        if access is not None:
            self._whole(shipment, outcomes, now)
        self._account_batch(shipment, outcomes[0], batch_times, now)
        landed = {entry: Landed(flight) for entry, flight in shipment.flights.items()}
        renewed = self._renewed(shipment, outcomes, access)
        if not renewed:
            self._note_refusal(shipment, outcomes, access, now)
        for shot, outcome in zip(shipment.shots, outcomes, strict=True):
            self._account(shipment, shot, outcome, now, now - sent_at)
            for flight, command in shot.members:
                result = self._result(shipment, flight, command, outcome, sent_at, now, renewed)
                if isinstance(result, float):
                    if command.write and access is not None:
                        landed[flight.entry].refused.append(command)
                    earlier = landed[flight.entry].again
                    landed[flight.entry].again = result if earlier is None else max(earlier, result)
                else:
                    landed[flight.entry].results.append((command, result))
        return landed

    # -- the portal

    def _whole(self, shipment: Shipment, outcomes: list[Outcome], now: float) -> None:
        """What the HTTP request says of the portal itself; the intensity limit may be told of a command."""
        fault = next((fault for outcome in outcomes if (fault := _of_portal(outcome)) is not None), None)
        if isinstance(fault, Throttled):
            if not (isinstance(fault, PortalThrottled) and fault.method_only):
                self._limiter.throttled(now)
                self._pause.throttled(now, self._limiter.ready_in(now), str(fault))
        elif isinstance(fault, Blocked):
            self._pause.blocked(now, str(fault))
        elif isinstance(fault, Unknown):
            self._pause.failed(now, str(fault))
            if shipment.packed:
                for entry in shipment.flights:
                    self._broke_off(entry, now)
        elif isinstance(fault, Transient):
            self._pause.unreachable(now, str(fault))
        elif fault is None or (isinstance(fault, PortalFault) and fault.sent):
            self._pause.succeeded(now)
            if not isinstance(fault, Auth):
                self._limiter.succeeded()
                self._scheduler.release(shipment.credential_id, "*")
            held = (shipment.credential_id, "*") in self._scheduler.holds(now)
            if not held and not any(_is_dead(outcome) for outcome in outcomes):
                self._pause.accepted(shipment.credential_id)

    def _broke_off(self, entry: Entry, now: float) -> None:
        """A command that breaks whatever batch it is in must not take those beside it with it."""
        entry.breaks += 1
        entry.first_break = entry.first_break or now
        served = (self._pause.last_success or 0.0) > entry.first_break
        entry.alone = entry.alone or entry.breaks >= (_BREAKS if served else _MOST_BREAKS)

    def _account_batch(self, shipment: Shipment, first: Outcome, times: Times | None, now: float) -> None:
        if not shipment.packed:
            return
        place, seconds = (shipment.credential_id, methods.BATCH), shipment.expected
        fault = first.fault if first.whole else None
        if fault is None or isinstance(fault, Oversize):
            self._governor.answered(*place, now, times, seconds=seconds)
        elif isinstance(fault, PortalThrottled) and fault.method_only:
            self._governor.refused(*place, now, seconds=seconds)
        elif isinstance(fault, Unknown):
            self._governor.unknown(*place, now, seconds=seconds)
        else:
            self._governor.not_executed(*place, now, seconds=seconds)

    def _account(self, shipment: Shipment, shot: Shot, outcome: Outcome, now: float, elapsed: float) -> None:
        """What the governor and the costs learn of one shot."""
        fault = outcome.result
        for method, times in charges(shot, outcome):
            place = (shipment.credential_id, method)
            if isinstance(fault, Executed | Oversize) or _was_looked_at(shipment, outcome):
                self._governor.answered(*place, now, times)
            elif isinstance(fault, PortalThrottled) and fault.method_only and not (outcome.whole and shipment.packed):
                self._governor.refused(*place, now)
            elif isinstance(fault, Unknown):
                self._governor.unknown(*place, now)
                if outcome.whole and elapsed > 0.8 * self._request_limit:
                    self._costs.timed_out(method)
            else:
                self._governor.not_executed(*place, now)

    def _renewed(self, shipment: Shipment, outcomes: list[Outcome], access: Access | None) -> bool:
        """A token was refused and another one can be had: what was refused goes again at once."""
        if access is None:
            return False
        credential = shipment.head.credential
        return any(
            self._credentials.refused(self._name, credential, access, outcome.result)
            for outcome in outcomes
            if isinstance(outcome.result, PortalAuth)
        )

    def _note_refusal(self, shipment: Shipment, outcomes: list[Outcome], access: Access | None, now: float) -> None:
        """A configured credential is refused: its requests wait, and whoever looks is told why."""
        credential = shipment.head.credential
        fault = next((outcome.fault for outcome in outcomes if _is_dead(outcome)), None)
        if fault is not None and credential is not None:
            text = self._credentials.without_secrets(self._name, credential, access, str(fault))
            self._pause.refused(shipment.credential_id, now, self._probes.credential_probe, text)

    # -- the requests

    def _result(
        self,
        shipment: Shipment,
        flight: Flight,
        command: Command,
        outcome: Outcome,
        sent_at: float,
        now: float,
        renewed: bool,
    ) -> Result | float:
        """The result for its course, or when to send the command again."""
        fault = outcome.result
        if isinstance(fault, Executed):
            return fault
        if isinstance(fault, Throttled):
            return now
        if isinstance(fault, Blocked):
            self._pause.blocked(now, str(fault))
            return now
        if isinstance(fault, Unknown):
            return Unclear(fault, sent_at) if command.write else self._unknown_read(command, fault, now)
        if isinstance(fault, Transient):
            return now if isinstance(fault, PortalFault) else now + self._backoff.pause(flight.entry.attempts)
        if isinstance(fault, Auth | Permanent):
            return self._refused(shipment, flight, command, outcome, sent_at, now, renewed)
        die(f"portal {self._name}: {type(fault).__name__} has no place in the table of outcomes", fault)

    def _refused(
        self,
        shipment: Shipment,
        flight: Flight,
        command: Command,
        outcome: Outcome,
        sent_at: float,
        now: float,
        renewed: bool,
    ) -> Result | float:
        fault = outcome.result
        assert isinstance(fault, PipelineError)
        if _is_dead(outcome):
            if renewed:
                return now
            if shipment.head.credential is not None:
                self._scheduler.hold(shipment.credential_id, "*", now + self._probes.credential_probe)
                return now
            return Refused(fault)
        code = fault.code if isinstance(fault, PortalFault) else ""
        if code in _AGAIN and not outcome.whole:
            return now
        if (outcome.whole and shipment.packed) or (code in _NOT_IN_BATCH and shipment.packed):
            # nothing was told of this command alone; what was executed all the same is settled
            flight.entry.alone = True
            return Unclear(fault, sent_at) if isinstance(fault, Oversize) and command.write else now
        return Refused(fault)

    def _unknown_read(self, command: Command, fault: PipelineError, now: float) -> Result | float:
        command.failures += 1
        command.first_failure = command.first_failure or now
        serves_others = (self._pause.last_success or 0.0) > command.first_failure
        if command.failures >= GIVE_UP_AFTER and serves_others:
            return Refused(fault)
        return now + self._backoff.pause(command.failures)


def _of_portal(outcome: Outcome) -> PipelineError | None:
    """A fault that is not about one command."""
    fault = outcome.fault
    return fault if outcome.whole or (isinstance(fault, PortalThrottled) and not fault.method_only) else None


def _is_dead(outcome: Outcome) -> bool:
    """Can the credential do nothing any more until somebody mends it?"""
    return isinstance(outcome.fault, PortalAuth) and outcome.fault.credential_dead


def _was_looked_at(shipment: Shipment, outcome: Outcome) -> bool:
    """Has the portal run the command and refused it? A batch that is refused as a whole runs none."""
    fault = outcome.result
    return isinstance(fault, PortalPermanent) and fault.sent and not (outcome.whole and shipment.packed)
