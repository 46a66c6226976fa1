"""How the outcome of a call is found out when nobody told it: look at the portal, never repeat blindly.

| call | settled by |
|---|---|
| reads | making them again |
| updates, sets, deletes | making them again, when the first try is surely over; a delete that finds nothing is done |
| updates that append phones and the like | reading the object; what is there already is not given again |
| adds with an external id, their own or our stamp | looking it up |
| adds with a natural key (comments, order links, prices, user fields) | looking that up |
| everything else | not at all: answered as unknown, and a dead letter waits for a person |

Source: reference Bitrix24, section 7; design, section 5 (Settle).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.portal import methods
from pipeline.portal.entities import PAGE, Entity, entity_of_add, field_of, fields_of
from pipeline.portal.steps.appending import Appending, appending
from pipeline.portal.steps.command import Command, LookUp
from pipeline.portal.steps.env import Known
from pipeline.portal.steps.moments import moment
from pipeline.portal.steps.natural import NATURAL, Natural
from pipeline.portal.steps.stamp import external_in

__all__ = ["Again", "ByExternal", "ByNatural", "Found", "Look", "Settlement", "settlement"]

#: seconds that an object may seem older than the call that made it: clocks differ, look-ups wait in queues
_SLACK = 300.0
#: what deletes answer, where it is not `true` (pages of the methods)
_DELETED: dict[str, Any] = {"crm.item.delete": [], "crm.timeline.comment.delete": None}


@dataclass(frozen=True, slots=True)
class Look:
    """A look-up's answer for a call that left at `sent_at`. `asked_at`: when it was asked for, by the worker's clock.

    `known`: objects that other requests have made. Times are unix seconds.
    """

    content: Mapping[str, Any]
    sent_at: float
    known: Known
    asked_at: float | None = None

    def is_young(self, made: float | None) -> bool:
        """Can something of that age, by the portal's clock, come from the call? None = its age is not known."""
        return made is None or made >= self.sent_at + self._ahead() - _SLACK

    def _ahead(self) -> float:
        """Seconds that the portal's clock is ahead of the worker's, as its own answer shows."""
        time = self.content.get("time")
        start = time.get("start") if isinstance(time, dict) else None
        if self.asked_at is None or isinstance(start, bool) or not isinstance(start, int | float) or start <= 0:
            return 0.0
        return start - self.asked_at


@dataclass(frozen=True, slots=True)
class Found:
    """What an add has made: its id, and the call that reads it where its answer shows more than the id.

    `answer` gives the add's `result` from that of `read`; from None when nothing was read.
    """

    id: str
    read: Command | None
    answer: Callable[[Any], Any]


class Settlement(Protocol):
    """A way to find out what became of a call that makes something."""

    def look(self, *, alone: bool = False) -> Command:
        """The look-up; `alone`: not together with others."""

    def found(self, look: Look) -> Found | None:
        """What the look-up's answer shows; None = it was not executed, unless the answer `hides` it."""

    def hides(self, content: Mapping[str, Any]) -> bool:
        """Is the answer a full page of something else, so that what was not found may stand on the next?"""


@dataclass(frozen=True, slots=True)
class Again:
    """It may be made again, once the first try is surely over. `deletes`: finding nothing then is success."""

    deletes: bool = False
    #: `result` of a delete
    answer: Any = True


