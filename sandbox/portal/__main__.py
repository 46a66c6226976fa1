"""`python -m sandbox.portal`: the portal simulator from the command line."""

import argparse
import asyncio
import contextlib
import logging
import re
import signal
import sys
from datetime import datetime, timedelta, timezone

from aiohttp import web

from sandbox.portal.app import make_app
from sandbox.portal.auth import Credential
from sandbox.portal.options import DEFAULT_CREDENTIAL, DEFAULT_PORTAL, DOCUMENTED_COSTS, Costs, Options

_EPILOG = """\
addresses: /rest/USER/TOKEN/METHOD (portal "default"), /NAME/rest/USER/TOKEN/METHOD, control under /_sandbox.
"""


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def _rate(text: str) -> float:
    value = _seconds(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} must be above 0; no limit at all is --no-limits")
    return value


def _credential(text: str) -> tuple[str | None, Credential]:
    name, slash, rest = text.rpartition("/")
    user, colon, token = rest.partition(":")
    if not (user and colon and token):
        raise argparse.ArgumentTypeError(f"{text!r} is not USER:TOKEN or PORTAL/USER:TOKEN")
    return (name if slash else None), Credential(user, token)


def _cost(text: str) -> dict[str, float]:
    if text == "documented":
        return DOCUMENTED_COSTS
    method, equals, seconds = text.rpartition("=")
    return {method: _seconds(seconds)} if equals else {"*": _seconds(text)}


def _portal_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text) or text == "rest":
        raise argparse.ArgumentTypeError(f"{text!r} is no portal name: letters, digits, dot, dash, underscore")
    return text


def _zone(text: str) -> timezone:
    try:
        offset = datetime.strptime(text, "%z").utcoffset()
    except ValueError:
        offset = None
    if offset is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no offset such as +03:00")
    return timezone(offset)


def parser() -> argparse.ArgumentParser:
    """The command line's description."""
    line = argparse.ArgumentParser(
        prog="python -m sandbox.portal",
        description="A Bitrix24 portal to test against: real HTTP, documented limits, injected faults.",
        epilog=_EPILOG,
    )
    add = line.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=int, default=8024, help="port, 0 = any free one (default %(default)s)")
    add(
        "--portal",
        action="append",
        default=[],
        type=_portal_name,
        metavar="NAME",
        help="one more portal, repeatable",
    )
    add(
        "--token",
        action="append",
        default=[],
        type=_credential,
        metavar="[PORTAL/]USER:TOKEN",
        help="a webhook that is accepted, repeatable (default 1:sandbox)",
    )
    add("--any-token", action="store_true", help="accept every user and token")
    add("--rate", type=_rate, default=2.0, help="intensity limit: requests per second (default %(default)s)")
    add("--burst", type=_rate, default=50.0, help="intensity limit: bucket size (default %(default)s)")
    add(
        "--operating",
        type=_rate,
        default=480.0,
        metavar="SECONDS",
        help="execution seconds of a method in 10 minutes (default %(default)s)",
    )
    add("--no-limits", action="store_true", help="a self-hosted portal: neither intensity nor operating limit")
    add(
        "--cost",
        action="append",
        default=[],
        type=_cost,
        metavar="SECONDS|METHOD=SECONDS|documented",
        help="how long a call takes; METHOD may be a pattern such as crm.*.list; repeatable (default 0)",
    )
    add(
        "--timezone",
        type=_zone,
        default=timezone(timedelta(hours=3)),
        metavar="+HH:MM",
        help="default +03:00",
    )
    add(
        "--journal",
        type=int,
        default=100_000,
        metavar="N",
        help="executions kept in the log (default %(default)s)",
    )
    add("--verbose", action="store_true", help="log more to stderr")
    return line


def options_of(given: argparse.Namespace) -> dict[str, Options]:
    """The options of each portal, by name, from the parsed command line."""
    costs: dict[str, float] = {}
    for item in given.cost:
        costs.update(item)
    # "*" fits everything, so it must be asked last.
    ordered = {name: costs[name] for name in sorted(costs, key=lambda name: (name == "*", -len(name)))}

    def of(portal: str) -> Options:
        credentials = tuple(item for name, item in given.token if name in (None, portal))
        return Options(
            rate=0.0 if given.no_limits else given.rate,
            burst=given.burst,
            operating_limit=None if given.no_limits else given.operating,
            costs=Costs(ordered),
            credentials=credentials or (DEFAULT_CREDENTIAL,),
            any_token=given.any_token,
            zone=given.timezone,
            journal_size=given.journal,
        )

    return {name: of(name) for name in dict.fromkeys([DEFAULT_PORTAL, *given.portal])}


async def serve(given: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM; raises OSError when the port is taken."""
    runner = web.AppRunner(make_app(options_of(given)), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        await web.TCPSite(runner, given.host, given.port, backlog=1024).start()
        host, port = runner.addresses[0][:2]
        print(f"sandbox portal ready http://{host}:{port}/rest/", flush=True)
        await stopped.wait()
    finally:
        await runner.cleanup()


def main() -> int:
    """Run the simulator; 0 after a signal, 1 when it cannot listen."""
    given = parser().parse_args()
    logging.basicConfig(level=logging.INFO if given.verbose else logging.WARNING, stream=sys.stderr)
    with contextlib.suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        asyncio.run(serve(given))
    except OSError as error:
        print(f"sandbox portal: cannot listen on {given.host}:{given.port}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
