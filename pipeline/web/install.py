"""Puts the pages on Faust's own web server, in place of Faust's."""

from __future__ import annotations

from aiohttp import web
from faust.web.base import BlueprintManager

from pipeline.ops.read_models import BridgeView, GatewayView, RuntimeView, SearchView
from pipeline.ops.service import Ops
from pipeline.web.auth import Guard
from pipeline.web.pages import STATIC, Pages, refuse

__all__ = ["install"]


def install(
    runtime: RuntimeView, gateway: GatewayView, bridge: BridgeView | None, search: SearchView | None = None
) -> Ops:
    """Call once, by the bootstrap, before the worker starts. Returns the service behind the pages.

    The loops start with the worker, before it joins the group and also with `--without-web`: other workers' pages
    need what this one tells.
    """
    ops = Ops(runtime, gateway, bridge, search)
    site = runtime.app.web
    # Faust's own pages (`/`, and what settings may switch on) know no token.
    site.blueprints = BlueprintManager()
    guard = Guard(runtime.settings.web_token, lambda: runtime.app.conf.web_bind, refuse)
    site.web_app.middlewares.append(guard.middleware)
    pages = Pages(ops)
    site.web_app.add_routes(
        [
            web.get("/", pages.lag),
            web.get("/api/lag", pages.lag_json),
            web.get("/healthz", pages.healthz),
            web.get("/readyz", pages.readyz),
            web.get("/metrics", pages.metrics),
            web.static("/static", STATIC),
        ]
    )

    async def start() -> None:
        await runtime.app.add_runtime_dependency(ops)

    runtime.on_start(start)
    return ops
