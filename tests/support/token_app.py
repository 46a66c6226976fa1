"""A worker with one flow, `calls`, that gets access as credential `app` of portal `main`, as the gateway would.

Each event gives a record in `flow.out`: the access token's SHA-256. `{"do": "wait"}` says in the log that it has it
and waits until the file GATE exists.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from pipeline.configuration import settings as read_settings
from pipeline.delivery.app import make_app
from pipeline.delivery.flow import Event, Flow, as_json
from pipeline.delivery.records import Record
from pipeline.delivery.slot import claim
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.access.oauth import OAuth
from pipeline.portal.access.seal import load_sealer
from pipeline.portal.access.token_server import TokenServer
from pipeline.portal.access.tokens import TokenTable
from pipeline.topology import CRASHES, DEAD_LETTERS, TABLES, TOKENS, Topic, topic

GATE = Path(os.environ["GATE"])
IN = Topic("flow.in", "portal", "Calls to be made.")
OUT = Topic("flow.out", "portal", "What they were made with.", partitions=1)

settings = read_settings()
app = make_app(
    settings,
    [IN, OUT, topic(DEAD_LETTERS), topic(CRASHES)],
    [table for table in TABLES if table.name == TOKENS],
)
sealer = load_sealer(settings.seal_key_file)
portals = settings.all_portals()
tokens = TokenTable(app.runtime.table(TOKENS), sealer)
credentials = Credentials(portals, True, sealer, OAuth(portals, tokens, TokenServer(connect_timeout=1)))


async def call(event: Event[Any]) -> list[Record]:
    """Get access."""
    access = await credentials.access("main", "app", None)
    digest = hashlib.sha256(access.token.encode()).hexdigest()
    if event.value.get("do") == "wait":
        print("it has access", flush=True)
        while not GATE.exists():
            await asyncio.sleep(0.02)
    return [Record(OUT.name, digest.encode(), key=event.key)]


app.runtime.attach(Flow("calls", (IN.name,), call, decode=as_json))

if "worker" in sys.argv[1:]:
    app.conf.datadir = claim(settings.data_dir.expanduser() / settings.app_id).path
