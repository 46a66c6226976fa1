"""A mapping beside the settings of the bus: is its portal there, and whose credential is meant?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.flows.mapping.checks import Fault
from pipeline.flows.mapping.model import Mapping
from pipeline.settings import Settings

__all__ = ["against_settings", "credential_of", "settled"]


def against_settings(mapping: Mapping, settings: Settings) -> Iterator[Fault]:
    """Faults of portal, credential and the queues' catalogues."""
    portals, own = settings.all_portals(), mapping.portal
    if own.name not in portals:
        yield Fault("portal", "name", own.name, f"a portal of the settings: {_list(portals)}")
    else:
        known = portals[own.name].credentials
        if not known:
            wanted = f"a portal with a credential: [portals.{own.name}.credentials.<name>] of the settings"
            yield Fault("portal", "name", own.name, wanted)
        elif not own.credential and len(known) > 1:
            yield Fault("portal", "credential", None, f"one of the credentials of portal {own.name!r}: {_list(known)}")
        elif own.credential and own.credential not in known:
            yield Fault("portal", "credential", own.credential, f"a credential of portal {own.name!r}: {_list(known)}")
    for name, queue in settings.queues.items():
        if queue.enabled and queue.catalog and queue.catalog not in mapping.catalogs:
            wanted = f"its iblock: queue {name!r} of the settings names this catalogue"
            yield Fault(f"catalogs.{queue.catalog}", "", None, wanted)


def credential_of(mapping: Mapping, settings: Settings) -> str:
    """Name of the credential that is meant: the one that is named, else the portal's only one. No faults are there."""
    own = mapping.portal
    return own.credential or next(iter(settings.all_portals()[own.name].credentials))


def settled(mapping: Mapping, settings: Settings) -> Mapping:
    """The mapping with its credential named. No faults are there."""
    portal = mapping.portal.model_copy(update={"credential": credential_of(mapping, settings)})
    return mapping.model_copy(update={"portal": portal})


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
