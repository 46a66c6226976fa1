"""Every metric of a worker, declared once; all rooms count here, `/metrics` shows them.

Counters only grow and end in `_total`; times are seconds. A label never holds what an outside party can make
up without end (message ids, reply queues, tokens): each label value is a time series for ever.
`docs/metrics.md` lists exactly these; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.metrics import MetricWrapperBase

__all__ = ["REGISTRY", "declared"]

PREFIX = "pipeline_"

#: Apart from the client library's global one, so that nothing else slips into the list.
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_COMMANDS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0)
_CALLS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 75.0)

_declared: list[MetricWrapperBase] = []


def _counter(name: str, text: str, *labels: str) -> Counter:
    metric = Counter(PREFIX + name, text, labels, registry=REGISTRY)
    _declared.append(metric)
    return metric


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    metric = Gauge(PREFIX + name, text, labels, registry=REGISTRY)
    _declared.append(metric)
    return metric


def _histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    metric = Histogram(PREFIX + name, text, labels, registry=REGISTRY, buckets=buckets)
    _declared.append(metric)
    return metric


def declared() -> Iterator[MetricWrapperBase]:
    """All metrics of ours, in the order of declaration."""
    return iter(_declared)


# -- delivery: flows
EVENTS_HANDLED = _counter("events_handled", "Events handled to the end, dead letters not among them.", "agent")
EVENTS_RETRIED = _counter("events_retried", "Attempts beyond an event's first one.", "agent")
EVENTS_DEAD_LETTERED = _counter(
    "events_dead_lettered", "Events written to the topic of dead letters.", "agent", "error_class"
)
EVENTS_IN_PROGRESS = _gauge(
    "events_in_progress", "Events that an agent is working on now; runs of pure flows are not counted.", "agent"
)
HANDLER_SECONDS = _histogram("handler_seconds", "Time of one call of an agent's handler.", _FAST, "agent")
BREAKER_OPEN = _gauge("breaker_open", "1 while an agent has stopped making dead letters, else 0.", "agent")

# -- delivery: Kafka
SENDS_CONFIRMED = _counter("sends_confirmed", "Records that the broker has acknowledged.", "topic")
SENDS_FAILED = _counter("sends_failed", "Records that the broker refused or did not acknowledge in time.", "topic")
RECORDS_SKIPPED = _counter("records_skipped", "Records that were never read: expired, or lost on the way.", "topic")
COMMITS = _counter("commits", "Commits of offsets that the broker has accepted.")
COMMITS_FAILED = _counter("commits_failed", "Commits of offsets that failed.")
REBALANCES = _counter("rebalances", "Rebalances of the consumer group that this worker has seen begin.")
OWNED_PARTITIONS = _gauge("owned_partitions", "Partitions of agents' topics that this worker owns now.")
WORKER_EXITS_NOTED = _counter(
    "worker_exits_noted", "Records that were noted as the cause before the worker ended itself.", "topic"
)

# -- bridge: RabbitMQ
BRIDGE_CONNECTED = _gauge("bridge_connected", "1 while connected to RabbitMQ, else 0.", "direction")
BRIDGE_RECEIVED = _counter("bridge_received", "Messages taken from a queue.", "queue")
BRIDGE_REDELIVERED = _counter("bridge_redelivered", "Messages that RabbitMQ marked as redelivered.", "queue")
BRIDGE_ACKED = _counter("bridge_acked", "Messages acked to RabbitMQ, after Kafka's acknowledgement.", "queue")
BRIDGE_UNACKED = _gauge("bridge_unacked", "Messages taken from a queue and not acked yet.", "queue")
BRIDGE_PUBLISHED = _counter("bridge_published", "Answers that RabbitMQ has confirmed.", "target")
BRIDGE_RETURNED = _counter("bridge_returned", "Answers that RabbitMQ returned or refused.", "target")
BRIDGE_PARKED = _gauge("bridge_parked", "Answers that wait because their destination takes none.", "target")

# -- portal: the gateway
PORTAL_CALLS = _counter(
    "portal_calls",
    "Calls to a portal by outcome: ok or a class of pipeline/delivery/errors.py.",
    "portal",
    "outcome",
)
PORTAL_CALL_SECONDS = _histogram("portal_call_seconds", "Time of one call to a portal.", _CALLS, "portal")
PORTAL_COMMANDS = _histogram("portal_commands", "Commands of one call; more than 1 = a batch.", _COMMANDS, "portal")
PORTAL_UNKNOWN = _counter(
    "portal_unknown", "Times that the outcome of something that changes the portal was unknown.", "portal"
)
PORTAL_UNSETTLED = _counter(
    "portal_unsettled", "Requests that were given up because nobody could tell what became of them.", "portal"
)
PORTAL_LIMITER_SECONDS = _counter(
    "portal_limiter_wait_seconds", "Time that calls have waited for a portal's intensity limit.", "portal"
)
PORTAL_WAITING = _gauge("portal_waiting", "Requests that wait for a portal; only portals of this worker.", "portal")
PORTAL_OLDEST_SECONDS = _gauge(
    "portal_oldest_waiting_seconds",
    "Age of the oldest request that waits for a portal; 0 = none waits.",
    "portal",
)
PORTAL_SETTLING = _gauge(
    "portal_settling", "Requests whose call has an unknown outcome, which is looked up soon.", "portal"
)
PORTAL_STATE = _gauge("portal_state", "1 for the state that a portal is in (docs/metrics.md).", "portal", "state")
PORTAL_HELD_SECONDS = _gauge(
    "portal_held_seconds",
    "How long a method (* = all) of a credential is still held.",
    "portal",
    "credential",
    "method",
)
PORTAL_SPEED = _gauge("portal_speed", "Part of a portal's rate that is used; below 1 after refusals.", "portal")
PORTAL_IN_FLIGHT = _gauge("portal_in_flight", "Calls to a portal that are out now.", "portal")
PORTAL_FALLBACKS = _counter(
    "portal_fallbacks",
    "Objects that a portal has refused and taken with other fields, such as lines whose product is not sold any more.",
    "portal",
    "entity",
)
PORTAL_MISSING = _counter(
    "portal_missing", "Objects that plans have looked for and not found, when they ended.", "portal", "entity"
)
PORTAL_WATCHES = _gauge("portal_watches", "Plans that are run again when something they miss appears.", "portal")

# -- search: the sink
SEARCH_WRITTEN = _counter("search_written", "Documents that are in the index, also when a newer one was.", "index")
SEARCH_NEWER = _counter("search_newer", "Documents that were not written because the index has a newer one.")
SEARCH_RETRIED = _counter("search_retried", "Documents sent once more, because Elasticsearch did not take them.")
SEARCH_WAITING = _gauge("search_waiting", "Documents that were read and are not written yet.")
SEARCH_UP = _gauge("search_up", "0 while documents wait because Elasticsearch does not take them, else 1.")
SEARCH_UP.set(1)
SEARCH_REQUEST_SECONDS = _histogram("search_request_seconds", "Time of one bulk request to Elasticsearch.", _CALLS)

# -- ops: lag of the whole cluster; every worker shows the same: take the maximum over workers, not the sum
LAG_RECORDS = _gauge("lag_records", "Records of a partition that are not committed yet.", "agent", "topic", "partition")
LAG_OLDEST_SECONDS = _gauge(
    "lag_oldest_seconds",
    "Age of the oldest record that is not committed; 0 = none.",
    "agent",
    "topic",
    "partition",
)
LAG_COMMIT_AGE_SECONDS = _gauge(
    "lag_commit_age_seconds",
    "Time since the committed offset moved while records wait; 0 = none wait.",
    "agent",
    "topic",
    "partition",
)
LAG_LOOK_AGE_SECONDS = _gauge("lag_look_age_seconds", "Age of the figures of lag; NaN before the first look.")
