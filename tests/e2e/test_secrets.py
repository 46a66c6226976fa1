"""No token anywhere but in the portal's address: not in Kafka, logs, pages, metrics, answers, the data folder."""

import uuid

import pytest

from tests.e2e.conftest import FOREIGN_TOKEN, FOREIGN_USER, KNOWN_TOKEN, KNOWN_USER
from tests.e2e.installation import Place
from tests.e2e.kafka_log import read
from tests.e2e.waiting import eventually

pytestmark = pytest.mark.services

WRONG_TOKEN = "token-that-is-wrong-7Bk2"
SECRETS = (KNOWN_TOKEN, FOREIGN_TOKEN, WRONG_TOKEN)
FOREIGN = {"user": FOREIGN_USER, "token": FOREIGN_TOKEN}
KNOWN = {"user": KNOWN_USER, "token": KNOWN_TOKEN}
PAGES = ("/", "/?lang=ru", "/?part=main", "/api/lag", "/metrics", "/healthz", "/readyz")


def test_tokens_are_nowhere_to_be_seen(place: Place) -> None:
    bus = place.bus
    missing = f"missing-{uuid.uuid4().hex[:8]}"
    copies = {"x-copy": f"Bearer {FOREIGN_TOKEN}", "X-Token": FOREIGN_TOKEN, "nested": {"a": [FOREIGN_TOKEN]}}
    asked = [
        place.send("profile", **KNOWN),
        place.send("profile", **FOREIGN),
        place.send("profile", headers=copies, **FOREIGN),
        place.send("profile", user="1", token=WRONG_TOKEN),
        place.send("../x", **FOREIGN),
        place.send(None, **KNOWN),
        place.send("profile", body=b"no JSON", **FOREIGN),
        place.send("profile", user=None, token=WRONG_TOKEN),
        place.send("profile", user="1", token=f"{WRONG_TOKEN}/.."),
        place.send("profile", body=b'{"a":"' + b"x" * 17 * 1024 * 1024 + b'"}', **FOREIGN),
        bus.send("profile", portal="nobody", **KNOWN),
        bus.send("profile", portal="strict", **FOREIGN),
        bus.send("crm.deal.delete", {"id": 1}, portal="strict", **KNOWN),
    ]
    answers = [bus.mailbox.wait(message_id) for message_id in asked]
    # states in which pages, health and logs have something to tell
    broken = place.simulator.fault("502")
    waiting = [place.send("crm.deal.list", **FOREIGN), place.send("crm.deal.list", **KNOWN)]
    eventually(lambda: place.simulator.hits(broken) > 3, "the portal fails")
    place.bus.send("profile", reply_to=missing, **FOREIGN)
    eventually(lambda: any(missing in reason for reason in bus.health("rabbitmq")), "an answer is parked")
    eventually(lambda: any(place.name in reason for reason in bus.health("portals")), "the portal is shown")

    pages = {path: bus.page(path).text for path in PAGES}
    unique = bus.worker.env["PIPELINE_APP_ID"]
    records = read(bus.bootstrap, lambda topic: topic.startswith(unique))
    log = bus.worker.log.read_text()
    files = {path: path.read_bytes() for path in (bus.worker.folder / "data").rglob("*") if path.is_file()}

    topics = {record.topic.removeprefix(f"{unique}.").removeprefix(f"{unique}-") for record in records}
    assert topics >= {
        *("portal.requests.interactive", "portal.results", "dead.letters", "portal.keys", "ops.state"),
        *("requests-changelog", "parked-changelog"),
    }, "or there was nothing to look at"
    requests = [record for record in records if record.topic.endswith("portal.requests.interactive")]
    assert {record.headers.get("amqp-message-id", b"").decode() for record in requests} >= {*asked, *waiting}
    assert any(record.headers.get("credential") == b"known" for record in requests)
    assert any(record.holds(record.headers["sealed"]) for record in records if "sealed" in record.headers)
    assert place.name in pages["/"] and place.name in log and unique in log and files

    for secret in SECRETS:
        needle = secret.encode()
        assert [record.topic for record in records if record.holds(needle)] == []
        assert [path for path, text in pages.items() if secret in text] == []
        assert [path.name for path, content in files.items() if needle in content] == []
        assert secret not in log
        assert not any(needle in answer.body or secret in str(answer.headers) for answer in answers)
    for key in (bus.worker.folder / "seal.key").read_bytes().split():
        assert not any(record.holds(key) for record in records)
        assert key.decode() not in log + "".join(pages.values())

    place.simulator.heal()
    with_mail = bus.listen(missing)
    with_mail.wait_number(1)
    for message_id in waiting:
        bus.mailbox.wait(message_id)
