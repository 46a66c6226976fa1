"""Times as portals write them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

__all__ = ["moment"]


def moment(value: Any) -> float | None:
    """Unix seconds of `2024-08-30T15:29:05+03:00`; None for anything else, also for a time without its zone."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.timestamp() if found.tzinfo is not None else None
