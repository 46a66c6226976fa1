"""pipeline/portal/requests/book.py: offsets applied through, acceptance, take-over, expiry."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.delivery.errors import Transient
from pipeline.portal.requests.book import Applied, Book
from pipeline.portal.requests.row import DONE, SENT, WAITING, Row
from tests.unit.portal.fakes import MemoryTable, book_on, row


@given(offsets=st.sets(st.integers(0, 80)).map(sorted), dice=st.randoms(use_true_random=False))
def test_applied_is_the_contiguous_prefix_under_any_order_of_ends(offsets: list[int], dice: Random) -> None:
    applied = Applied()
    waiting = list(offsets)
    begun: list[int] = []
    ended: set[int] = set()
    while waiting or begun:
        if waiting and (not begun or dice.random() < 0.5):
            applied.begin(waiting[0])
            begun.append(waiting.pop(0))
        elif dice.random() < 0.2:
            applied.begin(dice.choice(begun))  # its writing failed: it is tried again
        else:
            offset = begun.pop(dice.randrange(len(begun)))
            applied.end(offset)
            ended.add(offset)
        unfinished = begun + waiting
        assert not unfinished or applied.through < min(unfinished)
        assert all(offset in ended for offset in offsets if offset <= applied.through)
    assert applied.through == (offsets[-1] if offsets else -1)


def test_applied_never_goes_back() -> None:
    applied = Applied(through=10)
    applied.begin(5)  # delivered again
    applied.end(5)
    assert applied.through == 10
    applied.begin(11)
    applied.begin(12)
    applied.end(12)
    assert applied.through == 10
    applied.end(11)
    assert applied.through == 12


async def listed(rows: AsyncIterator[Row]) -> list[Row]:
    return [one async for one in rows]


async def take(book: Book, one: Row) -> Row:
    applied = book.applied(one.lane, one.partition)
    applied.begin(one.offset)
    await book.accept(one)
    applied.end(one.offset)
    return one


@pytest.fixture
def table() -> MemoryTable:
    return MemoryTable()


async def test_what_is_accepted_is_found_and_taken_over(table: MemoryTable) -> None:
    book = book_on(table)
    one = await take(book, row(offset=1, seen="m/1", body=b'{"a":1}'))
    await take(book, row(lane="b", offset=0))
    assert book.find("i", 0, 1) == one and book.find("i", 0, 2) is None and book.find("b", 0, 1) is None
    assert book.earlier_copy(0, "m/1") == one.key
    assert book.load(row(offset=1)).body == b'{"a":1}'
    heir = book_on(table)
    rows = await listed(heir.unfinished(0))
    assert [(found.lane, found.offset, found.state, found.body) for found in rows] == [
        ("i", 1, WAITING, b""),
        ("b", 0, WAITING, b""),
    ]
    assert await listed(heir.unfinished(1)) == []


async def test_a_portals_bucket_is_noted(table: MemoryTable) -> None:
    assert book_on(table).bucket(0, "north") is None, "nothing is known"
    await book_on(table).note_bucket(0, "north", 123.5)
    assert (book_on(table).bucket(0, "north"), book_on(table).bucket(0, "south")) == (123.5, None)


async def test_sent_and_done(table: MemoryTable) -> None:
    book = book_on(table)
    one, two = await take(book, row(offset=1)), await take(book, row(offset=2))
    two.attempts = 3
    await book.put([replace(one, state=SENT, sent_at=time.time()), two])
    heir = book_on(table)
    found = (await listed(heir.unfinished(0)))[0]
    assert found.state == SENT and abs(found.sent_at - time.time()) < 5
    assert heir.load(found).body == b"{}" and heir.load(two).attempts == 3
    await book.done(one)
    await book.done(two)
    assert await listed(book_on(table).unfinished(0)) == []
    stored = book.find("i", 0, 1)
    assert stored is not None and stored.state == DONE


async def test_a_request_without_row_is_a_defect(table: MemoryTable) -> None:
    with pytest.raises(LookupError, match="i-0-0-5"):
        book_on(table).load(row(offset=5))


async def test_the_offset_applied_through_is_written_now_and_then_and_read_by_the_next_owner(
    table: MemoryTable,
) -> None:
    book = book_on(table)
    for offset in range(150):
        await take(book, row(offset=offset))
    heir = book_on(table)
    assert 90 <= heir.applied("i", 0).through < 150
    assert heir.applied("b", 0).through == -1 and heir.applied("i", 1).through == -1
    book.forget()
    assert book.applied("i", 0).through == heir.applied("i", 0).through


async def test_a_write_that_failed_does_not_count_as_written(table: MemoryTable) -> None:
    book = book_on(table)
    for offset in range(100):
        await take(book, row(offset=offset))
    table.errors.append(Transient("away"))
    with pytest.raises(Transient):
        await book.accept(row(offset=100))
    await book.accept(row(offset=100))
    assert book_on(table).applied("i", 0).through == 99


async def test_mark_lets_a_take_over_begin_where_something_is_open(table: MemoryTable) -> None:
    book = book_on(table)
    rows = [await take(book, row(offset=offset)) for offset in range(6)]
    for one in rows[:3]:
        await book.done(one)
    await book.mark("i", 0, 5, rows[3].key)
    heir = book_on(table)
    assert heir.applied("i", 0).low == rows[3].key.decode() and heir.applied("i", 0).through == 5
    assert [one.offset for one in await listed(heir.unfinished(0))] == [3, 4, 5]
    before = len(table.log)
    await book.mark("i", 0, 5, rows[3].key)
    assert len(table.log) == before, "nothing is new: nothing is written"


async def test_mark_does_not_pass_over_what_came_in_meanwhile(table: MemoryTable) -> None:
    """Seen: nothing open, applied through 1. Before it is written, request 2 comes in and waits."""
    book = book_on(table)
    for offset in range(2):
        await book.done(await take(book, row(offset=offset)))
    through = book.applied("i", 0).through
    await take(book, row(offset=2))
    await book.mark("i", 0, through, None)
    assert [one.offset for one in await listed(book_on(table).unfinished(0))] == [2]


async def test_a_mark_that_failed_is_written_at_the_next_round(table: MemoryTable) -> None:
    book = book_on(table)
    await book.done(await take(book, row(offset=0)))
    table.errors.append(Transient("away"))
    with pytest.raises(Transient):
        await book.mark("i", 0, 0, None)
    await book.mark("i", 0, 0, None)
    assert book_on(table).applied("i", 0).through == 0


async def test_old_requests_expire_with_what_recognises_their_copies(table: MemoryTable) -> None:
    book = book_on(table)
    old, repeated, waiting, young = [
        await take(book, row(offset=offset, seen=seen)) for offset, seen in enumerate(["m/1", "m/2", "", "m/3"])
    ]
    await take(book, row(offset=4, seen="m/2"))  # a newer request with the same content
    for one in (old, repeated):
        await book.done(one)
    later = time.time() + 0.001
    while time.time() <= later:
        pass
    await book.done(young)
    await book.mark("i", 0, 4, waiting.key)
    assert await book.expire(0, later) == 2
    assert [book.find("i", 0, offset) is not None for offset in range(5)] == [False, False, True, True, True]
    assert book.earlier_copy(0, "m/1") is None
    assert book.earlier_copy(0, "m/2") is not None, "it recognises copies of the newer one"
    assert book.applied("i", 0).through == 4


async def test_a_topic_made_anew_begins_an_epoch(table: MemoryTable) -> None:
    book = book_on(table)
    old = await take(book, row(offset=3))
    await book.begin_epoch("i", 0)
    assert book.applied("i", 0).epoch == 1 and book.applied("i", 0).through == -1
    assert book.find("i", 0, 3) is None
    new = await take(book, row(offset=3, epoch=1))
    assert new.identity != old.identity
    heir = book_on(table)
    assert heir.applied("i", 0).epoch == 1
    assert [(one.epoch, one.offset) for one in await listed(heir.unfinished(0))] == [(0, 3), (1, 3)]
