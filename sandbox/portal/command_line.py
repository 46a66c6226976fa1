"""The command line of `python -m sandbox.portal`: its flags, and the options that they mean."""

import argparse
import math
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sandbox.portal.auth import Credential
from sandbox.portal.oauth.apps import ACCESS_LIFETIME, App
from sandbox.portal.options import DEFAULT_CREDENTIAL, DEFAULT_PORTAL, DOCUMENTED_COSTS, PRESETS, Costs, Options
from sandbox.portal.sample import SIZES

_EPILOG = """\
addresses: /rest/USER/TOKEN/METHOD (portal "default"), /NAME/rest/USER/TOKEN/METHOD, control under /_sandbox.
All times are the portal's seconds, of which --scale pass in a real one.
"""


def _number(text: str, fits: Callable[[float], bool], wanted: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and fits(value)):
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return value


def _seconds(text: str) -> float:
    return _number(text, lambda value: value >= 0, "a number of seconds from 0")


def _above_zero(text: str) -> float:
    return _number(text, lambda value: value > 0, "a number above 0")


def _limit(text: str) -> float:
    return _number(text, lambda value: value > 0, "a number above 0; no limit at all is --no-limits")


def _share(text: str) -> float:
    return _number(text, lambda value: 0 <= value <= 1, "a number from 0 to 1")


def _whole(text: str, wanted: str = "a whole number from 0") -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return int(text)


def _port(text: str) -> int:
    wanted = "a port: a whole number from 0 to 65535"
    port = _whole(text, wanted)
    # uvloop binds a port above that modulo 65536.
    if port > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return port


def _credential(text: str) -> tuple[str | None, Credential]:
    name, slash, rest = text.rpartition("/")
    user, colon, token = rest.partition(":")
    if not (user and colon and token):
        raise argparse.ArgumentTypeError(f"{text!r} is not USER:TOKEN or PORTAL/USER:TOKEN")
    return (name if slash else None), Credential(user, token)


def _app(text: str) -> tuple[str | None, App]:
    name, slash, rest = text.rpartition("/")
    client_id, _, secrets = rest.partition(":")
    client_secret, _, refresh = secrets.partition(":")
    if not (client_id and client_secret):
        raise argparse.ArgumentTypeError("an application is CLIENT_ID:CLIENT_SECRET or CLIENT_ID:CLIENT_SECRET:REFRESH")
    return (name if slash else None), App(client_id, client_secret, refresh)


def _cost(text: str) -> dict[str, float]:
    if text == "documented":
        return DOCUMENTED_COSTS
    method, equals, seconds = text.rpartition("=")
    return {method: _seconds(seconds)} if equals else {"*": _seconds(text)}


def _portal_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text) or text in ("rest", "oauth"):
        raise argparse.ArgumentTypeError(f"{text!r} is no portal name: letters, digits, dot, dash, underscore")
    return text


def _seed(text: str) -> int:
    if text in SIZES:
        return SIZES[text]
    return _whole(text, f"a whole number from 0, nor one of: {', '.join(SIZES)}")


def _zone(text: str) -> timezone:
    try:
        offset = datetime.strptime(text, "%z").utcoffset()
    except ValueError:
        offset = None
    if offset is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no offset such as +03:00")
    return timezone(offset)


