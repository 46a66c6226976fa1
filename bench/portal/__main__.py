"""`python -m bench.portal [--no-peers] [row ...]`: each row beside the portal's limit; a table at the end."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.measure import save, show
from bench.portal import interactive, mix, operating, real_time, upserts
from bench.portal.cells import COLUMNS, cells
from bench.portal.ground import Brokers
from stack.kafka import Kafka
from stack.rabbitmq import RabbitMQ

ROWS: dict[str, Callable[..., list[dict[str, Any]]]] = {
    "real_time": real_time.run,
    "operating": operating.lists,
    "adds": operating.adds,
    "mix": mix.run,
    "upserts": upserts.run,
    "interactive": interactive.run,
}


def main() -> int:
    """Run the rows, print the table, write bench/results/portal.json."""
    parser = argparse.ArgumentParser("python -m bench.portal", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of {', '.join(ROWS)}; default: all")
    parser.add_argument("--no-peers", action="store_true", help="leave out fast_bitrix24 and the old proxy's way")
    options = parser.parse_args()
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    lines: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        brokers = Brokers(Kafka(folder / "kafka"), RabbitMQ(folder / "rabbitmq"))
        for service in (brokers.kafka, brokers.rabbitmq):
            service.start()
            stack.callback(service.stop)
        for row in options.rows or ROWS:
            more = {"peers": False} if row == "real_time" and options.no_peers else {}
            lines += ROWS[row](folder / row, brokers, **more)
            print(_text(lines[-1]), flush=True)
    show(
        "the gateway at the portal's limit",
        COLUMNS,
        [cells(line) for line in lines],
    )
    print(f"raw figures: {save('portal', {'lines': lines})}")
    return 0


def _text(line: dict[str, Any]) -> str:
    return ", ".join(
        f"{name}: {value:.2f}" if isinstance(value, float) else f"{name}: {value}" for name, value in line.items()
    )


if __name__ == "__main__":
    sys.exit(main())
