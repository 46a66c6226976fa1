"""The outside of the simulated portal: how busy it is, what was written, what is to break."""

from __future__ import annotations

from typing import Any

import httpx

__all__ = ["Control"]

#: Probability of each, of the requests that those before have left alone (kinds: docs/sandbox-portal.md). A portal is
#: left alone for a while after each of them, so more of them make the day longer, not harder.
_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "reset_after", "probability": 0.015},
    {"kind": "reset_before", "probability": 0.01},
    {"kind": "502", "after": True, "probability": 0.01},
    {"kind": "502", "probability": 0.01},
    {"kind": "503", "probability": 0.01},
    {"kind": "504", "after": True, "probability": 0.005},
    {"kind": "malformed", "probability": 0.005},
    {"kind": "500", "in_batch": True, "probability": 0.003},
    {"kind": "503", "in_batch": True, "probability": 0.003},
)


class Control:
    """`url` without a slash at the end. Raises httpx.HTTPError."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=30, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def break_it(self, count: int) -> None:
        """It answers wrongly from now on, `count` times in each way at most."""
        for rule in _FAULTS:
            (await self._http.post("/_sandbox/faults", json={**rule, "count": count})).raise_for_status()

    async def mend(self) -> dict[str, int]:
        """No faults from now on; how many requests each kind has hit."""
        rules = (await self._http.get("/_sandbox/faults")).raise_for_status().json()["faults"]
        (await self._http.delete("/_sandbox/faults")).raise_for_status()
        hits: dict[str, int] = {}
        for rule in rules:
            hits[rule["kind"]] = hits.get(rule["kind"], 0) + rule["hits"]
        return hits

    async def counters(self) -> dict[str, Any]:
        """What it has done since the last `forget`."""
        answer = await self._http.get("/_sandbox/counters", params={"detail": "0"})
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    async def forget(self) -> None:
        """Count from 0."""
        (await self._http.post("/_sandbox/reset", json={"parts": ["journal"]})).raise_for_status()

    async def writes(self) -> dict[str, int]:
        """`add deal`, `update company`, ..: how many of them succeeded."""
        written = (await self.counters())["writes"]
        return {f"{verb} {name}": count for verb, names in written.items() for name, count in names.items() if count}
