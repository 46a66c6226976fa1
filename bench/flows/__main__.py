"""`python -m bench.flows [pure] [search] [settlements]`: the flows alone, into the index, and at the portal's limit."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.flows import pure, search, settlements
from bench.measure import save, show
from bench.portal.ground import Brokers
from pipeline.flows.mapping.load import load
from pipeline.settings import Settings
from sandbox.site.mapping import MAPPING_FILE
from stack.kafka import Kafka
from stack.rabbitmq import RabbitMQ

ROWS = ("pure", "search", "settlements")


def main() -> int:
    """Run the rows, print the tables, write bench/results/flows.json."""
    parser = argparse.ArgumentParser("python -m bench.flows", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of {', '.join(ROWS)}; default: all")
    chosen = parser.parse_args().rows or list(ROWS)
    if unknown := set(chosen) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(mapping=MAPPING_FILE)
        if "pure" in chosen:
            figures["pure"] = pure.run(load(MAPPING_FILE), settings)
            columns = ("row", "events/s", "note")
            rows: list[tuple[object, ...]] = [(e["row"], round(e["measured"]), e["note"]) for e in figures["pure"]]
            show("events to plans, one core", columns, rows)
        if "search" in chosen:
            figures["search"] = search.run(Path(name) / "search")
            columns = ("way", "products/s", "CPU us/product", "x async_bulk")
            title = f"products into Elasticsearch, {search.COUNT:,}, best of {search.ROUNDS} (goal: 0.9 and more)"
            show(title, columns, search.rows(figures["search"]))
        if "settlements" in chosen:
            with ExitStack() as stack:
                folder = Path(name)
                brokers = Brokers(Kafka(folder / "kafka"), RabbitMQ(folder / "rabbitmq"))
                for service in (brokers.kafka, brokers.rabbitmq):
                    service.start()
                    stack.callback(service.stop)
                figures["settlements"] = settlements.run(folder / "row", brokers, MAPPING_FILE.read_text(), settings)
            columns = ("row", "limit, s", "measured, s", "limit / measured", "calls each", "HTTP requests each", "note")
            show(
                "settlements against the portal's limit (goal: 0.9 and more)",
                columns,
                [
                    (e["row"], e["limit"], e["measured"], e["ratio"], e["calls"], e["requests"], e["note"])
                    for e in figures["settlements"]
                ],
            )
    print(f"raw figures: {save('flows', figures)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
