"""The page's content as plain data: `/api/lag` sends it as it is, the template puts it into words."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from pipeline.bridge.status import BridgeStatus
from pipeline.ops.board import PortalLine, Seen
from pipeline.ops.health import LAG_LOOP, worst
from pipeline.ops.lag import AgentLag, PartitionLag
from pipeline.ops.service import Ops
from pipeline.search.status import SinkStatus

__all__ = ["lag_view"]


def lag_view(ops: Ops) -> dict[str, Any]:
    """Everything the page shows. Times are unix times, ages seconds, unknown = null."""
    checks = ops.health.checks()
    kafka = ops.problems.get(LAG_LOOP)
    report = ops.lag.report
    portals = [
        _portal(line)
        for line in ops.board.portals(ops.runtime.settings.all_portals(), ops.gateway.portals(), ops.worker)
    ]
    own = ops.bridge.status() if ops.bridge is not None else None
    bridges = [_bridge(seen, ops.worker) for seen in ops.board.bridges(own, ops.worker)]
    parked = [waiting for bridge in bridges for waiting in bridge["destinations"]]
    return {
        "now": time.time(),
        "group": ops.runtime.settings.app_id,
        "worker": ops.worker,
        "measured_at": report.measured_at if report else None,
        "age": ops.lag.age,
        "kafka": {"error": kafka.text, "since": kafka.since} if kafka else None,
        "health": {"status": worst(checks), "checks": [asdict(check) for check in checks]},
        "agents": [_agent(agent, ops) for agent in report.agents] if report else [],
        "portals": portals,
        "bridges": bridges,
        "search": _search(ops.search.status()) if ops.search is not None else None,
        "totals": {
            "lag": report.lag if report else None,
            "oldest_age": _greatest(agent.oldest_age for agent in report.agents) if report else None,
            "waiting": sum(portal["waiting"] or 0 for portal in portals),
            "oldest_waiting_age": _greatest(portal["oldest_age"] for portal in portals),
            "parked": sum(waiting["parked"] for waiting in parked),
            "oldest_parked_age": _greatest(waiting["oldest_age"] for waiting in parked),
        },
    }


def _agent(agent: AgentLag, ops: Ops) -> dict[str, Any]:
    if agent.missing:
        status = "missing"
    elif agent.commit_age is not None and agent.commit_age > ops.runtime.settings.stuck_limit:
        status = "stuck"
    else:
        status = "behind" if agent.lag else "ok"
    commits = [line.offsets.committed for line in agent.partitions if line.offsets.committed is not None]
    return {
        "agent": agent.agent,
        "topics": agent.topics,
        "status": status,
        # Sums over partitions; null = nothing was ever committed.
        "committed": sum(commits) if commits else None,
        "end": sum(line.offsets.end for line in agent.partitions),
        "lag": agent.lag,
        "oldest_age": agent.oldest_age,
        "commit_age": agent.commit_age,
        "uncommitted": agent.uncommitted,
        "missing": agent.missing,
        "partitions": [_partition(line) for line in agent.partitions],
    }


def _partition(line: PartitionLag) -> dict[str, Any]:
    return {
        "topic": line.topic,
        "partition": line.partition,
        "committed": line.offsets.committed,
        "begin": line.offsets.begin,
        "end": line.offsets.end,
        "lag": line.lag,
        "oldest_age": line.oldest_age,
        "commit_age": line.commit_age,
        "note": line.note,
        "expired": line.expired,
    }


def _portal(line: PortalLine) -> dict[str, Any]:
    state = line.state
    return {
        "portal": line.name,
        "state": "none" if state is None else "stale" if line.stale else state.state,
        "waiting": state.waiting if state else None,
        "oldest_age": line.oldest_age,
        "sent": state.sent if state else None,
        "done_per_minute": state.done_per_minute if state else None,
        "reason": state.reason if state else "",
        "since": state.since if state else None,
        "until": state.until if state else None,
        "settling": state.settling if state else 0,
        "held": [asdict(hold) for hold in state.held] if state else [],
        "refused": [asdict(refused) for refused in state.refused] if state else [],
        "throttles": [asdict(throttle) for throttle in state.throttles] if state else [],
        "watches": state.watches if state else 0,
        "moved_to": state.moved_to if state else None,
        "worker": line.worker,
        "last_seen": line.last_seen,
    }


def _bridge(seen: Seen, here: str) -> dict[str, Any]:
    assert isinstance(seen.entry.state, BridgeStatus)
    return {
        "worker": seen.entry.worker,
        "here": seen.entry.worker == here,
        "stale": seen.stale,
        "last_seen": seen.at,
        **asdict(seen.entry.state),
    }


def _search(status: SinkStatus) -> dict[str, Any]:
    """The sink of this worker alone: documents that wait in it, and why Elasticsearch takes none."""
    return {"waiting": status.waiting, "trouble": asdict(status.trouble) if status.trouble is not None else None}


def _greatest(values: Any) -> float | None:
    return max((value for value in values if value is not None), default=None)
