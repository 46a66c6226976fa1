"""The checks that a request record passes at intake: the table of bad input of issue 3, section 5.

What is refused here never reaches a portal; the error says what was expected, and is the text of the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from pipeline.delivery.errors import Auth, BadInput
from pipeline.portal import methods
from pipeline.portal.access.credentials import ABSENT, MALFORMED, Credentials, credential_id
from pipeline.portal.access.seal import identity
from pipeline.portal.entities import entity, is_number
from pipeline.portal.plan import VERSION, FindStep, Plan, ReconcileStep, UpsertStep, parse_plan, unknown_version
from pipeline.portal.plan_faults import quoted
from pipeline.portal.requests.order import call_keys, plan_keys
from pipeline.portal.rules import rule_named

__all__ = ["PLAN", "Request", "fingerprint", "inspect"]

#: stands where the method of a call would
PLAN = "plan"

_BOM = b"\xef\xbb\xbf"
_PROBLEMS = {
    ABSENT: "headers user and token are needed: the two parts of a webhook's address",
    MALFORMED: "headers user and token must be text of letters, digits and . _ ~ + = - only",
}
_COPIED = (
    "source",
    "portal",
    "method",
    "user",
    "credential",
    "auth-problem",
    "amqp-exchange",
    "amqp-routing-key",
    "amqp-queue",
    "amqp-message-id",
    "amqp-correlation-id",
    "amqp-reply-to",
    "amqp-content-type",
    "amqp-timestamp",
    "body-length",
    "body-sha256",
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that may be sent.

    `body` is JSON text, `{}` when there are no parameters. `message_id` and `reply_to` are None when absent.
    `keys` are those of order.py, () = free. `plan`: the body is a plan (portal/plan.py), `method` is `plan` then.
    """

    portal: str
    method: str
    user: str
    credential: str | None
    sealed: str | None
    message_id: str | None
    reply_to: str | None
    source: str
    redelivered: bool
    body: bytes
    keys: tuple[str, ...]
    headers: Mapping[str, str]
    plan: bool = False
    throttle: str | None = None
    watch: str | None = None

    @property
    def credential_id(self) -> str:
        """The same for all requests of a portal with the same credential; not secret."""
        return credential_id(self.credential, self.sealed)


def inspect(
    headers: Mapping[str, str],
    key: bytes | None,
    value: bytes | None,
    *,
    credentials: Credentials,
    body_limit: int,
) -> Request:
    """A request from a record's headers (as text), key and value; `body_limit` in bytes.

    Raises:
        BadInput: unknown portal, no method or no method name, body too long or no JSON object or array, no plan, or
            one of another version.
        Auth: no credential, an unknown one where those are not allowed, a method that is not allowed.
    """
    portal = _portal(headers, key, credentials)
    plan: Plan | None = None
    if "plan" in headers:
        method = PLAN
        credential, sealed = _credential(headers, portal)
        body, plan = _plan(headers, value or b"", body_limit)
        keys = plan_keys(plan)
        _check_plan(plan, portal, credential, credentials)
    else:
        method = _method(headers)
        credential, sealed = _credential(headers, portal)
        body, params = _body(headers, value or b"", body_limit)
        keys = call_keys(method, params)
        if not credentials.allowed(portal, credential, method, body):
            raise Auth(f"{_refused(method, params, portal, credential, credentials)} of portal {portal!r}")
    return Request(
        portal=portal,
        method=method,
        user=headers.get("user", ""),
        credential=credential,
        sealed=sealed,
        message_id=headers.get("amqp-message-id"),
        reply_to=headers.get("amqp-reply-to") or None,
        source=headers.get("source", ""),
        redelivered=headers.get("amqp-redelivered") == "1",
        body=body,
        keys=keys,
        headers=headers,
        plan=plan is not None,
        throttle=plan.throttle if plan is not None else None,
        watch=(headers.get("watch") or None) if plan is not None else None,
    )


def fingerprint(headers: Mapping[str, str], value: bytes | None) -> str:
    """Hash (hex) that a message and its redelivered copy share; copies without message_id are found by it.

    Left out: what RabbitMQ changes at a redelivery (`redelivered`, the `x-` headers such as x-delivery-count), and
    the sealed text but for its identity, as sealing twice gives two texts.
    """
    taken = {name: headers[name] for name in _COPIED if name in headers}
    taken |= {
        name: text
        for name, text in headers.items()
        if name.startswith("amqp-header-") and not name.lower().startswith("amqp-header-x-")
    }
    if "sealed" in headers:
        taken["sealed"] = identity(headers["sealed"])
    digest = hashlib.sha256(orjson.dumps(taken, option=orjson.OPT_SORT_KEYS))
    digest.update(b"\0")
    digest.update(value or b"")
    return digest.hexdigest()


def _portal(headers: Mapping[str, str], key: bytes | None, credentials: Credentials) -> str:
    portal = headers.get("portal") or (key or b"").decode("utf-8", "backslashreplace")
    if portal in credentials.portals:
        # the key decides who owns the request: another portal's owner must not send it
        if key != portal.encode():
            raise BadInput(f"the record's key must be the portal's name {portal!r}")
        return portal
    known = ", ".join(sorted(credentials.portals)) or "none: set B24REST"
    raise BadInput(f"header portal: there is no portal {portal!r}; known: {known}")


