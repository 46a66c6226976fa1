"""Circuit breaker on dead letters (arroyo's DlqLimit): when every effect fails, the cause is not the messages.

It counts failures of effects in a row, not of input: bad messages are dead letters without end.
"""

from __future__ import annotations

__all__ = ["Breaker"]


class Breaker:
    """Open after `limit` failed effects in a row; the first success closes it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.failures = 0

    @property
    def open(self) -> bool:
        """True: hold back what fails, and try again, instead of making another dead letter."""
        return self.failures >= self.limit

    def failed(self) -> None:
        """An effect failed for good."""
        self.failures += 1

    def succeeded(self) -> None:
        """An effect was made."""
        self.failures = 0
