"""How many messages a consumer may hold un-acked: bounded in bytes, though RabbitMQ only counts messages.

2,000 small requests are a megabyte; 2,000 uploads of 10 MiB would end the worker for want of memory, again after
every restart. So a consumer begins small, grows while messages are small, and shrinks at the first big one.
"""

from __future__ import annotations

__all__ = ["HOLD", "START", "Prefetch"]

#: Bytes of bodies that a consumer should hold at most.
HOLD = 128 * 1024 * 1024
START = 100
GROWTH = 5


class Prefetch:
    """`most` is the setting; `now` what the consumer has. `saw` tells when it should have another."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.now = min(START, most)
        self._largest = 1
        self._before = 1
        self._seen = 0

    def saw(self, size: int) -> int | None:
        """A body of `size` bytes came. The prefetch to change to, or None: it may stay."""
        self._seen += 1
        if size > self._largest:
            self._largest = size
            wanted = HOLD // size
            if wanted * 2 < self.now:
                self.now = max(1, wanted)
                self._seen = 0
                return self.now
        if self._seen < self.now:
            return None
        # A whole prefetch has passed: its largest body and that of the one before say what is usual.
        usual = max(self._largest, self._before)
        self._before, self._largest, self._seen = self._largest, 1, 0
        wanted = max(1, min(self.most, self.now * GROWTH, HOLD // usual))
        if wanted < self.now * 2 and wanted != self.most:
            return None
        if wanted <= self.now:
            return None
        self.now = wanted
        return wanted
