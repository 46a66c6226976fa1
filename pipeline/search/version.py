"""The external version of a document: which of two events about one product is newer (decision 0015).

    version = milliseconds << 20 | offset mod 2^20

The milliseconds are the message's own time of change, else the time at which it was published, else the time at which
it came into the log: all three are wall clock, so they can be compared, and they go on when a topic is made anew,
which an offset alone does not. The offset only decides between events of the same millisecond.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

__all__ = ["external_version"]

_OFFSET_BITS = 20
#: Elasticsearch takes versions from 0 to 2^63 - 1: the years 1970 to 2248; what lies outside counts as the border
_LAST = (1 << (63 - _OFFSET_BITS)) - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def external_version(changed: datetime | None, headers: Mapping[str, str], timestamp: float, offset: int) -> int:
    """The version of an event.

    `changed`: the message's own moment, aware; `headers` and `timestamp` (unix seconds) of its record in the log, at
    `offset`.
    """
    milliseconds = _milliseconds(changed, headers, timestamp)
    return min(max(milliseconds, 0), _LAST) << _OFFSET_BITS | offset % (1 << _OFFSET_BITS)


def _milliseconds(changed: datetime | None, headers: Mapping[str, str], timestamp: float) -> int:
    if changed is not None:
        return (changed - _EPOCH) // _MILLISECOND
    published = headers.get("amqp-timestamp", "")
    if published.isascii() and published.isdigit():
        return int(published) * 1000
    return round(timestamp * 1000)
