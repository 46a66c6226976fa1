"""How numbers, times and durations look on the pages."""

from __future__ import annotations

import time

__all__ = ["clock", "count", "duration"]

#: Narrow, and never a line's end.
_SPACE = "\u202f"


def count(value: int | None) -> str:
    """12345 -> `12 345`; None -> a dash."""
    return "—" if value is None else f"{value:,}".replace(",", _SPACE)


def duration(seconds: float | None, words: dict[str, str]) -> str:
    """Two units at most: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 7 min`, `4 d 1 h`; None -> a dash."""
    if seconds is None:
        return "—"
    if 0 < seconds < 10:
        return f"{seconds:.1f} {words['s']}".replace(".", words["decimal"])
    whole = round(max(0.0, seconds))
    if whole < 60:
        return f"{whole} {words['s']}"
    if whole < 3600:
        return f"{whole // 60} {words['min']} {whole % 60} {words['s']}"
    if whole < 86_400:
        return f"{whole // 3600} {words['h']} {whole % 3600 // 60} {words['min']}"
    return f"{whole // 86_400} {words['d']} {whole % 86_400 // 3600} {words['h']}"


def clock(when: float | None) -> str:
    """A unix time as the worker's local time: `12:00:03`, with the date when that is not today; None -> a dash."""
    if when is None:
        return "—"
    local = time.localtime(when)
    same_day = time.strftime("%Y-%m-%d", local) == time.strftime("%Y-%m-%d")
    return time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M:%S", local)
