"""The table test: `python -m tests.chaos.table --help`.

Events are counted per key in a durable table by three workers, while these are killed, stopped, started and frozen.
At the end the count of every key must be the number of its events: in the changelog, in what a new worker restores
from it, and in what each of the old workers goes on counting with. Exit code 1: a key is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stack.kafka import Kafka
from tests.chaos.counting import Counting
from tests.chaos.keeper import Keeper

__all__ = ["Shape", "TableVerdict", "main", "run_table"]

WORKERS = 3
_EXIT_UNEXPECTED = 70
_KINDS = ("SIGKILL", "SIGTERM", "leaves and joins", "frozen")


@dataclass(frozen=True, slots=True)
class Shape:
    """How much. `rate`: events a second; `session`: Kafka's timeout, seconds; `pause`: longest absence, seconds."""

    events: int
    disturbances: int
    keys: int = 200
    rate: float = 500.0
    session: float = 6.0
    pause: float = 4.0
    old_workers: bool = True


SHORT = Shape(events=6_000, disturbances=5, rate=400.0, session=4.0, pause=1.5, old_workers=False)
FULL = Shape(events=50_000, disturbances=24)


@dataclass
class TableVerdict:
    """Keys whose count is not the number of their events, and why the test failed."""

    shape: Shape
    events: int
    done: Counter[str]
    seconds: float
    wrong: dict[str, dict[bytes, tuple[int, int]]] = field(default_factory=dict)
    ends: list[int | None] = field(default_factory=list)
    late_writes: int = 0
    failures: list[str] = field(default_factory=list)

    def compare(self, where: str, counted: Mapping[bytes, int], sent: Mapping[bytes, int]) -> None:
        """Note the keys that differ: key -> (counted, sent)."""
        keys = set(counted) | set(sent)
        self.wrong[where] = {
            key: (counted.get(key, 0), sent.get(key, 0)) for key in keys if counted.get(key, 0) != sent.get(key, 0)
        }
        for key, (got, wanted) in sorted(self.wrong[where].items())[:10]:
            self.failures.append(f"{where}: {key.decode()} is {got}, sent {wanted}")

    def line(self) -> str:
        """The one line."""
        done = ", ".join(f"{count} {kind}" for kind, count in sorted(self.done.items()))
        wrong = ", ".join(f"{where} {len(keys)}" for where, keys in self.wrong.items())
        return (
            f"table: keys {self.shape.keys}, events {self.events}, workers {WORKERS}, "
            f"disturbances {sum(self.done.values())} ({done}), keys wrong: {wrong}; "
            f"late writes in the changelog {self.late_writes}, workers ended by themselves {self.ends}, "
            f"seconds {self.seconds:.0f}"
        )


async def run_table(folder: Path, kafka: Kafka, shape: Shape, seed: int) -> TableVerdict:
    """The whole test on a running broker."""
    dice = random.Random(seed)
    counting = Counting(folder, kafka, keys=shape.keys, session=shape.session)
    began = time.monotonic()
    try:
        await counting.create()
        keepers = [counting.worker() for _ in range(WORKERS)]
        await asyncio.gather(*(keeper.start() for keeper in keepers))
        done: Counter[str] = Counter()
        idle = 0
        part = shape.events // (shape.disturbances + 1)
        # each kind equally often, in random order
        kinds = [_KINDS[number % len(_KINDS)] for number in range(shape.disturbances)]
        dice.shuffle(kinds)
        for kind in kinds:
            events = asyncio.create_task(counting.produce(dice.choices(counting.keys, k=part), shape.rate))
            await asyncio.sleep(dice.uniform(0.1, 0.9) * part / shape.rate)
            idle += events.done() and await counting.lag() == 0
            await _disturb(dice, keepers, kind, shape)
            done[kind] += 1
            await events
        rest = shape.events - part * shape.disturbances
        await counting.produce(dice.choices(counting.keys, k=rest), shape.rate)
        await asyncio.gather(*(keeper.ready() for keeper in keepers))
        await _caught_up(counting)
        verdict = TableVerdict(shape, sum(counting.sent.values()), done, time.monotonic() - began)
        verdict.compare("changelog", await counting.counted(), counting.sent)
        verdict.late_writes = await counting.revisions_back()
        if idle:
            verdict.failures.append(f"{idle} disturbances came when nothing was left to count")
        await _compare_stores(counting, keepers, shape, verdict)
        for keeper in keepers:
            verdict.ends += keeper.ended
        frozen, ended = done["frozen"], verdict.ends.count(_EXIT_UNEXPECTED)
        if ended < frozen:
            verdict.failures.append(f"{frozen} workers were frozen, but only {ended} ended themselves when woken")
        return verdict
    finally:
        await counting.close()


