"""What the portals do wrong all the time while plans flow (kinds: docs/sandbox-portal.md)."""

from __future__ import annotations

from tests.chaos.plans.portals import PlansControl

__all__ = ["HANG", "begin"]

#: Portal's seconds that a request hangs: beyond its own limit of 60, and beyond the worker's patience (stage.py).
HANG = 100.0

#: Probability of each, of the requests that those before have left alone.
_RULES: tuple[dict[str, object], ...] = (
    {"kind": "hang_after", "delay": HANG, "probability": 0.01},
    {"kind": "hang_before", "delay": HANG, "probability": 0.005},
    {"kind": "reset_after", "probability": 0.05},
    {"kind": "reset_before", "probability": 0.03},
    {"kind": "502", "after": True, "probability": 0.05},
    {"kind": "502", "probability": 0.02},
    {"kind": "504", "after": True, "probability": 0.03},
    {"kind": "503", "probability": 0.02},
    {"kind": "malformed", "probability": 0.02},
    # within batches: commands that fail one by one
    {"kind": "500", "in_batch": True, "probability": 0.01},
    {"kind": "503", "in_batch": True, "probability": 0.01},
    {"kind": "429", "in_batch": True, "probability": 0.001},
)


async def begin(control: PlansControl) -> None:
    """Break the portals from now on."""
    for rule in _RULES:
        await control.fault(**rule)  # type: ignore[arg-type]
