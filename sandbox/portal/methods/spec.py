"""What a REST method is: a name, its scope, and a coroutine that turns a call into a reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.portal.auth import Credential

if TYPE_CHECKING:
    from sandbox.portal.pace import Pace
    from sandbox.portal.portal import Portal

Params = dict[str, Any]


@dataclass(slots=True)
class Call:
    """One execution of a method: alone, or as a command of a batch (`command` is its key then).

    `request` is the number of the HTTP request within the portal and `pace` its account of time; `touched` is
    filled by the handler with the fields by which a test recognises the object.
    """

    method: str
    params: Params
    credential: Credential
    source: str
    request: int
    command: str | None = None
    pace: Pace | None = None
    touched: dict[str, Any] = field(default_factory=dict)

    def param(self, name: str) -> Any:
        """A parameter by its lower-case name; the old methods take `ID` and `FILTER` too. None = absent."""
        if name in self.params:
            return self.params[name]
        wanted = name.lower()
        for key, value in self.params.items():
            if key.lower() == wanted:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Reply:
    """A success: the `result`, and for lists `total` and `next`."""

    result: Any
    total: int | None = None
    next: int | None = None


Handler = Callable[["Portal", Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the portal.

    `billed` methods have an operating budget of their own (the outer `batch` has none); `adds` marks the
    methods whose repetition makes a double; `in_batch` ones may stand in a batch.
    """

    name: str
    run: Handler
    scope: str | None = None
    billed: bool = True
    adds: bool = False
    in_batch: bool = True
