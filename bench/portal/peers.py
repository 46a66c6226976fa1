"""The peers: fast_bitrix24 in a process of its own, and the old proxy's way."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import orjson

from bench.amqp_client import Client
from bench.portal.ground import Brokers
from stack.sandbox import Portal

ROOT = Path(__file__).parents[2]
_CLOUD = ("--any-token", "--preset", "cloud", "--cost")

_FAST = """
import asyncio, json, sys, time
from fast_bitrix24 import BitrixAsync
async def main(webhook, count):
    client = BitrixAsync(webhook, verbose=False)
    began = time.time()
    errors, text = 0, ""
    try:
        await client.call("crm.deal.list", [{"filter": {"ID": n}} for n in range(count)])
    except Exception as error:
        errors, text = 1, f"{type(error).__name__}: {error}"[:200]
    print(json.dumps({"seconds": time.time() - began, "errors": errors, "text": text}))
asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def fast_bitrix24(folder: Path, count: int, cost: str) -> dict[str, Any]:
    """As its users call it: one `call` with a list of parameters. Seconds, refused, requests, errors."""
    portal = Portal(folder / "portal", arguments=(*_CLOUD, cost))
    portal.start()
    try:
        command = [sys.executable, "-c", _FAST, f"{portal.rest}1/bench/", str(count)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=True)
        told = orjson.loads(done.stdout.strip().splitlines()[-1])
        return {**told, **_counted(portal)}
    finally:
        portal.stop()


def old_proxy(folder: Path, brokers: Brokers, count: int, cost: str) -> dict[str, Any]:
    """One call after another; what is refused is answered with the refusal."""
    portal = Portal(folder / "portal", arguments=(*_CLOUD, cost))
    portal.start()
    queues = (f"old.in.{time.time_ns()}", f"old.out.{time.time_ns()}")
    env = {
        **os.environ,
        "AMPQURL": brokers.rabbitmq.url,
        "B24REST": portal.rest,
        "AMPQIN": queues[0],
        "AMPQOUT": queues[1],
        "PYTHONPATH": str(ROOT),
    }
    try:
        return {**asyncio.run(_through(brokers.rabbitmq.url, queues, count, env)), **_counted(portal)}
    finally:
        portal.stop()


async def _through(url: str, queues: tuple[str, str], count: int, env: dict[str, str]) -> dict[str, Any]:
    client = Client(url, *queues)
    await client.open()
    for begin in range(0, count, 500):
        await asyncio.gather(*(client.send("crm.deal.list", {"filter": {"ID": n}}) for n in range(begin, begin + 500)))
    process = subprocess.Popen([sys.executable, "-m", "bench.apps.old_proxy"], env=env, cwd=ROOT)
    began = time.perf_counter()
    try:
        await client.wait(count, 1200)
        return {"seconds": max(client.answered.values()) - began, "errors": client.errors}
    finally:
        process.kill()
        process.wait()
        await client.close()


def _counted(portal: Portal) -> dict[str, Any]:
    found = httpx.get(f"{portal.url}/_sandbox/counters?portal=default&detail=0", trust_env=False).json()
    counters = found.get("portals", {}).get("default", found)
    done = counters["executions"].get("crm.deal.list", 0)
    return {"refused": counters["refused"], "requests": counters["requests"], "executed": done}
