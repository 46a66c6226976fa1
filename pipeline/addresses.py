"""Addresses of outside systems as settings take them. A wrong one is told by an example, and never shown."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

__all__ = ["AmqpAddress", "KafkaAddress", "RestAddress", "SearchAddress", "ServerAddress"]

#: `/rest/<user>/<token>`, the address of a webhook as the portal shows it
_WEBHOOK = re.compile(r"/rest/\d+/[^/?]+")


def _is_address(value: str, *schemes: str) -> bool:
    try:
        parts = urlsplit(value)
        # looked at, because it raises, with a part of the password in its text, when that holds a slash
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname)


def _rest_address(value: str) -> str:
    """`https://host/rest/` in any of its spellings -> with exactly one slash at the end."""
    if not _is_address(value, "http", "https"):
        raise ValueError("an address such as https://example.bitrix24.ru/rest/")
    if not urlsplit(value).path.strip("/"):
        raise ValueError("the address up to and including /rest/, such as https://example.bitrix24.ru/rest/")
    if _WEBHOOK.search(value):
        raise ValueError("the address up to /rest/ only, without user and token")
    return value.rstrip("/") + "/"


def _server_address(value: str) -> str:
    if not _is_address(value, "http", "https") or "?" in value:
        raise ValueError("an address such as https://oauth.bitrix24.tech/oauth/token/")
    return value


def _kafka_address(value: str) -> str:
    for server in value.split(","):
        host, _, port = server.strip().removeprefix("kafka://").rstrip("/").rpartition(":")
        if not host or "/" in host or not port.isdigit():
            raise ValueError("host:port or kafka://host:port")
    return value


def _amqp_address(value: SecretStr) -> SecretStr:
    if not _is_address(value.get_secret_value(), "amqp", "amqps"):
        raise ValueError("an address such as amqp://login:password@host:5672/vhost (special characters as %XX)")
    return value


def _search_address(value: SecretStr) -> SecretStr:
    addresses = [address.strip() for address in value.get_secret_value().split(",")]
    if not all(_is_address(address, "http", "https") for address in addresses):
        raise ValueError("an address such as https://login:password@host:9200, several separated by commas")
    return value


RestAddress = Annotated[str, AfterValidator(_rest_address)]
ServerAddress = Annotated[str, AfterValidator(_server_address)]
KafkaAddress = Annotated[str, AfterValidator(_kafka_address)]
AmqpAddress = Annotated[SecretStr, AfterValidator(_amqp_address)]
SearchAddress = Annotated[SecretStr, AfterValidator(_search_address)]
