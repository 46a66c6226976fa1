"""The formulas of lag."""

import pytest
from aiokafka import TopicPartition

from pipeline.ops.lag import CommitAges, Offsets, PartitionLag, by_agent, measure

TP = TopicPartition("requests", 0)


@pytest.mark.parametrize(
    ("committed", "begin", "end", "position", "lag", "expired", "note"),
    [
        (5, 0, 12, 5, 7, 0, ""),
        (12, 0, 12, 12, 0, 0, ""),
        (0, 0, 3, 0, 3, 0, ""),
        # nothing was ever committed: counted from the beginning, and said so even when nothing waits
        (None, 0, 12, 0, 12, 0, "no commit"),
        (None, 4, 12, 4, 8, 0, "no commit"),
        (None, 0, 0, 0, 0, 0, "no commit"),
        # retention removed what was not read: no lag, but a loss
        (5, 9, 12, 9, 3, 4, "expired"),
        (5, 12, 12, 12, 0, 7, "expired"),
        (12, 12, 12, 12, 0, 0, ""),
        # the topic was made anew: the consumer will read all of it
        (100, 0, 5, 0, 5, 0, "rewound"),
        (100, 0, 0, 0, 0, 0, "rewound"),
    ],
)
def test_measure(committed: int | None, begin: int, end: int, position: int, lag: int, expired: int, note: str) -> None:
    found = measure(Offsets(committed, begin, end))
    assert (found.position, found.lag, found.expired, found.note) == (position, lag, expired, note)


def test_commit_age_grows_only_while_records_wait_and_nothing_is_committed() -> None:
    ages = CommitAges()
    assert ages.observe({TP: Offsets(5, 0, 5)}, 100.0) == {}
    assert ages.observe({TP: Offsets(5, 0, 8)}, 110.0) == {TP: 10.0}
    assert ages.observe({TP: Offsets(5, 0, 9)}, 130.0) == {TP: 30.0}
    assert ages.observe({TP: Offsets(6, 0, 9)}, 140.0) == {TP: 0.0}
    assert ages.observe({TP: Offsets(9, 0, 9)}, 150.0) == {}
    # it was idle until 150, whenever the last commit was
    assert ages.observe({TP: Offsets(9, 0, 10)}, 160.0) == {TP: 10.0}


def test_commit_age_of_what_was_never_committed_starts_at_the_first_look() -> None:
    ages = CommitAges()
    assert ages.observe({TP: Offsets(None, 0, 3)}, 100.0) == {TP: 0.0}
    assert ages.observe({TP: Offsets(None, 0, 3)}, 160.0) == {TP: 60.0}
    assert ages.observe({TP: Offsets(0, 0, 3)}, 170.0) == {TP: 0.0}


def test_a_partition_that_vanished_is_forgotten() -> None:
    ages = CommitAges()
    ages.observe({TP: Offsets(1, 0, 3)}, 100.0)
    ages.observe({}, 150.0)
    assert ages.observe({TP: Offsets(1, 0, 3)}, 200.0) == {TP: 0.0}


def _line(topic: str, partition: int, lag: int, oldest: float | None, note: str = "") -> PartitionLag:
    return PartitionLag("a", topic, partition, Offsets(0, 0, lag), lag, 0, note, oldest, None)  # type: ignore[arg-type]


def test_an_agent_is_the_sum_of_its_lag_and_the_oldest_of_its_ages() -> None:
    lines = [_line("t", 1, 3, 7.0), _line("t", 0, 4, None), _line("t", 2, 1, 9.0, "no commit")]
    (agent, other) = by_agent([("a", ("t", "u")), ("b", ("v",))], lines)
    assert (agent.lag, agent.oldest_age, agent.commit_age, agent.uncommitted) == (8, 9.0, None, 1)
    assert [line.partition for line in agent.partitions] == [0, 1, 2]
    assert agent.missing == ("u",)
    assert (other.lag, other.oldest_age, other.missing) == (0, None, ("v",))
