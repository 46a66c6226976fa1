"""Several phases together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tests.chaos.plans.verdict import PlansVerdict

__all__ = ["too_quiet", "total"]


def total(verdicts: Iterable[PlansVerdict]) -> str:
    """The sums of several phases, in one line."""
    sums: Counter[str] = Counter()
    for one in verdicts:
        sums.update(
            {
                "sent": one.sent,
                "answered right": one.right,
                "lost": len(one.lost),
                "unanswered": len(one.unanswered),
                "doubled": len(one.doubled),
                "missing": len(one.missing),
                "unknown": len(one.unknown),
                "wrong": len(one.wrong),
                "dead letters": len(one.letters),
                "overlaps": one.overlaps,
                "kills with requests in flight": len(one.disturbed.kills),
                "faults hit": sum(one.faults.values()),
                "requests cut": one.cuts,
                "adds executed whose answer never came": one.unheard,
                "settling look-ups": one.lookups,
            }
        )
    return "total: " + ", ".join(f"{name} {count}" for name, count in sums.items())


def too_quiet(verdicts: Sequence[PlansVerdict]) -> list[str]:
    """What never happened in all these phases, although it should have: they say less than they seem to."""
    hits: Counter[str] = Counter()
    for one in verdicts:
        hits.update(one.faults)
    found = [f"nothing was hit by the fault {name}" for name, count in sorted(hits.items()) if not count]
    if not sum(one.cuts for one in verdicts):
        found.append("no request was cut at the portal's time limit")
    return found
