"""Methods that belong to no entity: profile, server.time, methods, scope, and the sandbox's echo."""

from collections.abc import Iterator

from sandbox.portal.methods.spec import Call, Method, Reply
from sandbox.portal.portal import Portal


def methods() -> Iterator[Method]:
    """The methods of this file; `sandbox.echo` exists on no portal and returns its own parameters."""
    yield Method("profile", _profile)
    yield Method("server.time", _server_time)
    yield Method("methods", _methods)
    yield Method("method.get", _method_get)
    yield Method("scope", _scope)
    yield Method("sandbox.echo", _echo)


async def _profile(portal: Portal, call: Call) -> Reply:
    return Reply(
        {
            "ID": str(call.credential.user_id),
            "ADMIN": True,
            "NAME": "Sandbox",
            "LAST_NAME": portal.name,
            "PERSONAL_GENDER": "",
            "TIME_ZONE": "",
        }
    )


async def _server_time(portal: Portal, call: Call) -> Reply:
    return Reply(portal.stamps.iso(portal.clock.now()))


async def _methods(portal: Portal, call: Call) -> Reply:
    return Reply(sorted(portal.methods))


async def _method_get(portal: Portal, call: Call) -> Reply:
    found = str(call.param("name") or "").lower() in portal.methods
    return Reply({"isExisting": found, "isAvailable": found})


async def _scope(portal: Portal, call: Call) -> Reply:
    return Reply(sorted(call.credential.scopes))


async def _echo(portal: Portal, call: Call) -> Reply:
    return Reply(call.params or [])
