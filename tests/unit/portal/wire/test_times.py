"""pipeline/portal/wire/times.py: the `time` of an answer, however a build writes it."""

from typing import Any

import orjson
import pytest

from pipeline.portal.wire.times import Times, times_of


@pytest.mark.parametrize(
    ("time", "operating", "reset_at", "duration"),
    [
        ({"operating": 1.5, "operating_reset_at": 1725, "duration": 0.25, "processing": 0.2}, 1.5, 1725.0, 0.25),
        ({"operating": "1.5", "operating_reset_at": "1725", "duration": "2"}, 1.5, 1725.0, 2.0),
        ({"operating": 0, "duration": 1}, 0.0, None, 1.0),
        ({"operating": None, "operating_reset_at": "", "duration": "soon"}, None, None, None),
        ({"operating": True, "operating_reset_at": [], "duration": {}}, None, None, None),
        ({"operating": -1, "operating_reset_at": "nan", "duration": "inf"}, None, None, None),
        ({}, None, None, None),
        ([], None, None, None),
        (None, None, None, None),
        ("1.5", None, None, None),
    ],
)
def test_times(time: Any, operating: float | None, reset_at: float | None, duration: float | None) -> None:
    answer = {"result": 1, "time": time}
    for given in (answer, orjson.dumps(answer)):
        times = times_of(given)
        assert (times.operating, times.reset_at, times.duration) == (operating, reset_at, duration)


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b"null", b'{"error":""}', [], None, {}])
def test_nothing_is_told(answer: Any) -> None:
    assert times_of(answer) == Times()
