"""The `time` of an answer: what a call cost, and how near its method is to the portal's limit.

Source: Bitrix24's data-types.md (time) and limits.md. Portals without the limit leave `operating` out; some builds
write numbers as text, or no `time` at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import orjson

__all__ = ["Times", "read_times", "times_of"]


@dataclass(frozen=True, slots=True)
class Times:
    """`operating`: seconds that the method has used in its window, a state and no cost of this call; `reset_at`: unix
    time at which the oldest of them are forgotten; `duration`: seconds of this call; `finish`: unix time at which it
    ended, by the portal's clock. None = not told."""

    operating: float | None = None
    reset_at: float | None = None
    duration: float | None = None
    finish: float | None = None


_UNTOLD = Times()


def read_times(block: Any) -> Times:
    """A parsed `time` object, or an entry of `result_time`. Never raises: what is no number is not told."""
    if not isinstance(block, dict):
        return _UNTOLD
    return Times(
        operating=_number(block.get("operating")),
        reset_at=_number(block.get("operating_reset_at")),
        duration=_number(block.get("duration")),
        finish=_number(block.get("finish")),
    )


def times_of(answer: Any) -> Times:
    """The times of a single call's answer: its body as bytes, or parsed. Never raises."""
    if isinstance(answer, bytes | bytearray | memoryview | str):
        try:
            answer = orjson.loads(answer)
        except orjson.JSONDecodeError:
            return _UNTOLD
    return read_times(answer.get("time")) if isinstance(answer, dict) else _UNTOLD


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
