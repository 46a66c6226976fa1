"""The five defects of b24pysdk 1.3.2: each is shown on it, and not to be found in our gateway."""

import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from b24pysdk import BitrixWebhook, Config, errors
from b24pysdk import Client as Theirs

from sandbox.portal.options import Options
from tests.clients.simulator import Simulator, running
from tests.support.gateway import TIMEOUT, gateway
from tests.support.sandbox_portal import NO_LIMITS, Client, serving

CLOUD = Options()


@pytest.fixture(scope="module")
def _secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    folder = tmp_path_factory.mktemp("secure")
    with running(folder, "--batch-billing", "batch", ca_file=folder / "ca.pem") as simulator:
        yield simulator


@pytest.fixture
def secure(_secure: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """A cloud portal by https, which they insist on; it bills batches as self-hosted ones do."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(_secure.ca_file))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    _secure.reset()
    return _secure


def theirs(portal: Simulator, **given: Any) -> Any:
    return Theirs(BitrixWebhook(domain=portal.address, webhook_token="1/sandbox"), **given)


async def counters(portal: Client) -> dict[str, Any]:
    found = await portal.control("counters?portal=default")
    return found.get("portals", {}).get("default", found)


def call(method: str, **params: Any) -> dict[str, Any]:
    """One request."""
    return {"method": method, "body": orjson.dumps(params)}


# 1: it gives up after ten seconds what the portal goes on with


async def test_a_batch_of_12_seconds_is_waited_for() -> None:
    """So is one of nearly a minute, after which portals cut."""
    assert TIMEOUT > 60
    async with serving(scale=60, default=NO_LIMITS) as portal, gateway(portal, scale=60, preset="self-hosted") as ours:
        for seconds in (12, 55):
            await portal.fault("delay", delay=seconds, count=1)
            rows = await ours.run(*(call("crm.deal.add", fields={"TITLE": f"t{n}"}) for n in range(5)))
            assert len(set(ours.results(rows))) == 5
        told = await counters(portal)
    assert (told["requests"], told["faults"], told["writes"]) == (2, {"delay": 2}, {"add": {"deal": 10}})


def test_a_batch_of_12_seconds_is_given_up_by_them(secure: Simulator) -> None:
    """Times are shortened, theirs and the portal's alike."""
    read_timeout = Config().default_read_timeout
    assert read_timeout == 10
    secure.fault("delay", delay=12 / 20)
    client = theirs(secure, timeout=(5, read_timeout / 20))
    with pytest.raises(errors.BitrixRequestTimeout):
        client.call_batch([client.crm.deal.add(fields={"TITLE": "given up"})] * 5).result  # noqa: B018
    while secure.counters()["in_flight"]:
        pass
    assert secure.counters()["writes"] == {"add": {"deal": 5}}


# 2: nothing paces them


async def test_3000_commands_are_paced() -> None:
    """60 requests more, when 30 were made just before."""
    async with serving(scale=4, default=CLOUD) as portal, gateway(portal, scale=4) as ours:
        await portal.control("load", "POST", json={"requests": 30})
        for _ in range(30):
            ours.parts.limiter.reserve(time.time())
        rows = await ours.run(*(call("sandbox.echo", n=n) for n in range(3000)))
        # an integer alone, a text in a batch
        assert [int(result["n"]) for result in ours.results(rows)] == list(range(3000))
        told = await counters(portal)
    assert (told["refused"], told["executions"]["sandbox.echo"]) == (0, 3000)
    assert 35 < told["max_level"] <= 46, "the bucket was used, and its last places were not"


def test_their_commands_are_not(secure: Simulator) -> None:
    """Twelve requests, when 46 were made just before."""
    secure.control("load", {"requests": 46})
    client = theirs(secure, initial_retry_delay=0.5)
    client.call_batches([client.profile()] * 600).result  # noqa: B018
    assert secure.counters()["refused"] > 0


# 3: a 429 is an error at once


async def test_a_429_is_held_and_answered() -> None:
    async with serving(scale=300, default=CLOUD) as portal, gateway(portal, scale=300) as ours:
        await portal.control("load", "POST", json={"method": "crm.deal.list", "seconds": 490, "user": "1"})
        held, free = await ours.run(call("crm.deal.list"), call("crm.company.list"))
        answered = [record.headers["answer-id"] for record in ours.kafka.taken if "answer-id" in record.headers]
        assert answered == [free.identity, held.identity], "other methods go on"
        assert ours.results([held, free]) == [[], []]
        told = await counters(portal)
    assert told["executions"]["crm.deal.list"] == 1
    assert 1 <= told["refused_by"]["operating"] <= 11, "asked once a minute, until the portal has forgotten"


def test_a_429_is_raised_by_them(secure: Simulator) -> None:
    secure.control("load", {"method": "crm.deal.list", "seconds": 490, "user": "1"})
    with pytest.raises(errors.BitrixAPIOperationTimeLimit):
        theirs(secure).crm.deal.list().result  # noqa: B018
    assert secure.counters()["requests"] == 1


# 4: booleans are texts in a batch


async def test_booleans_are_the_same_alone_and_packed() -> None:
    """`Y` and `N` where the fields are known; what is not known goes alone."""
    async with serving(default=NO_LIMITS) as portal, gateway(portal) as ours:
        stored = []
        for many in (1, 4):
            for flag in (True, False):
                one = call("crm.deal.add", fields={"TITLE": "x", "OPENED": flag})
                ids = ours.results(await ours.run(*[one] * many))
                stored.append({(await portal.result("crm.deal.get", {"id": number}))["OPENED"] for number in ids})
        assert stored == [{"Y"}, {"N"}] * 2
        unknown = await ours.run(*[call("sandbox.echo", flag=False)] * 4)
        assert ours.results(unknown) == [{"flag": False}] * 4
        told = await counters(portal)
    assert told["executions"]["batch"] == 2 and told["executions"]["crm.deal.add"] == 10


def test_booleans_are_changed_by_them(secure: Simulator) -> None:
    client = theirs(secure)
    token = client.get_token()
    assert token.call_method("sandbox.echo", {"flag": False})["result"] == {"flag": False}
    packed = token.call_batch({"one": ("sandbox.echo", {"flag": False})})["result"]["result"]
    assert packed == {"one": {"flag": "False"}}, "which is true to PHP"


# 5: accumulated times are added to each other

USED = {"method": "batch", "seconds": 100, "user": "1"}


async def test_operating_is_a_state() -> None:
    """A portal that bills batches tells the same 100 s after each of eight: no 800 s of 480."""
    async with serving(default=Options(batch_billing="batch")) as portal, gateway(portal) as ours:
        await portal.control("load", "POST", json=USED)
        for _ in range(8):
            await ours.run(*[call("sandbox.echo", n=1)] * 4)
            assert ours.holds() == set() and ours.governor.ready_at("all", "batch", ours.rows[-1].accepted) is None
        told = await counters(portal)
    assert told["executions"]["batch"] >= 7 and told["operating"]["1/batch"] == 100


def test_operating_is_added_up_by_them(secure: Simulator) -> None:
    secure.control("load", USED)
    client = theirs(secure)
    done = client.call_batches([client.crm.deal.list(select=["ID"])] * 120).response
    assert done.time.operating == 300
    assert secure.counters()["operating"]["1/batch"] == 100
