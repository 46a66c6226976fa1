"""pipeline/portal/wire/outcomes.py: every documented outcome of a call, as a table."""

from typing import Any

import orjson
import pytest

from pipeline.delivery.errors import Auth, Blocked, Permanent, PipelineError, Throttled, Transient, Unknown
from pipeline.portal.wire.faults import Answer, Moved, PortalAuth, PortalFault, PortalThrottled
from pipeline.portal.wire.outcomes import judge

NOW = 1_800_000_000.0
HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


def error(code: Any, text: str = "text") -> bytes:
    return orjson.dumps({"error": code, "error_description": text})


def fault_of(status: int, body: bytes, headers: dict[str, str] | None = None) -> PortalFault:
    with pytest.raises(PortalFault) as raised:
        judge(status, headers or {}, body, NOW)
    return raised.value


# status, body, class, code as it is reported
TABLE: list[tuple[int, bytes, type[PipelineError], str]] = [
    (503, error("QUERY_LIMIT_EXCEEDED", "Too many requests"), Throttled, "QUERY_LIMIT_EXCEEDED"),
    (200, error("QUERY_LIMIT_EXCEEDED"), Throttled, "QUERY_LIMIT_EXCEEDED"),
    (429, error("OPERATION_TIME_LIMIT"), Throttled, "OPERATION_TIME_LIMIT"),
    (200, error("OPERATION_TIME_LIMIT"), Throttled, "OPERATION_TIME_LIMIT"),
    (429, HTML, Throttled, ""),
    (503, error("OVERLOAD_LIMIT", "REST API is blocked due to overload"), Blocked, "OVERLOAD_LIMIT"),
    (401, error("OVERLOAD_LIMIT"), Blocked, "OVERLOAD_LIMIT"),
    (200, error("OVERLOAD_LIMIT"), Blocked, "OVERLOAD_LIMIT"),
    (500, error("PORTAL_DELETED", "Portal was deleted"), Blocked, "PORTAL_DELETED"),
    (410, error("PORTAL_DELETED"), Blocked, "PORTAL_DELETED"),
    (410, HTML, Blocked, ""),
    (403, error("ACCESS_DENIED", "REST API is available only on commercial plans"), Blocked, "ACCESS_DENIED"),
    (403, error("ACCESS_DENIED", "REST доступен только на коммерческих тарифах"), Blocked, "ACCESS_DENIED"),
    (403, error("ACCESS_DENIED", "Access denied!"), Auth, "ACCESS_DENIED"),
    (400, error("ACCESS_DENIED", "Access denied"), Permanent, "ACCESS_DENIED"),
    (401, error("NO_AUTH_FOUND", "Wrong authorization data"), Auth, "NO_AUTH_FOUND"),
    (401, error("INVALID_CREDENTIALS"), Auth, "INVALID_CREDENTIALS"),
    (403, error("INVALID_CREDENTIALS"), Auth, "INVALID_CREDENTIALS"),
    (401, error("expired_token"), Auth, "expired_token"),
    (401, error("invalid_token"), Auth, "invalid_token"),
    (403, error("insufficient_scope"), Auth, "insufficient_scope"),
    (403, error("user_access_error"), Auth, "user_access_error"),
    (403, error("allowed_only_intranet_user"), Auth, "allowed_only_intranet_user"),
    (403, error("WRONG_AUTH_TYPE"), Auth, "WRONG_AUTH_TYPE"),
    (401, error("PAYMENT_REQUIRED"), Auth, "PAYMENT_REQUIRED"),
    (401, error("authorization_error"), Auth, "authorization_error"),
    (401, error("APPLICATION_NOT_FOUND"), Auth, "APPLICATION_NOT_FOUND"),
    (401, error("ERROR_OAUTH"), Auth, "ERROR_OAUTH"),
    (401, error("METHOD_CONFIRM_WAITING"), Auth, "METHOD_CONFIRM_WAITING"),
    (401, error("SOMETHING_NEW"), Auth, "SOMETHING_NEW"),
    (403, HTML, Auth, ""),
    (404, error("ERROR_METHOD_NOT_FOUND", "Method not found!"), Permanent, "ERROR_METHOD_NOT_FOUND"),
    (400, error("ERROR_METHOD_NOT_FOUND"), Permanent, "ERROR_METHOD_NOT_FOUND"),
    (404, error("ERROR_MANIFEST_IS_NOT_AVAILABLE"), Permanent, "ERROR_MANIFEST_IS_NOT_AVAILABLE"),
    (404, HTML, Permanent, ""),
    (405, error("ERROR_BATCH_METHOD_NOT_ALLOWED"), Permanent, "ERROR_BATCH_METHOD_NOT_ALLOWED"),
    (400, error("ERROR_BATCH_LENGTH_EXCEEDED"), Permanent, "ERROR_BATCH_LENGTH_EXCEEDED"),
    (400, error("INVALID_REQUEST", "Https required."), Permanent, "INVALID_REQUEST"),
    (400, error("", "Not found"), Permanent, ""),
    (400, error(100, "Could not find value for parameter {fields}"), Permanent, "100"),
    (400, error(0), Permanent, "0"),
    (400, error(200040300010), Permanent, "200040300010"),
    (400, error("ERROR_CORE", "wrong e-mail<br>"), Permanent, "ERROR_CORE"),
    (200, error("", "Not found"), Permanent, ""),
    (200, error("ERROR_CORE"), Permanent, "ERROR_CORE"),
    (400, orjson.dumps({"error": {"code": "BITRIX_REST", "message": "v3"}}), Permanent, "BITRIX_REST"),
    (413, HTML, Permanent, ""),
    (304, b"", Permanent, ""),
    (302, b"", Permanent, ""),  # without a Location
    (500, error("INTERNAL_SERVER_ERROR"), Unknown, "INTERNAL_SERVER_ERROR"),
    (200, error("INTERNAL_SERVER_ERROR"), Unknown, "INTERNAL_SERVER_ERROR"),
    (500, error("ERROR_UNEXPECTED_ANSWER"), Unknown, "ERROR_UNEXPECTED_ANSWER"),
    (500, error("ERROR_CORE"), Unknown, "ERROR_CORE"),
    (500, b"", Unknown, ""),
    (502, HTML, Unknown, ""),
    (503, HTML, Unknown, ""),
    (504, HTML, Unknown, ""),
    (408, HTML, Unknown, ""),
    (200, HTML, Unknown, ""),
    (200, b"", Unknown, ""),
    (200, b'{"result":[1,2', Unknown, ""),
    (200, b"null", Unknown, ""),
]


