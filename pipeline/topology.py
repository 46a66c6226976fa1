"""Every exchange, queue, topic, table and agent of the bus, declared once.

Topics are created from here at start (pipeline/delivery/declare.py), queues by the bridge (pipeline/bridge), and
`topology.md` is printed from here (`faust -A pipeline topology`). Names of topics are without the prefix of the
installation; `wire_name` puts it on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.settings import Settings

__all__ = [
    "AGENTS",
    "PARTITIONS",
    "TABLES",
    "TOPICS",
    "Agent",
    "InboundQueue",
    "OutboundTarget",
    "Table",
    "Topic",
    "agents",
    "amqp_in",
    "amqp_out",
    "requests_in",
    "site_queues",
    "topic",
    "wire_name",
]

#: Partitions of everything that is keyed by portal or goes with it. Another count in Kafka is refused:
#: a key would move to another partition and its state would stay behind.
PARTITIONS = 12

DAY = 86_400.0

REQUESTS_INTERACTIVE = "portal.requests.interactive"
REQUESTS_BULK = "portal.requests.bulk"
RESULTS = "portal.results"
CONTROL = "portal.control"
LEASES = "bridge.leases"
DEAD_LETTERS = "dead.letters"
CRASHES = "delivery.crashes"
KEYS = "portal.keys"
OPS_STATE = "ops.state"
EVENTS_USER = "events.user"
EVENTS_PRODUCT = "events.product"
EVENTS_SECTION = "events.section"
EVENTS_SETTLEMENT = "events.settlement"
OUTCOMES = "outcomes"
SEARCH_DOCUMENTS = "search.documents"

#: table of links (pipeline/portal/links)
LINKS = "links"
#: Starts of plans that a route throttle has counted.
THROTTLES = "throttles"
#: plans that are run again when what they did not find appears (pipeline/portal/watches)
WATCHES = "watches"
#: table of the OAuth apps' tokens (pipeline/portal/access/tokens.py)
TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class Topic:
    """A Kafka topic. `retention` in seconds, None = for ever; `compacted` = the newest record of a key stays.

    `log_time`: its records carry the time at which the broker took them, not the sender's.
    """

    name: str
    key: str
    purpose: str
    partitions: int = PARTITIONS
    retention: float | None = 14 * DAY
    compacted: bool = False
    log_time: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its changelog `<app id>-<name>-changelog`, partitioned like the topics that feed it."""

    name: str
    key: str
    purpose: str
    partitions: int = PARTITIONS


@dataclass(frozen=True, slots=True)
class Agent:
    """A Faust agent; `topics` are its lanes, `writes` what it sends to, `module` where it is written.

    `needs_mapping`: there is one only in a worker with a mapping of the site's messages; `needs_search`: only where
    there is an Elasticsearch, too.
    """

    name: str
    topics: tuple[str, ...]
    module: str
    purpose: str
    writes: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    needs_mapping: bool = False
    needs_search: bool = False


@dataclass(frozen=True, slots=True)
class InboundQueue:
    """A RabbitMQ queue that the bridge reads.

    `edge` names the translation of a message into a record (pipeline/bridge/edges.py). With `exchange` the queue is
    declared and bound to it, without it messages come through the default exchange. `mode`: `steady` = always
    consumed; `on-command` = drained by the `exchange` command, at most `limit` messages within `time_limit` seconds
    a run (None = no limit). `event` and `catalog` of the site's queues: see pipeline/queue_settings.py.
    """

    queue: str
    topic: str
    edge: str
    exchange: str = ""
    exchange_type: Literal["direct", "fanout", "topic", "headers"] = "direct"
    routing_key: str = ""
    mode: Literal["steady", "on-command"] = "steady"
    event: str = ""
    catalog: str = ""
    limit: int | None = None
    time_limit: float | None = None


@dataclass(frozen=True, slots=True)
class OutboundTarget:
    """Where answers leave: `name` is a queue or an exchange; `kind` auto = an exchange if one of that name exists."""

    name: str
    topic: str
    kind: Literal["auto", "queue", "exchange"] = "auto"


