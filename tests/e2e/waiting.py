"""Waiting for a condition instead of for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(ask: Callable[[], T], what: str, timeout: float = 60.0) -> T:
    """The first true answer. Fails the test with `what` when there is none in time."""
    deadline = time.monotonic() + timeout
    while not (found := ask()):
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}"
        time.sleep(0.05)
    return found
