"""The kill test of a whole day: `python -m tests.chaos.day --help`.

A generated day of users, sections, products and settlements goes shuffled through RabbitMQ and Kafka to a real worker,
which is killed again and again while the portal answers with resets, 502, 503 and 504. At the end portal and index must
equal what a model computes from the messages alone, nothing doubled, nothing missing; and the same day played once more
must not write to the portal. Exit code 1: it does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.chaos.day.run import run_day
from tests.chaos.day.shape import FULL, SHORT, Urls
from tests.chaos.stage import Brokers

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Start the services, play, print the table; 0 = all held."""
    options = _parse(arguments)
    shape = SHORT if options.short else FULL
    given = {name: value for name in _SIZES if (value := getattr(options, name)) is not None}
    kills = shape.kills if options.kills is None else options.kills
    shape = replace(shape, sizes=replace(shape.sizes, **given), kills=kills, faults=not options.no_faults)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    root = options.folder or Path(tempfile.mkdtemp(prefix="kill-day-"))
    print(f"kill test of a day: seed {seed}, {shape.sizes}, logs in {root}", flush=True)
    brokers = Brokers(root)
    brokers.start()
    search = None if options.no_search else _search(root)
    try:
        urls = Urls(brokers.kafka.url, brokers.rabbitmq.url, search.url if search else "")
        verdict = asyncio.run(run_day(root / "day", urls, shape, seed))
    finally:
        if search:
            search.kill()
        brokers.stop()
    print(verdict.table(), flush=True)
    for failure in verdict.failures:
        print(f"  FAILED: {failure}", flush=True)
    print(f"kill test of a day: {'FAILED' if verdict.failures else 'held'} (seed {seed})", flush=True)
    return 1 if verdict.failures else 0


def _search(root: Path):  # type: ignore[no-untyped-def]
    """A running Elasticsearch. Raises stack.process.ProcessError, stack.cache.FetchError."""
    from stack.elasticsearch import Elasticsearch

    service = Elasticsearch(root / "elasticsearch")
    service.start()
    return service


_SIZES = ("users", "products", "sections", "settlements")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.chaos.day", description=__doc__)
    for name in _SIZES:
        parser.add_argument(f"--{name}", type=int, help=f"default: {getattr(FULL.sizes, name)}")
    parser.add_argument("--kills", type=int, help=f"SIGKILLs of the worker; default: {FULL.kills}")
    parser.add_argument("--seed", type=int, help="of all that is random; default: another each time, printed")
    parser.add_argument("--short", action="store_true", help="the form of `make test`")
    parser.add_argument("--no-search", action="store_true", help="without Elasticsearch")
    parser.add_argument("--no-faults", action="store_true", help="the portal does not break")
    parser.add_argument("--folder", type=Path, help="for data and logs; default: a new temporary one")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
