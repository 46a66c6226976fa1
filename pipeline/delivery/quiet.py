"""aiokafka says the same line a hundred times a second while a broker is away; once a minute tells as much."""

from __future__ import annotations

import logging
import time

__all__ = ["quieten"]

_PAUSE = 60.0
_KEPT = 200


class _OncePerMinute(logging.Filter):
    """Lets a warning of one form through once in `_PAUSE` seconds, with how many were left out; news always."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """False: left out."""
        if record.levelno < logging.WARNING:
            return True
        form, now = (record.name, str(record.msg)), time.monotonic()
        until, left_out = self._seen.get(form, (0.0, 0))
        if now < until:
            self._seen[form] = (until, left_out + 1)
            return False
        if len(self._seen) >= _KEPT:
            self._seen.clear()
        self._seen[form] = (now + _PAUSE, 0)
        if left_out:
            record.msg = f"{record.msg} (and {left_out} times more)"
        return True


def quieten() -> None:
    """Put the filter on every logger of aiokafka: a logger's filter does not see what its children log."""
    only_one = _OncePerMinute()
    for name in tuple(logging.root.manager.loggerDict):
        if name == "aiokafka" or name.startswith("aiokafka."):
            logging.getLogger(name).addFilter(only_one)
