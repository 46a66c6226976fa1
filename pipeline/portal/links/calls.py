"""Calls to a portal from beside the workers: through a lane and the results, never to the portal itself.

Two callers of one portal would not know of each other's calls, and together go beyond its limits.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiokafka.structs import ConsumerRecord

from pipeline.delivery.records import Record, read_headers
from pipeline.portal.links.kafka import Kafka, LinksError, Tail
from pipeline.portal.partition import partition_of
from pipeline.topology import REQUESTS_BULK, RESULTS, wire_name

__all__ = ["SOURCE", "Caller", "Refused", "open_caller"]

#: `source` of these requests; answers of another source than amqp stay in Kafka
SOURCE = "links"


class Refused(LinksError):
    """The portal answered with an error; `error` is its code."""

    def __init__(self, method: str, error: str, text: str) -> None:
        super().__init__(f"{method}: {text}")
        self.error = error


class Caller:
    """Made by `open_caller`; one call at a time. `topic`: the lane of its requests."""

    def __init__(
        self, kafka: Kafka, answers: Tail, portal: str, credential: str, patience: float, topic: str = REQUESTS_BULK
    ) -> None:
        self._topic = topic
        self._kafka = kafka
        self._answers = answers
        self._portal = portal
        self._credential = credential
        self._patience = patience

    async def __call__(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The portal's answer: `{"result", "total", "next", "time"}`.

        Raises:
            Refused: it answered with an error.
            LinksError: nobody answered for `patience` seconds.
        """
        message_id = uuid.uuid4().hex
        headers = {
            "source": SOURCE,
            "portal": self._portal,
            "method": method,
            "credential": self._credential,
            "amqp-message-id": message_id,
        }
        record = Record(self._topic, orjson.dumps(params), key=self._portal.encode(), headers=headers)
        await (await self._kafka.post(record))
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            for answer in await self._answers.some(min(0.5, self._patience)):
                given = read_headers(answer.headers)
                if given.get("message-id") == message_id and given.get("source") == SOURCE:
                    return _read(method, answer, given)
        raise LinksError(
            f"{method}: no answer of portal {self._portal!r} within {self._patience:g} s; does a worker run?"
        )


@asynccontextmanager
async def open_caller(
    kafka: Kafka, portal: str, credential: str, patience: float, topic: str = REQUESTS_BULK
) -> AsyncIterator[Caller]:
    """Be ready to call. Raises LinksError: no worker has ever run here."""
    settings = kafka.settings
    await kafka.need(wire_name(settings, topic), wire_name(settings, RESULTS))
    answers = Tail(settings, RESULTS, [partition_of(portal)])
    try:
        await answers.open()
        yield Caller(kafka, answers, portal, credential, patience, topic)
    finally:
        await answers.close()


def _read(method: str, answer: ConsumerRecord, headers: dict[str, str]) -> dict[str, Any]:
    try:
        body = orjson.loads(answer.value or b"")
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise LinksError(f"{method}: the answer is no JSON object")
    if "error-class" in headers or "error" in body:
        text = ": ".join(str(body[name]) for name in ("error", "error_description") if body.get(name))
        raise Refused(method, str(body.get("error") or ""), text or "an error without a text")
    return body
