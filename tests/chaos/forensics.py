"""Where requests without an answer have got to: one line each, for the message of a failure."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient

from pipeline.delivery.plans import changelog_name
from pipeline.delivery.reading import read_compacted
from pipeline.delivery.store import unpack
from pipeline.portal.requests.row import decode, request_prefix
from pipeline.topology import DEAD_LETTERS, REQUESTS_INTERACTIVE, RESULTS
from tests.chaos.cases import Case
from tests.chaos.stage import Stage
from tests.support.bridge import read_topic

__all__ = ["trace"]

_SHOWN = 20
#: Topics, and the header that holds the message id there.
_TOPICS = ((REQUESTS_INTERACTIVE, "amqp-message-id"), (RESULTS, "message-id"), (DEAD_LETTERS, "amqp-message-id"))


async def trace(stage: Stage, cases: Sequence[Case]) -> list[str]:
    """For the first 20: in which topics they are, and the state of their rows."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    servers = stage.settings.kafka_servers
    for topic, header in _TOPICS:
        for record in await read_topic(servers, f"{stage.settings.topic_prefix}{topic}"):
            headers = {name: (value or b"").decode() for name, value in record.headers}
            mark = " redelivered" if headers.get("amqp-redelivered") else ""
            at = time.strftime("%H:%M:%S", time.localtime(record.timestamp / 1000))
            found[headers.get(header, "")].append(f"{topic}[{record.partition}:{record.offset}{mark} {at}]")
    rows = await read_compacted(servers, changelog_name(stage.settings, "requests"))
    for key, stored in rows.items():
        if key.startswith(request_prefix().encode()):
            row = decode(unpack(stored)[1])
            found[row.message_id or ""].append(f"row {row.identity} {row.state} after {row.attempts} calls")
    executed = await stage.control.executed()
    lines = [f"committed: {await _committed(stage)}"]
    for case in cases[:_SHOWN]:
        times = executed[case.portal, case.method, case.digest or ""]
        where = ", ".join(found[case.message_id]) or "nowhere in Kafka"
        about = f"{case.message_id} {case.portal} {case.kind}, published {case.attempts} times, executed {times} times"
        lines.append(f"{about}: {where}")
    return lines


async def _committed(stage: Stage) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.settings.kafka_servers)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(stage.settings.app_id)
    finally:
        await admin.close()
    prefix = stage.settings.topic_prefix
    return ", ".join(
        f"{tp.topic.removeprefix(prefix)}[{tp.partition}]={held.offset}"
        for tp, held in sorted(offsets.items())
        if held.offset > 0
    )
