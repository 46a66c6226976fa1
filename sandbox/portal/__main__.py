"""`python -m sandbox.portal`: the portal simulator from the command line."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys

from aiohttp import web

from sandbox.portal import persistence, sample
from sandbox.portal.app import make_app
from sandbox.portal.command_line import options_of, parsed
from sandbox.portal.control.common import PORTALS
from sandbox.portal.log import CallLog, without_address
from sandbox.portal.persistence import StoreFileError
from sandbox.portal.tls import TlsUnavailable, server_context


async def serve(given: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises OSError when the port is taken or a file cannot be used, `StoreFileError` for a file that is no store or
    could not be written at the end, and `TlsUnavailable` without trustme.
    """
    if given.store is not None:
        persistence.check_writable(given.store)
    tls = server_context([given.host, *given.tls_name], given.ca_file) if given.tls else None
    app = make_app(options_of(given), scale=given.scale, log=CallLog(given.log), store=given.store)
    stored = persistence.load(given.store, app[PORTALS]) if given.store is not None else frozenset()
    for name, portal in app[PORTALS].items():
        if given.seed and name not in stored:
            await sample.fill(portal, given.seed)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        await web.TCPSite(runner, given.host, given.port, backlog=1024, ssl_context=tls).start()
        host, port = runner.addresses[0][:2]
        print(f"sandbox portal ready {'https' if tls else 'http'}://{host}:{port}/rest/", flush=True)
        await stopped.wait()
    finally:
        await runner.cleanup()
    # Only who has served writes: a second simulator that finds the port taken must not.
    if given.store is not None:
        persistence.save(given.store, app[PORTALS])


def main() -> int:
    """Run the simulator; 0 after a signal, 1 with one line on stderr when it cannot start."""
    given = parsed()
    logging.basicConfig(level=logging.INFO if given.verbose else logging.WARNING, stream=sys.stderr)
    logging.getLogger("aiohttp.server").addFilter(without_address)
    with contextlib.suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        asyncio.run(serve(given))
    except OSError as error:
        what = error.filename or f"cannot listen on {given.host}:{given.port}"
        print(f"sandbox portal: {what}: {error.strerror}", file=sys.stderr)
        return 1
    except (StoreFileError, TlsUnavailable) as error:
        print(f"sandbox portal: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
