"""The table of errors: code, text, HTTP status, as documented (bitrix24.md, section 3.3)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One documented error: HTTP `status`, `code` (a string, `""` or an integer) and `text`."""

    status: int
    code: str | int
    text: str

    def body(self) -> dict[str, object]:
        """The JSON body of the error answer; errors carry no `time`."""
        return {"error": self.code, "error_description": self.text}


class RestError(Exception):
    """A refused or failed REST call; `problem` says what the client gets to see."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.code}: {problem.text}")
        self.problem = problem


class GatewayTimeout(Exception):
    """The front server has cut the request (504, HTML) while the portal was at work on it."""


QUERY_LIMIT_EXCEEDED = Problem(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
OVERLOAD_LIMIT = Problem(503, "OVERLOAD_LIMIT", "REST API is blocked due to overload")
OVERLOAD_LIMIT_401 = Problem(401, "OVERLOAD_LIMIT", "REST API is blocked due to overload")
OPERATION_TIME_LIMIT = Problem(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
INTERNAL_SERVER_ERROR = Problem(500, "INTERNAL_SERVER_ERROR", "Internal server error")
HTTPS_REQUIRED = Problem(400, "INVALID_REQUEST", "Https required.")
NO_AUTH_FOUND = Problem(401, "NO_AUTH_FOUND", "Wrong authorization data")
INVALID_CREDENTIALS = Problem(401, "INVALID_CREDENTIALS", "Invalid request credentials")
EXPIRED_TOKEN = Problem(401, "expired_token", "The access token provided has expired.")
INVALID_TOKEN = Problem(401, "invalid_token", "Unable to get application by token")
WRONG_AUTH_TYPE = Problem(403, "WRONG_AUTH_TYPE", "Current authorization type is denied for this method")
INSUFFICIENT_SCOPE_OF_APP = Problem(
    403, "insufficient_scope", "The request requires higher privileges than provided by the access token"
)
INSUFFICIENT_SCOPE = Problem(
    403,
    "insufficient_scope",
    "The request requires higher privileges than provided by the webhook token",
)
METHOD_NOT_FOUND = Problem(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
BATCH_METHOD_NOT_ALLOWED = Problem(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
BATCH_LENGTH_EXCEEDED = Problem(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
ID_INVALID = Problem(400, "", "ID is not defined or invalid.")
NOT_FOUND = Problem(400, "", "Not found")
MALFORMED_JSON = Problem(400, 100, "Syntax error")


def must_be_array(name: str) -> Problem:
    """The old crm methods' answer to a parameter that is no array (crm.deal.add and .list pages)."""
    return Problem(400, "", f"Parameter '{name}' must be array.")
