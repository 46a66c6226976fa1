"""The HTTP status that a portal gives with an error code; inside a `batch` there is only the code.

Source: Bitrix24's `_includes/system-errors.md` and the pages of its methods. Errors of business are 400.
"""

from __future__ import annotations

from pipeline.portal.wire.outcomes import is_about_tariff

__all__ = ["status_of"]

#: Codes in capitals. OVERLOAD_LIMIT was seen with 401, INVALID_CREDENTIALS with 403 too.
_STATUSES: dict[str, int] = {
    "QUERY_LIMIT_EXCEEDED": 503,
    "OVERLOAD_LIMIT": 503,
    "OPERATION_TIME_LIMIT": 429,
    "INTERNAL_SERVER_ERROR": 500,
    "ERROR_UNEXPECTED_ANSWER": 500,
    "PORTAL_DELETED": 500,
    "NO_AUTH_FOUND": 401,
    "EXPIRED_TOKEN": 401,
    "INVALID_TOKEN": 401,
    "INVALID_CREDENTIALS": 401,
    "PAYMENT_REQUIRED": 401,
    "AUTHORIZATION_ERROR": 401,
    "APPLICATION_NOT_FOUND": 401,
    "ERROR_OAUTH": 401,
    "METHOD_CONFIRM_WAITING": 401,
    "METHOD_CONFIRM_DENIED": 401,
    "INSUFFICIENT_SCOPE": 403,
    "USER_ACCESS_ERROR": 403,
    "ALLOWED_ONLY_INTRANET_USER": 403,
    "WRONG_AUTH_TYPE": 403,
    "ERROR_METHOD_NOT_FOUND": 404,
    "ERROR_MANIFEST_IS_NOT_AVAILABLE": 404,
    "ERROR_BATCH_METHOD_NOT_ALLOWED": 405,
}
_BUSINESS = 400


def status_of(code: str, description: str = "") -> int:
    """The status that a single call with this error would have had. `code` in any case, "" included."""
    name = code.upper()
    if name == "ACCESS_DENIED":
        # the same code is about the tariff, or about one entity
        return 403 if is_about_tariff(description) else _BUSINESS
    return _STATUSES.get(name, _BUSINESS)
