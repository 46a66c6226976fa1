"""`topology.md`, printed from topology.py; a test holds the file and this together."""

from __future__ import annotations

from pipeline.settings import Settings
from pipeline.topology import AGENTS, TABLES, TOPICS, InboundQueue, amqp_out, requests_in, site_queues

__all__ = ["page"]

_DAY = 86_400.0

_DRAWING = """\
```
 RabbitMQ                 Kafka                                         portal
 ┌────────────┐  bridge  ┌─────────────────────────────┐ portal-intake ┌──────────────┐
 │ bitrix24in ├─────────▶│ portal.requests.interactive ├──────────────▶│ table        │
 └────────────┘  ack     │ portal.requests.bulk        │               │ requests     │
                 after   └─────────────────────────────┘               └──────┬───────┘
                 acks=all                                          scheduler │ executor
 ┌─────────────┐ amqp-   ┌─────────────────────────────┐  answer       ┌──────▼───────┐
 │ bitrix24out │◀────────┤ portal.results              │◀──────────────┤ Bitrix24     │
 └─────────────┘ answers └─────────────────────────────┘  confirmed    │ REST         │
                          what failed for good: dead.letters           └──────────────┘
```
"""


def page() -> str:
    """The whole text of topology.md."""
    settings = Settings.model_construct()
    lines = [
        "# Topology",
        "",
        "Printed from `pipeline/topology.py` by `faust -A pipeline topology`; do not edit. Names of topics carry",
        "`PIPELINE_TOPIC_PREFIX` in front, changelogs are called `<app id>-<table>-changelog`.",
        "",
        _DRAWING,
        "## Queues",
        "",
        "| queue | way | topic | through |",
        "|---|---|---|---|",
    ]
    lines.append(_inward(requests_in(settings), " (AMPQIN)"))
    for target in amqp_out(settings):
        lines.append(f"| `{target.name}` (AMPQOUT) | out | `{target.topic}` | queue or exchange: {target.kind} |")
    lines += [_inward(queue) for queue in site_queues(settings)]
    lines += [
        "",
        "Those that are bound to an exchange are the site's. They are made and read where there is a mapping",
        "(`PIPELINE_MAPPING`); more of them by `[queues.<name>]` in `pipeline.toml` ([docs](docs/queues.md)).",
    ]
    lines += ["", "## Topics", "", "| topic | key | partitions | kept | purpose |", "|---|---|---|---|---|"]
    for topic in TOPICS:
        kept = "newest of each key" if topic.compacted else _kept(topic.retention)
        lines.append(f"| `{topic.name}` | {_key(topic.key)} | {topic.partitions} | {kept} | {topic.purpose} |")
    lines += ["", "## Tables", "", "| table | key | partitions | purpose |", "|---|---|---|---|"]
    for table in TABLES:
        lines.append(f"| `{table.name}` | {table.key} | {table.partitions} | {table.purpose} |")
    lines += [
        "",
        "## Agents",
        "",
        "| agent | reads | writes | tables | written in | purpose |",
        "|---|---|---|---|---|---|",
    ]
    for agent in AGENTS:
        cells = (_code(agent.topics), _code(agent.writes), _code(agent.tables))
        purpose = f"{agent.purpose} Needs a mapping." if agent.needs_mapping else agent.purpose
        lines.append(f"| `{agent.name}` | {' | '.join(cells)} | `{agent.module}` | {purpose} |")
    return "\n".join(lines)


def _inward(queue: InboundQueue, setting: str = "") -> str:
    through = "default exchange"
    if queue.exchange:
        by = f" by `{queue.routing_key}`" if queue.routing_key else ""
        through = f"{queue.exchange_type} exchange `{queue.exchange}`{by}"
    return f"| `{queue.queue}`{setting} | in, {queue.mode} | `{queue.topic}` | {through}, edge {queue.edge} |"


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "-"


def _key(key: str) -> str:
    """A name in <> is code: as text it would be taken for HTML."""
    return f"`{key}`" if "<" in key else key


def _kept(retention: float | None) -> str:
    if retention is None:
        return "for ever"
    number, unit = (retention / _DAY, "day") if retention >= _DAY else (retention / 3600, "hour")
    return f"{number:g} {unit}{'' if number == 1 else 's'}"
