"""The resource limit: execution seconds of a method in a sliding window (bitrix24.md, section 1.2)."""

from collections import deque
from dataclasses import dataclass

from sandbox.portal.errors import OPERATION_TIME_LIMIT, RestError

BudgetKey = tuple[str, str, str]
"""(user, token, method): the documented scope of one budget."""


@dataclass(slots=True)
class _Minute:
    number: int
    first_call: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Operating:
    """What `time` says: `operating` in accumulated seconds, `reset_at` in whole unix seconds."""

    operating: float
    reset_at: int


class Meter:
    """One-minute buckets that each die `window` seconds after their first counted call.

    `limit` in seconds, None switches the limit off and drops both keys from `time`; `floor` is the shortest
    call that is billed. The check is made before a call, so the call that crosses the limit completes.
    """

    def __init__(
        self, limit: float | None = 480.0, *, window: float = 600.0, minute: float = 60.0, floor: float = 0.1
    ) -> None:
        self.limit = limit
        self.window = window
        self.minute = minute
        self.floor = floor
        self._minutes: dict[BudgetKey, deque[_Minute]] = {}

    def check(self, key: BudgetKey, now: float) -> None:
        """Raises `RestError` 429 OPERATION_TIME_LIMIT while the accumulated time exceeds the limit."""
        if self.limit is not None and self._sum(key, now) > self.limit:
            raise RestError(OPERATION_TIME_LIMIT)

    def charge(self, key: BudgetKey, started: float, seconds: float) -> None:
        """Bill one call of `seconds` that began at `started` (unix seconds)."""
        if self.limit is None or seconds < self.floor:
            return
        minutes = self._minutes.setdefault(key, deque())
        number = int(started // self.minute)
        for item in reversed(minutes):
            if item.number == number:
                item.seconds += seconds
                return
        # Calls end in another order than they began, so a minute may arrive late.
        position = sum(1 for item in minutes if item.number < number)
        minutes.insert(position, _Minute(number, started, seconds))

    def state(self, key: BudgetKey, now: float) -> Operating | None:
        """What the answer's `time` shows, or None when the limit is off."""
        if self.limit is None:
            return None
        total = self._sum(key, now)
        minutes = self._minutes.get(key)
        oldest = minutes[0].first_call if minutes else now
        return Operating(total, int(oldest + self.window))

    def states(self, now: float) -> dict[str, float]:
        """Accumulated seconds for each `user/method`, for the control page (no tokens)."""
        return {f"{user}/{method}": self._sum((user, token, method), now) for user, token, method in self._minutes}

    def reset(self) -> None:
        """Forget all that was billed."""
        self._minutes.clear()

    def _sum(self, key: BudgetKey, now: float) -> float:
        minutes = self._minutes.get(key)
        if not minutes:
            return 0.0
        while minutes and minutes[0].first_call + self.window <= now:
            minutes.popleft()
        return sum(item.seconds for item in minutes)
