"""The page at `/`."""

import pytest

from sandbox.portal.auth import Credential
from sandbox.portal.faults import FaultBook
from sandbox.portal.methods import registry
from sandbox.portal.methods.spec import Call
from sandbox.portal.options import Costs, Options
from sandbox.portal.portal import Portal
from sandbox.portal.status.page import page
from sandbox.portal.status.words import WORDS, language
from tests.unit.sandbox.virtual_clock import VirtualClock


async def _page(lang: str) -> str:
    book = FaultBook()
    book.add({"kind": "502", "methods": ["<b>"]})
    portal = Portal("one", Options(costs=Costs({"*": 0.5})), registry(), VirtualClock(60), book)
    portal.overload.block()
    portal.bucket.take("10.0.0.1", portal.clock.now())
    for _ in range(2):
        fields = {"fields": {"ORIGIN_ID": "o"}}
        portal.overload.lift()
        await portal.execute(Call("crm.deal.add", fields, Credential("1", "a-secret-token"), "10.0.0.1", 1))
    portal.overload.block()
    return page(lang, "http://127.0.0.1:1", {"one": portal}, book.rules())


@pytest.mark.parametrize("lang", ["en", "ru"])
async def test_it_tells_all_and_no_token(lang: str) -> None:
    text = await _page(lang)
    words = WORDS[lang]
    for part in ("http://127.0.0.1:1/one/rest/", "crm.deal.add", "10.0.0.1", words["blocked"], words["faults"], "502"):
        assert part in text, part
    assert "&lt;b&gt;" in text
    assert "a-secret-token" not in text
    assert '<span class="bad">1</span>' in text, "one external id was added twice"
    assert "src=" not in text


def test_both_languages_have_all_words() -> None:
    assert set(WORDS["en"]) == set(WORDS["ru"])


@pytest.mark.parametrize(
    ("asked", "accepted", "expected"),
    [
        (None, "", "en"),
        (None, "ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        (None, "de,en;q=0.8,ru;q=0.5", "en"),
        ("ru", "en", "ru"),
        ("xx", "ru", "ru"),
    ],
)
def test_language(asked: str | None, accepted: str, expected: str) -> None:
    assert language(asked, accepted) == expected