def _method(headers: Mapping[str, str]) -> str:
    method = headers.get("method", "")
    if not method:
        raise BadInput("header method is needed: a REST method such as crm.deal.list, as text")
    if not methods.is_valid(method):
        shown = method.encode("unicode_escape").decode()[:100]
        raise BadInput(
            f"header method: {shown!r} is no REST method name (letters, digits, _ and single dots, as crm.deal.list)"
        )
    return method


def _credential(headers: Mapping[str, str], portal: str) -> tuple[str | None, str | None]:
    problem = headers.get("auth-problem")
    if problem is not None:
        raise Auth(_PROBLEMS.get(problem) or f"user and token are not among those of portal {portal!r}")
    credential, sealed = headers.get("credential"), headers.get("sealed")
    if credential is None and sealed is None:
        raise Auth(
            f"header credential is needed: the name of a credential in the settings of portal {portal!r}; "
            "a message of RabbitMQ brings headers user and token instead, the two parts of a webhook's address"
        )
    return credential, None if credential is not None else sealed


def _body(headers: Mapping[str, str], value: bytes, limit: int) -> tuple[bytes, Any]:
    """JSON text and its parsed form."""
    length = headers.get("body-length") or str(len(value))
    if "body-length" in headers or len(value) > limit:
        raise BadInput(f"body: {length} bytes, the limit is {limit}")
    text = value.removeprefix(_BOM)
    if not text.strip():
        return b"{}", {}
    try:
        params = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"body: no JSON in UTF-8 ({_why(text, error)}){_charset(headers)}") from None
    if not isinstance(params, dict | list):
        raise BadInput(f"body: a JSON object or array is needed, got {type(params).__name__}")
    return text, params


def _plan(headers: Mapping[str, str], value: bytes, limit: int) -> tuple[bytes, Plan]:
    """The text of a plan, and the plan. Raises BadInput: no plan, another version, a rule that nobody knows."""
    version = int(headers["plan"]) if is_number(headers["plan"]) else headers["plan"]
    if version != VERSION:
        raise BadInput(unknown_version(version))
    if "body-length" in headers or len(value) > limit:
        raise BadInput(f"body: {headers.get('body-length') or len(value)} bytes, the limit is {limit}")
    plan = parse_plan(value)
    for number, step in enumerate(plan.steps):
        if isinstance(step, ReconcileStep):
            try:
                rule_named(step.rule)
            except KeyError as error:
                raise BadInput(f"plan.steps.{number} {step.name!r}: rule: {error.args[0]}") from None
    return value, plan


def _check_plan(plan: Plan, portal: str, credential: str | None, credentials: Credentials) -> None:
    """Is everything that it may call allowed? What a rule adds is the flow's own. Raises Auth, BadInput."""
    known = credentials.portals[portal].throttles
    if plan.throttle is not None and plan.throttle not in known:
        named = ", ".join(sorted(known)) or "none"
        raise BadInput(f"plan: throttle: portal {portal!r} has no throttle {plan.throttle!r}; known: {named}")
    for number, step in enumerate(plan.steps):
        if isinstance(step, UpsertStep):
            kind = entity(step.entity)
            wanted = [kind.list_method, kind.add_method, kind.update_method]
        elif isinstance(step, FindStep):
            wanted = [] if step.by_alias else [entity(step.entity).list_method]
        else:
            wanted = [step.method]
        for method in wanted:
            if not credentials.allowed(portal, credential, method, b"{}"):
                raise Auth(
                    f"plan.steps.{number} {step.name!r}: method {method} is not allowed to this credential "
                    f"of portal {portal!r}"
                )


def _refused(method: str, params: Any, portal: str, credential: str | None, credentials: Credentials) -> str:
    """What a credential may not call; of a `batch` the first such command."""
    if methods.canonical(method) == methods.BATCH and isinstance(params, dict):
        for name, (command, _) in zip(_names(params), methods.commands(params), strict=False):
            if not command:
                return f"batch: command {quoted(name)} names no REST method, so it is not allowed to this credential"
            if command == methods.BATCH or not credentials.allowed(portal, credential, command, b"{}"):
                return f"batch: command {quoted(name)}: method {command} is not allowed to this credential"
    return f"method {method} is not allowed to this credential"


def _names(params: Any) -> Iterator[str]:
    """Names of the commands of a `batch`, as `methods.commands` gives them; their places in a list."""
    for cmd in (given for name, given in params.items() if name.lower() == "cmd"):
        yield from map(str, cmd if isinstance(cmd, dict) else range(len(cmd) if isinstance(cmd, list) else 1))


def _why(text: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        text.decode()
    except UnicodeDecodeError as fault:
        return f"byte {fault.start} is not UTF-8"
    return f"{error.msg} at character {error.pos}"


def _charset(headers: Mapping[str, str]) -> str:
    _, found, charset = headers.get("amqp-content-type", "").lower().partition("charset=")
    charset = charset.partition(";")[0].strip(' "')
    return f"; its content type says {charset}" if found and charset not in ("utf-8", "utf8") else ""
