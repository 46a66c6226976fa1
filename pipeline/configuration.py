"""Reading the settings: one clear line for a wrong value, and where each value came from."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AliasChoices, SecretStr, ValidationError
from pydantic_settings import SettingsError

from pipeline.queue_settings import QueueSettings
from pipeline.settings import PortalSettings, Settings, config_file

__all__ = ["SettingView", "mask_url", "read", "settings", "view"]

#: what the old proxy's names are easily taken for
_NATURAL = {"AMQPURL": "AMPQURL", "AMQPIN": "AMPQIN", "AMQPOUT": "AMPQOUT"}

MASK = "********"
#: pydantic's own words for these say nothing to an operator
_WANTS = {"extra_forbidden": "nothing here, there is no such setting", "missing": "a value, it is missing"}
#: what may be shown of a portal's settings
_HARMLESS = frozenset(PortalSettings.model_fields) - {"address", "credentials", "unknown_methods", "throttles"}


def read() -> Settings:
    """Settings of this process.

    Raises:
        SystemExit: a value is wrong; the text is one line a fault: setting, what it got, what it wants.
    """
    named = os.environ.get("PIPELINE_CONFIG")
    if named is not None and not config_file().exists():
        # a misspelt path would silently drop all portals, credentials and limits
        _refuse([f"PIPELINE_CONFIG: got {named!r}, wants: a TOML file that exists"])
    try:
        current = Settings()
        unknown = _unknown_names()
        if unknown:
            _refuse(unknown)
        for line in misspelt_variables(os.environ):
            print(f"pipeline: {line}", file=sys.stderr)
        return current
    except ValidationError as error:
        _refuse([_line(fault) for fault in error.errors(include_url=False)])
    except SettingsError as error:
        found = re.search(r'field "(\w+)"', str(error))
        name = environment_name(found[1]) if found else "environment"
        _refuse([f"{name}: wants: JSON (in {config_file()} it is easier to write)"])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        _refuse([f"{config_file()}: wants: TOML: {error}"])
    except OSError as error:
        _refuse([f"{error.filename}: cannot be read: {error.strerror}"])


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings, read once a process."""
    return read()


def _unknown_names() -> list[str]:
    """A misspelt name in the TOML file would silently leave the default in force."""
    known = {name.lower() for field in Settings.model_fields for name in _file_names(field)}
    return [f"{config_file()}: {name}: there is no such setting" for name in _toml() if name.lower() not in known]


def _file_names(field: str) -> tuple[str, ...]:
    """How a setting is spelt in the TOML file, case aside."""
    alias = Settings.model_fields[field].validation_alias
    return (field, *map(str, alias.choices)) if isinstance(alias, AliasChoices) else (field,)


def _toml() -> dict[str, Any]:
    path = config_file()
    return tomllib.loads(path.read_text()) if path.is_file() else {}


def _refuse(lines: list[str]) -> NoReturn:
    for line in lines:
        print(f"pipeline: wrong setting: {line}", file=sys.stderr)
    # the code of delivery/exit.py for "must not start like this": a supervisor need not try again
    raise SystemExit(os.EX_CONFIG)


def _line(fault: Any) -> str:
    place = ".".join(str(part) for part in fault["loc"])
    name = environment_name(place.split(".")[0]) if place else ""
    got = fault.get("input")
    shown = "" if isinstance(got, dict | Settings) else f" got {_shown(place, got, fault['loc'])},"
    wants = _WANTS.get(fault["type"]) or fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"{name or place}{_rest(place)}:{shown} wants: {wants}" if place else wants


def _rest(place: str) -> str:
    _, dot, rest = place.partition(".")
    return dot + rest


def _shown(place: str, got: Any, loc: tuple[int | str, ...]) -> str:
    """What was given, without secrets: also one that stands in the wrong place, or under a misspelt name."""
    text = got.get_secret_value() if isinstance(got, SecretStr) else str(got)
    # by its whole place: a portal or a credential may be named `rate`, too
    unknown = len(loc) == 3 and loc[0] == "queues" and loc[2] not in QueueSettings.model_fields
    of_portal = place.startswith("portals") and not (len(loc) == 3 and loc[2] in _HARMLESS)
    if any(word in place.lower() for word in ("b24rest", "address", "amqp_url", "ampqurl")):
        masked = mask_url(text)
    elif of_portal or unknown or isinstance(got, SecretStr | list) or "web_token" in place.lower():
        masked = MASK
    else:
        return repr(got)
    if masked == MASK and text:
        return f"{len(text)} characters that are not shown"
    return repr(masked if text else "")


def mask_url(url: str) -> str:
    """An address without password, user and token; anything that is no address is masked whole."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return MASK
    if not parts.scheme or not parts.hostname:
        return MASK
    user = f"{parts.username}:{MASK}@" if parts.username is not None else ""
    path, rest, hidden = parts.path.partition("/rest/")
    return f"{parts.scheme}://{user}{parts.hostname}{port}{path}{rest}{MASK if hidden else ''}"


def misspelt_variables(given: Mapping[str, str]) -> list[str]:
    """One line for each variable that looks like a setting and is none; values are not shown."""
    known = {environment_name(field) for field in Settings.model_fields} | {"PIPELINE_CONFIG"}
    lines = []
    for name in sorted(given):
        if name in _NATURAL and _NATURAL[name] not in given:
            lines.append(f"{name} is not read; the setting is spelt {_NATURAL[name]}")
        elif name.startswith("PIPELINE_") and name.partition("__")[0] not in known:
            lines.append(f"{name} is no setting and is not read; `faust -A pipeline settings` lists them")
    return lines


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
    toml = {name.lower() for name in _toml()}
    for field, info in Settings.model_fields.items():
        name = environment_name(field)
        if _given(name, os.environ):
            source = "environment"
        elif _given(name, dotenv):
            source = ".env"
        elif toml.intersection(given.lower() for given in _file_names(field)):
            source = str(config_file())
        else:
            source = "default"
        yield SettingView(name, _text(field, getattr(current, field)), source, info.description or "")


def _given(name: str, values: Any) -> bool:
    wanted = name.upper()
    return any(key.upper() == wanted or key.upper().startswith(wanted + "__") for key in values)


def _text(field: str, value: Any) -> str:
    if field == "b24rest" and value is not None:
        return mask_url(value)
    if isinstance(value, SecretStr):
        return mask_url(value.get_secret_value())
    if field == "queues":
        return ", ".join(f"{name} ({queue.mode if queue.enabled else 'off'})" for name, queue in value.items())
    if isinstance(value, dict):
        return ", ".join(f"{name} ({mask_url(portal.address)})" for name, portal in value.items()) or "-"
    return "-" if value is None else str(value)
