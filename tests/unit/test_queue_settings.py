"""Queues of the site: the original's as defaults, brand queues by configuration, one line for each wrong value."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.configuration import read
from pipeline.delivery.plans import topic_plans
from pipeline.settings import Settings
from pipeline.topology import InboundQueue, amqp_in, site_queues, topic

BRAND = """
[queues.mxpl_product_queue]
event = "product"
routing_key = "property.brand.Maxonor_PURE_LIFE"
catalog = "maxonor"
"""


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PIPELINE_CONFIG", raising=False)


def settings(toml: str) -> Settings:
    Path("pipeline.toml").write_text(toml)
    return read()


def queues(toml: str = "") -> dict[str, InboundQueue]:
    return {queue.queue: queue for queue in site_queues(settings(toml))}


def test_the_defaults_are_the_originals() -> None:
    """Seeds, section 1.1; the sections' queue is ours, and the products' key too (docs/queues.md)."""
    assert {
        queue.queue: (queue.exchange, queue.exchange_type, queue.routing_key, queue.limit, queue.time_limit)
        for queue in site_queues(Settings())
    } == {
        "crm_user_queue": ("users", "fanout", "", 500, 60.0),
        "crm_product_queue": ("products", "topic", "#", None, None),
        "crm_section_queue": ("section", "topic", "site.#", 500, 60.0),
        "crm_mutualsettlements_queue": ("mutualsettlements", "fanout", "", 500, 60.0),
    }
    assert {queue.mode for queue in site_queues(Settings())} == {"steady"}
    assert all(topic(queue.topic) for queue in site_queues(Settings()))


def test_without_a_mapping_only_the_requests_are_read(tmp_path: Path) -> None:
    assert [queue.queue for queue in amqp_in(Settings())] == ["bitrix24in"]
    (tmp_path / "mapping.toml").write_text("")
    assert [queue.queue for queue in amqp_in(Settings())] == ["bitrix24in", *Settings().queues]
    (tmp_path / "mapping.toml").rename(tmp_path / "other.toml")
    assert [queue.queue for queue in amqp_in(Settings())] == ["bitrix24in"]
    assert len(amqp_in(Settings(mapping=tmp_path / "other.toml"))) == 5


def test_a_brand_queue_is_three_lines() -> None:
    brand = queues(BRAND)["mxpl_product_queue"]
    assert (brand.exchange, brand.exchange_type, brand.topic) == ("products", "topic", "events.product")
    assert (brand.routing_key, brand.catalog, brand.mode) == ("property.brand.Maxonor_PURE_LIFE", "maxonor", "steady")
    assert (brand.limit, brand.time_limit) == (500, 60.0)
    assert len(queues(BRAND)) == 5


def test_a_default_queue_is_changed_in_one_value() -> None:
    found = queues("[queues.crm_user_queue]\nmode = 'on-command'\nlimit = 'None'\n")
    assert (found["crm_user_queue"].mode, found["crm_user_queue"].limit) == ("on-command", None)
    assert (found["crm_user_queue"].exchange, found["crm_user_queue"].time_limit) == ("users", 60.0)
    assert found["crm_product_queue"].routing_key == "#"


def test_a_queue_is_switched_off() -> None:
    assert "crm_section_queue" not in queues("[queues.crm_section_queue]\nenabled = false\n")


def test_a_queue_that_others_bind_is_left_unbound() -> None:
    assert queues("[queues.crm_product_queue]\nexchange = ''\n")["crm_product_queue"].exchange == ""


def test_the_environment_can_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_QUEUES__crm_user_queue__MODE", "on-command")
    assert queues()["crm_user_queue"].mode == "on-command"
    monkeypatch.delenv("PIPELINE_QUEUES__crm_user_queue__MODE")
    monkeypatch.setenv("PIPELINE_QUEUES", '{"Brand.Queue": {"event": "user"}}')
    assert queues()["Brand.Queue"].exchange == "users"


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("[queues.q]\nexchange = 'x'\n", "PIPELINE_QUEUES.q.event: wants: a value, it is missing"),
        (
            "[queues.q]\nevent = 'order'\n",
            "PIPELINE_QUEUES.q.event: got 'order', wants: 'user', 'product', 'section' or 'settlement'",
        ),
        (
            "[queues.q]\nevent = 'user'\ntype = 'x-delayed-message'\n",
            "PIPELINE_QUEUES.q.type: got 'x-delayed-message', wants: 'direct', 'fanout', 'topic' or 'headers'",
        ),
        (
            "[queues.q]\nevent = 'user'\nmode = 'sometimes'\n",
            "PIPELINE_QUEUES.q.mode: got 'sometimes', wants: 'steady' or 'on-command'",
        ),
        (
            "[queues.q]\nevent = 'user'\nlimit = 0\n",
            "PIPELINE_QUEUES.q.limit: got 0, wants: greater than or equal to 1",
        ),
        (
            "[queues.q]\nevent = 'user'\nurl = 'amqp://u:s3cr3t@h/'\n",
            "PIPELINE_QUEUES.q.url: got 18 characters that are not shown, "
            "wants: nothing here, there is no such setting",
        ),
        (
            "[queues.q]\nevent = 'user'\ncatalog = 'x'\n",
            "PIPELINE_QUEUES.q: wants: no catalog: only products and sections have one, not event 'user'",
        ),
        (
            "[queues.q]\nevent = 'product'\n",
            "PIPELINE_QUEUES.q: wants: a routing_key; `#` takes all that a topic exchange is sent",
        ),
        (
            "[queues.q]\nevent = 'product'\ntype = 'fanout'\n",
            "PIPELINE_QUEUES: wants: one type of an exchange; products is topic for crm_product_queue, fanout for q",
        ),
        (
            "[queues.bitrix24in]\nevent = 'user'\n",
            "PIPELINE_QUEUES: got 'bitrix24in', wants: another queue than AMPQIN and AMPQOUT",
        ),
        (
            "[queues.q]\nevent = 'user'\n[queues.q]\nevent = 'user'\n",
            "pipeline.toml: wants: TOML: Cannot declare ('queues', 'q') twice (at line 3, column 10)",
        ),
        ("[queues.'']\nevent = 'user'\n", "PIPELINE_QUEUES: wants: names of 1 to 255 bytes; got ''"),
        ("[queue.q]\nevent = 'user'\n", "pipeline.toml: queue: there is no such setting"),
    ],
)
def test_each_wrong_value_is_one_clear_line(toml: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        settings(toml)
    assert capsys.readouterr().err.splitlines() == [f"pipeline: wrong setting: {line}"]


def test_a_misspelt_path_of_the_mapping_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIPELINE_MAPPING", "maping.toml")
    with pytest.raises(SystemExit):
        read()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("PIPELINE_MAPPING: got 'maping.toml', wants: a file that exists")


def test_the_newest_of_each_product_stays_and_times_are_the_brokers() -> None:
    """`reindex` plays the products again, and versions of documents come from the log (issue 5, section 3)."""
    plans = {plan.name: plan for plan in topic_plans(Settings())}
    for queue in site_queues(Settings()):
        plan = plans[queue.topic]
        assert plan.partitions == 12 and plan.config["message.timestamp.type"] == "LogAppendTime"
        product = queue.event == "product"
        assert plan.config["cleanup.policy"] == ("compact" if product else "delete")
        assert plan.config["retention.ms"] == ("-1" if product else str(14 * 86_400_000))
    assert "message.timestamp.type" not in plans["portal.results"].config


DOCS = Path(__file__).parents[2] / "docs" / "queues.md"


def test_the_documents_table_is_the_defaults() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| `(\w+)`, (\w+) \| (\S+) \| (\w+) \| `([\w.]+)` \|$", DOCS.read_text(), re.MULTILINE
    )
    assert rows == [
        (
            queue.queue,
            queue.exchange,
            queue.exchange_type,
            f"`{queue.routing_key}`" if queue.routing_key else "-",
            queue.event,
            queue.topic,
        )
        for queue in site_queues(Settings())
    ]


def test_the_documents_example_is_read() -> None:
    (toml,) = re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    found = queues(toml)
    assert "crm_section_queue" not in found and found["crm_user_queue"].mode == "on-command"
    assert (found["vg_product_queue"].catalog, found["vg_product_queue"].limit) == ("vigro", 1000)
    assert found["mxpl_product_queue"] == queues(BRAND)["mxpl_product_queue"]


def test_a_catalogue_that_the_mapping_does_not_have_stops_the_start(tmp_path: Path) -> None:
    """Else every product of the brand would become a dead letter."""
    site = '[portals.default.credentials]\nsite = {user = "1", token = "t"}\n'
    portal = f'[portals.default]\naddress = "http://h/rest/"\n{site}'
    (tmp_path / "pipeline.toml").write_text(BRAND + portal)
    (tmp_path / "mapping.toml").write_text("[catalogs.default]\niblock = 1\n")
    root = DOCS.parents[1]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root), "HOME": str(tmp_path)}
    faust = Path(sys.executable).parent / "faust"
    done = subprocess.run(
        [faust, "-A", "pipeline", "worker"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 78
    assert done.stderr == (
        "pipeline: refuses to start: mapping.toml: [catalogs.maxonor]: wants: its iblock: "
        "queue 'mxpl_product_queue' of the settings names this catalogue\n"
    )
