"""How much of a phase, and on what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Shape", "Urls"]


@dataclass(frozen=True, slots=True)
class Shape:
    """How much. `scale`: of the portals' clocks. Seconds: `session` of Kafka, `stall` without an answer = lost.

    `safe` False: adds are not stamped, and what broke off is not settled.
    """

    count: int
    kills: int
    rounds: int
    scale: float = 20.0
    session: float = 6.0
    stall: float = 120.0
    safe: bool = True


class Urls(NamedTuple):
    """Where the brokers are; nobody stops them here."""

    kafka: str
    rabbitmq: str
