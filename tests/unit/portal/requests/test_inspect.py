"""pipeline/portal/requests/inspect.py: the table of bad input, and the fingerprint of copies."""

from dataclasses import replace

import orjson
import pytest

from pipeline.delivery.errors import Auth, BadInput, PipelineError
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.requests.edge import to_record
from pipeline.portal.requests.inspect import Request, fingerprint, inspect
from pipeline.portal.wire.access import Access
from tests.unit.portal.requests.test_edge import LIMIT, PLAIN

BODY_LIMIT = 1000
HEADERS = {"source": "amqp", "portal": "default", "method": "crm.deal.get", "user": "1", "credential": "crm"}


def look(
    credentials: Credentials, headers: dict[str, str], value: bytes | None = b"{}", key: bytes = b"default"
) -> Request:
    return inspect(headers, key, value, credentials=credentials, body_limit=BODY_LIMIT)


def test_a_good_request(credentials: Credentials) -> None:
    headers = {**HEADERS, "amqp-message-id": "m", "amqp-reply-to": "r", "amqp-redelivered": "1"}
    request = look(credentials, headers, b'{"id":5}')
    assert request == Request(
        portal="default",
        method="crm.deal.get",
        user="1",
        credential="crm",
        sealed=None,
        message_id="m",
        reply_to="r",
        source="amqp",
        redelivered=True,
        body=b'{"id":5}',
        keys=("deal:5",),
        headers=headers,
    )
    assert request.credential_id == "crm"


def test_what_may_be_absent(credentials: Credentials) -> None:
    request = look(credentials, {**HEADERS, "amqp-reply-to": ""})
    assert (request.message_id, request.reply_to, request.redelivered) == (None, None, False)


@pytest.mark.parametrize(
    ("value", "body"),
    [
        (None, b"{}"),
        (b"", b"{}"),
        (b" \r\n\t", b"{}"),
        (b"\xef\xbb\xbf", b"{}"),
        (b"{}", b"{}"),
        (b"[]", b"[]"),
        (b'\xef\xbb\xbf{"id":5}', b'{"id":5}'),
        (' {"имя": "Ёж 🦔"} '.encode(), ' {"имя": "Ёж 🦔"} '.encode()),
        (b'{"a":1.10,"a":2}', b'{"a":1.10,"a":2}'),
    ],
)
def test_bodies(credentials: Credentials, value: bytes | None, body: bytes) -> None:
    assert look(credentials, HEADERS, value).body == body


@pytest.mark.parametrize(
    ("change", "value", "kind", "text"),
    [
        ({"method": None}, b"{}", BadInput, "header method is needed"),
        ({"method": ""}, b"{}", BadInput, "header method is needed"),
        ({"method": "../"}, b"{}", BadInput, r"'\.\./' is no REST method name"),
        ({"method": "crm deal"}, b"{}", BadInput, "no REST method name"),
        ({"method": "crm.deal.list\x00\n"}, b"{}", BadInput, r"'crm.deal.list\\\\x00\\\\n' is no"),
        ({"portal": "nowhere"}, b"{}", BadInput, "no portal 'nowhere'; known: closed, default"),
        ({"portal": "closed"}, b"{}", BadInput, "key must be"),
        ({"auth-problem": "no-token", "credential": None}, b"{}", Auth, "user and token are needed"),
        ({"auth-problem": "bad-token", "credential": None}, b"{}", Auth, "letters, digits"),
        ({"auth-problem": "unknown-token", "credential": None}, b"{}", Auth, "not among those of portal 'default'"),
        ({"credential": None}, b"{}", Auth, "header credential is needed: .* 'default'; .* headers user and token"),
        ({"credential": "gone"}, b"{}", Auth, "no credential 'gone'"),
        ({"method": "user.get"}, b"{}", Auth, "user.get is not allowed"),
        (
            {"method": "batch"},
            b'{"cmd":{"a":"crm.deal.list","orders":"Sale.order.list?start=0"}}',
            Auth,
            "^batch: command 'orders': method sale.order.list is not allowed to this credential of portal 'default'$",
        ),
        ({"method": "Batch.json"}, b'{"CMD":["crm.deal.list","user.get"]}', Auth, "command '1': method user.get is"),
        ({"method": "batch"}, b'{"cmd":"user.get"}', Auth, "command '0': method user.get is not allowed"),
        ({"method": "batch"}, b'{"cmd":{"a":"batch"}}', Auth, "command 'a': method batch is not allowed"),
        ({"method": "batch"}, b'{"cmd":{"a":5}}', Auth, "command 'a' names no REST method"),
        ({"method": "batch"}, b'{"cmd":{"a\\n":"?x=1"}}', Auth, r"command 'a\\n' names no REST method"),
        ({}, b"no json", BadInput, "body: no JSON in UTF-8"),
        ({}, b'{"a":', BadInput, "no JSON"),
        ({}, b'{"a":NaN}', BadInput, "no JSON"),
        ({}, b'"text"', BadInput, "object or array is needed, got str"),
        ({}, b"5", BadInput, "got int"),
        ({}, b"null", BadInput, "got NoneType"),
        ({}, '{"имя":1}'.encode("cp1251"), BadInput, "byte 2 is not UTF-8"),
        (
            {"amqp-content-type": "text/json; charset=windows-1251"},
            '{"имя":1}'.encode("cp1251"),
            BadInput,
            "content type says windows-1251",
        ),
        ({}, '{"a":1}'.encode("utf-16"), BadInput, "not UTF-8"),
        ({}, b'{"a":"' + b"x" * 1000 + b'"}', BadInput, "1008 bytes, the limit is 1000"),
        ({"body-length": "99999999"}, b"", BadInput, "99999999 bytes, the limit is 1000"),
    ],
)
def test_what_is_refused(
    credentials: Credentials, change: dict[str, str | None], value: bytes, kind: type[PipelineError], text: str
) -> None:
    headers = {name: given for name, given in {**HEADERS, **change}.items() if given is not None}
    with pytest.raises(kind, match=text) as raised:
        look(credentials, headers, value)
    assert "\n" not in str(raised.value)


