"""Records of the topic `ops.state`: what a worker says of one portal, or of its bridge.

Key `portal:<name>` or `bridge:<worker>`; value JSON `{"worker", "time", "state"}`, where `state` holds the fields of
PortalState or BridgeStatus and `time` is a unix time. No value = the worker has left in good order.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import orjson
from pydantic import TypeAdapter

from pipeline.bridge.status import BridgeStatus
from pipeline.portal.view import PortalState

__all__ = ["BRIDGE", "PORTAL", "Entry", "pack", "unpack"]

PORTAL = "portal"
BRIDGE = "bridge"

_SHAPES: dict[str, TypeAdapter[Any]] = {
    PORTAL: TypeAdapter(PortalState),
    BRIDGE: TypeAdapter(BridgeStatus),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One record: about what, said by whom, when (unix time)."""

    kind: str
    name: str
    worker: str
    time: float
    state: PortalState | BridgeStatus


def pack(entry: Entry) -> tuple[bytes, bytes]:
    """Key and value of the record."""
    value = {"worker": entry.worker, "time": entry.time, "state": asdict(entry.state)}
    return f"{entry.kind}:{entry.name}".encode(), orjson.dumps(value)


def unpack(key: bytes, value: bytes) -> Entry:
    """The record again. Unknown fields are passed over, so that workers of two versions understand each other.

    Raises:
        ValueError: another key or another shape.
    """
    kind, _, name = key.decode().partition(":")
    if kind not in _SHAPES or not name:
        raise ValueError(f"key {key!r}: neither {PORTAL}:<name> nor {BRIDGE}:<worker>")
    raw = orjson.loads(value)
    try:
        state = _SHAPES[kind].validate_python(raw["state"])
        return Entry(kind, name, str(raw["worker"]), float(raw["time"]), state)
    except (KeyError, TypeError) as error:
        raise ValueError(f"key {key!r}: {error!r}") from error
