"""The two ways a worker ends by itself. Neither acks anything: Kafka and RabbitMQ deliver again.

EXIT_UNEXPECTED (70): a defect or a broken machine; the supervisor starts the worker again.
EXIT_REFUSED (78): it must not start like this; a restart would not help (systemd: RestartPreventExitStatus=78).
"""

from __future__ import annotations

import logging
import os
import sys
from typing import NoReturn

__all__ = ["EXIT_REFUSED", "EXIT_UNEXPECTED", "die", "refuse"]

EXIT_UNEXPECTED = 70
EXIT_REFUSED = 78

logger = logging.getLogger(__name__)


def die(reason: str, error: BaseException | None = None) -> NoReturn:
    """End this process now, with un-acked work."""
    try:
        logger.critical("worker ends: %s", reason, exc_info=error)
        for handler in logging.getLogger().handlers:
            handler.flush()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(EXIT_UNEXPECTED)


def refuse(reason: str) -> NoReturn:
    """End this process because it must not start as it is set up; one clear line, no traceback."""
    try:
        for line in reason.splitlines():
            print(f"pipeline: refuses to start: {line}", file=sys.__stderr__, flush=True)
    finally:
        os._exit(EXIT_REFUSED)
