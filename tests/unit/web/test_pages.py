"""What the pages say, in both languages, whatever strings come from outside."""

import re
import time
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest

from pipeline.bridge.status import BridgeStatus, DestinationStatus, QueueStatus
from pipeline.delivery.errors import Transient
from pipeline.ops.board_records import BRIDGE, PORTAL, Entry, pack
from pipeline.ops.lag import LagReport, Offsets, PartitionLag, by_agent
from pipeline.portal.view import Hold, Refused, ThrottleWait, clock
from pipeline.search.status import SinkStatus
from pipeline.settings import PortalSettings
from tests.support.pages import portal
from tests.unit.web.conftest import Serve, Site

EVIL = "<img src=x onerror=alert(1)>\"'&"


class Tags(HTMLParser):
    """Names of tags and attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"[ \n]+", " ", " ".join(self.words))


async def page(site: Site, path: str = "/", language: str = "en") -> Tags:
    answer = await site.client.get(path, headers={"Accept-Language": language})
    assert answer.status == 200
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    return Tags(await answer.text())


def fill(site: Site, *lines: PartitionLag) -> None:
    site.ops.lag.report = LagReport(time.time() - 1, by_agent(site.ops.lag.agents, lines))


def line(partition: int, offsets: Offsets, lag: int, note: str = "", **given: float | None) -> PartitionLag:
    values = {"oldest_age": None, "commit_age": None} | given
    return PartitionLag(
        "bridge-leases",
        "bridge.leases",
        partition,
        offsets,
        lag,
        0,
        note,
        **values,  # type: ignore[arg-type]
    )


async def test_before_the_first_look(serve: Serve) -> None:
    site = await serve()
    tags = await page(site)
    assert "not measured yet" in tags.text
    assert "no worker has said anything of it" in tags.text, "the portal of B24REST is shown"


async def test_the_numbers_are_there(serve: Serve) -> None:
    site = await serve()
    fill(
        site,
        line(0, Offsets(None, 0, 1234), 1234, "no commit", oldest_age=185.0),
        line(1, Offsets(7, 0, 9), 2, commit_age=400.0),
    )
    site.gateway.states = [portal("default", waiting=42, oldest_age=7620, state="held", reason="intensity limit")]
    site.bridge.state = BridgeStatus(
        None,
        "",
        (QueueStatus("bitrix24in", True, 500, unacked=3),),
        (DestinationStatus("gone", 6, 60.0, "no such queue"),),
    )
    text = (await page(site)).text
    for words in ("1\u202f236", "1\u202f243", "no commit", "3 min 5 s", "6 min 40 s", "stuck", "1\u202f234"):
        assert words in text, words
    for words in ("42", "2 h 7 min", "held", "intensity limit", "bitrix24in", "consumed here", "gone", "no such queue"):
        assert words in text, words
    russian = (await page(site, language="ru-RU,ru;q=0.9")).text
    for words in ("Отставание шины", "нет фиксации", "3 мин 5 с", "стоит", "придержан", "читает"):
        assert words in russian, words


async def test_the_twin_says_the_same_in_numbers(serve: Serve) -> None:
    site = await serve()
    fill(site, line(0, Offsets(None, 3, 13), 10, "no commit", oldest_age=1.5), line(1, Offsets(7, 0, 9), 2))
    site.gateway.states = [portal("default", waiting=42, oldest_age=5.0)]
    view = await (await site.client.get("/api/lag")).json()
    assert view["totals"]["lag"] == 12
    assert view["totals"]["waiting"] == 42
    leases = next(agent for agent in view["agents"] if agent["agent"] == "bridge-leases")
    assert leases["partitions"][0]["committed"] is None
    assert (leases["lag"], leases["uncommitted"], leases["status"]) == (12, 1, "behind")
    assert leases["partitions"][1] | {"oldest_age": 0, "commit_age": 0} == {
        "topic": "bridge.leases", "partition": 1, "committed": 7, "begin": 0, "end": 9, "lag": 2,
        "oldest_age": 0, "commit_age": 0, "note": "", "expired": 0,
    }  # fmt: skip
    assert view["portals"][0]["portal"] == "default"
    missing = next(agent for agent in view["agents"] if agent["agent"] == "amqp-answers")
    assert missing["status"] == "missing"


async def test_a_blocked_portal_has_its_times_and_a_refusal_stands_there_once(serve: Serve) -> None:
    site = await serve()
    now = time.time()
    hold = Hold("hook", "*", now + 60)
    site.gateway.states = [
        portal("a", state="blocked", reason="OVERLOAD_LIMIT", since=now - 5, until=now + 600),
        portal(
            "b",
            state="auth",
            reason="credential hook is refused (X); tried again at 1",
            since=now - 3,
            held=(hold,),
            refused=(Refused("hook", now - 3, now + 60, "X"),),
            throttles=(ThrottleWait("mirror", now + 30),),
        ),
    ]
    text = (await page(site, "/?part=main")).text
    table = text[text.index("Portals") :]
    assert f"OVERLOAD_LIMIT since {clock(now - 5)} next try at {clock(now + 600)}" in table
    assert table.count("hook") == 1 and f"throttle mirror until {clock(now + 30)}" in table
    first, second, *_ = (await (await site.client.get("/api/lag")).json())["portals"]
    assert (first["since"], first["until"]) == (now - 5, now + 600)
    assert [(one["credential"], one["reason"]) for one in second["refused"]] == [("hook", "X")]
    assert second["throttles"] == [{"name": "mirror", "until": now + 30}]


async def test_health_notes_a_portal_at_its_limit(serve: Serve) -> None:
    site = await serve()
    site.gateway.states = [portal("a", state="held", reason="throttle mirror until 12:00:03")]
    body = await (await site.client.get("/healthz")).json()
    assert body["checks"]["portals"] == "ok" and "portals" not in body["reasons"]
    assert body["notes"] == {"portals": ["a: held; throttle mirror until 12:00:03"]}


async def test_waiting_requests_are_part_of_the_lag(serve: Serve) -> None:
    site = await serve()
    fill(site, line(0, Offsets(9, 0, 9), 0))
    site.gateway.states = [portal("default", waiting=10_000, oldest_age=60.0)]
    tags = await page(site, "/?part=main")
    assert "portal gateway taken in and committed, wait for a portal — — — 10\u202f000 1 min 0 s — behind" in tags.text


async def test_kafka_down_shows_the_last_known_figures_and_the_error(serve: Serve) -> None:
    site = await serve()
    fill(site, line(0, Offsets(7, 0, 9), 2))

    async def fails() -> None:
        raise ConnectionError("refused")

    await site.ops.problems.attempt("lag", fails, 1)
    text = (await page(site)).text
    assert "Kafka does not answer since" in text
    assert "ConnectionError: refused" in text
    assert "last known" in text


async def test_a_portal_whose_owner_is_gone(serve: Serve) -> None:
    site = await serve()
    entry = Entry(PORTAL, "default", "w2", 0.0, portal("default", waiting=3, oldest_age=1.0))
    site.ops.board.put(*pack(entry), time.time() - 20)
    text = (await page(site)).text
    assert "owner gone" in text
    assert "nothing heard of its owner since" in text


@pytest.mark.parametrize("path", ["/", "/?part=main"])
async def test_whatever_comes_from_outside_stays_text(serve: Serve, path: str) -> None:
    site = await serve(portals={EVIL: PortalSettings(address="http://127.0.0.1:1/rest/")})
    fill(site, line(0, Offsets(7, 0, 9), 2))
    site.gateway.states = [portal(EVIL, waiting=1, state="down", reason=EVIL)]
    bridge = BridgeStatus(
        1.0,
        EVIL,
        (QueueStatus(EVIL, True, 1, differences=(EVIL,), error=EVIL),),
        (DestinationStatus(EVIL, 1, 1.0, EVIL),),
    )
    site.bridge.state = bridge
    site.ops.board.put(*pack(Entry(BRIDGE, EVIL, EVIL, 0.0, bridge)), time.time())

    async def fails() -> None:
        raise ValueError(EVIL)

    await site.ops.problems.attempt("lag", fails, 1)
    tags = await page(site, path)
    assert EVIL in tags.text
    assert "img" not in tags.tags
    assert "style" not in tags.tags
    assert not [name for name in tags.attributes if name.startswith("on") or name == "style"]


async def test_the_language_is_remembered_and_never_taken_unchecked(serve: Serve) -> None:
    site = await serve()
    answer = await site.client.get("/?lang=ru")
    assert '<html lang="ru">' in await answer.text()
    assert '<html lang="ru">' in await (await site.client.get("/")).text()
    answer = await site.client.get("/?lang=%22%3E%3Cimg%3E")
    assert "<img>" not in await answer.text()
    assert answer.cookies == {}


async def test_without_the_script_the_page_renews_itself_and_shows_all(serve: Serve) -> None:
    site = await serve()
    fill(site, line(0, Offsets(7, 0, 9), 2))
    answer = await (await site.client.get("/")).text()
    assert '<noscript><meta http-equiv="refresh"' in answer
    assert "hidden" not in answer.partition('id="main"')[2]


async def test_faust_s_own_pages_are_gone(serve: Serve) -> None:
    site = await serve()
    for path in ("/router/", "/table/", "/graph/", "/performance/", "/assignment/"):
        assert (await site.client.get(path)).status == 404
    assert "application/json" not in (await site.client.get("/")).headers["Content-Type"]


async def test_metrics(serve: Serve) -> None:
    site = await serve()
    answer = await site.client.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    text = await answer.text()
    assert "pipeline_lag_look_age_seconds NaN" in text
    assert "process_resident_memory_bytes" in text


async def test_what_plans_miss_is_told_of_each_portal(serve: Serve) -> None:
    site = await serve()
    site.gateway.states = [
        portal("a", waiting=3, watches=1204, reason="2 plans wait for what they have not found"),
        portal("b"),
    ]
    text = (await page(site)).text
    assert text.count("run again when what they miss appears") == 1
    assert "run again when what they miss appears: 1\u202f204" in text
    russian = (await page(site, language="ru")).text
    assert "планов ждут того, чего ещё нет: 2" in russian
    assert "повторятся, когда появится недостающее: 1\u202f204" in russian


async def test_the_search_is_shown_where_there_is_one(serve: Serve) -> None:
    site = await serve()
    assert "Search index" not in (await page(site)).text
    status = SinkStatus(waiting=7)
    site.ops.search = SimpleNamespace(status=lambda: status)
    assert "Search index" in (await page(site)).text and "takes no documents" not in (await page(site)).text
    status.failed(0, Transient("Elasticsearch did not answer in time"))
    assert "takes no documents 7 Elasticsearch did not answer in time" in (await page(site)).text
    assert "не принимает документы 7 Elasticsearch не ответил вовремя" in (await page(site, language="ru")).text
    search = (await (await site.client.get("/api/lag")).json())["search"]
    assert (search["waiting"], search["trouble"]["error_class"]) == (7, "transient")
