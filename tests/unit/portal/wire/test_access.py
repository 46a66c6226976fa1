"""pipeline/portal/wire/access.py: where a call's credential stands, and where not."""

import orjson
import pytest

from pipeline.portal.wire.access import Access
from pipeline.portal.wire.faults import PortalPermanent

TOKEN = "an-access-token"
OAUTH = Access.oauth(TOKEN)
WEBHOOK = Access.webhook("1", "a/token")


def test_a_webhook_stands_in_the_address() -> None:
    assert WEBHOOK.path("crm.deal.list") == "1/a%2Ftoken/crm.deal.list"
    assert WEBHOOK.body(b"") == b"{}"
    assert WEBHOOK.body(b' [1, {"auth": 1.10}]') == b' [1, {"auth": 1.10}]'


def test_an_access_token_stands_in_the_body_only() -> None:
    assert OAUTH.path("crm.deal.list/../x?") == "crm.deal.list%2F..%2Fx%3F"


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (b"", b'{"auth":"an-access-token"}'),
        (b" \n", b'{"auth":"an-access-token"}'),
        (b"{ }", b'{"auth":"an-access-token"}'),
        # byte for byte: the order of parameters, numbers that no float holds
        (
            b' {"b" : 1.10, "a":[100000000000000000001] } ',
            b'{"b" : 1.10, "a":[100000000000000000001],"auth":"an-access-token"}',
        ),
        (b'\xef\xbb\xbf{"a":1}', b'{"a":1,"auth":"an-access-token"}'),
        ('{"а":"}"}'.encode(), '{"а":"}","auth":"an-access-token"}'.encode()),
        (b'{"x":{"auth":"inner"}}', b'{"x":{"auth":"inner"},"auth":"an-access-token"}'),
        # of its own: the credential that the request names is the one
        (b'{"auth":"theirs","a":1}', b'{"a":1,"auth":"an-access-token"}'),
        (b'{"\\u0061uth":"theirs"}', b'{"auth":"an-access-token"}'),
        (b'{"auth":{"access_token":"theirs"},"auth":2}', b'{"auth":"an-access-token"}'),
    ],
)
def test_the_body_of_a_call_by_oauth(body: bytes, sent: bytes) -> None:
    assert OAUTH.body(body) == sent
    assert orjson.loads(sent)["auth"] == TOKEN


@pytest.mark.parametrize("body", [b"[]", b"[1]", b"null", b'"x"', b"{", b"{}{}"])
def test_a_body_without_a_place_for_it_is_refused(body: bytes) -> None:
    with pytest.raises(PortalPermanent, match="JSON object") as raised:
        OAUTH.body(body)
    assert not raised.value.sent


def test_it_shows_no_token() -> None:
    assert TOKEN not in repr(OAUTH) + str(OAUTH) and "a/token" not in repr(WEBHOOK)
    assert (OAUTH.is_oauth, WEBHOOK.is_oauth) == (True, False)
