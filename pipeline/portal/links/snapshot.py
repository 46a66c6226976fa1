"""All links as they stand now, read from the changelog of the table; no worker need run."""

from __future__ import annotations

from pipeline.delivery.plans import changelog_name
from pipeline.delivery.reading import read_table
from pipeline.portal.links.kafka import Kafka
from pipeline.portal.links.store import Link, read_row
from pipeline.topology import LINKS

__all__ = ["read_links"]


async def read_links(kafka: Kafka, portal: str | None = None, entity: str | None = None) -> list[Link]:
    """Links of a portal, of an entity, or all; sorted by portal, entity and external key.

    Raises:
        LinksError: no worker has ever run here.
        KafkaError: aiokafka's.
    """
    changelog = changelog_name(kafka.settings, LINKS)
    await kafka.need(changelog)
    links = []
    for (_, key), row in (await read_table(kafka.settings.kafka_servers, changelog)).items():
        link = read_row(key, row)
        if link is not None and portal in (None, link.portal) and entity in (None, link.entity):
            links.append(link)
    return sorted(links, key=lambda link: (link.portal, link.entity, link.external))
