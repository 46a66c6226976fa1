"""The bus: RabbitMQ, Kafka, Bitrix24 portals, and the flows between them.

`app` is made on demand (PEP 562), so that `faust -A pipeline worker` finds it while
`import pipeline.settings` stays light and free of side effects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faust import App

    app: App

__all__ = ["app"]


def __getattr__(name: str) -> Any:
    if name == "app":
        from pipeline.application import app

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
