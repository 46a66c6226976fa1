"""What the log and the metrics say of upserts: what a person may want to mend in the portal, or at the sender."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from pipeline.delivery import metrics
from pipeline.delivery.errors import PipelineError
from pipeline.portal.links.store import Link
from pipeline.portal.links.versions import kind_of
from pipeline.portal.plan import UpsertStep

__all__ = ["tell_deleted", "tell_doubles", "tell_fallback", "tell_kinds", "tell_replaced"]

log = logging.getLogger(__name__)


def tell_kinds(portal: str, step: UpsertStep, link: Link) -> None:
    """Two versions that cannot be compared."""
    assert step.version is not None and link.version is not None
    log.warning(
        "portal %s: %s %r: version %r (%s) cannot be compared with %r (%s), which was applied; it takes its place",
        portal,
        step.entity,
        step.key.id,
        step.version,
        kind_of(step.version),
        link.version,
        kind_of(link.version),
    )


def tell_doubles(portal: str, step: UpsertStep, count: int, used: str, others: Iterable[str], *, full: bool) -> None:
    """One key, several objects. `full`: the page was, there may be more."""
    more = " and more" if full else ""
    text = "portal %s: %s %r exists %d times: %s is used, the others are %s%s"
    log.warning(text, portal, step.entity, step.key.id, count, used, ", ".join(others), more)


def tell_deleted(portal: str, step: UpsertStep, number: str) -> None:
    """The linked object is gone."""
    text = "portal %s: %s %s was deleted; its external id %r is looked for"
    log.warning(text, portal, step.entity, number, step.key.id)


def tell_fallback(portal: str, step: UpsertStep, fault: PipelineError) -> None:
    """The portal does not take the step's own fields."""
    metrics.PORTAL_FALLBACKS.labels(portal, step.entity).inc()
    text = "portal %s: %s %r was refused (%s); it is made with other fields, as its plan says"
    log.warning(text, portal, step.entity, step.key.id, fault)


def tell_replaced(portal: str, step: UpsertStep, gone: Iterable[str], number: str, action: str) -> None:
    """Another object stands in the place of those that are gone."""
    for one in gone:
        log.warning("portal %s: %s %s was deleted; %s %s in its place", portal, step.entity, one, number, action)