TOPICS: tuple[Topic, ...] = (
    Topic(
        REQUESTS_INTERACTIVE,
        "portal",
        "Requests that somebody waits for; they overtake bulk ones. Kept 14 days.",
    ),
    Topic(REQUESTS_BULK, "portal", "Requests of flows and loads. Kept 14 days."),
    Topic(RESULTS, "portal", "Answers of portals, one a request, before they leave for RabbitMQ. Kept 14 days."),
    Topic(
        CONTROL,
        "portal",
        "Changes of tables from outside (links): by commands, written by the owner of the portal. Kept 14 days.",
    ),
    Topic(
        LEASES,
        "queue",
        "Nothing is written here: who owns a queue's partition consumes the queue.",
        retention=DAY,
    ),
    Topic(
        DEAD_LETTERS,
        "origin's key",
        "What failed for good, with its origin, its errors and its bytes. Kept for ever.",
        retention=None,
    ),
    Topic(
        CRASHES,
        "topic:partition:offset",
        "Records that ended a worker, and how often; three times makes a dead letter.",
        partitions=1,
        retention=None,
        compacted=True,
    ),
    Topic(
        KEYS,
        "name",
        "Fingerprint of the key that seals tokens.",
        partitions=1,
        retention=None,
        compacted=True,
    ),
    Topic(
        OPS_STATE,
        "portal:<name> or bridge:<worker>",
        "What each worker says of its portals and its bridge every few seconds, so that any page shows all. "
        "Kept an hour.",
        partitions=1,
        retention=3600.0,
    ),
    Topic(
        EVENTS_USER,
        "XML_ID",
        "Users of the site, one a record, bodies as they came. Kept 14 days.",
        log_time=True,
    ),
    Topic(
        EVENTS_PRODUCT,
        "XML_ID, catalogue",
        "Products. The newest of each stays for ever: the search index is filled anew from here.",
        retention=None,
        compacted=True,
        log_time=True,
    ),
    Topic(
        EVENTS_SECTION,
        "XML_ID, catalogue",
        "Sections of catalogues. Kept 14 days.",
        log_time=True,
    ),
    Topic(
        EVENTS_SETTLEMENT,
        "XML_ID",
        "Mutual settlements, one application a record. Kept 14 days.",
        log_time=True,
    ),
    Topic(
        SEARCH_DOCUMENTS,
        "XML_ID",
        "Documents for the search index, with alias and version in headers; they wait here while Elasticsearch is "
        "away. Kept 14 days.",
        log_time=True,
    ),
    Topic(
        OUTCOMES,
        "run id",
        "What became of each item of the `exchange` command's runs, by flow. Kept 14 days.",
    ),
)

TABLES: tuple[Table, ...] = (
    Table(
        THROTTLES,
        "portal and throttle",
        "When the last plans of each route throttle were started.",
    ),
    Table(
        "requests",
        "lane and offset",
        "The state machine of each request: waiting, sent, done; offsets applied through; seen message ids.",
    ),
    Table(
        LINKS,
        "portal, entity and external id; and the way back",
        "External ids and the ids of objects in the portals, with hash and version of the content.",
    ),
    Table(
        WATCHES,
        "portal and subject",
        "Plans that did not find something, with their records: they are run again when it appears.",
    ),
    Table(
        TOKENS,
        "portal and credential",
        "Tokens of the OAuth apps, sealed: the newest refresh token stands nowhere else.",
    ),
    Table(
        "parked",
        "answer id",
        "Answers whose destination in RabbitMQ takes none, until it does or they become dead letters.",
    ),
)

