"""The request kill test: `python -m tests.chaos.kill --help`.

Requests of every kind for four portals go through RabbitMQ, Kafka and a real worker, while workers, brokers and
portals fail. At the end each has an answer, and the right one; one line a scenario says so. Exit code 1: one did not.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from tests.chaos.forensics import trace
from tests.chaos.reporting import all_answered, report
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.stage import Brokers, stage
from tests.chaos.verdict import Verdict, judge

__all__ = ["FULL", "SHORT", "Shape", "main", "run_scenario"]

#: Seconds for answers that come again.
_ECHO = 2.0


@dataclass(frozen=True, slots=True)
class Shape:
    """How much. Seconds: `cost` of a call at the portal, `session` of Kafka, `stall` without an answer = lost."""

    count: int
    session: float
    stall: float
    short: bool
    cost: float = 0.05


SHORT = Shape(count=300, session=4.0, stall=40.0, short=True, cost=0.03)
FULL = Shape(count=2000, session=6.0, stall=90.0, short=False)


async def run_scenario(name: str, folder: Path, brokers: Brokers, shape: Shape, seed: int) -> tuple[Verdict, list[str]]:
    """One scenario on running brokers: its figures, and where lost requests are."""
    async with stage(
        folder, brokers, count=shape.count, seed=seed, cost=shape.cost, session=shape.session, short=shape.short
    ) as made:
        began = time.monotonic()
        disturbed = await SCENARIOS[name](made)
        await all_answered(made.cases, lambda: made.outside.answered, shape.stall)
        seconds = time.monotonic() - began
        await asyncio.sleep(_ECHO)
        # what a worker still holds un-acked goes back into the queue, and is found there
        await asyncio.gather(*(keeper.close() for keeper in made.keepers))
        verdict = await judge(made, name, disturbed, seconds)
        missing = await trace(made, verdict.lost) if verdict.lost else []
        return verdict, missing


def main(arguments: list[str] | None = None) -> int:
    """Run scenarios one after another; 0 = all held."""
    options = _parse(arguments)
    base = SHORT if options.short else FULL
    shape = replace(base, count=options.count or base.count, cost=options.cost or base.cost)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    root = options.folder or Path(tempfile.mkdtemp(prefix="kill-test-"))
    print(f"kill test: seed {seed}, {shape.count} requests a scenario, logs in {root}", flush=True)
    failed = 0
    brokers = Brokers(root)
    brokers.start()
    try:
        for name in options.scenarios or SCENARIOS:
            verdict, missing = asyncio.run(run_scenario(name, root / name, brokers, shape, seed))
            report(verdict, missing, root / name, word="missing")
            failed += bool(verdict.failures)
    finally:
        brokers.stop()
    print(f"kill test: {'FAILED' if failed else 'held'} (seed {seed})", flush=True)
    return 1 if failed else 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.chaos.kill", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=f"of {', '.join(SCENARIOS)}; default: all")
    parser.add_argument("--count", type=int, help=f"requests a scenario; {FULL.count}, short: {SHORT.count}")
    parser.add_argument("--seed", type=int, help="of all that is random; default: another each time, printed")
    parser.add_argument(
        "--cost", type=float, help=f"seconds a call takes at the portal; {FULL.cost}, short: {SHORT.cost}"
    )
    parser.add_argument("--short", action="store_true", help="the form of `make test`")
    parser.add_argument("--folder", type=Path, help="for data and logs; default: a new temporary one")
    options = parser.parse_args(arguments)
    unknown = set(options.scenarios) - set(SCENARIOS)
    if unknown:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    sys.exit(main())
