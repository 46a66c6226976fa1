"""Every kind of object that a portal keeps, described in one place."""

from sandbox.portal.entities import catalog, people, related, sale
from sandbox.portal.entities.crm import COMPANY, CONTACT, DEAL, LEAD
from sandbox.portal.entities.items import INVOICE, QUOTE, smart_process
from sandbox.portal.entities.model import Entity, item_name

ENTITIES: tuple[Entity, ...] = (DEAL, COMPANY, CONTACT, LEAD)
"""Those with methods of their own: `crm.{name}.*`."""

ITEMS: tuple[Entity, ...] = (*ENTITIES, QUOTE, INVOICE)
"""Those of `crm.item.*`; smart processes come on top."""

RELATED: tuple[Entity, ...] = tuple(
    value for part in (related, catalog, sale, people) for value in vars(part).values() if isinstance(value, Entity)
)
ALL: tuple[Entity, ...] = (*ITEMS, *RELATED)

__all__ = [
    "ALL",
    "COMPANY",
    "CONTACT",
    "DEAL",
    "ENTITIES",
    "INVOICE",
    "ITEMS",
    "LEAD",
    "QUOTE",
    "Entity",
    "item_name",
    "smart_process",
]
