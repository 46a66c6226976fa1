"""docs/dead-letters.md: what it says of a dead letter holds, and its program sends one again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.installation import Place
from tests.e2e.waiting import eventually

pytestmark = pytest.mark.services

PAGE = (Path(__file__).parents[2] / "docs" / "dead-letters.md").read_text()


def run(place: Place, *arguments: str) -> list[str]:
    """Lines of the page's program."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    env = {name: place.bus.worker.env[name] for name in ("KAFKA_URL", "PIPELINE_TOPIC_PREFIX")}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=os.environ | env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_dead_letter_is_sent_again(place: Place) -> None:
    place.simulator.fault("malformed", methods=["crm.deal.list"])
    failing = place.send("crm.deal.list")
    while not place.bus.mailbox.of(failing):
        place.still_works()  # the portal serves others meanwhile: so it is the request
    letter = place.bus.dead_letter(failing)
    told = {name for name in letter.headers if name.startswith("dl-")}
    assert told <= set(re.findall(r"`(dl-[a-z0-9-]+)`", PAGE))

    place.simulator.heal()
    line = next(line for line in run(place) if letter.text("dl-last-error") in line)
    assert run(place, line.split()[0]) == [line]
    eventually(lambda: len(place.bus.mailbox.of(failing)) == 2, "it is answered again")
    first, second = place.bus.mailbox.of(failing)
    assert (first.error_class, second.error_class, second.json["result"]) == ("unknown", None, [])
