"""Broken messages through real brokers and one real worker: `python -m tests.chaos.mutated --help`.

Thousands of messages that no sender should send, of all kinds and several seeds, with good ones between them. Each must
end as an effect (its plan's answer) or as a dead letter whose text names the place; the worker must live through all of
them without trouble, and the good ones must all be done. Exit code 1: it does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.day.shape import Urls
from tests.chaos.mutated.run import run_mutated
from tests.chaos.stage import Brokers

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Start the services, play, print the tables; 0 = all held."""
    options = _parse(arguments)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    root = options.folder or Path(tempfile.mkdtemp(prefix="mutated-"))
    print(f"broken messages: {options.count}, seed {seed}, logs in {root}", flush=True)
    brokers = Brokers(root)
    brokers.start()
    try:
        urls = Urls(brokers.kafka.url, brokers.rabbitmq.url)
        verdict = asyncio.run(
            run_mutated(root, urls, options.count, seed, options.rate, alone=not options.no_comparison)
        )
    finally:
        brokers.stop()
    print(verdict.table(), flush=True)
    for failure in verdict.failures:
        print(f"  FAILED: {failure}", flush=True)
    print(f"broken messages: {'FAILED' if verdict.failures else 'held'} (seed {seed})", flush=True)
    return 1 if verdict.failures else 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.chaos.mutated", description=__doc__)
    parser.add_argument("--count", type=int, default=5000, help="broken messages; default: %(default)s")
    parser.add_argument("--seed", type=int, help="of all that is random; default: another each time, printed")
    parser.add_argument("--rate", type=float, default=40.0, help="messages a second; default: %(default)g")
    parser.add_argument("--no-comparison", action="store_true", help="the good ones are not played by themselves")
    parser.add_argument("--folder", type=Path, help="for data and logs; default: a new temporary one")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
