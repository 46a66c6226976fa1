"""How much of one operating budget may leave now, and when to ask again. Pure; see governor.py for the rules.

Amounts are units: a command, or one expected second of a `batch`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipeline.portal.limits.budget import Budget
from pipeline.portal.limits.portal_clock import PortalClock

__all__ = ["KEPT", "MARGIN", "Allowance", "Price"]

#: Part of the limit that is never used: states told may be rounded to whole seconds.
ROUNDING = 0.0025
#: Part that is kept for urgent calls and for asking; so much of it may be left unused.
KEPT = 0.01
#: Parts of the window: what a send in the slow region is for; asking in vain is repeated; waited after a reset.
SLICE = 1 / 200
STEP = 1 / 100
MARGIN = 1 / 600
#: Part of the limit above which spending that is not ours explains a state that does not fall.
FOREIGN = 0.1


@dataclass(frozen=True, slots=True)
class Price:
    """Of one unit: mean and upper seconds; `single`: the units that may go when nothing else is under way."""

    mean: float
    upper: float
    single: float


class Allowance:
    """The rules for budgets of `limit` seconds in a window of `window` seconds (None: no limit)."""

    def __init__(self, limit: float | None, window: float, slow_from: float, clock: PortalClock) -> None:
        self._limit = math.inf if limit is None else limit
        self._window = window
        self._slow_from = slow_from
        self._clock = clock

    def units(self, budget: Budget, price: Price, now: float, urgent: bool) -> float:
        """Units that may leave now; inf = no restriction."""
        if now < budget.held_until:
            return 0.0
        if budget.doubted or not (budget.known or math.isinf(self._limit)):
            return 0.0 if budget.flying else price.single
        if budget.silent or math.isinf(self._limit):
            return math.inf
        level = self._level(budget, now)
        if not urgent and self._is_slow(budget, price, level) and now < budget.paced_until:
            return 0.0
        aim = self._limit * (1 - ROUNDING if urgent else 1 - KEPT)
        fitting = (aim - level) / price.upper - budget.flying
        amount = fitting if urgent else min(fitting, self._wanted(budget, price, level, now))
        if amount >= price.single:
            return amount
        return price.single if self._alone(budget, price, level, now, aim) else 0.0

    def ask_at(self, budget: Budget, price: Price, now: float, urgent: bool) -> float:
        """When there may be room again, if nothing ends before; sensible only while there is none."""
        if now < budget.held_until:
            return budget.held_until
        if budget.flying:
            # an answer will tell
            return now + SLICE * self._window
        level = self._level(budget, now)
        spare, hard = self._spare(price), self._limit * (1 - ROUNDING)
        slowed = not urgent and self._is_slow(budget, price, level) and now < budget.paced_until
        if slowed and level + spare <= self._limit * (1 - KEPT):
            return budget.paced_until
        portal = self._clock.portal(now)
        below = now if level + spare <= hard else self._clock.ours(budget.falls_to(hard - spare, portal))
        times = [max(below, self._asking(budget, latest=False))]
        if not urgent:
            times.append(self._clock.ours(budget.falls_to(self._limit * (1 - KEPT) - spare, portal)))
        if budget.foreign > FOREIGN * self._limit:
            times.append(self._asking(budget, latest=True))
        return max(min(times), budget.paced_until) if slowed else min(times)

    def is_used_up(self, budget: Budget, price: Price, now: float) -> bool:
        """Is there no room because too little is left, and not because the rest is spread or something is under way?"""
        if budget.flying or budget.silent or math.isinf(self._limit):
            return False
        left = self._limit * (1 - KEPT) - self._level(budget, now)
        return left < self._spare(price) and self.units(budget, price, now, urgent=False) <= 0

    def pace(self, budget: Budget, price: Price, now: float, units: float) -> None:
        """So many units leave now: when the next may, if the rest is spread."""
        if budget.silent or math.isinf(self._limit):
            return
        level = self._level(budget, now)
        if self._is_slow(budget, price, level):
            time = self._time_left(budget, now)
            seconds = units * price.mean * time / max(self._rest(budget, price, level), price.mean)
            budget.paced_until = min(max(now, budget.paced_until) + seconds, now + time)

    def _level(self, budget: Budget, now: float) -> float:
        return budget.level(self._clock.portal(now))

    def _rest(self, budget: Budget, price: Price, level: float) -> float:
        return self._limit * (1 - KEPT) - level - budget.flying * price.mean

    def _is_slow(self, budget: Budget, price: Price, level: float) -> bool:
        return level + budget.flying * price.mean >= self._slow_from * self._limit

    def _wanted(self, budget: Budget, price: Price, level: float, now: float) -> float:
        """Units up to where slowing down begins; from there on a slice of what is left."""
        rest = self._rest(budget, price, level)
        slice_of_rest = rest * min(1.0, SLICE * self._window / self._time_left(budget, now)) / price.mean
        fast = (self._slow_from * self._limit - level) / price.mean - budget.flying
        return max(fast, slice_of_rest, price.single)

    def _time_left(self, budget: Budget, now: float) -> float:
        """Seconds until the portal forgets its oldest minute; at least a slice."""
        reset = budget.reset
        if reset is None:
            reset = min(budget.frees(), default=budget.finish + self._window)
        left = self._clock.ours(reset) + MARGIN * self._window - now
        return min(max(left, SLICE * self._window), self._window)

    def _alone(self, budget: Budget, price: Price, level: float, now: float, aim: float) -> bool:
        """May one go though its upper estimate does not fit? Safe while the level is below the limit."""
        if budget.flying:
            return False
        spare = self._spare(price)
        if level + spare <= aim:
            return True
        if level + spare <= self._limit * (1 - ROUNDING) and now >= self._asking(budget, latest=False):
            return True
        return budget.foreign > FOREIGN * self._limit and now >= self._asking(budget, latest=True)

    def _spare(self, price: Price) -> float:
        """What must be left for one that goes alone, so that no budget is left unused for the sake of a dear call."""
        return min(price.mean * price.single, KEPT * self._limit)

    def _asking(self, budget: Budget, latest: bool) -> float:
        """Our time from which one may ask what was forgotten; once every STEP."""
        again = budget.last_sent + STEP * self._window
        if budget.reset is None:
            return again
        reset = budget.reset_latest if latest else budget.reset
        return max(again, self._clock.ours(reset) + MARGIN * self._window)