async def _disturb(dice: random.Random, keepers: list[Keeper], kind: str, shape: Shape) -> None:
    keeper = dice.choice([keeper for keeper in keepers if keeper.pid is not None])
    if kind == "SIGKILL":
        await keeper.kill()
    elif kind == "SIGTERM":
        await keeper.stop()
        await keeper.start(ready=False)
    elif kind == "leaves and joins":
        await keeper.stop()
        await asyncio.sleep(dice.uniform(0.5, shape.pause))
        await keeper.start()
    else:
        await keeper.ready()
        keeper.worker.pause()
        await asyncio.sleep(shape.session + dice.uniform(1.0, 4.0))
        ended = len(keeper.ended)
        keeper.worker.resume()
        await _ends_itself(keeper, ended)


async def _ends_itself(keeper: Keeper, before: int) -> None:
    """A worker that was frozen for too long must end itself at once; `before`: ends until it was woken."""
    deadline = time.monotonic() + 10.0
    while len(keeper.ended) == before:
        if time.monotonic() > deadline:
            raise TimeoutError(f"a worker that was frozen works on:\n{keeper.worker.process.tail(30)}")
        await asyncio.sleep(0.02)


async def _caught_up(counting: Counting, timeout: float = 120.0) -> None:
    deadline = time.monotonic() + timeout
    while lag := await counting.lag():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{lag} events are not counted after {timeout:g} s")
        await asyncio.sleep(0.2)


async def _compare_stores(counting: Counting, keepers: list[Keeper], shape: Shape, verdict: TableVerdict) -> None:
    await asyncio.gather(*(keeper.stop() for keeper in keepers))
    verdict.compare("restored", await counting.restored(), counting.sent)
    if not shape.old_workers:
        return
    for number, keeper in enumerate(keepers):
        await keeper.start()
        await counting.produce(counting.keys, 10_000)
        await _caught_up(counting)
        await keeper.stop()
        verdict.compare(f"worker {number} alone", await counting.counted(), counting.sent)


def report(verdict: TableVerdict, folder: Path) -> None:
    """Print the line, and why it failed."""
    print(verdict.line(), flush=True)
    for failure in verdict.failures:
        print(f"  FAILED: {failure}", flush=True)
    if verdict.failures:
        print(f"  logs: {folder}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Run it once; 0 = every key is right."""
    parser = argparse.ArgumentParser("python -m tests.chaos.table", description=__doc__)
    parser.add_argument("--events", type=int, help=f"{FULL.events}; short: {SHORT.events}")
    parser.add_argument("--disturbances", type=int, help=f"{FULL.disturbances}; short: {SHORT.disturbances}")
    parser.add_argument("--seed", type=int, help="of all that is random; default: another each time, printed")
    parser.add_argument("--short", action="store_true", help="the form of `make test`")
    parser.add_argument("--folder", type=Path, help="for data and logs; default: a new temporary one")
    options = parser.parse_args(arguments)
    base = SHORT if options.short else FULL
    shape = Shape(
        options.events or base.events,
        options.disturbances or base.disturbances,
        rate=base.rate,
        session=base.session,
        pause=base.pause,
        old_workers=base.old_workers,
    )
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="table-test-"))
    print(f"table test: seed {seed}, logs in {folder}", flush=True)
    kafka = Kafka(folder / "kafka")
    kafka.start()
    try:
        verdict = asyncio.run(run_table(folder, kafka, shape, seed))
    finally:
        kafka.kill()
    report(verdict, folder)
    return 1 if verdict.failures else 0


if __name__ == "__main__":
    sys.exit(main())
