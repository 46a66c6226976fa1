"""A watch as it stands in the table `watches`, one a subject.

    <portal>/<subject>   JSON {"token", "missing": [[entity, external key], ...], "at", "headers"}, line feed, body

`headers` and body are those of the plan's record; that it belonged to a run is not kept. In the portal's name `/` and
`%` are escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from pipeline.delivery.records import Record
from pipeline.portal.steps.plan_end import Missing
from pipeline.topology import REQUESTS_BULK

__all__ = ["HEADER", "Watch", "decode", "encode", "read_watch_key", "watch_key"]

#: header of a plan's record that a watch has sent again: the token
HEADER = "watch"


@dataclass(frozen=True, slots=True)
class Watch:
    """`token`: another one for each plan that has left it; `at`: when that plan was accepted, unix seconds."""

    portal: str
    subject: str
    token: str
    missing: tuple[Missing, ...]
    at: float
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def record(self) -> Record:
        """The plan's record, to be run again."""
        headers = {**self.headers, HEADER: self.token}
        return Record(REQUESTS_BULK, self.body, key=self.portal.encode(), headers=headers)


def encode(watch: Watch) -> bytes:
    """The value of its row."""
    fields = {"token": watch.token, "missing": watch.missing, "at": watch.at, "headers": watch.headers}
    return orjson.dumps(fields) + b"\n" + watch.body


def decode(portal: str, subject: str, stored: bytes) -> Watch:
    """A watch from the value of its row."""
    line, _, body = stored.partition(b"\n")
    given = orjson.loads(line)
    missing = tuple((entity, external) for entity, external in given["missing"])
    return Watch(portal, subject, given["token"], missing, given["at"], given["headers"], body)


def watch_key(portal: str, subject: str) -> bytes:
    """Key of the row of a subject."""
    return f"{portal.replace('%', '%25').replace('/', '%2F')}/{subject}".encode()


def read_watch_key(key: bytes) -> tuple[str, str]:
    """`(portal, subject)`."""
    portal, _, subject = key.decode().partition("/")
    return portal.replace("%2F", "/").replace("%25", "%"), subject
