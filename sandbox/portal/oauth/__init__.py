"""OAuth applications: their tokens (`apps.py`), and the token server that renews them (`server.py`)."""