def test_without_a_portal_header_the_key_tells(credentials: Credentials) -> None:
    headers = {name: text for name, text in HEADERS.items() if name != "portal"}
    assert look(credentials, headers).portal == "default"
    with pytest.raises(BadInput, match="known"):
        look(credentials, headers, key=b"nowhere")


def test_no_portal_at_all(credentials: Credentials) -> None:
    none = Credentials({}, True, credentials._sealer)
    with pytest.raises(BadInput, match="B24REST"):
        look(none, HEADERS)


async def test_from_the_edge(credentials: Credentials) -> None:
    message = replace(PLAIN, headers={"method": "crm.deal.add", "user": 7, "token": "strangertoken"}, body=b"")
    record = to_record(message, credentials, LIMIT)
    request = inspect(record.headers, record.key, record.value, credentials=credentials, body_limit=BODY_LIMIT)
    assert (request.user, request.method, request.message_id, request.body) == ("7", "crm.deal.add", "m-1", b"{}")
    access = await credentials.access(request.portal, request.credential, request.sealed)
    assert access == Access.webhook("7", "strangertoken")


PLAN_HEADERS = {"source": "deals", "portal": "default", "plan": "1", "credential": "crm"}
UPSERT = {"do": "upsert", "name": "a", "entity": "deal", "key": {"id": "7"}, "fields": {"TITLE": "x"}}


def plan(*steps: dict[str, object], **given: object) -> bytes:
    return orjson.dumps({"v": 1, "steps": steps, **given})


def test_a_plan(credentials: Credentials) -> None:
    body = plan(UPSERT, throttle="mirror")
    request = look(credentials, PLAN_HEADERS, body)
    assert (request.plan, request.method, request.throttle, request.body) == (True, "plan", "mirror", body)
    assert (request.keys, request.source, request.user) == (("=deal:7",), "deals", "")


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b"", BadInput, "plan"),
        (b"{}", BadInput, "^plan: v is missing: expected 1$"),
        (b'{"v":2,"steps":[]}', BadInput, "^plan version 2 is not known; this worker knows 1$"),
        (plan(UPSERT, throttle="gone"), BadInput, "no throttle 'gone'; known: mirror"),
        (
            plan({"do": "call", "name": "u", "method": "user.get"}),
            Auth,
            "plan.steps.0 'u': method user.get is not allowed",
        ),
        (
            plan(UPSERT, {"do": "upsert", "name": "o", "entity": "order", "key": {"id": "7"}, "fields": {}}),
            Auth,
            "plan.steps.1 'o': method sale.order",
        ),
        (
            plan({"do": "reconcile", "name": "r", "method": "crm.deal.list", "rule": "nobody's"}),
            BadInput,
            "plan.steps.0 'r': rule: no rule",
        ),
        (b"x" * 1001, BadInput, "1001 bytes, the limit is 1000"),
    ],
    ids=str,
)
def test_a_plan_that_is_refused(credentials: Credentials, body: bytes, kind: type[PipelineError], text: str) -> None:
    with pytest.raises(kind, match=text):
        look(credentials, PLAN_HEADERS, body)


@pytest.mark.parametrize(
    ("version", "shown"), [("2", "2"), ("0", "0"), ("v1", "'v1'"), ("", "an empty text"), ("1\n", "'1\\n'")]
)
def test_a_plan_of_another_version(credentials: Credentials, version: str, shown: str) -> None:
    with pytest.raises(BadInput) as raised:
        look(credentials, {**PLAN_HEADERS, "plan": version}, plan(UPSERT))
    assert str(raised.value) == f"plan version {shown} is not known; this worker knows 1"


def test_a_plan_without_a_credential(credentials: Credentials) -> None:
    headers = {name: text for name, text in PLAN_HEADERS.items() if name != "credential"}
    with pytest.raises(Auth) as raised:
        look(credentials, headers, plan(UPSERT))
    assert str(raised.value) == (
        "header credential is needed: the name of a credential in the settings of portal 'default'; "
        "a message of RabbitMQ brings headers user and token instead, the two parts of a webhook's address"
    )


STRANGER = replace(
    PLAIN, headers={"method": "profile", "user": "7", "token": "strangertoken", "trace": "t"}, message_id=None
)
_SAME = [
    replace(STRANGER, redelivered=True),
    replace(STRANGER, redelivered=True, headers={**STRANGER.headers, "x-delivery-count": 1}),
]
_OTHER = [
    replace(STRANGER, body=b'{"filter":[]}'),
    replace(STRANGER, message_id="m-2"),
    replace(STRANGER, reply_to="elsewhere"),
    replace(STRANGER, headers={**STRANGER.headers, "method": "scope"}),
    replace(STRANGER, headers={**STRANGER.headers, "token": "othertoken"}),
    replace(STRANGER, headers={**STRANGER.headers, "trace": "u"}),
    replace(STRANGER, headers={**STRANGER.headers, "portal": "closed"}),
]


@pytest.mark.parametrize(("message", "same"), [(m, True) for m in _SAME] + [(m, False) for m in _OTHER])
def test_fingerprint_knows_copies(credentials: Credentials, message: object, same: bool) -> None:
    def of(which: object) -> str:
        record = to_record(which, credentials, LIMIT)  # type: ignore[arg-type]
        return fingerprint(record.headers, record.value)

    assert (of(message) == of(STRANGER)) is same
