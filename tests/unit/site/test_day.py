"""The generated day: repeatable, every variant in it, and an order that may be shuffled."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

import orjson
import pytest

from sandbox.site.__main__ import main
from sandbox.site.day import EXCHANGES, Day, make_day, shuffled
from sandbox.site.forms import ZONE
from sandbox.site.sizes import Sizes


@pytest.fixture(scope="module")
def day() -> Day:
    return make_day(Sizes(), 1)


def test_the_same_seed_makes_the_same_day(day: Day) -> None:
    assert make_day(Sizes(), 1) == day
    assert make_day(Sizes(), 2) != day


def test_sizes_are_kept(day: Day) -> None:
    keys = {key for one in day.messages for key in one.keys}
    counts = {
        kind: sum(key.startswith(f"{kind}:") for key in keys) for kind in ("user", "product", "section", "settlement")
    }
    assert counts == {"user": 60, "product": 120, "section": 20, "settlement": 20}
    assert sum(bool(one.wrong) for one in day.messages) >= 4
    assert {one.exchange for one in day.messages} == set(EXCHANGES)


def test_more_users_do_not_make_other_products() -> None:
    one, other = (make_day(Sizes(users=users), 1) for users in (5, 50))
    products = [{m for m in day.messages if m.exchange == "products"} for day in (one, other)]
    assert {m.body for m in products[0]} == {m.body for m in products[1]}


def test_the_variants_of_the_wire_format_are_there() -> None:
    text = b"\n".join(one.body for one in make_day(Sizes(), 1).messages).decode()
    words = ("PAYNEMTS", "PAYMENTS", "CACHBACK", "CASHBACK", "DELEVERY", "DELIVERY", "DATE_UPDATE", "TIMESTAMP_X")
    missing = [word for word in words if f'"{word}"' not in text]
    assert not missing
    assert '"request":{' in text and '"application":{' in text
    assert '"DATE_CREATE":"@' in text and '"XML_ID":8800' in text and '"UF_SOMETHING_NEW"' in text


def test_objects_change_over_the_day_and_their_messages_are_apart(day: Day) -> None:
    times: dict[str, set[datetime]] = defaultdict(set)
    for one in day.messages:
        for key in one.keys:
            times[key].add(one.at)
    assert max(map(len, times.values())) >= 4
    assert list(day.messages) == sorted(day.messages, key=lambda one: one.at)


def test_some_messages_come_twice_and_some_envelopes_hold_two() -> None:
    day = make_day(Sizes(settlements=60), 1)
    assert len({(one.exchange, one.body) for one in day.messages}) < len(day.messages)
    double = [one for one in day.messages if len(one.keys) > 1]
    assert double and all(len(orjson.loads(one.body)) == 2 for one in double)


def test_who_does_not_say_how_new_it_is_keeps_its_order(day: Day) -> None:
    mixed = shuffled(day.messages, 7)
    assert mixed != list(day.messages) and sorted(mixed, key=repr) == sorted(day.messages, key=repr)
    still = [one for one in day.messages if not one.versioned]
    assert still
    for key in {one.keys[0] for one in still}:
        assert [one for one in mixed if one.keys == (key,)] == [one for one in still if one.keys == (key,)]
    assert all(one.timestamp is None for one in still)


def test_again_leaves_out_what_only_the_order_decides(day: Day) -> None:
    again = day.again()
    assert 0 < len(again.messages) < len(day.messages)
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for one in again.messages:
        assert not one.wrong
        if not one.versioned:
            bodies[one.keys[0]].add(one.body)
    assert all(len(found) == 1 for found in bodies.values())


def test_a_later_day_is_newer() -> None:
    midnight = datetime(2027, 1, 1, tzinfo=ZONE)
    day = make_day(Sizes(), 1, midnight=midnight)
    assert all(one.timestamp is None or one.timestamp > midnight for one in day.messages)


def test_it_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--users", "2", "--products", "0", "--sections", "1", "--settlements", "1", "--print"]) == 0
    lines = [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["exchange"] for line in lines} == {"users", "section", "mutualsettlements"}


def test_a_broker_that_is_not_there_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--amqp", "amqp://guest:guest@127.0.0.1:1/", "--users", "1"]) == 1
    assert capsys.readouterr().err.startswith("sandbox site: ")
