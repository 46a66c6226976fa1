"""How the outcome of a call is found out when nobody told it: look at the portal, never repeat blindly.

| call | settled by |
|---|---|
| reads | making them again |
| updates, sets, deletes | making them again, when the first try is surely over; a delete that finds nothing is done |
| updates that append phones and the like | reading the object; what is there already is not given again |
| adds with an external id, their own or our stamp | looking it up |
| adds with a natural key (comments, order links, prices, user fields, addresses) | looking that up |
| everything else | not at all: answered as unknown, and a dead letter waits for a person |

Source: reference Bitrix24, section 7; design, section 5 (Settle).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.portal import methods
from pipeline.portal.entities import Entity, entity_of_add, fields_of
from pipeline.portal.steps.appending import Appending, appending
from pipeline.portal.steps.command import Command, LookUp
from pipeline.portal.steps.env import Known
from pipeline.portal.steps.moments import moment
from pipeline.portal.steps.natural import NATURAL, Natural
from pipeline.portal.steps.stamp import external_in

__all__ = ["Again", "ByExternal", "ByNatural", "Found", "Settlement", "settlement"]

#: seconds by which clocks of portal and worker may differ
_CLOCKS_DIFFER = 300.0


@dataclass(frozen=True, slots=True)
class Found:
    """What an add has made: its id, and the call that reads it where its answer shows more than the id."""

    id: str
    read: Command | None
    answer: Callable[[Any], Any]
    others: tuple[str, ...] = ()


class Settlement(Protocol):
    """A way to find out what became of a call that makes something."""

    def look(self) -> Command:
        """The look-up."""

    def found(self, content: Mapping[str, Any], sent_at: float, known: Known) -> Found | None:
        """What the look-up's answer shows of a call that left at `sent_at`; None = it was not executed."""


@dataclass(frozen=True, slots=True)
class Again:
    """It may be made again, once the first try is surely over. `deletes`: finding nothing then is success."""

    deletes: bool = False


@dataclass(frozen=True, slots=True)
class ByExternal:
    """An add with an external id; `own`: the client's, which others may have as well."""

    kind: Entity
    originator: str
    external: str
    own: bool

    def look(self) -> Command:
        """Objects with that external id."""
        params = self.kind.lookup_params([self.external], self.originator)
        lookup = LookUp(self.kind.name, self.originator, self.external)
        return Command(self.kind.list_method, params, write=False, lookup=lookup)

    def found(self, content: Mapping[str, Any], sent_at: float, known: Known) -> Found | None:
        """A stamp is ours alone; of objects with the client's own id the youngest that this call can have made."""
        kind = self.kind
        rows = [row for row in kind.rows(content.get("result")) if kind.external_of(row) == self.external]
        if self.own:
            rows = [row for row in rows if self._may_be_ours(row, sent_at, known)]
        numbers = sorted((str(row.get(kind.id_field)) for row in rows), key=lambda text: (len(text), text))
        if not numbers:
            return None
        number = numbers[-1] if self.own else numbers[0]
        if kind.row_key is None:
            return Found(number, None, lambda _: int(number))
        read = Command(kind.get_method, kind.get_params(number), write=False)
        return Found(number, read, lambda result: {kind.row_key: kind.row(result)})

    def _may_be_ours(self, row: Mapping[str, Any], sent_at: float, known: Known) -> bool:
        if (self.kind.name, str(row.get(self.kind.id_field))) in known:
            return False
        made = moment(row.get(self.kind.created_field or ""))
        return made is None or made >= sent_at - _CLOCKS_DIFFER


@dataclass(frozen=True, slots=True)
class ByNatural:
    """An add whose fields themselves tell whether it was made."""

    natural: Natural
    fields: Mapping[str, Any]

    def look(self) -> Command:
        """Objects that may be it."""
        return Command(self.natural.list_method, self.natural.params(self.fields), write=False)

    def found(self, content: Mapping[str, Any], sent_at: float, known: Known) -> Found | None:
        """The youngest one that is equal, and not older than the call."""
        natural = self.natural
        rows = [row for row in natural.rows(content.get("result")) if natural.is_same(row, self.fields)]
        if natural.created_field is not None:
            made = ((row, moment(row.get(natural.created_field))) for row in rows)
            rows = [row for row, at in made if at is None or at >= sent_at - _CLOCKS_DIFFER]
        rows = [row for row in rows if (natural.method, natural.id_of(row)) not in known]
        if not rows:
            return None
        row = max(rows, key=lambda row: (len(natural.id_of(row)), natural.id_of(row)))
        return Found(natural.id_of(row), None, lambda _: natural.answer(row))


def settlement(method: str, params: Any) -> Settlement | Again | Appending | None:
    """How a write of unknown outcome is settled; None = not at all. `params` with the stamp, where it got one."""
    name = methods.canonical(method)
    if methods.is_idempotent(name, params):
        return Again(deletes=name.rpartition(".")[2] == "delete")
    kind = entity_of_add(name, params)
    if kind is not None and (brought := external_in(kind, params)) is not None:
        originator, external = brought
        return ByExternal(kind, originator, external, own=True)
    if (update := appending(name, params)) is not None:
        return update
    natural = NATURAL.get(name)
    fields = fields_of(params)
    if natural is not None and fields is not None and natural.has_key(fields):
        return ByNatural(natural, fields)
    return None
