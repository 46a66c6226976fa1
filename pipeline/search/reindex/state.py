"""How far a reindex is: kept in the new index itself (`_meta` of its mapping), so it goes where the index goes."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pipeline.search.client import SearchClient

__all__ = ["State", "read_state", "write_state"]

_META = "reindex"

Phase = Literal["replay", "carry", "moving", "done"]


@dataclass(slots=True)
class State:
    """`old`: the index that is replaced. Offsets by partition: where the log began, ends, and is to be read on.

    `moving`: the alias is being moved, or is moved and the last documents are not carried over yet. `at`: unix time
    of the last sign of life.
    """

    old: str
    phase: Phase = "replay"
    begins: dict[int, int] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)
    positions: dict[int, int] = field(default_factory=dict)
    at: float = 0.0

    @property
    def total(self) -> int:
        """Offsets to read in all."""
        return sum(self.ends[p] - self.begins[p] for p in self.ends)

    @property
    def done(self) -> int:
        """Offsets that were read."""
        return sum(self.positions[p] - self.begins[p] for p in self.ends)


async def read_state(client: SearchClient, index: str) -> State | None:
    """The state that an index tells; None: no reindex made it. Raises PipelineError."""
    answer = await client.call(client.es.indices.get_mapping(index=index))
    given: dict[str, Any] | None = answer[index]["mappings"].get("_meta", {}).get(_META)
    if given is None:
        return None
    offsets = {name: {int(p): int(o) for p, o in given[name].items()} for name in ("begins", "ends", "positions")}
    return State(old=given["old"], phase=given["phase"], at=float(given["at"]), **offsets)


async def write_state(client: SearchClient, index: str, state: State) -> None:
    """Note it, with the time. Raises PipelineError."""
    state.at = time.time()
    noted = asdict(state)
    for name in ("begins", "ends", "positions"):
        noted[name] = {str(partition): offset for partition, offset in noted[name].items()}
    await client.call(client.es.indices.put_mapping(index=index, meta={_META: noted}))
