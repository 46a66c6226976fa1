"""Reading the settings: one clear line for a wrong value, and where each value came from."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AliasChoices, SecretStr, ValidationError
from pydantic_settings import SettingsError

from pipeline.settings import Settings, config_file

__all__ = ["SettingView", "mask_url", "read", "settings", "view"]

MASK = "********"


def read() -> Settings:
    """Settings of this process.

    Raises:
        SystemExit: a value is wrong; the text is one line a fault: setting, what it got, what it wants.
    """
    try:
        return Settings()
    except ValidationError as error:
        _refuse([_line(fault) for fault in error.errors(include_url=False)])
    except SettingsError as error:
        _refuse([str(error)])
    except tomllib.TOMLDecodeError as error:
        _refuse([f"{config_file()}: {error}"])


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings, read once a process."""
    return read()


def _refuse(lines: list[str]) -> NoReturn:
    for line in lines:
        print(f"pipeline: wrong setting: {line}", file=sys.stderr)
    raise SystemExit(2)


def _line(fault: Any) -> str:
    place = ".".join(str(part) for part in fault["loc"])
    name = environment_name(place.split(".")[0]) if place else ""
    got = fault.get("input")
    shown = "" if isinstance(got, dict | Settings) else f" got {_shown(place, got)!r},"
    wants = fault["msg"].removeprefix("Value error, ")
    return f"{name or place}{_rest(place)}:{shown} wants: {wants}" if place else wants


def _rest(place: str) -> str:
    _, dot, rest = place.partition(".")
    return dot + rest


def _shown(place: str, got: Any) -> Any:
    if isinstance(got, SecretStr) or any(word in place.lower() for word in ("token", "amqp_url", "ampqurl")):
        text = got.get_secret_value() if isinstance(got, SecretStr) else str(got)
        return mask_url(text)
    return got


def mask_url(url: str) -> str:
    """An address without its password; anything that is no address is masked whole."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.hostname:
        return MASK
    if parts.username is None:
        return url
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.username}:{MASK}@{parts.hostname}{port}{parts.path}"


def environment_name(field: str) -> str:
    """The environment variable of a setting: its old name where it has one, else PIPELINE_<NAME>."""
    info = Settings.model_fields.get(field)
    if info is None:
        return field
    alias = info.validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"PIPELINE_{field.upper()}"


@dataclass(frozen=True, slots=True)
class SettingView:
    """One row of `faust -A pipeline settings`: secrets are masked already."""

    name: str
    value: str
    source: str
    description: str


def view(current: Settings) -> Iterator[SettingView]:
    """All settings with value and source (environment, .env, the TOML file, default)."""
    dotenv = dotenv_values(".env")
    path = config_file()
    toml = tomllib.loads(path.read_text()) if path.is_file() else {}
    for field, info in Settings.model_fields.items():
        name = environment_name(field)
        if _given(name, os.environ):
            source = "environment"
        elif _given(name, dotenv):
            source = ".env"
        elif field in toml or name in toml:
            source = str(path)
        else:
            source = "default"
        yield SettingView(name, _text(getattr(current, field)), source, info.description or "")


def _given(name: str, values: Any) -> bool:
    wanted = name.upper()
    return any(key.upper() == wanted or key.upper().startswith(wanted + "__") for key in values)


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return mask_url(value.get_secret_value())
    if isinstance(value, dict):
        return ", ".join(f"{name} ({portal.address})" for name, portal in value.items()) or "-"
    return "-" if value is None else str(value)
