"""pipeline/topology.py and plans.py: everything that is used is declared, and what is declared is used."""

import importlib
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from pipeline.bridge.service import Bridge
from pipeline.delivery.app import make_app
from pipeline.delivery.plans import changelog_name, topic_plans
from pipeline.flows.mapping.model import CatalogMapping, Mapping
from pipeline.flows.site import site_flows
from pipeline.portal.access.seal import Sealer
from pipeline.portal.control import Control
from pipeline.portal.gateway import Gateway
from pipeline.portal.partition import partition_of
from pipeline.settings import Settings
from pipeline.topology import AGENTS, PARTITIONS, TABLES, TOPICS, Agent, agents, amqp_in, amqp_out, topic, wire_name

NAMES = [declared.name for declared in TOPICS]


def test_names_are_declared_once() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert len({agent.name for agent in AGENTS}) == len(AGENTS)
    with pytest.raises(KeyError, match=r"no\.such"):
        topic("no.such")


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_what_an_agent_reads_and_writes_is_declared(agent: Agent) -> None:
    assert agent.topics and set(agent.topics) | set(agent.writes) <= set(NAMES)
    assert set(agent.tables) <= {table.name for table in TABLES}
    importlib.import_module(agent.module)
    # a table is partitioned like the topics that feed it
    for name in agent.tables:
        (table,) = [table for table in TABLES if table.name == name]
        assert {topic(lane).partitions for lane in agent.topics} == {table.partitions}


def test_queues_meet_declared_topics() -> None:
    settings = Settings()
    assert {queue.topic for queue in amqp_in(settings)} | {target.topic for target in amqp_out(settings)} <= set(NAMES)


def test_agents_are_the_flows_that_a_worker_attaches(tmp_path: Path) -> None:
    settings = Settings(b24rest="http://127.0.0.1:1/rest/", data_dir=tmp_path)
    app = make_app(settings)
    app.conf.datadir = tmp_path
    gateway = Gateway(app.runtime, Sealer([Fernet.generate_key()]))
    bridge = Bridge(app.runtime, gateway.credentials)
    control = Control((), gateway.links)
    flows = {flow.name: flow for flow in (*gateway.flows(), control.flow(), *bridge.flows)}
    assert {name: flow.topics for name, flow in flows.items()} == {one.name: one.topics for one in agents(settings)}


def test_agents_of_the_site_are_flows_that_need_a_mapping() -> None:
    flows = {flow.name: flow.topics for flow in site_flows(Mapping(catalogs={"default": CatalogMapping(iblock=23)}))}
    declared = {agent.name: agent for agent in AGENTS if agent.needs_mapping}
    assert flows.items() <= {name: agent.topics for name, agent in declared.items()}.items()
    assert not set(declared) & {agent.name for agent in agents(Settings())}


def test_topics_are_made_as_they_are_declared() -> None:
    settings = Settings(topic_prefix="p.", app_id="app", topic_replication=3, message_limit=2**21)
    plans = {plan.name: plan for plan in topic_plans(settings)}
    assert set(plans) == {f"p.{name}" for name in NAMES} | {f"app-{table.name}-changelog" for table in TABLES}
    for declared in TOPICS:
        plan = plans[wire_name(settings, declared.name)]
        assert (plan.partitions, plan.replication, plan.strict) == (declared.partitions, 3, True)
        assert plan.config["max.message.bytes"] == str(2**21)
        assert plan.config["cleanup.policy"] == ("compact" if declared.compacted else "delete")
        assert plan.config["retention.ms"] == (
            "-1" if declared.retention is None else f"{declared.retention * 1000:.0f}"
        )
        # Kafka removes whole segments: one must be closed in time for that
        retention = int(plan.config["retention.ms"])
        assert retention < 0 or int(plan.config.get("segment.ms", 7 * 86_400_000)) <= max(retention, 7 * 86_400_000)
    changelog = plans[changelog_name(settings, "requests")]
    assert (changelog.partitions, changelog.config["cleanup.policy"]) == (PARTITIONS, "compact")


def test_a_portals_partition_is_that_of_kafkas_clients() -> None:
    """Known values of murmur2: another partitioner would look for a portal where its requests are not."""
    from aiokafka.partitioner import DefaultPartitioner

    partitions = list(range(PARTITIONS))
    for name in ("default", "main", "портал", "x" * 300):
        assert partition_of(name) == DefaultPartitioner()(name.encode(), partitions, partitions)
