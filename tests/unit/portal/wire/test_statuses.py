"""pipeline/portal/wire/statuses.py: the status that belongs to a code."""

import orjson
import pytest

from pipeline.portal.wire.faults import PortalFault
from pipeline.portal.wire.outcomes import judge
from pipeline.portal.wire.statuses import status_of

TARIFF = "REST API is available only on commercial plans"


@pytest.mark.parametrize(
    ("code", "description", "status"),
    [
        ("QUERY_LIMIT_EXCEEDED", "", 503),
        ("OPERATION_TIME_LIMIT", "", 429),
        ("OVERLOAD_LIMIT", "", 503),
        ("INTERNAL_SERVER_ERROR", "", 500),
        ("expired_token", "", 401),
        ("INVALID_CREDENTIALS", "", 401),
        ("insufficient_scope", "", 403),
        ("ACCESS_DENIED", TARIFF, 403),
        ("ACCESS_DENIED", "Access denied", 400),
        ("ERROR_METHOD_NOT_FOUND", "", 404),
        ("ERROR_BATCH_METHOD_NOT_ALLOWED", "", 405),
        ("ERROR_BATCH_LENGTH_EXCEEDED", "", 400),
        ("", "Not found", 400),
        ("ERROR_CORE", "", 400),
        ("200040300010", "", 400),
        ("0", "", 400),
    ],
)
def test_statuses(code: str, description: str, status: int) -> None:
    assert status_of(code, description) == status


@pytest.mark.parametrize(
    ("code", "description"),
    [(code, "") for code in ("QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT", "OVERLOAD_LIMIT", "PORTAL_DELETED")]
    + [(code, "") for code in ("expired_token", "insufficient_scope", "ERROR_METHOD_NOT_FOUND", "ERROR_CORE")]
    + [("INTERNAL_SERVER_ERROR", ""), ("ACCESS_DENIED", TARIFF), ("ACCESS_DENIED", "no"), ("", "Not found")],
)
def test_a_command_is_judged_like_a_call(code: str, description: str) -> None:
    body = orjson.dumps({"error": code, "error_description": description})
    with pytest.raises(PortalFault) as raised:
        judge(status_of(code, description), {}, body, 0)
    with pytest.raises(PortalFault) as inside:
        judge(200, {}, body, 0)
    assert type(raised.value) is type(inside.value) or description == TARIFF
