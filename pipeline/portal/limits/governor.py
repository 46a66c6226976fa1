"""The operating governor: how many commands of a method may leave now without the portal refusing one by our doing.

A portal sums the execution time of each method for each credential over the last ten minutes and refuses calls while
the sum is above its limit (429 OPERATION_TIME_LIMIT; Bitrix24: limits.md; reference: Bitrix24, section 1.2). What
answers tell as `operating` is this sum, no cost. The check comes before the call, so the one that crosses completes.

The rules:
- What is under way counts with `Costs.upper` each. More than one command is under way only if all of them fit.
- Below `slow_from` of the limit commands leave freely; above it the rest is spread over the time until the portal
  forgets its oldest minute. One hundredth is kept for urgent calls and for asking.
- When it is used up nothing leaves until `operating_reset_at`; then one command asks, which is safe as long as the sum
  is not above the limit; its answer tells what was forgotten. If the sum is above the limit, nothing leaves until
  enough of our own calls is surely forgotten (Spent).
- At first, and after a refusal, one command goes alone; what it is told decides.

The guarantee: no command is refused, if answers carry `operating`, `duration` and `finish` and nobody else spends from
the same budget, as long as the commands that are under way together cost no more than their upper estimates in sum,
the last one of them left out: a command that is under way alone may cost anything. The upper estimate of a command is
at least HEADROOM times the dearest of the last 350 that were executed before it was sent (MEMORY less 150 under way).
A command that breaks this costs refusals of at most what is under way with it; nothing follows them.

A portal that refuses and tells no `operating`, or always 0, is found out by the first refusal: from then on our own
calls are counted instead.

A refusal with our own sum far below the limit is somebody else's doing: we wait until the portal forgets something, and
the budget stays as large as it was.
"""

from __future__ import annotations

import math
from typing import Protocol

from pipeline.portal.limits.allowance import KEPT, MARGIN, Allowance, Price
from pipeline.portal.limits.budget import Budget
from pipeline.portal.limits.costs import FEW, HEADROOM, UNKNOWN, Costs
from pipeline.portal.limits.portal_clock import PortalClock
from pipeline.portal.methods import BATCH

__all__ = ["MANY", "Governor", "Told"]

#: `room` where nothing restricts.
MANY = 1_000_000
#: A budget that was not used for so many windows is forgotten.
IDLE = 1.2


class Told(Protocol):
    """The part of `Times` that is read here, each None when the portal did not tell it.

    `operating`: seconds, the state after the call; `reset_at`, `finish`: unix seconds by the portal's clock;
    `duration`: seconds of the call.
    """

    @property
    def operating(self) -> float | None: ...
    @property
    def reset_at(self) -> float | None: ...
    @property
    def duration(self) -> float | None: ...
    @property
    def finish(self) -> float | None: ...


