"""The pages and their answers. Handlers share the loop with the agents: they only read what the loops have found."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.ops.health import worst
from pipeline.ops.metrics import CONTENT_TYPE, exposition
from pipeline.ops.service import Ops
from pipeline.web import formats
from pipeline.web.auth import AUTHORISED
from pipeline.web.lag_view import lag_view
from pipeline.web.reasons import in_language
from pipeline.web.texts import LANGUAGES, TEXTS, choose

__all__ = ["STATIC", "Pages", "refuse"]

HERE = Path(__file__).parent
STATIC = HERE / "static"
LANGUAGE_COOKIE = "pipeline_lang"
LANGUAGE_SECONDS = 365 * 86_400

_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters.update(count=formats.count, clock=formats.clock)


def _fingerprint() -> str:
    """Changes with the static files, so that no browser keeps old ones."""
    found = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


def _render(request: web.Request, template: str, status: int = 200, **content: Any) -> web.Response:
    asked = request.query.get("lang")
    language = choose(asked, request.cookies.get(LANGUAGE_COOKIE), request.headers.get("Accept-Language"))
    words = TEXTS[language]
    text = _templates.get_template(template).render(
        t=words,
        lang=language,
        languages=LANGUAGES,
        version=_VERSION,
        duration=lambda seconds: formats.duration(seconds, words),
        said=lambda reason: in_language(reason, language),
        **content,
    )
    response = web.Response(
        text=text, content_type="text/html", status=status, headers={**_PAGE_HEADERS, "Vary": "Accept-Language, Cookie"}
    )
    if asked in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE, language, max_age=LANGUAGE_SECONDS, path="/", httponly=True, samesite="Lax"
        )
    return response


_VERSION = _fingerprint()


def _json(content: object, status: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(content),
        content_type="application/json",
        status=status,
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def refuse(request: web.Request, status: int) -> web.Response:
    """What a visitor without the token gets: a form for people, JSON for programs."""
    if "text/html" in request.headers.get("Accept", ""):
        response = _render(request, "enter.html", status, no_token=status == 403, wrong="token" in request.query)
    else:
        reason = "no web_token is set" if status == 403 else "token missing or wrong"
        response = _json({"error": reason}, status)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


class Pages:
    """Handlers of aiohttp over what `ops` holds."""

    def __init__(self, ops: Ops) -> None:
        self._ops = ops

    async def lag(self, request: web.Request) -> web.Response:
        """`/`: the page; `/?part=main`: only what its script puts in place every two seconds."""
        template = "lag_main.html" if request.query.get("part") == "main" else "lag.html"
        return _render(request, template, view=lag_view(self._ops))

    async def lag_json(self, request: web.Request) -> web.Response:
        """`/api/lag`: the same as JSON."""
        return _json(lag_view(self._ops))

    async def healthz(self, request: web.Request) -> web.Response:
        """`/healthz`: 200 while ok or degraded, 503 when a restart may help. Reasons only for who may see the pages."""
        checks = self._ops.health.checks()
        status = worst(checks)
        answer: dict[str, Any] = {"status": status, "checks": {check.name: check.word for check in checks}}
        if request[AUTHORISED]:
            answer["reasons"] = {check.name: check.reasons for check in checks if check.reasons}
            answer["notes"] = {check.name: check.notes for check in checks if check.notes}
        return _json(answer, 503 if status == "failed" else 200)

    async def readyz(self, request: web.Request) -> web.Response:
        """`/readyz`: 200 once the group is joined and the tables are recovered."""
        reason = self._ops.health.ready()
        return _json({"ready": not reason, "reason": reason}, 503 if reason else 200)

    async def metrics(self, request: web.Request) -> web.Response:
        """`/metrics`: Prometheus."""
        return web.Response(
            body=exposition(self._ops.lag, self._ops.runtime.ownership), headers={"Content-Type": CONTENT_TYPE}
        )
