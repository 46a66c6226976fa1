"""What goes to Kafka: one record, and the headers in the two forms that are needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

__all__ = ["Record", "read_headers", "wire_headers", "wire_size"]

#: lengths of one header on the wire, and what a batch of one record has around it, at most
_FRAME = 10
_BATCH = 128


@dataclass(slots=True)  # frozen would cost 1 us a record
class Record:
    """One record to be sent. Nobody changes it.

    `topic` is the name in topology.py, without the prefix; `key` decides the partition unless `partition` is given;
    `headers` are text, they are UTF-8 on the wire.
    """

    topic: str
    value: bytes | None
    key: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    partition: int | None = None


def wire_headers(headers: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """The form that Kafka clients want."""
    return [(name, text.encode()) for name, text in headers.items()]


def wire_size(key: bytes | None, value: bytes | None, headers: Mapping[str, str]) -> int:
    """Bytes of a record in Kafka, at most: what `max.message.bytes` is compared with."""
    texts = sum(len(name.encode()) + len(text.encode()) + _FRAME for name, text in headers.items())
    return len(key or b"") + len(value or b"") + texts + _BATCH


def read_headers(raw: Mapping[str, bytes] | Iterable[tuple[str, bytes]] | None) -> dict[str, str]:
    """Headers of a received record as text; bytes that are no UTF-8 are shown escaped, never refused."""
    if not raw:
        return {}
    pairs = raw.items() if isinstance(raw, Mapping) else raw
    return {name: (value or b"").decode("utf-8", "backslashreplace") for name, value in pairs}
