"""The private names of Faust and aiokafka that we override, checked when the worker starts.

faust-streaming 0.15.3 is pinned, aiokafka 0.14 too; should another version be installed, the worker refuses with one
line instead of losing messages silently (reference: Faust, sections 1.10 and 13).
"""

from __future__ import annotations

import inspect
from importlib.metadata import version

from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from faust import App
from faust.stores.rocksdb import Store
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.conductor import Conductor
from faust.transport.drivers.aiokafka import Consumer, Producer, Transport
from mode.utils.queues import FlowControlEvent

__all__ = ["TESTED_VERSION", "check_private_names", "missing_names"]

TESTED_VERSION = "0.15.3"
TESTED_AIOKAFKA = "0.14.0"

#: class -> names that must exist on it (methods, or attributes that its source assigns)
_NAMES: dict[type, tuple[str, ...]] = {
    Consumer: (
        "_commit",
        "_new_offset",
        "_add_gap",
        "_acked",
        "_acked_index",
        "_committed_offset",
        "_read_offset",
        "_drain_messages",
        "_getmany",
        "callback",
        "earliest_offsets",
        "perform_seek",
        "on_partitions_assigned",
        "on_partitions_revoked",
        "stop_flow",
    ),
    Producer: ("_settings_extra", "_producer", "_ensure_producer", "_new_producer"),
    AIOKafkaClient: ("_get_conn",),
    AIOKafkaConnection: ("_writer",),
    Transport: ("Consumer", "Producer", "create_consumer", "create_producer"),
    Recovery: (
        "on_recovery_completed",
        "_resume_streams",
        "_wait",
        "_is_changelog_tp",
        "_set_recovery_ended",
        "actives_for_table",
        "standbys_for_table",
        "completed",
    ),
    Conductor: ("_acking_topics",),
    TableManager: ("changelog_queue",),
    FlowControlEvent: ("_queues", "is_active"),
    Store: (
        "_db_for_partition",
        "_dbs",
        "apply_changelog_batch",
        "set_persisted_offset",
        "_open_for_partition",
        "partition_path",
        "revoke_partitions",
        "stop",
    ),
    App: ("_new_transport", "_stop_consumer", "_fetcher", "consumer_generation_id"),
}


def missing_names() -> list[str]:
    """`Class.name` of each private name that the installed Faust or aiokafka no longer has."""
    missing = []
    for owner, names in _NAMES.items():
        sources = "".join(_source(base) for base in owner.__mro__ if base.__module__.startswith(("faust", "aiokafka")))
        for name in names:
            # `_is_changelog_tp` and the like live on instances: then the source must mention them
            if not hasattr(owner, name) and name not in sources:
                missing.append(f"{owner.__name__}.{name}")
    return missing


def _source(owner: type) -> str:
    try:
        return inspect.getsource(owner)
    except (OSError, TypeError):
        return ""


def check_private_names() -> None:
    """Refuse to go on with a Faust or aiokafka that our mends do not fit.

    Raises:
        RuntimeError: a name is gone; the text names it and both versions.
    """
    missing = missing_names()
    if missing:
        raise RuntimeError(
            f"faust-streaming {version('faust-streaming')} with aiokafka {version('aiokafka')} has no "
            f"{', '.join(missing)}; the delivery guarantees were made for faust-streaming {TESTED_VERSION} "
            f"with aiokafka {TESTED_AIOKAFKA}: install those versions"
        )
