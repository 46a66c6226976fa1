"""pipeline/delivery/store.py on a real RocksDB, beside Faust's own store."""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from faust.stores.rocksdb import Store
from faust.types import TP
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.delivery.store import TOMBSTONES_KEPT, SafeStore, pack, unpack

LOG = TP("app-t-changelog", 0)


def make(kind: type[Store], folder: Path) -> Any:
    app = faust.App("store-test", broker="kafka://127.0.0.1:1", datadir=str(folder), store="memory://")
    table = app.Table("t", key_type=bytes, value_type=bytes, partitions=1)
    return kind(url="rocksdb://", app=app, table=table, driver="rocksdict")


def changes(*rows: tuple[int, bytes, bytes | None]) -> list[Any]:
    return [
        SimpleNamespace(message=SimpleNamespace(tp=LOG, partition=0, offset=offset, key=key, value=value))
        for offset, key, value in rows
    ]


def apply(store: Any, batch: Iterable[Any]) -> None:
    store.apply_changelog_batch(batch, lambda key: key, lambda value: value)


def raw(store: Any, key: bytes) -> bytes | None:
    value: bytes | None = store._db_for_partition(0).get(key)
    return value


def test_pack() -> None:
    assert unpack(pack(2**40, b"x")) == (2**40, b"x")
    assert pack(255, b"\xff") < pack(256, b"")


@pytest.mark.parametrize("apart", [False, True])
def test_a_late_record_of_a_frozen_worker_does_not_undo(apart: bool, tmp_path: Path) -> None:
    """Of its successor wrote revision 5; then the frozen one's revision 4 arrives."""
    rows = changes((0, b"k", pack(5, b"new")), (1, b"k", pack(4, b"stale")))
    ours, stock = make(SafeStore, tmp_path / "ours"), make(Store, tmp_path / "stock")
    for store in (ours, stock):
        for batch in [rows[:1], rows[1:]] if apart else [rows]:
            apply(store, batch)
        assert store.persisted_offset(LOG) == 1
    assert raw(ours, b"k") == pack(5, b"new")
    assert raw(stock, b"k") == pack(4, b"stale")


def test_equal_and_greater_revisions_and_deletions_are_applied(tmp_path: Path) -> None:
    store = make(SafeStore, tmp_path)
    apply(store, changes((0, b"a", pack(1, b"1")), (1, b"a", pack(1, b"again")), (2, b"b", pack(3, b"3"))))
    assert (raw(store, b"a"), raw(store, b"b")) == (pack(1, b"again"), pack(3, b"3"))
    # made anew after a deletion, a row begins at revision 1
    apply(store, changes((3, b"b", None), (4, b"b", pack(1, b"new"))))
    assert raw(store, b"b") == pack(1, b"new")
    apply(store, changes((5, b"b", None)))
    assert raw(store, b"b") is None and store.persisted_offset(LOG) == 5


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    log=st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.integers(1, 4)), max_size=12),
    cuts=st.sets(st.integers(0, 12)),
)
def test_however_a_changelog_is_cut_into_batches(
    log: list[tuple[bytes, int]], cuts: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = make(SafeStore, tmp_path_factory.mktemp("store"))
    rows = changes(*((n, key, pack(revision, b"%d" % n)) for n, (key, revision) in enumerate(log)))
    start = 0
    for end in [*sorted(cut for cut in cuts if cut < len(rows)), len(rows)]:
        apply(store, rows[start:end])
        start = end
    for key in {key for key, _ in log}:
        greatest = max(revision for of, revision in log if of == key)
        last = max(n for n, (of, revision) in enumerate(log) if of == key and revision == greatest)
        assert raw(store, key) == pack(greatest, b"%d" % last)


def test_slice_by_prefix_in_order_without_the_offset(tmp_path: Path) -> None:
    store = make(SafeStore, tmp_path)
    rows = {b"a/2": pack(1, b"x"), b"a/1": pack(1, b"y"), b"b/1": pack(1, b"z"), b"\xff": pack(1, b"")}
    store.write(0, rows.items(), 7)
    assert [key for key, _ in store.slice(0, b"a/")] == [b"a/1", b"a/2"]
    assert dict(store.slice(0, b"")) == rows
    assert [key for key, _ in store.slice(0, b"", b"a/2")] == [b"a/2", b"b/1", b"\xff"]
    assert store.slice(0, b"c") == []


def test_a_slice_is_bounded_in_rows_and_bytes(tmp_path: Path) -> None:
    store = make(SafeStore, tmp_path)
    store.write(0, [(b"a%04d" % n, b"") for n in range(501)], None)
    store.write(0, [(b"b%04d" % n, bytes(600_000)) for n in range(3)], None)
    assert len(store.slice(0, b"a")) == 500
    assert [key for key, _ in store.slice(0, b"b")] == [b"b0000", b"b0001"]


@pytest.mark.parametrize("kind", [SafeStore, Store])
def test_a_partition_that_was_lost_can_be_opened_again_although_somebody_still_refers_to_it(
    kind: type[Store], tmp_path: Path
) -> None:
    store = make(kind, tmp_path)
    held = store._db_for_partition(0)
    store.revoke_partitions(store.table, {TP(store.table.changelog_topic_name, 0)})
    if kind is Store:
        # what held the whole group up for half a minute, with Faust's own store
        with pytest.raises(Exception, match="LOCK"):
            store._db_for_partition(0)
    else:
        store.write(0, [(b"k", b"v")], 1)
        assert store.read(0, b"k") == b"v"
    del held


def test_write_stores_rows_and_offset_together_or_rows_only(tmp_path: Path) -> None:
    store = make(SafeStore, tmp_path)
    store.write(0, [(b"a", b"1"), (b"b", b"2")], 7)
    store.write(0, [(b"a", None), (b"c", b"3")], None)
    assert store.persisted_offset(LOG) == 7
    assert [store.read(0, key) for key in (b"a", b"b", b"c")] == [None, b"2", b"3"]


@pytest.mark.parametrize(("age", "kept"), [(TOMBSTONES_KEPT / 2 - 3600, True), (TOMBSTONES_KEPT / 2 + 3600, False)])
def test_a_store_left_alone_for_too_long_is_made_anew(age: float, kept: bool, tmp_path: Path) -> None:
    store = make(SafeStore, tmp_path)
    store.write(0, [(b"a", b"1")], 7)
    path = Path(store.partition_path(0))
    store._dbs.pop(0).close()
    then = time.time() - age
    for file in path.iterdir():
        os.utime(file, (then, then))
    again = make(SafeStore, tmp_path)
    assert again.read(0, b"a") == (b"1" if kept else None)
    assert again.persisted_offset(LOG) == (7 if kept else None)