class Governor:
    """The operating budgets of one portal. Methods are canonical names; all times are unix seconds by our clock.

    Each command that was `sent` ends in exactly one of `answered`, `not_executed`, `refused`, `unknown`. The method
    `batch` (portals that bill the batch itself) is governed in seconds: `seconds` is what its commands are expected to
    take, the same number when it is sent and when it ends.
    """

    def __init__(
        self, limit: float | None, window: float, costs: Costs, *, slow_from: float = 0.7, hold: float = 60.0
    ) -> None:
        """`limit`: seconds of one budget, None = switched off; `window`: seconds; `slow_from`: part of the limit;
        `hold`: seconds that a refused method waits when the portal has not told until when."""
        self._limit = limit
        self._window = window
        self._costs = costs
        self._hold = hold
        self._clock = PortalClock(window)
        self._allowance = Allowance(limit, window, slow_from, self._clock)
        self._budgets: dict[tuple[str, str], Budget] = {}
        self._seen = float("-inf")
        self._swept = float("-inf")

    def room(self, credential: str, method: str, now: float, *, urgent: bool = False) -> int:
        """Commands of `method` that may be sent now: 0 = none, `MANY` = nothing restricts.

        `urgent`: not slowed down, and may use what is kept back; the guarantee holds all the same. For `batch`: 1 or 0.
        """
        units = self._units(credential, method, now, urgent)
        return MANY if math.isinf(units) else int(units > 0) if method == BATCH else int(units)

    def knows(self, credential: str, method: str) -> bool:
        """Has anything been told of this budget, by an answer or a refusal?"""
        budget = self._budgets.get((credential, method))
        return budget is not None and (budget.known or budget.doubted)

    def room_seconds(self, credential: str, now: float, *, urgent: bool = False) -> float:
        """Expected seconds of the commands of the `batch` that may be sent now; 0.0 = none, inf = no restriction."""
        return self._units(credential, BATCH, now, urgent)

    def ready_at(self, credential: str, method: str, now: float, *, urgent: bool = False) -> float | None:
        """When to ask again, unless something of this budget ends before; None = there is room. Never now."""
        if self._units(credential, method, now, urgent) > 0:
            return None
        budget = self._budgets[credential, method]
        at = self._allowance.ask_at(budget, self._price(budget, method), now, urgent)
        return max(at, math.nextafter(now, math.inf))

    def sent(self, credential: str, method: str, now: float, count: int = 1, *, seconds: float | None = None) -> None:
        """`count` commands leave now; for `batch` one that is expected to take `seconds`."""
        budget = self._touch(credential, method, now)
        units = self._amount(method, count, seconds)
        self._allowance.pace(budget, self._price(budget, method), now, units)
        budget.flying += units
        budget.last_sent = now
        self._sweep(now)

    def answered(
        self, credential: str, method: str, now: float, times: Told | None, *, seconds: float | None = None
    ) -> None:
        """One of them was executed, with success or an error of its own; `times` as its answer has them. The duration
        is learnt here; nobody else needs to tell it to `Costs`."""
        budget = self._landed(credential, method, now, seconds)
        budget.known, budget.doubted = True, False
        finish = None if times is None else times.finish
        if finish is not None:
            self._clock.learn(now, finish)
        at = self._clock.portal(now) if finish is None else finish
        duration = None if times is None else times.duration
        if duration is not None:
            self._learn(budget, method, duration, seconds)
            budget.executed(duration, at, told=times is not None and bool(times.operating))
        if times is not None and times.operating is not None:
            if budget.report(times.operating, times.reset_at, at, finish is not None):
                budget.paced_until = min(budget.paced_until, now)
        elif budget.operating is not None:
            upper = self._price(budget, method).upper * self._amount(method, 1, seconds)
            budget.spend_untold(upper if duration is None else duration, at)

    def not_executed(self, credential: str, method: str, now: float, *, seconds: float | None = None) -> None:
        """One of them never left, or was refused by anything but the operating limit: what was reserved goes back."""
        self._landed(credential, method, now, seconds)

    def unknown(self, credential: str, method: str, now: float, *, seconds: float | None = None) -> None:
        """Nobody knows whether one of them was executed, or is yet to be: it counts as spent.

        A new owner takes over what is under way with `sent` and `unknown`.
        """
        budget = self._landed(credential, method, now, seconds)
        upper = self._price(budget, method).upper * self._amount(method, 1, seconds)
        # the portal may be at it until it cuts the request
        budget.spend_untold(upper, self._clock.portal(now) + self._window / 10)

    def refused(self, credential: str, method: str, now: float, *, seconds: float | None = None) -> float:
        """One of them was refused with 429 OPERATION_TIME_LIMIT. What was reserved goes back (no `not_executed`).
        Returns until when the method is held: the last reset told, or now + hold."""
        budget = self._landed(credential, method, now, seconds)
        if self._limit is not None:
            budget.count_own(self._limit / 2, self._clock.portal(now))
        until = now + self._hold
        if budget.reset is not None:
            told = self._clock.ours(budget.reset_latest) + MARGIN * self._window
            if now < told <= now + 1.1 * self._window:
                until = told
        if not now < budget.held_until:
            budget.held_until = until
        budget.doubted = True
        return budget.held_until

    def holds(self, now: float) -> dict[tuple[str, str], float]:
        """Until when which (credential, method) has no room: refused, or used up. Slowing down is no hold."""
        self._follow_clock(now)
        found = {}
        for (credential, method), budget in self._budgets.items():
            price = self._price(budget, method)
            if now < budget.held_until or self._allowance.is_used_up(budget, price, now):
                found[credential, method] = self._allowance.ask_at(budget, price, now, urgent=False)
        return found

    def _units(self, credential: str, method: str, now: float, urgent: bool) -> float:
        self._follow_clock(now)
        budget = self._budgets.get((credential, method))
        if budget is None:
            # nothing is known, and nothing is kept of a question
            budget = Budget(self._window)
        return self._allowance.units(budget, self._price(budget, method), now, urgent)

    def _touch(self, credential: str, method: str, now: float) -> Budget:
        self._follow_clock(now)
        budget = self._budgets.get((credential, method))
        if budget is None:
            budget = self._budgets[credential, method] = Budget(self._window)
        budget.touched = now
        return budget

    def _landed(self, credential: str, method: str, now: float, seconds: float | None) -> Budget:
        """The budget of a command that is no longer under way."""
        budget = self._touch(credential, method, now)
        budget.flying -= self._amount(method, 1, seconds)
        if budget.flying < 1e-9:
            budget.flying = 0.0
        return budget

    def _amount(self, method: str, count: int, seconds: float | None) -> float:
        if method != BATCH:
            return float(count)
        return self._costs.expected(BATCH) if seconds is None else seconds

    def _price(self, budget: Budget, method: str) -> Price:
        if method != BATCH:
            return Price(self._costs.expected(method), self._costs.upper(method), 1.0)
        dearness = budget.dearness
        upper = max(1.0, HEADROOM * dearness.value)
        if dearness.count < FEW:
            upper = max(upper, UNKNOWN)
        return Price(1.0, upper, KEPT * (self._limit or 0.8 * self._window))

    def _learn(self, budget: Budget, method: str, duration: float, seconds: float | None) -> None:
        if method != BATCH:
            self._costs.learn(method, duration)
        elif seconds:
            budget.dearness.learn(duration / seconds)

    def _follow_clock(self, now: float) -> None:
        """Our clock was set back: everything that was meant for later moves with it."""
        back = self._seen - now
        if back > 0:
            self._clock.set_back(back)
            self._swept -= back
            for budget in self._budgets.values():
                budget.held_until -= back
                budget.paced_until -= back
                budget.last_sent -= back
                budget.touched -= back
        self._seen = now

    def _sweep(self, now: float) -> None:
        """Forget budgets that say nothing any more: names of methods come from outside."""
        if now - self._swept < self._window / 10:
            return
        self._swept = now
        for key, budget in list(self._budgets.items()):
            if not budget.flying and now - budget.touched > IDLE * self._window and now >= budget.held_until:
                del self._budgets[key]
