"""`python -m stack …`: the local services from the command line; the Makefile's targets call it."""

import argparse
import os
import sys
from pathlib import Path

from stack import install, logs
from stack.cache import FetchError, kafka_jars
from stack.elasticsearch_fetch import has_elasticsearch
from stack.local import Local
from stack.process import ProcessError

STATE = Path(".local")


def up(arguments: argparse.Namespace) -> int:
    """Start the services, with --worker the worker too, and leave them running."""
    local = Local(STATE / "up", {**_configuration(), **os.environ}, tied=False, search=arguments.search or None)
    if local.elasticsearch and not has_elasticsearch():
        print("Elasticsearch is fetched once, 759 MB …", flush=True)
    local.start(lambda name: print(f"{name} is up", flush=True))
    if arguments.worker and not local.worker.running:
        local.worker.start(timeout=120)
    exports = "".join(f"export {name}={value}\n" for name, value in local.addresses().items())
    # without the simulator's limits, and with the key that this Kafka remembers
    own = [name for name in ("PIPELINE_PORTAL_RATE", "PIPELINE_KEY_FILE") if name in local.worker.env]
    exports += "".join(f"export {name}={local.worker.env[name]}\n" for name in own)
    (local.folder / "env").write_text(exports)
    print(f"For a worker of yours: . {STATE}/up/env\n{exports}", end="")
    return status(arguments)


def _configuration() -> dict[str, str]:
    """`pipeline.toml` and `mapping.toml` of this folder, if it has them: the worker runs in a folder of its own."""
    files = {"PIPELINE_CONFIG": Path("pipeline.toml").absolute(), "PIPELINE_MAPPING": Path("mapping.toml").absolute()}
    return {name: str(path) for name, path in files.items() if path.is_file()}


def down(_: argparse.Namespace) -> int:
    """Stop what `up` started, whatever the environment gives now."""
    if not (STATE / "up").is_dir():
        print("nothing was running")
        return 0
    stopped = Local(STATE / "up", {}, tied=False).stop()
    print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
    return 0


def status(_: argparse.Namespace) -> int:
    """Say which services of `up` run and where; exit code 3 when none does."""
    if not (STATE / "up").is_dir():
        print("nothing was started: make up starts it (what make run starts ends with it, and is not listed here)")
        return 3
    local = Local(STATE / "up", {}, tied=False)
    running = 0
    for name, service in local.everything():
        pid = service.process.pid
        running += pid is not None
        state = f"process {pid}" if pid else "not running"
        print(f"{name:<17} {state:<16} {service.url if pid else ''}")
    if local.rabbitmq and local.rabbitmq.running:
        print(f"{'RabbitMQ pages':<17} {'':<16} {local.rabbitmq.management_url}/ (guest, guest)")
    return 0 if running else 3


def show_logs(arguments: argparse.Namespace) -> int:
    """Print the logs of `up`, and follow them unless --once."""
    local = Local(STATE / "up", {}, tied=False)
    logs.show({name: service.process.log for name, service in local.everything()}, follow=not arguments.once)
    return 0


def install_all(arguments: argparse.Namespace) -> int:
    """Install what the machine lacks, and fetch Kafka."""
    parts = install.wanted(install.EVERYTHING, {} if arguments.test else os.environ)
    if arguments.search:
        parts |= install.wanted(install.FOR_SEARCH, os.environ)
    if arguments.test:
        parts.update(install.FOR_TESTS, install.FOR_SEARCH)
    install.install(parts)
    if "kafka" in parts:
        kafka_jars()
    return 0


def fetch(_: argparse.Namespace) -> int:
    """Fetch Kafka into the cache and print where it is."""
    print(kafka_jars())
    return 0


def run(arguments: argparse.Namespace) -> int:
    """Start everything and send sample requests through it."""
    # Its libraries are needed by this command only; the others stay quick.
    from stack.run import run as run_all

    return run_all(STATE / "run", once=arguments.once, count=arguments.count, search=not arguments.no_search)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, call: object, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(call=call)
        return sub

    add = command("up", up, "start Kafka, RabbitMQ and the simulated portal, and leave them running")
    add.add_argument("--worker", action="store_true", help="start a worker too")
    add.add_argument("--search", action="store_true", help="start Elasticsearch too")
    command("down", down, "stop what up started; the data stays")
    command("status", status, "which services of up run, and where")
    add = command("logs", show_logs, "the logs of up")
    add.add_argument("--once", action="store_true", help="do not follow them")
    add = command("install", install_all, "install what this machine lacks; fetch Kafka")
    add.add_argument(
        "--test", action="store_true", help="also what KAFKA_URL and AMPQURL make needless, and what tests need"
    )
    add.add_argument("--search", action="store_true", help="also what Elasticsearch needs, unless ES_URL gives one")
    command("fetch", fetch, "fetch Kafka into the cache")
    add = command("run", run, "start everything, send sample requests, stay up until Ctrl-C")
    add.add_argument("--once", action="store_true", help="end after the answers")
    add.add_argument("--count", type=int, default=500, help="sample requests (default 500)")
    add.add_argument("--no-search", action="store_true", help="without Elasticsearch: products go to the portal only")
    return parser


def main() -> int:
    """Run one command; the exit code."""
    arguments = parser().parse_args()
    try:
        return int(arguments.call(arguments))
    except (ProcessError, FetchError, install.InstallError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
