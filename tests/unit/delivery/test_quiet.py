"""pipeline/delivery/quiet.py: a line that is said a hundred times a second is said once a minute."""

import logging

from pipeline.delivery import quiet


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def test_the_same_form_once_another_at_once() -> None:
    logger, lines = logging.getLogger("aiokafka.for_this_test"), Lines()
    logger.addHandler(lines)
    quiet.quieten()
    for number in range(100):
        logger.error("Unable to connect to node %s", number)
    logger.error("something else")
    assert lines.lines == ["Unable to connect to node 0", "something else"]


def test_what_was_left_out_is_told(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    logger, lines, now = logging.getLogger("aiokafka.for_that_test"), Lines(), [0.0]
    logger.addHandler(lines)
    monkeypatch.setattr(quiet.time, "monotonic", lambda: now[0])
    quiet.quieten()
    for _ in range(5):
        logger.warning("away")
    now[0] = 61.0
    logger.warning("away")
    assert lines.lines == ["away", "away (and 4 times more)"]
