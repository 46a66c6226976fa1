"""pipeline/delivery/ledger.py: how often a record has ended a worker."""

import asyncio
from collections.abc import Sequence

import orjson
import pytest

from pipeline.delivery import ledger as module
from pipeline.delivery.errors import Transient
from pipeline.delivery.ledger import CrashLedger
from pipeline.topology import CRASHES
from tests.unit.delivery.fakes import FakeProducer

PLACE = "in:0:7"


async def test_each_crash_is_noted_and_the_third_makes_poison(monkeypatch: pytest.MonkeyPatch) -> None:
    log: dict[bytes, bytes] = {}

    async def read(servers: Sequence[str], topic: str) -> dict[bytes, bytes]:
        assert topic == "p.crashes"
        return dict(log)

    monkeypatch.setattr(module, "read_compacted", read)
    for count in range(1, 4):
        ledger = CrashLedger(3)
        await ledger.load([], "p.crashes")
        assert not ledger.is_poison(PLACE)
        producer = FakeProducer()
        await ledger.note(producer, PLACE, KeyError("name"))
        (record,) = producer.records
        assert record.topic == CRASHES and record.key == PLACE.encode()
        entry = orjson.loads(record.value or b"")
        assert (entry["count"], entry["error"]) == (count, "KeyError: 'name'")
        log[record.key] = record.value or b""
    last = CrashLedger(3)
    await last.load([], "p.crashes")
    assert last.is_poison(PLACE) and not last.is_poison("in:0:8")
    assert last.last_error(PLACE) == "KeyError: 'name'"


async def test_a_note_that_fails_keeps_nobody_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NOTE_TIMEOUT", 0.01)
    ledger = CrashLedger(3)
    async with asyncio.timeout(1):
        await ledger.note(FakeProducer(auto=False), PLACE, KeyError("x"))
        await ledger.note(FakeProducer(refuse=lambda _: Transient("away")), PLACE, KeyError("x"))
