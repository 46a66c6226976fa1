"""A datadir belongs to the Kafka that its tables were read from.

Tables on disk are copies of changelogs. With another Kafka behind the address (moved, rebuilt, another environment)
they would say that requests were taken in which nobody has seen, and those would be passed over. So they are dropped,
and read anew from the Kafka that is there.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

__all__ = ["keep_to_cluster"]

_MARK = "kafka-cluster"

logger = logging.getLogger(__name__)


def keep_to_cluster(datadir: Path, tables: Path, cluster: str) -> bool:
    """Drop the `tables` of a `datadir` unless they come from `cluster` (Kafka's cluster id).

    Call it before any of them is opened. True: they were dropped. Raises OSError.
    """
    mark = datadir / _MARK
    known = mark.read_text().strip() if mark.is_file() else ""
    if known == cluster:
        return False
    dropped = tables.is_dir() and any(tables.iterdir())
    if dropped:
        logger.warning(
            "tables in %s come from another Kafka (%s, this one is %s): they are read anew from this one",
            *(tables, known or "unknown", cluster),
        )
        for entry in tables.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    # last: a crash before this line only drops them once more
    datadir.mkdir(parents=True, exist_ok=True)
    mark.write_text(f"{cluster}\n")
    return dropped