AGENTS: tuple[Agent, ...] = (
    Agent(
        "portal-intake-interactive",
        (REQUESTS_INTERACTIVE,),
        "pipeline.portal.requests.intake",
        "Validates requests, writes them as waiting, acks.",
        writes=(RESULTS, OUTCOMES, DEAD_LETTERS),
        tables=("requests",),
    ),
    Agent(
        "portal-intake-bulk",
        (REQUESTS_BULK,),
        "pipeline.portal.requests.intake",
        "The same for the bulk lane.",
        writes=(RESULTS, OUTCOMES, DEAD_LETTERS),
        tables=("requests",),
    ),
    Agent(
        "portal-control",
        (CONTROL,),
        "pipeline.portal.control",
        "Writes to the portals' tables what commands and imports ask for.",
        writes=(DEAD_LETTERS,),
        tables=(LINKS,),
    ),
    Agent(
        "amqp-answers",
        (RESULTS,),
        "pipeline.bridge.outbound",
        "Publishes answers to RabbitMQ with confirms; what cannot leave is parked per destination.",
        writes=(DEAD_LETTERS,),
        tables=("parked",),
    ),
    Agent(
        "bridge-leases",
        (LEASES,),
        "pipeline.bridge.leases",
        "Makes Kafka's assignment the lease of each inbound queue.",
    ),
    Agent(
        "companies",
        (EVENTS_USER,),
        "pipeline.flows.companies",
        "Users become companies.",
        writes=(REQUESTS_BULK, DEAD_LETTERS, OUTCOMES),
        needs_mapping=True,
    ),
    Agent(
        "catalog-sections",
        (EVENTS_SECTION,),
        "pipeline.flows.catalog_sections",
        "Sections become sections of the portal's catalogue.",
        writes=(REQUESTS_BULK, DEAD_LETTERS, OUTCOMES),
        needs_mapping=True,
    ),
    Agent(
        "catalog-products",
        (EVENTS_PRODUCT,),
        "pipeline.flows.catalog_products.product",
        "Products become products of the portal's catalogue.",
        writes=(REQUESTS_BULK, DEAD_LETTERS, OUTCOMES),
        needs_mapping=True,
    ),
    Agent(
        "settlements",
        (EVENTS_SETTLEMENT,),
        "pipeline.flows.settlements.settlement",
        "Mutual settlements become deals, orders, payments and shipments.",
        writes=(REQUESTS_BULK, DEAD_LETTERS, OUTCOMES),
        needs_mapping=True,
    ),
    Agent(
        "search",
        (EVENTS_PRODUCT,),
        "pipeline.flows.search",
        "Products become documents of the search index.",
        writes=(SEARCH_DOCUMENTS, OUTCOMES, DEAD_LETTERS),
        needs_mapping=True,
        needs_search=True,
    ),
    Agent(
        "search-sink",
        (SEARCH_DOCUMENTS,),
        "pipeline.search.runs",
        "Writes documents to Elasticsearch, in bulk; they wait while it is away.",
        writes=(OUTCOMES, DEAD_LETTERS),
        needs_mapping=True,
        needs_search=True,
    ),
)


def agents(settings: Settings) -> tuple[Agent, ...]:
    """Agents of this installation; those of the site only where a mapping says what their messages become."""
    mapped, searches = settings.mapping_file is not None, settings.searches
    return tuple(
        agent for agent in AGENTS if (mapped or not agent.needs_mapping) and (searches or not agent.needs_search)
    )


#: event -> its topic and the edge that makes its records
_EVENTS: dict[str, tuple[str, str]] = {
    "user": (EVENTS_USER, "event"),
    "product": (EVENTS_PRODUCT, "event"),
    "section": (EVENTS_SECTION, "event"),
    "settlement": (EVENTS_SETTLEMENT, "settlements"),
}


def amqp_in(settings: Settings) -> tuple[InboundQueue, ...]:
    """Queues of this installation; those of the site only where a mapping says what their messages become."""
    return requests_in(settings), *(site_queues(settings) if settings.mapping_file is not None else ())


def requests_in(settings: Settings) -> InboundQueue:
    """The queue of requests to portals."""
    return InboundQueue(queue=settings.ampqin, topic=REQUESTS_INTERACTIVE, edge="bitrix24")


def site_queues(settings: Settings) -> tuple[InboundQueue, ...]:
    """Queues of the site as the settings name them, whether there is a mapping or not."""
    return tuple(
        InboundQueue(
            queue=name,
            topic=_EVENTS[queue.event][0],
            edge=_EVENTS[queue.event][1],
            exchange=queue.exchange,
            exchange_type=queue.type,
            routing_key=queue.routing_key,
            mode=queue.mode,
            event=queue.event,
            catalog=queue.catalog,
            limit=queue.limit,
            time_limit=queue.time_limit,
        )
        for name, queue in settings.queues.items()
        if queue.enabled
    )


def amqp_out(settings: Settings) -> tuple[OutboundTarget, ...]:
    """Where answers leave."""
    return (OutboundTarget(name=settings.ampqout, topic=RESULTS, kind=settings.ampqout_kind),)


def topic(name: str) -> Topic:
    """The declaration of a topic.

    Raises:
        KeyError: no topic of that name is declared.
    """
    for declared in TOPICS:
        if declared.name == name:
            return declared
    raise KeyError(f"topic {name!r} is not declared in topology.py")


def wire_name(settings: Settings, name: str) -> str:
    """Name of a topic in Kafka: with the prefix of this installation."""
    return f"{settings.topic_prefix}{name}"
