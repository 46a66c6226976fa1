"""A waiting request as its owner holds it in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.portal import methods
from pipeline.portal.requests.row import Row

if TYPE_CHECKING:
    from pipeline.portal.steps.course import Course

__all__ = ["Entry"]


@dataclass(slots=True, eq=False)
class Entry:
    """`row` carries no body while it waits: that stays in the table. `seq` is its place in the order of arrival.

    `method`: of the call that it makes next, as far as is known. `course` is kept only once a call was made.
    """

    row: Row
    attempts: int = 0
    seq: int = 0
    method: str = ""
    #: order keys whose queue has somebody before it
    blockers: int = 0
    #: places of its soft keys that it does not hold: their objects are known
    free: set[str] = field(default_factory=set)
    #: it is not to be sent any more: skipped where it still lies in a queue
    gone: bool = False
    #: a call of it has left: its course knows more than the table
    begun: bool = False
    #: its route throttle has counted it
    counted: bool = False
    #: a batch with it was refused as a whole, or broke off time and again: it goes alone
    alone: bool = False
    #: batches with it that broke off, and when the first one did, unix seconds
    breaks: int = 0
    first_break: float = 0.0
    course: Course | None = None

    def __post_init__(self) -> None:
        self.method = self.method or methods.canonical(self.row.method)
