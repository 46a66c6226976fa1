"""bitrix24in -> portal -> bitrix24out, end to end, with a portal of 0 ms and no limit.

Requests a second with the queue filled before (goal: above 300 for one portal), beside the old proxy's way (one call
after another, no promise); and the time that the whole path adds when idle: answer time less the portal's own, p50 and
p99 (goal: p99 <= 50 ms).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import httpx

from bench.amqp_client import Client
from bench.measure import cpu_seconds, save, show
from stack.kafka import Kafka
from stack.ports import free_port
from stack.rabbitmq import RabbitMQ
from stack.sandbox import Portal
from stack.worker import Worker

ROOT = Path(__file__).parents[1]


async def throughput(url: str, queues: tuple[str, str], count: int, start: object) -> tuple[float, float]:
    """Requests a second, first to last answer, and CPU ms a request; the queue is filled before the worker starts."""
    client = Client(url, *queues)
    await client.open()
    for begin in range(0, count, 500):
        await asyncio.gather(*(client.send("crm.deal.list", {"filter": {"ID": n}}) for n in range(begin, begin + 500)))
    process = start()  # type: ignore[operator]
    await client.wait(1, 120)
    first, cpu = time.perf_counter(), cpu_seconds(process)
    done = len(client.answered)
    await client.wait(count, 600)
    seconds = max(client.answered.values()) - first
    used = cpu_seconds(process) - cpu
    await client.close()
    if client.errors:
        raise RuntimeError(f"{client.errors} error answers")
    return (count - done) / seconds, used / (count - done) * 1e3


async def latency(url: str, portal: str, count: int) -> list[float]:
    """Added milliseconds of `count` requests, one at a time: the whole path less a direct call, both measured."""
    client = Client(url, "bitrix24in", "bitrix24out")
    await client.open()
    direct = []
    async with httpx.AsyncClient() as http:
        for number in range(60):
            begin = time.perf_counter()
            await http.post(f"{portal}1/bench/crm.deal.list", json={"filter": {"ID": number}})
            direct.append(time.perf_counter() - begin)
    own = statistics.median(direct[10:])
    taken = []
    for number in range(count + 20):
        begin = time.perf_counter()
        message = await client.send("crm.deal.list", {"filter": {"ID": number}})
        await client.wait(number + 1, 30)
        taken.append((client.answered[message] - begin - own) * 1e3)
    await client.close()
    return sorted(taken[20:])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def main() -> None:
    """Start everything, measure, stop everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000, help="requests of the throughput runs")
    parser.add_argument("--idle", type=int, default=500, help="requests of the latency run")
    parser.add_argument("--rounds", type=int, default=3, help="throughput runs of each, in turns; the median counts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        kafka, rabbitmq = Kafka(folder / "kafka"), RabbitMQ(folder / "rabbitmq")
        portal = Portal(folder / "portal", arguments=("--no-limits", "--any-token"))
        for service in (kafka, rabbitmq, portal):
            service.start()
            stack.callback(service.stop)
        env = {
            "KAFKA_URL": kafka.url,
            "AMPQURL": rabbitmq.url,
            "B24REST": portal.rest,
            "PIPELINE_PORTAL_RATE": "none",
        }
        worker = Worker(folder / "worker", env, web_port=free_port())
        stack.callback(worker.kill)

        def start_worker() -> int:
            worker.start(120)
            assert worker.process.pid is not None
            return worker.process.pid

        def start_old() -> int:
            given = {**os.environ, **env, "AMPQIN": "old.in", "AMPQOUT": "old.out", "PYTHONPATH": str(ROOT)}
            old.append(subprocess.Popen([sys.executable, "-m", "bench.apps.old_proxy"], env=given, cwd=ROOT))
            return old[-1].pid

        old: list[subprocess.Popen[bytes]] = []
        rounds: list[dict[str, tuple[float, float]]] = []
        added: list[float] = []
        try:
            for number in range(options.rounds):
                ours = throughput(rabbitmq.url, ("bitrix24in", "bitrix24out"), options.count, start_worker)
                rounds.append({"ours": asyncio.run(ours)})
                if number == 0:
                    added = asyncio.run(latency(rabbitmq.url, portal.rest, options.idle))
                worker.stop()
                theirs = throughput(rabbitmq.url, ("old.in", "old.out"), options.count, start_old)
                rounds[-1]["old_proxy"] = asyncio.run(theirs)
                _end(old[-1])
        finally:
            for process in old:
                _end(process)
    p50, p99 = added[len(added) // 2], added[int(len(added) * 0.99)]
    columns = ("way", "requests/s", "min..max", "CPU ms/request", "x old proxy's way")
    ways = (("the old proxy's way, no promise", "old_proxy"), ("ours, executed once, confirmed at each step", "ours"))
    rate = {way: sorted(one[way][0] for one in rounds) for _, way in ways}
    middle = {way: statistics.median(rates) for way, rates in rate.items()}
    rows: list[tuple[object, ...]] = [
        (
            name,
            round(middle[way]),
            f"{rate[way][0]:.0f}..{rate[way][-1]:.0f}",
            statistics.median(one[way][1] for one in rounds),
            middle[way] / middle["old_proxy"],
        )
        for name, way in ways
    ]
    title = f"bitrix24in -> portal of 0 ms -> bitrix24out, {options.count:,} crm.deal.list, medians of {len(rounds)}"
    show(title, columns, rows)
    show(f"added time when idle, {options.idle} requests one by one", ("p50 ms", "p99 ms"), [(p50, p99)])
    figures = {"rounds": rounds, "requests_per_second": middle, "added_ms": {"p50": p50, "p99": p99, "all": added}}
    print(f"goals: ours > 300 requests/s; p99 <= 50 ms; raw figures: {save('request_path', figures)}")


if __name__ == "__main__":
    main()
