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


@dataclass(frozen=True, slots=True)
class Change:
    """One object that a method wrote, as events tell it: `event` is the event's name, `fields` its `data[FIELDS]`."""

    event: str
    fields: dict[str, Any]


@dataclass(slots=True)
class Call:
    """One execution of a method: alone, or as a command of a batch (`command` is its key then).

    `request` is the number of the HTTP request within the portal and `pace` its account of time; `touched` is
    filled by the handler with the fields by which a test recognises the object, `changes` with what it wrote.
    """

    method: str
    params: Params
    credential: Credential
    source: str
    request: int
    command: str | None = None
    pace: Pace | None = None
    touched: dict[str, Any] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

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
class Param:
    """A parameter that a method checks before it runs; `filled` = an empty array is refused too."""

    name: str
    type: str
    optional: bool = False
    filled: bool = False


def read_params(text: str) -> tuple[Param, ...]:
    """`"entityTypeId int, fields array!, filter array?"`: `?` optional, `!` not empty."""
    found = []
    for part in filter(None, map(str.strip, text.split(","))):
        name, kind = part.split()
        found.append(Param(name, kind.rstrip("?!"), optional=kind.endswith("?"), filled=kind.endswith("!")))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the portal.

    `billed` methods have an operating budget of their own (the outer `batch` has none); `adds` marks the
    methods whose repetition makes a double; `in_batch` ones may stand in a batch,
    `needs_app` ones an application alone may call (a webhook gets WRONG_AUTH_TYPE). `params` are checked before it
    runs (`methods/checks.py`); `result` names the documented shape: id, true, null, row, rows, value, empty, or the
    keys of an object (`{item}`).
    """

    name: str
    run: Handler
    scope: str | None = None
    billed: bool = True
    adds: bool = False
    in_batch: bool = True
    needs_app: bool = False
    params: tuple[Param, ...] = ()
    result: str = "value"
