"""Versions: which there are, which is older, and that two kinds are never taken for older and newer."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pipeline.portal.links.versions import Version, is_older, kind_of

ADAPTER: TypeAdapter[int | str] = TypeAdapter(Version)
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1000, 1, 1), timezones=OFFSETS)


@pytest.mark.parametrize(
    ("version", "applied", "older"),
    [
        (1, 2, True),
        (2, 2, False),
        (3, 2, False),
        ("9", "10", True),
        (9, "10", True),
        ("010", 10, False),
        ("-7", 0, True),
        ("9" * 1000, "1" * 1000, False),
        ("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", True),
        ("2024-08-30T15:29:05+03:00", "2024-08-30T12:29:05Z", False),
        ("2024-08-30T15:29:05+03:00", "2024-08-30T12:29:06Z", True),
        ("2024-08-30T15:29:05+03:00", "2024-08-30T12:29:04.9Z", False),
        ("2024-08-30 15:29", "2024-08-30T15:30:00", True),
        (None, 2, False),
        (2, None, False),
    ],
)
def test_which_is_older(version: Any, applied: Any, older: bool) -> None:
    assert is_older(version, applied) is older


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (4, "2024-08-30T15:29:05+03:00"),
        ("20240830", "2024-08-30T15:29:05+03:00"),
        ("2024-08-30T15:29:05", "2024-08-30T15:29:05+03:00"),
        (5, "v4"),
        ("v10", "v9"),
    ],
)
def test_of_two_kinds_nobody_can_tell(one: Any, other: Any) -> None:
    assert is_older(one, other) is None and is_older(other, one) is None


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        (5, "integer"),
        ("5", "integer"),
        ("2024-08-30T15:29:05Z", "date-time"),
        ("2024-08-30T15:29:05", "local date-time"),
        ("v1", "text"),
    ],
)
def test_kinds(version: Any, kind: str) -> None:
    assert kind_of(version) == kind


@pytest.mark.parametrize(
    "version", [0, -(2**63), 2**63 - 1, "7", "-7", "007", "9" * 25, "2024-08-30T15:29:05.1234567+0300"]
)
def test_what_comes_in_stays_as_it_is(version: Any) -> None:
    taken = ADAPTER.validate_python(version)
    assert taken == version and type(taken) is type(version)


@pytest.mark.parametrize(
    "version",
    [
        True,
        False,
        1.5,
        2.0,
        2**63,
        [],
        "",
        " ",
        "true",
        "x y",
        "v9",
        "²",
        "1e3",
        "9" * 1001,
        "2024-08-30",
        "2024-02-30T00:00:00Z",
        "2024-08-30T25:00:00Z",
        "2024-08-30T15:29:05Z\n",
    ],
)
def test_what_is_refused(version: Any) -> None:
    with pytest.raises(ValidationError, match="wanted: an integer"):
        ADAPTER.validate_python(version)


@given(MOMENTS, MOMENTS)
def test_date_times_are_compared_as_instants(one: datetime, other: datetime) -> None:
    assert is_older(one.isoformat(), other.isoformat()) is (one < other)


@given(st.integers(), st.integers())
def test_numbers_are_compared_by_value(one: int, other: int) -> None:
    assert is_older(str(one), other) is is_older(one, str(other)) is (one < other)
