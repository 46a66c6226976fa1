"""Versions: wall clock first, the offset only between events of the same millisecond."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from pipeline.search.version import external_version

MOMENT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def version(changed: datetime | None = None, *, amqp: str = "", timestamp: float = 0.0, offset: int = 0) -> int:
    return external_version(changed, {"amqp-timestamp": amqp} if amqp else {}, timestamp, offset)


def test_the_messages_own_time_counts_then_the_publishers_then_the_logs() -> None:
    seconds = int(MOMENT.timestamp())
    assert version(MOMENT, amqp="1", timestamp=1.0) == (seconds * 1000) << 20
    assert version(amqp=str(seconds), timestamp=1.0) == (seconds * 1000) << 20
    assert version(timestamp=seconds + 0.25) == (seconds * 1000 + 250) << 20
    assert version(amqp="never", timestamp=2.0) == 2000 << 20


def test_the_three_times_are_of_one_scale() -> None:
    earlier = version(MOMENT)
    assert version(amqp=str(int(MOMENT.timestamp()) + 1)) > earlier
    assert version(timestamp=MOMENT.timestamp() + 0.001) > earlier


def test_a_topic_made_anew_begins_with_offset_0_and_goes_on_in_time() -> None:
    assert version(timestamp=1000.001, offset=0) > version(timestamp=1000.0, offset=900_000)


def test_within_a_millisecond_the_later_record_is_newer() -> None:
    assert version(MOMENT, offset=8) > version(MOMENT, offset=7)
    assert version(MOMENT.astimezone(timezone(timedelta(hours=3))), offset=7) == version(MOMENT, offset=7)


@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, 2**63))
def test_every_version_is_one_that_elasticsearch_takes(moment: datetime, offset: int) -> None:
    assert 0 <= version(moment, offset=offset) < 2**63