@dataclass(frozen=True, slots=True)
class ByExternal:
    """An add with an external id; `own`: the client's, which others may have as well.

    `made_at`: the time of creation that an import brings; `bare`: its answer shows nothing but the id.
    """

    kind: Entity
    originator: str
    external: str
    own: bool
    made_at: float | None = None
    bare: bool = False

    def look(self, *, alone: bool = False) -> Command:
        """Objects with that external id; with a client's own one there may be pages of them, so the youngest."""
        params = self.kind.lookup_params([self.external], self.originator, youngest_first=self.own)
        together = not (alone or self.own)
        lookup = LookUp(self.kind.name, self.originator, self.external) if together else None
        return Command(self.kind.list_method, params, write=False, lookup=lookup)

    def found(self, look: Look) -> Found | None:
        """A stamp is ours alone; of objects with the client's own id the youngest that this call can have made."""
        rows = [row for row in self._rows(look.content) if self.kind.is_named(row, self.external, self.originator)]
        if self.own:
            rows = [row for row in rows if self._may_be_ours(row, look)]
        numbers = sorted((number for row in rows if (number := self.kind.id_of(row)) is not None), key=int)
        if not numbers:
            return None
        number = numbers[-1] if self.own else numbers[0]
        read = None if self.bare or self.kind.row_key is None else self._read(number)
        return Found(number, read, lambda result: self._answer(number, result))

    def hides(self, content: Mapping[str, Any]) -> bool:
        """See Settlement."""
        rows = self._rows(content)
        return len(rows) >= PAGE and not all(self.kind.is_named(row, self.external, self.originator) for row in rows)

    def _rows(self, content: Mapping[str, Any]) -> list[dict[str, Any]]:
        return self.kind.rows(content.get("result"))

    def _read(self, number: str) -> Command:
        return Command(self.kind.get_method, self.kind.get_params(number), write=False)

    def _answer(self, number: str, result: Any) -> Any:
        if self.kind.row_key is None:
            return int(number)
        row = None if result is None else self.kind.row(result)
        return {self.kind.row_key: {self.kind.id_field: int(number)} if row is None else row}

    def _may_be_ours(self, row: Mapping[str, Any], look: Look) -> bool:
        if (self.kind.objects, self.kind.id_of(row) or "") in look.known:
            return False
        made = moment(row.get(self.kind.created_field or ""))
        return look.is_young(made) or (self.made_at is not None and made == self.made_at)


@dataclass(frozen=True, slots=True)
class ByNatural:
    """An add whose fields themselves tell whether it was made."""

    natural: Natural
    fields: Mapping[str, Any]

    def look(self, *, alone: bool = False) -> Command:
        """Objects that may be it."""
        return Command(self.natural.list_method, self.natural.params(self.fields), write=False)

    def found(self, look: Look) -> Found | None:
        """The youngest one that is equal, and not older than the call."""
        natural = self.natural
        rows = [row for row in natural.rows(look.content.get("result")) if natural.is_same(row, self.fields)]
        if natural.created_field is not None:
            rows = [row for row in rows if look.is_young(moment(row.get(natural.created_field)))]
        rows = [row for row in rows if (natural.method, natural.id_of(row)) not in look.known]
        if not rows:
            return None
        row = max(rows, key=lambda row: (len(natural.id_of(row)), natural.id_of(row)))
        return Found(natural.id_of(row), None, lambda _: natural.answer(row))

    def hides(self, content: Mapping[str, Any]) -> bool:
        """The youngest come first, so what was made just now stands on the first page."""
        return False


def settlement(method: str, params: Any, *, own: bool = True) -> ByExternal | ByNatural | Again | Appending | None:
    """How a write of unknown outcome is settled; None = not at all.

    `params` with the stamp, where it got one; `own`: it did not.
    """
    name = methods.canonical(method)
    if (update := appending(name, params)) is not None:
        return update
    if methods.is_idempotent(name, params):
        deletes = name.rpartition(".")[2] == "delete"
        return Again(deletes, _DELETED.get(name, True))
    kind = entity_of_add(name, params)
    if kind is not None and (brought := external_in(kind, params)) is not None:
        originator, external = brought
        made_at = moment(field_of(fields_of(params) or {}, kind.created_field)) if kind.created_field else None
        return ByExternal(kind, originator, external, own, made_at, bare=name.endswith(".import"))
    natural = NATURAL.get(name)
    fields = fields_of(params)
    if natural is not None and fields is not None and natural.has_key(fields):
        return ByNatural(natural, fields)
    return None
