"""One call to a portal as a step of a request wants it, and what can come of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from pipeline.delivery.errors import PipelineError
from pipeline.portal import methods
from pipeline.portal.entity import Inside

__all__ = ["Command", "Executed", "LookUp", "Refused", "Result", "Unclear"]

#: some portals on servers of their own begin with it
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class LookUp:
    """Asks for the objects with one external id: those of one entity, originator and place travel as one command."""

    entity: str
    originator: str
    external: str
    inside: Inside = ()

    @property
    def family(self) -> tuple[str, str, Inside]:
        """The same for those that travel together."""
        return self.entity, self.originator, self.inside


@dataclass(slots=True, eq=False)
class Command:
    """A call that may go now. `write`: its row is `sent` before it leaves; `body` is its JSON, made when absent.

    `query` is its form within a batch, filled by the packer: None = not looked at, "" = it must go alone.
    """

    method: str
    params: Any
    write: bool
    body: bytes = b""
    lookup: LookUp | None = None
    query: str | None = field(default=None, repr=False)
    #: times that it was sent and nobody could tell the outcome
    failures: int = 0
    first_failure: float | None = None

    @property
    def name(self) -> str:
        """Canonical name of the method."""
        return methods.canonical(self.method)

    @property
    def charged(self) -> list[str]:
        """Methods that the portal bills for it: its own, or those within a client's own batch."""
        if self.name != methods.BATCH:
            return [self.name]
        return [name for name, _ in methods.commands(self.params) if name]

    def json(self) -> bytes:
        """The parameters as a single call sends them."""
        return self.body or orjson.dumps(self.params)


@dataclass(frozen=True, slots=True)
class Executed:
    """The answer of a single call, or what it would have been: `{"result": ..., "time": ...}`."""

    status: int
    body: bytes

    def content(self) -> dict[str, Any]:
        """The answer parsed."""
        parsed = orjson.loads(self.body.removeprefix(_BOM))
        return parsed if isinstance(parsed, dict) else {}


@dataclass(frozen=True, slots=True)
class Refused:
    """Looked at and refused for good: one of Auth, Permanent, Oversize, or Unknown for a read that never succeeds."""

    fault: PipelineError


@dataclass(frozen=True, slots=True)
class Unclear:
    """A write that left at `sent_at` (unix seconds), and nobody knows what became of it."""

    fault: PipelineError
    sent_at: float


Result = Executed | Refused | Unclear
