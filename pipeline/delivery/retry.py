"""Pauses between attempts: exponential, with full jitter above half, bounded."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["Backoff"]


@dataclass(frozen=True, slots=True)
class Backoff:
    """`first` and `longest` pause in seconds."""

    first: float = 0.5
    longest: float = 60.0

    def pause(self, attempt: int) -> float:
        """Seconds to wait after attempt number `attempt` (1, 2, ...): between half of the step and the step."""
        step = min(self.longest, self.first * 2.0 ** min(attempt - 1, 30))
        return step * (0.5 + random.random() / 2)  # noqa: S311 (spreading load, no secret)
