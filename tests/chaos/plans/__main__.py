"""The kill test of the portal gateway: `python -m tests.chaos.plans --help`.

Plans and single calls of every kind for two portals go through RabbitMQ and Kafka to real workers, while workers are
killed, rebalanced and frozen, and the portals break all the time. At the end each has its right answer, and the portals
hold and have executed each add once; one line a phase says so, and a total. Exit code 1: one did not, or, with
`--unsafe`, nothing was doubled.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.plans.run import FULL, SHORT, UNSAFE, run_phase, scaled
from tests.chaos.plans.shape import Urls
from tests.chaos.plans.sums import too_quiet, total
from tests.chaos.reporting import report
from tests.chaos.stage import Brokers

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run phases one after another; 0 = all held."""
    options = _parse(arguments)
    form = UNSAFE if options.unsafe else SHORT if options.short else FULL
    form = {name: shape for name, shape in form.items() if not options.phases or name in options.phases}
    whole = sum(shape.count for shape in form.values())
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    root = options.folder or Path(tempfile.mkdtemp(prefix="kill-plans-"))
    what = "without stamps and settling, " if options.unsafe else ""
    print(f"kill test of plans: {what}seed {seed}, {options.count or whole} plans, logs in {root}", flush=True)
    verdicts = []
    brokers = Brokers(root)
    brokers.start()
    urls = Urls(brokers.kafka.url, brokers.rabbitmq.url)
    try:
        for name, shape in form.items():
            part = scaled(shape, options.count, whole)
            verdict, traces = asyncio.run(run_phase(name, root / name, urls, part, seed))
            report(verdict, traces, root / name, word="trace")
            verdicts.append(verdict)
    finally:
        brokers.stop()
    failed = any(verdict.failures for verdict in verdicts)
    print(total(verdicts), flush=True)
    if form.keys() == FULL.keys() and options.count is None:
        for text in too_quiet(verdicts):
            failed = True
            print(f"  FAILED: {text}", flush=True)
    print(f"kill test of plans: {'FAILED' if failed else 'held'} (seed {seed})", flush=True)
    return 1 if failed else 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.chaos.plans", description=__doc__)
    parser.add_argument("phases", nargs="*", metavar="phase", help=f"of {', '.join(FULL)}; default: all")
    parser.add_argument("--count", type=int, help="plans in all phases together; default 3000, short 160, unsafe 120")
    parser.add_argument("--seed", type=int, help="of all that is random; default: another each time, printed")
    parser.add_argument("--short", action="store_true", help="the form of `make test`")
    parser.add_argument("--unsafe", action="store_true", help="neither stamps nor settling: doubles must be seen")
    parser.add_argument("--folder", type=Path, help="for data and logs; default: a new temporary one")
    options = parser.parse_args(arguments)
    unknown = set(options.phases) - set(FULL)
    if unknown:
        parser.error(f"no such phase: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    sys.exit(main())
