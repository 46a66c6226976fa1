"""Sections of the site's catalogue become sections of the portal's: events.section -> plans (docs/flows.md)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.delivery.errors import BadInput
from pipeline.delivery.flow import Event, Flow
from pipeline.delivery.records import Record
from pipeline.flows.codes import code_of
from pipeline.flows.making import catalog_of, effect_flow, is_forced, records, version_of
from pipeline.flows.mapping.model import CatalogMapping, Mapping
from pipeline.flows.messages.decoders import Decoders
from pipeline.flows.messages.model import Section, SectionRef
from pipeline.portal.plan import Key, Plan
from pipeline.portal.plan_builder import If, Made, PlanBuilder
from pipeline.topology import EVENTS_SECTION

__all__ = ["NAME", "ROOT", "catalog_named", "find_section", "flow", "plan"]

NAME = "catalog-sections"
#: iblockSectionId of what stands in no section
ROOT = 0


def flow(mapping: Mapping) -> Flow:
    """The flow of events.section."""

    def handle(event: Event[Section]) -> Iterable[Record]:
        version = version_of(event.value.version, event.headers)
        catalog = catalog_of(event.headers)
        made = plan(event.value, mapping, version, is_forced(event.headers), catalog=catalog)
        return records(event, [made], mapping, NAME)

    return effect_flow(NAME, EVENTS_SECTION, Decoders(mapping.portal.zone).section, handle)


def plan(
    section: Section,
    mapping: Mapping,
    version: str | None = None,
    force: bool = False,
    *,
    catalog: str = "default",
) -> Plan:
    """What a section's event makes. Raises BadInput: no such catalogue; the section is its own parent."""
    settings = catalog_named(mapping, catalog)
    steps = PlanBuilder(subject=f"section:{catalog}:{section.xml_id}", force=force)
    fields: dict[str, Any] = {"name": section.name, "active": "Y" if section.active else "N"}
    code = code_of(settings.code, section.name, section.xml_id, section.code)
    optional = {"code": code, "sort": section.sort, "description": section.description}
    fields |= {name: value for name, value in optional.items() if value is not None}
    fields["iblockSectionId"] = _parent(steps, section, settings)
    alias = Key(id=section.site_id) if section.site_id else None
    steps.upsert(
        "section",
        f"section:{settings.iblock}",
        Key(id=section.xml_id),
        fields,
        version=version,
        alias=alias,
        title=section.name[:500],
    )
    return steps.build()


def catalog_named(mapping: Mapping, name: str) -> CatalogMapping:
    """A catalogue of the mapping. Raises BadInput; the text says which there are."""
    found = mapping.catalogs.get(name)
    if found is None:
        known = ", ".join(sorted(mapping.catalogs)) or "none"
        raise BadInput(f"header catalog: {name!r} is no catalogue: [catalogs] of mapping.toml knows {known}")
    return found


def find_section(
    steps: PlanBuilder, name: str, section: SectionRef | None, iblock: int, *, wait: float = 0.0
) -> Made | None:
    """A step that looks for a section by its XML_ID, or by the site's number; None: there is none to look for."""
    if section is None or not (section.xml_id or section.site_id):
        return None
    key = Key(id=section.xml_id or section.site_id or "")
    by_alias = not section.xml_id
    return steps.find(name, f"section:{iblock}", [key], by_alias=by_alias, wait=wait, watch=True, after=())


def _parent(steps: PlanBuilder, section: Section, settings: CatalogMapping) -> Any:
    parent = section.parent
    if parent is not None and (
        parent.xml_id == section.xml_id or (parent.xml_id is None and parent.site_id == section.site_id is not None)
    ):
        raise BadInput(f"IBLOCK_SECTION: section {section.xml_id!r} is its own parent")
    found = find_section(steps, "parent", parent, settings.iblock, wait=settings.section_wait)
    return ROOT if found is None else If(found.found(0, ""), found.found(0), ROOT)
