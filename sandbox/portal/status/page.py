"""Draws the page; it is whole in itself and asks nobody for anything."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape

from aiohttp import web

from sandbox.portal.control.common import FAULTS, PORTALS
from sandbox.portal.faults import Rule
from sandbox.portal.portal import Portal
from sandbox.portal.status.words import WORDS, language

_SHOWN = 20
_STYLE = """
:root{color-scheme:light dark}body{font:15px/1.45 system-ui,sans-serif;
margin:1.5rem auto;max-width:72rem;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.15rem;margin:2rem 0 .5rem;border-top:1px solid #8886;padding-top:1rem}
h3{font-size:1rem;margin:1rem 0 .3rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #8883}td.n,th.n{text-align:right}
.wide{overflow-x:auto}.parts{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:0 2rem}
.bad{color:#c33;font-weight:600}meter{width:8rem;vertical-align:middle}header{display:flex;justify-content:space-between}
"""

Cell = str | int | float


def routes() -> list[web.RouteDef]:
    """The page's route."""
    return [web.get("/", _page)]


async def _page(request: web.Request) -> web.Response:
    lang = language(request.query.get("lang"), request.headers.get("Accept-Language", ""))
    body = page(lang, f"{request.scheme}://{request.host}", request.app[PORTALS], request.app[FAULTS].rules())
    return web.Response(text=body, content_type="text/html", headers={"Cache-Control": "no-store"})


def page(lang: str, root: str, portals: dict[str, Portal], rules: Iterable[Rule]) -> str:
    """The whole document in one language; `root` is the server's own address."""
    words = WORDS[lang]
    other = "ru" if lang == "en" else "en"
    scale = next(iter(portals.values())).clock.scale
    return "".join(
        [
            f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><meta http-equiv="refresh" content="3">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{words['title']}</title><style>{_STYLE}</style></head><body>",
            f'<header><h1>{words["title"]}</h1><a href="?lang={other}" lang="{other}">{words["other"]}</a></header>',
            f"<p>{words['scale'].format(scale=_number(scale))}</p>" if scale != 1 else "",
            *(_portal(words, root, item) for item in portals.values()),
            f"<h2>{words['faults']}</h2>{_faults(words, rules)}",
            f'<p><a href="/_sandbox/counters?portal=*&amp;detail=0">{words["control"]}</a></p></body></html>',
        ]
    )


def _portal(words: Mapping[str, str], root: str, portal: Portal) -> str:
    journal = portal.journal
    address = f"{root}{'' if portal.is_default else '/' + portal.name}/rest/"
    twice = sum(journal.repeated()["by_external"].values())
    blocked = f' <span class="bad">{words["blocked"]}</span>' if portal.overload.on else ""
    now = portal.clock.now()
    operating, peaks = portal.meter.states(now), portal.meter.peaks()
    budgets = sorted(((name, operating.get(name, 0.0), most) for name, most in peaks.items()), key=lambda row: -row[1])
    limit = "" if portal.meter.limit is None else f" / {_number(portal.meter.limit)}"
    counts = [(name, len(table.rows)) for name, table in portal.store.tables.items() if table.rows]
    numbers = [journal.requests, journal.in_flight, sum(journal.statuses[code] for code in ("503", "429"))]
    parts = [
        f"<h2>{escape(portal.name)}{blocked}</h2><p>{words['address']}: <code>{escape(address)}</code></p>",
        _table(
            [words["requests"], words["in_flight"], words["refused"], words["twice"]],
            [[*numbers, f'<span class="bad">{twice}</span>' if twice else 0]],
        ),
        f"<h3>{words['level']}</h3>{_levels(words, portal, now)}",
        '<div class="parts"><section>',
        f"<h3>{words['operating']}{limit}</h3>",
        _table(
            [words["method"], words["now"], words["most"]],
            [[escape(name), round(held, 3), round(most, 3)] for name, held, most in budgets[:_SHOWN]],
            words["none"],
        ),
        f"</section><section><h3>{words['objects']}</h3>",
        _table([words["kind"], words["count"]], [[escape(name), count] for name, count in counts], words["none"]),
        f"</section></div><h3>{words['executions']}</h3>",
        _table([words["time"], words["method"], words["took"], words["outcome"]], _executions(words, portal), "—"),
    ]
    return "".join(parts)


def _levels(words: Mapping[str, str], portal: Portal, now: float) -> str:
    bucket = portal.bucket
    if not bucket.enabled:
        return f"<p>{words['no_limit']}</p>"
    levels = bucket.levels(now) or {"—": 0.0}
    rows = []
    for source, level in levels.items():
        shape = f'<meter min="0" max="{bucket.burst}" high="{bucket.burst * 0.9}" value="{level:.1f}"></meter>'
        rows.append(f"<p>{escape(source)}: {shape} {level:.1f} / {_number(bucket.burst)}</p>")
    return "".join(rows)


def _executions(words: Mapping[str, str], portal: Portal) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for item in portal.journal.last(_SHOWN):
        time = datetime.fromtimestamp(item.started, portal.zone).strftime("%H:%M:%S.%f")[:-3]
        outcome = words["ok"] if item.error is None else f'<span class="bad">{escape(str(item.error) or "—")}</span>'
        name = item.method if item.command is None else f"↳ {item.method}"
        rows.append([time, escape(name), round((item.finished - item.started) * 1000, 1), outcome])
    return rows


def _faults(words: Mapping[str, str], rules: Iterable[Rule]) -> str:
    rows: list[list[Cell]] = [
        [
            rule.id,
            escape(rule.kind),
            escape(rule.portal or "*"),
            escape(", ".join(rule.methods) or "*"),
            rule.hits,
            rule.waiting,
            words["active"] if rule.active else words["over"],
        ]
        for rule in rules
    ]
    head = ["№", words["kind"], words["portal"], words["method"], words["hits"], words["waiting"], ""]
    return _table(head, rows, words["none"])


def _table(head: list[str], rows: list[list[Cell]], empty: str = "") -> str:
    """Cells are HTML already; numbers stand at the right."""
    if not rows:
        return f"<p>{empty}</p>"
    numeric = [isinstance(cell, int | float) for cell in rows[0]]
    titles = "".join(f"<th{_kind(place)}>{title}</th>" for title, place in zip(head, numeric, strict=True))
    lines = (
        "<tr>" + "".join(f"<td{_kind(place)}>{cell}</td>" for cell, place in zip(row, numeric, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><tr>{titles}</tr>{"".join(lines)}</table></div>'


def _kind(numeric: bool) -> str:
    return ' class="n"' if numeric else ""


def _number(value: float) -> str:
    return f"{value:g}"
