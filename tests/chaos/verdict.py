"""Counts what came of the requests of a scenario, and says it in one line."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import orjson

from pipeline.delivery.plans import changelog_name
from pipeline.delivery.reading import read_compacted, read_table
from pipeline.portal.requests.row import is_done, request_prefix
from pipeline.topology import DEAD_LETTERS
from tests.chaos.cases import Case, problem_of
from tests.chaos.scenarios import Disturbed
from tests.chaos.stage import Stage
from tests.support.bridge import read_topic

__all__ = ["Verdict", "judge"]

#: Share of the cases that must have flowed before a scenario says anything.
_FEWEST = 0.95
#: what a worker says of records that it passed over (pipeline/delivery/consumer.py)
_SKIPPED = "were never read"


@dataclass
class Verdict:
    """Figures of a scenario. `failures` empty = it held."""

    scenario: str
    seconds: float
    disturbed: Disturbed
    sent: int = 0
    right: int = 0
    wrong: list[str] = field(default_factory=list)
    lost: list[Case] = field(default_factory=list)
    twice: int = 0
    adds_twice: int = 0
    answered_twice: int = 0
    answers_differ: int = 0
    sent_twice: int = 0
    overlaps: int = 0
    ends: list[int | None] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def line(self) -> str:
        """The one line."""
        kills = ", ".join(f"{n}/{calls}" for n, calls in zip(self.disturbed.kills, self.disturbed.calls, strict=False))
        more = [f"overlapping calls {self.overlaps}"] if self.overlaps else []
        more += [f"sent twice by the client {self.sent_twice}"] if self.sent_twice else []
        more += [f"workers ended by themselves {self.ends}"] if self.ends else []
        more += self.disturbed.notes
        return (
            f"{self.scenario}: sent {self.sent}, answered right {self.right}, wrong {len(self.wrong)}, "
            f"lost {len(self.lost)}, executed twice {self.twice} (adds {self.adds_twice}), "
            f"answered twice {self.answered_twice} (other bytes {self.answers_differ}), "
            f"kills {len(self.disturbed.kills)} (in flight/at the portal: {kills}), seconds {self.seconds:.0f}"
            + "".join(f"; {text}" for text in more)
        )


async def judge(stage: Stage, scenario: str, disturbed: Disturbed, seconds: float) -> Verdict:
    """Look at every answer, at the portals, the queue and the tables. Workers must be dead by now."""
    verdict = Verdict(scenario, seconds, disturbed)
    for keeper in stage.keepers:
        verdict.ends += keeper.ended
        skipped = [line for line in keeper.worker.log.read_text(errors="replace").splitlines() if _SKIPPED in line]
        verdict.failures += [f"{keeper.worker.folder.name}: {line}" for line in skipped]
    for case in stage.cases:
        _look(verdict, case)
    verdict.wrong += [f"answer to nothing: {text}" for text in stage.outside.strangers]
    await _compare_with_portals(stage, verdict)
    await _look_at_rest(stage, verdict)
    _guard_against_vacuity(stage, verdict)
    if verdict.lost:
        verdict.failures.append(f"{len(verdict.lost)} requests have no answer")
    if verdict.wrong:
        verdict.failures.append(f"{len(verdict.wrong)} wrong: " + "\n    ".join(verdict.wrong[:20]))
    return verdict


def _look(verdict: Verdict, case: Case) -> None:
    verdict.sent += case.confirmed
    verdict.sent_twice += case.attempts > 1
    if not case.answers:
        verdict.lost.append(case)
        return
    problems = [problem for answer in case.answers if (problem := problem_of(case, answer))]
    if problems:
        verdict.wrong.append(f"{case.message_id} ({case.kind}): {problems[0]}")
    else:
        verdict.right += 1
    # a client that publishes a message again has asked twice
    if len(case.answers) > case.attempts:
        verdict.answered_twice += 1
    by_id = {(answer.answer_id, answer.body) for answer in case.answers}
    verdict.answers_differ += len(by_id) > len({answer.answer_id for answer in case.answers})


async def _compare_with_portals(stage: Stage, verdict: Verdict) -> None:
    executed = await stage.control.executed()
    verdict.overlaps = await stage.control.overlaps()
    for case in stage.cases:
        if case.digest is None:
            continue
        times = executed[case.portal, case.method, case.digest]
        if case.answers and times == 0:
            verdict.wrong.append(f"{case.message_id} ({case.kind}): answered and never executed")
        if times > max(1, case.attempts):
            verdict.twice += 1
            verdict.adds_twice += case.kind == "add"
    done = [case for case in stage.cases if case.kind in ("add", "update") and case.answers and not case.error_class]
    problems = await asyncio.gather(*(_left_behind(stage, case) for case in done))
    verdict.wrong += [problem for problem in problems if problem]


async def _left_behind(stage: Stage, case: Case) -> str | None:
    """What an add or an update has left in the portal must be what was answered."""
    answers = [orjson.loads(answer.body) for answer in case.answers if not problem_of(case, answer)]
    for body in answers:
        deal = case.deal if case.kind == "update" else body["result"]
        title = (await stage.control.call(case.portal, "crm.deal.get", {"ID": deal}))["TITLE"]
        wanted = f"updated {case.message_id}" if case.kind == "update" else case.marker
        if title != wanted:
            return f"{case.message_id} ({case.kind}): deal {deal} has the title {title!r}, not {wanted!r}"
    return None


async def _look_at_rest(stage: Stage, verdict: Verdict) -> None:
    left = await stage.outside.left()
    if left:
        verdict.failures.append(f"{left} messages are left in the request queue or were held un-acked")
    servers = stage.settings.kafka_servers
    rows = await read_table(servers, changelog_name(stage.settings, "requests"))
    prefix = request_prefix().encode()
    open_rows = [place for place, row in rows.items() if place[1].startswith(prefix) and not is_done(row)]
    if open_rows:
        verdict.failures.append(f"{len(open_rows)} requests are not done in the table: {open_rows[:5]}")
    if await read_compacted(servers, changelog_name(stage.settings, "parked")):
        verdict.failures.append("answers are still parked")
    wrong_ids = {case.message_id for case in stage.cases if case.error_class}
    letters = await read_topic(servers, f"{stage.settings.topic_prefix}{DEAD_LETTERS}")
    buried = {dict(letter.headers).get("amqp-message-id", b"").decode() for letter in letters}
    if buried - wrong_ids:
        verdict.wrong.append(f"dead letters of right requests: {sorted(buried - wrong_ids)[:10]}")


def _guard_against_vacuity(stage: Stage, verdict: Verdict) -> None:
    disturbed = verdict.disturbed
    if verdict.sent < _FEWEST * len(stage.cases):
        verdict.failures.append(f"only {verdict.sent} of {len(stage.cases)} requests were sent")
    counted = sum(1 for in_flight in disturbed.kills if in_flight > 0)
    if counted < disturbed.demanded:
        verdict.failures.append(f"only {counted} of {disturbed.demanded} disturbances had requests in flight")
    verdict.failures += [note for note in disturbed.notes if "NO" in note]
