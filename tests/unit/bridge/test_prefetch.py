"""The prefetch follows the size of the messages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.bridge.prefetch import HOLD, START, Prefetch

MIB = 1024 * 1024


def feed(prefetch: Prefetch, size: int, count: int) -> list[int]:
    return [wanted for _ in range(count) if (wanted := prefetch.saw(size)) is not None]


def test_small_messages_open_it_up_to_the_setting_in_few_steps() -> None:
    prefetch = Prefetch(2000)
    assert prefetch.now == START
    assert feed(prefetch, 642, 5000) == [500, 2000]


def test_first_big_message_closes_it_at_once() -> None:
    prefetch = Prefetch(2000)
    feed(prefetch, 642, 5000)
    assert feed(prefetch, 10 * MIB, 1) == [12]
    assert feed(prefetch, 10 * MIB, 500) == []


def test_it_opens_again_when_big_ones_have_passed() -> None:
    prefetch = Prefetch(2000)
    feed(prefetch, 10 * MIB, 100)
    assert feed(prefetch, 642, 5000)[-1] == 2000


def test_setting_below_the_start_is_kept() -> None:
    prefetch = Prefetch(7)
    assert prefetch.now == 7
    assert feed(prefetch, 642, 500) == []


def test_body_longer_than_all_that_may_be_held_still_passes() -> None:
    prefetch = Prefetch(2000)
    assert feed(prefetch, HOLD * 2, 1) == [1]


@given(st.lists(st.sampled_from([0, 642, 100_000, MIB, 10 * MIB]), max_size=3000), st.integers(1, 65535))
def test_bounds(sizes: list[int], most: int) -> None:
    prefetch = Prefetch(most)
    for size in sizes:
        prefetch.saw(size)
        assert 1 <= prefetch.now <= most
        assert size * prefetch.now <= max(2 * HOLD, size)
