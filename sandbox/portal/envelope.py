"""The answer around a result: `time`, `total`, `next` (bitrix24.md, section 3.1)."""

from datetime import datetime, timezone
from typing import Any

from sandbox.portal.operating import Operating


class Stamps:
    """Writes unix times as the portal does: ISO 8601, whole seconds, the portal's own offset."""

    def __init__(self, zone: timezone) -> None:
        self.zone = zone
        self._second = -1
        self._text = ""

    def iso(self, moment: float) -> str:
        """`1725020945.5` -> `2024-08-30T15:29:05+03:00`."""
        second = int(moment)
        # Nearly all calls of one second ask for the same text.
        if second != self._second:
            self._text = datetime.fromtimestamp(second, self.zone).isoformat()
            self._second = second
        return self._text


def time_block(
    stamps: Stamps, start: float, finish: float, processing: float, operating: Operating | None
) -> dict[str, Any]:
    """The `time` object: unix seconds; `operating` is absent where the portal does not limit by it."""
    block: dict[str, Any] = {
        "start": start,
        "finish": finish,
        "duration": finish - start,
        "processing": processing,
        "date_start": stamps.iso(start),
        "date_finish": stamps.iso(finish),
    }
    if operating is not None:
        block["operating_reset_at"] = operating.reset_at
        block["operating"] = operating.operating
    return block


def success(result: Any, next_start: int | None, total: int | None, time: dict[str, Any]) -> dict[str, Any]:
    """The body of a success; `next` and `total` are siblings of `result` and stand before `time`."""
    body: dict[str, Any] = {"result": result}
    if next_start is not None:
        body["next"] = next_start
    if total is not None:
        body["total"] = total
    body["time"] = time
    return body
