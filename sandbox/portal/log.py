"""The readable log on stderr: one line a call, never a token."""

import logging
import re
import sys
from datetime import datetime
from typing import Literal, TextIO

from aiohttp.http_exceptions import HttpProcessingError

from sandbox.portal.journal import Execution
from sandbox.portal.requests import Request

Detail = Literal["quiet", "calls", "all"]
# A portal's tokens have no dots, and the methods of nearly every family have: crm.deal.ad.
_NAME = re.compile(r"\w+(?:\.\w+)+")
_LONGEST = 60


class CallLog:
    """`calls` writes a line for each request, `all` for each command of a batch too."""

    def __init__(self, detail: Detail = "quiet", stream: TextIO | None = None) -> None:
        self.calls = detail != "quiet"
        self.commands = detail == "all"
        self._stream = stream if stream is not None else sys.stderr

    def request(self, portal: str, request: Request, *, known: bool) -> None:
        """One request that was answered; an unknown name is written if it has a method's form: others may be tokens."""
        if not self.calls:
            return
        method = request.method if known else _unknown(request.method)
        if request.commands:
            method = f"{method}({request.commands})"
        took = 0.0 if request.answered is None else request.answered - request.arrived
        gone = " client gone" if request.gone else ""
        self._line(request.arrived, portal, method, f"{request.status:>3}", took, gone)

    def command(self, portal: str, execution: Execution) -> None:
        """One command of a batch that ran."""
        if self.commands and execution.command is not None:
            outcome = " ok" if execution.error is None else execution.error or '""'
            took = execution.finished - execution.started
            self._line(execution.started, portal, f"  {execution.method}", str(outcome), took, "")

    def _line(self, moment: float, portal: str, method: str, outcome: str, took: float, more: str) -> None:
        time = datetime.fromtimestamp(moment).strftime("%H:%M:%S.%f")[:-3]
        print(f"{time} {portal:<10} {method:<34} {outcome} {took * 1000:8.1f} ms{more}", file=self._stream, flush=True)


def without_address(record: logging.LogRecord) -> bool:
    """A filter for `aiohttp.server`: of a request that breaks HTTP not its first line, as a token is in it."""
    if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
        record.msg = f"{record.msg}: it breaks HTTP, answered with {record.exc_info[1].code}"
        record.exc_info = None
    return True


def _unknown(method: str) -> str:
    if not _NAME.fullmatch(method):
        return "(unknown method)"
    name = method if len(method) <= _LONGEST else f"{method[:_LONGEST]}..."
    return f"{name} (unknown method)"