def parser() -> argparse.ArgumentParser:
    """The command line's description; a flag that is None was not given."""
    line = argparse.ArgumentParser(
        prog="python -m sandbox.portal",
        description="A Bitrix24 portal to test against: real HTTP, documented limits, injected faults.",
        epilog=_EPILOG,
    )
    _server(line.add_argument_group("server"))
    _data(line.add_argument_group("data"))
    _limits(line.add_argument_group("limits"))
    _time(line.add_argument_group("time"))
    return line


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line (None = the process's own); SystemExit 2 and a line on stderr for what would do nothing."""
    line = parser()
    given = line.parse_args(arguments)
    if not given.tls and (given.ca_file is not None or given.tls_name):
        line.error(f"{'--ca-file' if given.ca_file is not None else '--tls-name'} does nothing without --tls")
    known = [DEFAULT_PORTAL, *given.portal]
    for flag, items in (("--token", given.token), ("--app", given.app)):
        for name, _ in items:
            if name is not None and name not in known:
                line.error(f"{flag}: no portal {name!r}; there are: {', '.join(known)}; --portal adds one")
    return given


def _server(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=_port, default=8024, help="port, 0 = any free one (default %(default)s)")
    repeatable: dict[str, Any] = {"action": "append", "default": []}
    add("--portal", type=_portal_name, metavar="NAME", help="one more portal, repeatable", **repeatable)
    about = "a webhook that is accepted, repeatable (default 1:sandbox)"
    add("--token", type=_credential, metavar="[PORTAL/]USER:TOKEN", help=about, **repeatable)
    about = "an OAuth application that is installed, repeatable"
    add("--app", type=_app, metavar="[PORTAL/]CLIENT_ID:CLIENT_SECRET[:REFRESH_TOKEN]", help=about, **repeatable)
    about = "for so long a refresh token counts after its use (default 0)"
    add("--refresh-grace", type=_seconds, default=0.0, metavar="SECONDS", help=about)
    about = "how long an access token lives (default %(default)s)"
    add("--access-lifetime", type=_above_zero, default=ACCESS_LIFETIME, metavar="SECONDS", help=about)
    add("--any-token", action="store_true", help="accept every user and token")
    add("--tls", action="store_true", help="serve https with a certificate of a test authority (needs trustme)")
    about = "one more host name or address in the certificate, repeatable (localhost, 127.0.0.1 and ::1 are there)"
    add("--tls-name", metavar="NAME", help=about, **repeatable)
    add("--ca-file", type=Path, metavar="PATH", help="where the test authority's certificate is written to (PEM)")
    add("--https-required", action="store_true", help="plain http is answered with INVALID_REQUEST")
    about = "lines on stderr: none, one a request, also one a command of a batch (default %(default)s)"
    add("--log", choices=["quiet", "calls", "all"], default="quiet", help=about)
    about = "executions and requests kept for the control API (default %(default)s)"
    add("--journal", type=_whole, default=100_000, metavar="N", help=about)
    add("--verbose", action="store_true", help="the server's own log on stderr too")


def _data(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    about = "sample data in each empty portal: so many companies, contacts, deals, leads; small = 20, medium, large"
    add("--seed", type=_seed, metavar="N|NAME", default=0, help=about)
    about = "one JSON file that keeps objects and tokens: read at the start if it is there, written at the end"
    add("--store", type=Path, metavar="FILE", help=about)


def _limits(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--preset", choices=sorted(PRESETS), default="cloud", help="kind of portal (default %(default)s)")
    add("--rate", type=_limit, help="intensity limit: requests per second (cloud 2, Enterprise 5)")
    add("--burst", type=_limit, help="intensity limit: bucket size (cloud 50, Enterprise 250)")
    add("--count-rejected", action="store_true", default=None, help="refused requests raise the bucket's level too")
    add("--allow-one-over", action="store_true", default=None, help="refuse above the bucket's size, not at it")
    about = "execution seconds of a method in 10 minutes (cloud 480)"
    add("--operating", type=_limit, metavar="SECONDS", dest="operating_limit", help=about)
    add("--operating-scope", choices=["credential", "portal"], help="whose time is summed (default credential)")
    about = "shortest call that is billed (default 0.1)"
    add("--operating-floor", type=_seconds, metavar="SECONDS", help=about)
    about = "what `time` tells (default present with a limit, absent without)"
    add("--operating-shown", choices=["present", "absent", "zero"], help=about)
    about = "what a batch's commands are charged to: their methods or `batch` (cloud nested, self-hosted batch)"
    add("--batch-billing", choices=["nested", "batch"], help=about)
    add("--overload-status", type=int, choices=[503, 401], help="status of OVERLOAD_LIMIT (default 503)")
    about = "when the front server cuts a request, 0 = never (cloud 60)"
    add("--request-limit", type=_seconds, metavar="SECONDS", help=about)
    add("--no-limits", action="store_true", help="neither intensity nor operating limit")


def _time(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    about = "shrink all constants: at 60, ten minutes pass in ten seconds (default %(default)s)"
    add("--scale", type=_above_zero, default=1.0, metavar="S", help=about)
    about = "how long a call takes; METHOD may be a pattern such as crm.*.list; repeatable (default 0)"
    more: dict[str, Any] = {"metavar": "SECONDS|METHOD=SECONDS|documented", "action": "append", "default": []}
    add("--cost", type=_cost, help=about, **more)
    add("--cost-jitter", type=_share, default=0.0, metavar="SHARE", help="0.2 = a call takes 80 to 120 %% of its cost")
    add("--random-seed", type=int, default=0, metavar="N", help="makes jitter repeatable (default %(default)s)")
    add("--timezone", type=_zone, default=_zone("+0300"), metavar="+HH:MM", help="default +03:00")


def options_of(given: argparse.Namespace) -> dict[str, Options]:
    """The options of each portal, by name, from the parsed command line: the preset's, then what was given."""
    costs: dict[str, float] = {}
    for item in given.cost:
        costs.update(item)
    # The most exact pattern is asked first; "*" fits everything, so it must be last.
    ordered = {name: costs[name] for name in sorted(costs, key=lambda name: (name == "*", -len(name)))}
    limits = dict(PRESETS[given.preset])
    for name in _LIMITS:
        if getattr(given, name) is not None:
            limits[name] = getattr(given, name)
    if given.request_limit == 0:
        limits["request_limit"] = None
    if given.no_limits:
        limits |= {"rate": 0.0, "operating_limit": None}

    def of(portal: str) -> Options:
        credentials = tuple(item for name, item in given.token if name in (None, portal))
        return Options(
            **limits,
            https_required=given.https_required,
            costs=Costs(ordered, jitter=given.cost_jitter, seed=given.random_seed),
            credentials=credentials or (DEFAULT_CREDENTIAL,),
            any_token=given.any_token,
            apps=tuple(item for name, item in given.app if name in (None, portal)),
            refresh_grace=given.refresh_grace,
            access_lifetime=given.access_lifetime,
            zone=given.timezone,
            journal_size=given.journal,
        )

    return {name: of(name) for name in dict.fromkeys([DEFAULT_PORTAL, *given.portal])}


_LIMITS = (
    "rate", "burst", "count_rejected", "allow_one_over", "operating_limit", "operating_scope", "operating_floor",
    "operating_shown", "batch_billing", "overload_status", "request_limit",
)  # fmt: skip
