"""The two lanes of requests, and their topics. The interactive one comes first."""

from __future__ import annotations

from typing import Literal

from pipeline.topology import REQUESTS_BULK, REQUESTS_INTERACTIVE

__all__ = ["LANES", "TOPICS", "Lane"]

Lane = Literal["i", "b"]

#: names of topology.py
TOPICS: dict[Lane, str] = {"i": REQUESTS_INTERACTIVE, "b": REQUESTS_BULK}
LANES: tuple[Lane, ...] = tuple(TOPICS)