@pytest.mark.parametrize(("status", "body", "kind", "code"), TABLE)
def test_outcomes(status: int, body: bytes, kind: type[PipelineError], code: str) -> None:
    fault = fault_of(status, body)
    assert isinstance(fault, kind)
    assert fault.code == code
    assert fault.answer == Answer(status, body)
    assert fault.sent
    assert str(status) in str(fault)
    assert "\n" not in str(fault)


DEAD = {
    "NO_AUTH_FOUND",
    "INVALID_CREDENTIALS",
    "expired_token",
    "invalid_token",
    "PAYMENT_REQUIRED",
    "authorization_error",
    "APPLICATION_NOT_FOUND",
    "ERROR_OAUTH",
}


@pytest.mark.parametrize(("status", "body", "code"), [(s, b, c) for s, b, kind, c in TABLE if kind is Auth])
def test_only_a_dead_credential_is_called_dead(status: int, body: bytes, code: str) -> None:
    fault = fault_of(status, body)
    assert isinstance(fault, PortalAuth)
    assert fault.credential_dead is (code in DEAD)


@pytest.mark.parametrize(
    "body",
    [
        b'{"result":true,"time":{"start":1}}',
        b'{"result":[],"total":0}',
        b'{"result":null}',
        b'{"result":{"result":[],"result_error":{"a":{"error":"OVERLOAD_LIMIT"}}}}',
        b'{"result":{"error":"ERROR_CORE"}}',
        b'{"result":1,"error":null}',
        b'\xef\xbb\xbf{"result":1}',
    ],
)
def test_success_is_passed_on_verbatim(body: bytes) -> None:
    assert judge(200, {}, body, NOW) == Answer(200, body)


@pytest.mark.parametrize(
    ("text", "until"),
    [
        (None, None),
        ("120", NOW + 120),
        ("0", NOW),
        ("999999999999", NOW + 86_400),
        ("Fri, 15 Jan 2027 08:01:00 GMT", NOW + 60),
        ("Fri, 15 Jan 2021 08:01:00 GMT", NOW),
        ("soon", None),
        ("", None),
        ("-5", None),
    ],
)
def test_retry_after(text: str | None, until: float | None) -> None:
    fault = fault_of(429, error("OPERATION_TIME_LIMIT"), {} if text is None else {"Retry-After": text})
    assert isinstance(fault, PortalThrottled)
    assert fault.until == until


def test_which_throttle_holds_the_method_only() -> None:
    by_code = {code: fault_of(503, error(code)) for code in ("QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT")}
    held = {code: isinstance(f, PortalThrottled) and f.method_only for code, f in by_code.items()}
    assert held == {"QUERY_LIMIT_EXCEEDED": False, "OPERATION_TIME_LIMIT": True}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_moved(status: int) -> None:
    fault = fault_of(status, HTML, {"Location": "https://new.example/rest/1/tokentoken/profile"})
    assert isinstance(fault, Moved)
    assert isinstance(fault, Transient)
    assert fault.location == "https://new.example/rest/1/tokentoken/profile"
    assert "tokentoken" not in str(fault)


def test_redact() -> None:
    fault = fault_of(404, b"<p>/rest/1/tokentoken/x was not found</p>")
    fault.args = ("HTTP 404: tokentoken",)
    fault.redact("tokentoken")
    assert fault.answer is not None
    assert b"tokentoken" not in fault.answer.body
    assert "tokentoken" not in str(fault)


def test_a_long_description_is_cut() -> None:
    assert len(str(fault_of(400, error("X", "y" * 10_000)))) < 600
