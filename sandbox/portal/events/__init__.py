"""Events out (bitrix24.md, section 5): who is bound (`events.py`), the way to a handler (`delivery.py`), what a request
says (`body.py`), what goes wrong on purpose (`troubles.py`), and the offline queue of applications (`offline.py`)."""

from sandbox.portal.events.events import Events

__all__ = ["Events"]
