"""pipeline/delivery/consumer.py: only the contiguous prefix of what was delivered and acked is committed.

Beside it Faust's own, which commits over an unfinished event: where that no longer happens, the mend may go.
"""

from collections import defaultdict, deque
from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from pipeline.delivery import metrics
from pipeline.delivery.consumer import SafeConsumer

PLACE = TP("in", 0)


def consumer(kind: type[Any], committed: int | None = None) -> Any:
    """One with its books only: no broker."""
    subject = kind.__new__(kind)
    subject._acked = defaultdict(list)
    subject._acked_index = defaultdict(set)
    subject._gap = defaultdict(list)
    subject._committed_offset = defaultdict(lambda: committed)
    subject._delivered = defaultdict(deque)
    subject._next = {}
    return subject


def ack(subject: Any, *offsets: int) -> None:
    subject._acked[PLACE].extend(offsets)
    subject._acked_index[PLACE].update(offsets)


def deliver(subject: Any, *offsets: int) -> None:
    subject._delivered[PLACE].extend(offsets)


@pytest.mark.parametrize(
    ("committed", "delivered", "acked", "stock"),
    [
        # `committed` is the next one to be read: 30 itself is not finished
        (30, range(30, 34), (31, 32, 33), 34),
        # a new group has no guard at all
        (None, range(7), (5, 6), 7),
        (0, range(7), (1, 2), 3),
    ],
)
def test_an_unfinished_event_is_never_committed_over(
    committed: int | None, delivered: range, acked: tuple[int, ...], stock: int
) -> None:
    faust, ours = consumer(Consumer, committed), consumer(SafeConsumer, committed)
    deliver(ours, *delivered)
    for subject in (faust, ours):
        ack(subject, *acked)
    assert faust._new_offset(PLACE) == stock
    assert ours._new_offset(PLACE) is None


def test_gaps_in_the_log_need_no_bookkeeping() -> None:
    subject = consumer(SafeConsumer)
    deliver(subject, 3, 4, 9, 12)
    ack(subject, 9, 3, 4)
    assert subject._new_offset(PLACE) == 12
    ack(subject, 12)
    assert subject._new_offset(PLACE) == 13
    assert subject._new_offset(PLACE) is None


@given(
    offsets=st.lists(st.integers(0, 60), unique=True, max_size=25).map(sorted),
    data=st.data(),
)
def test_the_prefix_under_any_order_of_acks(offsets: list[int], data: st.DataObject) -> None:
    subject = consumer(SafeConsumer)
    deliver(subject, *offsets)
    done: set[int] = set()
    position = None
    for offset in data.draw(st.permutations(offsets)):
        ack(subject, offset)
        done.add(offset)
        if data.draw(st.booleans()):
            new = subject._new_offset(PLACE)
            assert new is None or position is None or new > position
            position = position if new is None else new
            open_ones = [one for one in offsets if one not in done]
            assert position is None or not open_ones or position <= open_ones[0]
    new = subject._new_offset(PLACE)
    if offsets:
        assert (new if new is not None else position) == offsets[-1] + 1
        assert not subject._acked[PLACE] and not subject._acked_index[PLACE]


def test_revoked_partitions_are_forgotten() -> None:
    subject = consumer(SafeConsumer)
    deliver(subject, 1, 2, 3)
    ack(subject, 1)
    subject._forget([PLACE])
    deliver(subject, 1, 2, 3)
    assert subject._new_offset(PLACE) is None
    ack(subject, 1, 2)
    assert subject._new_offset(PLACE) == 3


def test_what_was_passed_over_is_told(caplog: pytest.LogCaptureFixture) -> None:
    subject = consumer(SafeConsumer, 30)
    compacted: set[str] = set()
    subject.app = SimpleNamespace(runtime=SimpleNamespace(is_compacted=lambda topic: topic in compacted))
    skipped = metrics.RECORDS_SKIPPED.labels(PLACE.topic)
    before = skipped._value.get()
    for offset in (30, 31, 32, 31, 32, 33):
        subject._note(PLACE, offset)
    assert skipped._value.get() == before and not caplog.records
    subject._note(PLACE, 40)
    assert skipped._value.get() == before + 6
    assert "in[0]: offsets 34 to 39 were never read" in caplog.text
    assert list(subject._delivered[PLACE]) == [30, 31, 32, 31, 32, 33, 40]
    # where older records of a key are removed, gaps are as it should be
    compacted.add(PLACE.topic)
    subject._note(PLACE, 50)
    assert skipped._value.get() == before + 6


@pytest.mark.parametrize(("committed", "begun"), [(None, {PLACE: 4}), (0, {}), (7, {})], ids=["none", "0", "7"])
async def test_beginnings_are_committed_before_anything_is_read(
    monkeypatch: pytest.MonkeyPatch, committed: int | None, begun: dict[TP, int]
) -> None:
    subject = consumer(SafeConsumer)
    commits: list[dict[TP, int]] = []
    sought: dict[TP, int] = {}

    async def seek_to_committed() -> dict[TP, int | None]:
        return {PLACE: committed}

    async def earliest_offsets(*tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, 4)

    async def seek(tp: TP, offset: int) -> None:
        sought[tp] = offset

    async def commit(offsets: dict[TP, int]) -> bool:
        assert offsets.items() <= sought.items()
        commits.append(offsets)
        return False  # a rebalance has begun: the next owner commits

    subject._read_offset, subject._committed_offset = {}, {}
    subject.app = SimpleNamespace(topics=SimpleNamespace(_acking_topics={"in"}))
    subject.seek_to_committed, subject.earliest_offsets = seek_to_committed, earliest_offsets
    subject.seek, subject._commit, subject.assignment = seek, commit, lambda: {PLACE}
    await subject.perform_seek()
    assert commits == ([begun] if begun else [])
