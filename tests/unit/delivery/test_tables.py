"""pipeline/delivery/tables.py: changelog first, then the store; a producer whose acknowledgements the test gives."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import faust
import pytest
from aiokafka.errors import KafkaTimeoutError
from faust.types import TP

from pipeline.delivery.errors import BadInput, Transient
from pipeline.delivery.ownership import Lost
from pipeline.delivery.store import pack, unpack
from pipeline.delivery.tables import DurableTable, changelog_config
from tests.unit.delivery.fakes import FakeProducer, settle


class Ground:
    """A table, and what it stands on."""

    def __init__(self, folder: Path) -> None:
        app = faust.App("ground", broker="kafka://127.0.0.1:1", datadir=str(folder), store="memory://")
        self.producer = FakeProducer(auto=False)
        self.generation = 1
        self.owned = {0}
        self.table = DurableTable(
            app,
            "t",
            2,
            message_limit=2**20,
            producer=lambda: self.producer,
            generation=lambda: self.generation,
            owns=lambda partition: partition in self.owned,
            guard=SimpleNamespace(check=lambda: None),  # type: ignore[arg-type]
        )

    def stored(self, key: bytes) -> tuple[int, bytes] | None:
        """Revision and value in the local store."""
        packed = self.table._store.read(0, key)
        return None if packed is None else unpack(packed)

    @property
    def offset(self) -> int | None:
        """Up to where the store has the changelog, by its own word."""
        return self.table._store.persisted_offset(TP(self.table.changelog, 0))


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


async def begun(ground: Ground, key: bytes, value: bytes | None) -> asyncio.Task[None]:
    task = asyncio.create_task(ground.table.put(0, key, value))
    await settle()
    return task


async def test_a_write_is_done_when_the_changelog_has_it_and_stored_only_then(ground: Ground) -> None:
    task = await begun(ground, b"k", b"v")
    (sent,) = ground.producer.sent
    assert (sent.record.topic, sent.record.partition, sent.record.key) == (ground.table.changelog, 0, b"k")
    assert unpack(sent.record.value or b"") == (1, b"v")
    assert not task.done() and ground.stored(b"k") is None
    # own writes are seen at once, by their owner alone
    assert ground.table.get(0, b"k") == b"v"
    assert list(ground.table.scan(0)) == []
    sent.acknowledge()
    await task
    assert ground.stored(b"k") == (1, b"v")
    assert ground.offset == 0
    assert ground.table.get(0, b"k") == b"v"
    assert list(ground.table.scan(0)) == [(b"k", b"v")]
    assert not ground.table._pending


async def test_the_revision_grows_with_each_write_and_begins_anew_after_a_deletion(ground: Ground) -> None:
    ground.producer.auto = True
    for value in (b"1", b"2", None, b"3"):
        await ground.table.put(0, b"k", value)
    revisions = [None if record.value is None else unpack(record.value)[0] for record in ground.producer.records]
    assert revisions == [1, 2, None, 1]
    assert ground.stored(b"k") == (1, b"3")


async def test_rows_of_one_call_keep_their_order(ground: Ground) -> None:
    ground.producer.auto = True
    await ground.table.put_all(0, [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")], new=True)
    assert [record.key for record in ground.producer.records] == [b"a", b"b", b"a"]
    assert ground.stored(b"a") == (2, b"3") and ground.stored(b"b") == (1, b"2")


async def test_a_partition_that_is_not_ours_is_not_written(ground: Ground) -> None:
    with pytest.raises(Lost):
        await ground.table.put(1, b"k", b"v")
    assert not ground.producer.sent


async def test_lost_while_it_was_written(ground: Ground) -> None:
    task = await begun(ground, b"k", b"v")
    ground.generation += 1
    # what is still on its way from an earlier generation is not read as ours
    assert ground.table.get(0, b"k") is None
    ground.producer.acknowledge()
    with pytest.raises(Lost):
        await task
    assert ground.stored(b"k") is None and ground.offset is None
    assert not ground.table._pending


async def test_acknowledgements_looked_at_out_of_order(ground: Ground) -> None:
    first = await ground.table.begin(0, [(b"k", b"old")])
    second = await ground.table.begin(0, [(b"k", b"new")])
    ground.producer.acknowledge()
    await ground.table.confirm(second)
    assert ground.table.get(0, b"k") == b"new"
    await ground.table.confirm(first)
    assert ground.stored(b"k") == (2, b"new")


async def test_a_deletion_is_not_undone_by_an_older_write_that_is_confirmed_later(ground: Ground) -> None:
    first = await ground.table.begin(0, [(b"k", b"old")])
    second = await ground.table.begin(0, [(b"k", None)])
    assert ground.table.get(0, b"k") is None
    ground.producer.acknowledge()
    await ground.table.confirm(second)
    await ground.table.confirm(first)
    assert ground.stored(b"k") is None and ground.table.get(0, b"k") is None


async def test_an_older_write_counts_when_the_newer_one_failed(ground: Ground) -> None:
    first = await ground.table.begin(0, [(b"k", b"old")])
    second = await ground.table.begin(0, [(b"k", b"new")])
    ground.producer.sent[1].fail(KafkaTimeoutError())
    with pytest.raises(Transient):
        await ground.table.confirm(second)
    ground.producer.sent[0].acknowledge()
    await ground.table.confirm(first)
    assert ground.table.get(0, b"k") == b"old" and ground.stored(b"k") == (1, b"old")


@pytest.mark.parametrize("error", [Transient("buffer full"), BadInput("too long")])
async def test_a_row_that_could_not_be_sent_is_not_read_as_if_it_were(ground: Ground, error: Exception) -> None:
    """Else an intake that tries again finds "its" row, and acks a request that nobody has."""
    ground.producer.auto = True
    await ground.table.put(0, b"k", b"before")
    ground.producer.refuse = lambda record: error if record.key == b"k" else None
    with pytest.raises(type(error)):
        await ground.table.put_all(0, [(b"other", b"x"), (b"k", b"never sent")])
    assert ground.table.get(0, b"k") == b"before"
    assert ground.table.get(0, b"other") is None
    assert not ground.table._pending


async def test_a_write_that_failed_is_not_read(ground: Ground) -> None:
    task = await begun(ground, b"k", b"v")
    ground.producer.sent[0].fail(KafkaTimeoutError())
    with pytest.raises(Transient):
        await task
    assert ground.table.get(0, b"k") is None and not ground.table._pending


@pytest.mark.parametrize("how", ["failed", "cancelled"])
async def test_the_stores_offset_never_passes_a_write_whose_end_nobody_knows(ground: Ground, how: str) -> None:
    """Recovery begins behind the store's offset: what the changelog has and the store lacks would be lost for ever."""
    ground.producer.auto = True
    await ground.table.put(0, b"a", b"1")
    ground.producer.auto = False
    task = await begun(ground, b"b", b"2")
    if how == "failed":
        ground.producer.sent[-1].fail(KafkaTimeoutError())
    else:
        task.cancel()
    with pytest.raises((Transient, asyncio.CancelledError)):
        await task
    ground.producer.auto = True
    await ground.table.put(0, b"c", b"3")
    assert ground.stored(b"c") == (1, b"3")
    assert ground.offset == 0
    # the next generation begins with a recovery from there
    ground.generation += 1
    await ground.table.put(0, b"d", b"4")
    assert ground.offset == 3


def test_changelogs_are_compacted_and_keep_tombstones_longer_than_stores_are_trusted() -> None:
    from pipeline.delivery.store import TOMBSTONES_KEPT

    config = changelog_config(123456)
    assert config["cleanup.policy"] == "compact" and config["max.message.bytes"] == "123456"
    assert int(config["delete.retention.ms"]) == TOMBSTONES_KEPT * 1000


async def test_a_scan_goes_on_where_it_was_over_writes_and_ends_when_the_partition_is_lost(ground: Ground) -> None:
    store = ground.table._store
    store.write(0, [(b"k%04d" % n, pack(1, b"v")) for n in range(1200)], None)
    assert [key for key, _ in ground.table.scan(0, start=b"k0001")] == [b"k%04d" % n for n in range(1, 1200)]
    rows = ground.table.scan(0)
    assert next(rows) == (b"k0000", b"v")
    store.write(0, [(b"k%04d" % n, None) for n in range(700)], None)
    assert len(list(rows)) == 499 + 500
    rows = ground.table.scan(0)
    next(rows)
    ground.owned.clear()
    with pytest.raises(Lost):
        list(rows)
