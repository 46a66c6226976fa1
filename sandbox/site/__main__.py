"""`python -m sandbox.site`: publishes a day of a site and its 1C to RabbitMQ (docs/sandbox-site.md)."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from datetime import datetime

from aio_pika.exceptions import AMQPException
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sandbox.site.day import DATE, make_day, shuffled
from sandbox.site.forms import ZONE
from sandbox.site.message import Message
from sandbox.site.publish import NoExchange, Publisher
from sandbox.site.sizes import Sizes

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Publish, or print; 0, or 1 with one line on stderr when it cannot be done."""
    given = _parsed(arguments)
    sizes = Sizes(given.users, given.products, given.sections, given.settlements, wrong=given.wrong)
    midnight = datetime.now(ZONE).replace(microsecond=0) if given.force_new_versions else DATE
    day = make_day(sizes, given.seed, midnight=midnight)
    messages = shuffled(day.messages, given.seed) if given.shuffle else list(day.messages)
    if given.print:
        for one in messages:
            print(json.dumps(_shown(one), ensure_ascii=False))
        return 0
    try:
        asyncio.run(_publish(given.amqp, messages))
    except (NoExchange, AMQPException, OSError) as error:
        print(f"sandbox site: {str(error) or repr(error)}", file=sys.stderr)
        return 1
    return 0


async def _publish(url: str, messages: list[Message]) -> None:
    counts = Counter(one.exchange for one in messages)
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    async with Publisher(url) as publisher:
        await publisher.look(counts)
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("published", total=len(messages))
            await publisher.send(messages, lambda count: progress.advance(task, count))
    console.print(", ".join(f"{name} {count}" for name, count in sorted(counts.items())), highlight=False)


def _shown(one: Message) -> dict[str, object]:
    return {
        "exchange": one.exchange,
        "routing_key": one.routing_key,
        "message_id": one.message_id,
        "timestamp": one.timestamp and int(one.timestamp.timestamp()),
        "body": one.body.decode(),
        "wrong": one.wrong,
    }


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    usual = Sizes()
    parser = argparse.ArgumentParser("python -m sandbox.site", description=__doc__)
    parser.add_argument("--amqp", default="amqp://guest:guest@127.0.0.1:5672/", help="RabbitMQ; default: %(default)s")
    for name in ("users", "products", "sections", "settlements"):
        parser.add_argument(f"--{name}", type=_count, default=getattr(usual, name), help="default: %(default)s")
    parser.add_argument("--wrong", type=_count, default=0, help="messages that become dead letters; default: none")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same day; default: %(default)s")
    parser.add_argument("--shuffle", action="store_true", help="in another order than they were written in")
    parser.add_argument(
        "--force-new-versions", action="store_true", help="the day begins now: all of it is newer than an earlier play"
    )
    parser.add_argument(
        "--print", action="store_true", help="print the messages, one JSON object a line, and send none"
    )
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise argparse.ArgumentTypeError("a count is not negative")
    return count


if __name__ == "__main__":
    sys.exit(main())
