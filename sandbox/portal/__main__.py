"""`python -m sandbox.portal`: the portal simulator from the command line."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys

from aiohttp import web

from sandbox.portal.app import make_app
from sandbox.portal.command_line import options_of, parser


async def serve(given: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM; raises OSError when the port is taken."""
    runner = web.AppRunner(make_app(options_of(given), scale=given.scale), access_log=None, shutdown_timeout=2.0)
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
