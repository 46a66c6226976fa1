"""Numbers, times, durations, and the choice of the language."""

import string
import time

import pytest

from pipeline.web.formats import clock, count, duration
from pipeline.web.texts import TEXTS, choose


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "—"),
        (0, "0 s"),
        (0.44, "0.4 s"),
        (12.3, "12 s"),
        (59.6, "1 min 0 s"),
        (185, "3 min 5 s"),
        (7620, "2 h 7 min"),
        (349_200, "4 d 1 h"),
        (-3, "0 s"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds, TEXTS["en"]) == text


def test_russian_has_a_comma() -> None:
    assert duration(0.44, TEXTS["ru"]) == "0,4 с"


def test_count_and_clock() -> None:
    assert (count(None), count(0), count(1234567)) == ("—", "0", "1\u202f234\u202f567")
    assert clock(None) == "—"
    assert clock(time.time()) == time.strftime("%H:%M:%S")
    assert clock(0.0).startswith("19")


@pytest.mark.parametrize(
    ("asked", "cookie", "header", "language"),
    [
        (None, None, None, "en"),
        (None, None, "ru-RU,ru;q=0.9,en-US;q=0.8", "ru"),
        (None, None, "en-US,en;q=0.9,ru;q=0.8", "en"),
        (None, None, "de,ru;q=0.2,en;q=0.1", "ru"),
        (None, None, "ru;q=0,en;q=0.1", "en"),
        (None, None, "de", "en"),
        (None, None, ";;q=,,ru;q=x", "en"),
        (None, "ru", "en", "ru"),
        ("en", "ru", "ru", "en"),
        ("xx", None, "ru", "ru"),
    ],
)
def test_language(asked: str | None, cookie: str | None, header: str | None, language: str) -> None:
    assert choose(asked, cookie, header) == language


def test_both_languages_have_all_words_and_russian_is_russian() -> None:
    assert TEXTS["en"].keys() == TEXTS["ru"].keys()
    for key, words in TEXTS["ru"].items():
        assert words.strip(), key
        if key not in ("json", "bridge", "title"):
            assert not set(words.replace("PIPELINE_WEB_TOKEN", "").replace("Kafka", "")) & set(string.ascii_letters), (
                key
            )
