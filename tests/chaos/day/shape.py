"""How much of a day, and how rough it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sandbox.site.sizes import Sizes

__all__ = ["FULL", "SHORT", "Shape", "Urls"]


@dataclass(frozen=True, slots=True)
class Shape:
    """`faults`: the portal breaks. `scale` of its clock; `cost` of a call, in its seconds.

    Seconds: `session` of Kafka, `calm` without any change = done, `stall` without any progress = lost:
    longer than a rebalance may take.
    """

    sizes: Sizes
    kills: int
    faults: bool = True
    scale: float = 20.0
    cost: float = 0.05
    session: float = 10.0
    calm: float = 3.0
    stall: float = 150.0


class Urls(NamedTuple):
    """Where the services are; nobody stops them here. `search` "" = no index is looked at."""

    kafka: str
    rabbitmq: str
    search: str = ""


FULL = Shape(
    Sizes(users=2000, products=5000, sections=200, settlements=300, wrong=40, sold_when_inactive=True), kills=12
)
SHORT = Shape(
    Sizes(users=30, products=50, sections=10, settlements=10, wrong=4, sold_when_inactive=True), kills=2, calm=2.0
)
