"""The intensity limiter of a portal: GCRA, with the slot reserved before sending. Pure: the clock is an argument.

A portal keeps a bucket that each HTTP request fills by one and that drains at `rate` a second; a request that finds
it at `burst` is refused with 503 QUERY_LIMIT_EXCEEDED (Bitrix24: limits.md). We fill at most 0.9 of it and never the
last place, because requests take unequal times to arrive: they may be late by the time in which the rest drains.
"""

from __future__ import annotations

import math
import random

__all__ = ["Limiter"]

#: Part of the bucket that is used.
SHARE = 0.9
#: Pauses after refusals: the time of one drain, growing, and at most this many seconds.
GROWTH = 1.5
LONGEST_PAUSE = 30.0
JITTER = 0.25
#: After a refusal we were not alone: the rate shrinks, and each success brings a part of it back.
SHRINK = 0.8
LOWEST = 0.25
REGROW = 0.01
#: First pause when there is no rate to derive it from, seconds.
PAUSE_WITHOUT_RATE = 0.5


class Limiter:
    """Slots for the calls of one portal. All times are unix seconds; `rate` None = no limit.

    The state is one number: the time at which the bucket, as we fill it, will be empty.
    """

    def __init__(self, rate: float | None, burst: int, jitter: random.Random | None = None) -> None:
        """`rate`: requests a second that drain; `burst`: the portal's bucket, in requests."""
        self._rate = rate
        self._capacity = max(1.0, min(burst * SHARE, burst - 1.0))
        self._random = jitter or random.Random()  # noqa: S311 - spreads pauses, keeps no secret
        self._empty_at = 0.0
        self._seen = 0.0
        self._factor = 1.0
        self._refusals = 0
        self._paused_until = 0.0

    @property
    def factor(self) -> float:
        """Part of the rate that is used now: 1.0, and less after refusals."""
        return self._factor

    def reserve(self, now: float) -> float:
        """Take the next slot; the seconds to wait before sending in it, 0.0 = send at once."""
        wait = self.ready_in(now)
        if self._rate is not None:
            self._empty_at = max(self._empty_at, now) + self._interval
        return wait

    def ready_in(self, now: float) -> float:
        """Seconds until the next slot, without taking it."""
        self._follow_clock(now)
        return max(0.0, max(self._empty_at, now) + self._interval - now - self._depth)

    def slots(self, now: float) -> int:
        """Requests that may leave now, one after another without a wait; many where there is no limit."""
        if self._rate is None:
            return 1_000_000
        self._follow_clock(now)
        taken = max(0.0, self._empty_at - now)
        return max(0, math.floor((self._depth - taken) / self._interval + 1e-6))

    def throttled(self, now: float) -> None:
        """The portal refused a call with 503: its bucket is full. Back off, longer each time, and slow down.

        Refusals that come during a pause are of calls that were under way when it began: they change nothing.
        """
        self._follow_clock(now)
        # the last bits of unix times
        if now < self._paused_until - 1e-6:
            return
        first = PAUSE_WITHOUT_RATE if self._rate is None else 1 / self._rate
        # the exponent is bounded too: 1.5 ** 2000 does not fit into a float
        pause = min(first * GROWTH ** min(self._refusals, 50), LONGEST_PAUSE)
        pause *= 1 + self._random.uniform(0, JITTER)
        self._refusals += 1
        self._factor = max(LOWEST, self._factor * SHRINK)
        self._paused_until = now + pause
        self._empty_at = max(self._empty_at, now + pause + self._depth - self._interval)

    def succeeded(self) -> None:
        """A call was not refused: pauses start anew, and the rate grows back slowly."""
        self._refusals = 0
        before, self._factor = self._factor, min(1.0, self._factor + REGROW)
        # the level of the bucket stays, it drains faster from now on
        self._empty_at = self._seen + (self._empty_at - self._seen) * before / self._factor

    def state(self) -> float:
        """What a new owner needs to go on: unix time at which the bucket will be empty."""
        return self._empty_at

    def restore(self, state: float, now: float) -> None:
        """Go on with the state of the owner before; a clock that ran ahead of ours costs one bucket at most."""
        self._seen = now
        latest = now + self._depth + LONGEST_PAUSE * (1 + JITTER)
        self._empty_at = min(max(state, now), latest)

    def assume_full(self, now: float) -> None:
        """Nothing is known of what was sent before: act as if the bucket were full."""
        self._seen = now
        self._empty_at = max(self._empty_at, now + self._depth)

    @property
    def _interval(self) -> float:
        """Seconds between slots when the bucket is full."""
        return 0.0 if self._rate is None else 1 / (self._rate * self._factor)

    @property
    def _depth(self) -> float:
        """Seconds that a full bucket takes to drain."""
        return self._capacity * self._interval

    def _follow_clock(self, now: float) -> None:
        """A clock set back would look like a bucket that is full for hours."""
        if now < self._seen:
            self._empty_at -= self._seen - now
            self._paused_until -= self._seen - now
        self._seen = now
