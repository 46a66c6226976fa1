"""What an executor is made of."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.delivery.guard import FreezeGuard
from pipeline.delivery.retry import Backoff
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.limits.costs import Costs
from pipeline.portal.limits.governor import Governor
from pipeline.portal.limits.limiter import Limiter
from pipeline.portal.limits.pause import Probes
from pipeline.portal.limits.presets import PortalLimits
from pipeline.portal.links.store import Links
from pipeline.portal.requests.book import Book
from pipeline.portal.requests.completion import Completion
from pipeline.portal.requests.letters import Letters
from pipeline.portal.sending.courses import Courses
from pipeline.portal.sending.route_throttles import RouteThrottles
from pipeline.portal.watches.watches import Watches
from pipeline.portal.wire.client import PortalClient

__all__ = ["Parts"]


@dataclass(frozen=True, slots=True)
class Parts:
    """Of one portal: its address, limits and memory of costs; and what all portals of a worker share.

    `connections`: HTTP requests at once; `batch_room`: commands of a batch, 1 = never pack; `bulk_share`: 0 to 0.9.
    """

    address: str
    limits: PortalLimits
    limiter: Limiter
    governor: Governor
    costs: Costs
    courses: Courses
    book: Book
    links: Links
    watches: Watches
    throttles: RouteThrottles
    client: PortalClient
    credentials: Credentials
    completion: Completion
    letters: Letters
    backoff: Backoff
    probes: Probes
    guard: FreezeGuard
    bulk_share: float
    connections: int = 3
    batch_room: int = 50
