"""How big a day is, and how odd."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Sizes"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts of objects; the shares are from 0 to 1.

    `changed`: objects that change after their first message, `most_changes` at most. `unversioned`: objects whose
    messages say neither in the body nor by an AMQP timestamp how new they are. `repeated`: messages that come twice.
    `partial`: changes of settlements whose messages lack some of their lists: payments, with `partial_goods` also goods
    (then all goods must be known before the settlements, see docs/flows.md).
    `wrong`: messages of which nothing but a dead letter can come. `strangers`: settlements whose company, and lines
    whose good, no message of the day makes known. `sold_when_inactive`: lines may name goods that are deactivated
    during the day.
    """

    users: int = 60
    products: int = 120
    sections: int = 20
    settlements: int = 20
    changed: float = 0.5
    most_changes: int = 3
    unversioned: float = 0.1
    repeated: float = 0.03
    partial: float = 0.2
    partial_goods: bool = False
    wrong: int = 4
    strangers: float = 0.05
    sold_when_inactive: bool = False
