"""`/metrics` in Prometheus' text form, and the table of docs/metrics.md: `python -m pipeline.ops.metrics`."""

from __future__ import annotations

import math

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pipeline.delivery import metrics
from pipeline.delivery.ownership import Ownership
from pipeline.ops.lag_poller import LagPoller

__all__ = ["CONTENT_TYPE", "document", "exposition"]

CONTENT_TYPE = CONTENT_TYPE_LATEST


def exposition(lag: LagPoller, ownership: Ownership) -> bytes:
    """All metrics of this worker now."""
    owned = sum(len(ownership.owned(topic)) for _, topics in lag.agents for topic in topics)
    metrics.OWNED_PARTITIONS.set(owned)
    metrics.LAG_LOOK_AGE_SECONDS.set(math.nan if lag.age is None else lag.age)
    return generate_latest(metrics.REGISTRY)


def document() -> str:
    """The table of all metrics, in Markdown, with the names that `/metrics` shows."""
    rows = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for metric in metrics.declared():
        (family,) = metric.describe()
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = ", ".join(f"`{label}`" for label in metric._labelnames) or "-"
        rows.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(document(), end="")
