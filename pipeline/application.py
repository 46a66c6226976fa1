"""The one bootstrap: settings -> application -> rooms -> flows. `faust -A pipeline` finds `app` here."""

from __future__ import annotations

import sys

from pipeline.configuration import settings as read_settings
from pipeline.delivery.app import BusApp, make_app
from pipeline.delivery.slot import claim
from pipeline.settings import Settings

__all__ = ["app", "bootstrap"]


def bootstrap(settings: Settings) -> BusApp:
    """Make the application and put every room on it."""
    app = make_app(settings)
    if "worker" in sys.argv[1:]:
        # only a worker holds a datadir; the other commands look on
        slot = claim(settings.data_dir.expanduser() / settings.app_id)
        app.conf.datadir = slot.path
    return app


app = bootstrap(read_settings())
