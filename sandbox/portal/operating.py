"""The resource limit: execution seconds of a method in a sliding window (bitrix24.md, section 1.2)."""

from collections import deque
from dataclasses import dataclass
from typing import Literal

from sandbox.portal.errors import OPERATION_TIME_LIMIT, RestError

BudgetKey = tuple[str, str, str]
"""(user or app, token, method): the documented scope of one budget."""

Shown = Literal["present", "absent", "zero"]
"""The three states of portals: `operating` in `time` counts, is not there, or is there and always 0."""


@dataclass(slots=True)
class _Minute:
    number: int
    first_call: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Operating:
    """What `time` says: `operating` in accumulated seconds, `reset_at` in unix seconds."""

    operating: float
    reset_at: float


class Meter:
    """One-minute buckets that each die `window` seconds after their first counted call.

    `limit` in seconds, None switches the limit off; `floor` is the shortest call that is billed. `shown` is what
    `time` tells, None = the state if there is a limit, else nothing. `whole` gives `reset_at` as an integer, as
    portals do. The check is made before a call, so the call that crosses the limit completes.
    """

    def __init__(
        self,
        limit: float | None = 480.0,
        *,
        window: float = 600.0,
        minute: float = 60.0,
        floor: float = 0.1,
        shown: Shown | None = None,
        whole: bool = True,
    ) -> None:
        self.limit = limit
        self.window = window
        self.minute = minute
        self.floor = floor
        self.shown: Shown = shown or ("absent" if limit is None else "present")
        self.whole = whole
        self.refused = 0
        self._minutes: dict[BudgetKey, deque[_Minute]] = {}
        self._peaks: dict[BudgetKey, float] = {}

    def check(self, key: BudgetKey, now: float) -> None:
        """Raises `RestError` 429 OPERATION_TIME_LIMIT while the accumulated time exceeds the limit."""
        if self.limit is not None and self._sum(key, now) > self.limit:
            self.refused += 1
            raise RestError(OPERATION_TIME_LIMIT)

    def charge(self, key: BudgetKey, started: float, seconds: float) -> None:
        """Bill one call of `seconds` that began at `started` (unix seconds)."""
        # Scaled constants lose a bit in the last place; a call of exactly the floor is billed.
        if seconds <= 0 or seconds < self.floor * (1 - 1e-9):
            return
        self._minute(key, started).seconds += seconds
        self._peaks[key] = max(self._peaks.get(key, 0.0), self._sum(key, started))

    def state(self, key: BudgetKey, now: float) -> Operating | None:
        """What the answer's `time` shows, or None when it shows nothing."""
        if self.shown == "absent":
            return None
        total = self._sum(key, now) if self.shown == "present" else 0.0
        minutes = self._minutes.get(key) if total else None
        reset_at = (minutes[0].first_call if minutes else now) + self.window
        return Operating(total, int(reset_at) if self.whole else round(reset_at, 3))

    def states(self, now: float) -> dict[str, float]:
        """Accumulated seconds for each `user/method`, for the control API (no tokens)."""
        return _named({key: self._sum(key, now) for key in self._minutes})

    def peaks(self) -> dict[str, float]:
        """The most that each `user/method` ever held."""
        return _named(self._peaks)

    def reset(self) -> None:
        """Forget all that was billed."""
        self._minutes.clear()
        self._peaks.clear()
        self.refused = 0

    def _minute(self, key: BudgetKey, started: float) -> _Minute:
        minutes = self._minutes.setdefault(key, deque())
        number = int(started // self.minute)
        for item in reversed(minutes):
            if item.number == number:
                return item
        # Calls end in another order than they began, so a minute may arrive late.
        position = sum(1 for item in minutes if item.number < number)
        minutes.insert(position, _Minute(number, started, 0.0))
        return minutes[position]

    def _sum(self, key: BudgetKey, now: float) -> float:
        minutes = self._minutes.get(key)
        if not minutes:
            return 0.0
        while minutes and minutes[0].first_call + self.window <= now:
            minutes.popleft()
        return sum(item.seconds for item in minutes)


def _named(values: dict[BudgetKey, float]) -> dict[str, float]:
    """By `user/method`; a second webhook of the same user is `user~2`."""
    tokens: dict[str, list[str]] = {}
    named: dict[str, float] = {}
    for (user, token, method), value in values.items():
        known = tokens.setdefault(user, [])
        if token not in known:
            known.append(token)
        place = known.index(token)
        named[f"{user}/{method}" if place == 0 else f"{user}~{place + 1}/{method}"] = value
    return named
