"""Every setting, once: name, type, default, meaning.

Read from (first wins): environment, `.env`, `pipeline.toml` in the working folder (or the file that
`PIPELINE_CONFIG` names), default. The five names of the old proxy are spelt as it spelt them; all others carry the
prefix `PIPELINE_`. Several portals are declared in `pipeline.toml` (see docs/settings.md).
"""

from __future__ import annotations

import ipaddress
import math
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from pipeline.addresses import AmqpAddress, KafkaAddress, RestAddress, SearchAddress, ServerAddress
from pipeline.queue_settings import QueueSettings, clashes, default_queues, with_defaults

__all__ = ["DEFAULT_PORTAL", "CredentialSettings", "PortalSettings", "Settings", "config_file"]

MIB = 1024 * 1024
DEFAULT_PORTAL = "default"
MAPPING = Path("mapping.toml")


def _rate(value: Any) -> Any:
    """`none` (any case) means: no intensity limit."""
    if isinstance(value, str) and value.strip().lower() == "none":
        return None
    return value


def _positive(value: float | None) -> float | None:
    if value is not None and value <= 0:
        raise ValueError("a rate above 0, or none")
    return value


def _windows(value: dict[str, list[tuple[int, float]]]) -> dict[str, list[tuple[int, float]]]:
    for name, windows in value.items():
        for count, seconds in windows:
            if count < 1 or not 0 < seconds < math.inf:
                raise ValueError(
                    f"counts of 1 or more in spans above 0 s, such as [20, 60]; {name} has [{count}, {seconds:g}]"
                )
    return value


Rate = Annotated[float | None, BeforeValidator(_rate), AfterValidator(_positive)]
Preset = Literal["cloud", "enterprise", "self-hosted", "self-hosted-limited"]


def _apart(value: dict[str, QueueSettings]) -> dict[str, QueueSettings]:
    reason = clashes(value)
    if reason is not None:
        raise ValueError(reason)
    return value


Throttles = Annotated[dict[str, list[tuple[int, float]]], AfterValidator(_windows)]
Queues = Annotated[dict[str, QueueSettings], BeforeValidator(with_defaults), AfterValidator(_apart)]


def config_file() -> Path:
    """The TOML file: `PIPELINE_CONFIG`, else `pipeline.toml` in the working folder."""
    return Path(os.environ.get("PIPELINE_CONFIG", "pipeline.toml"))


class CredentialSettings(BaseModel):
    """A configured credential: a webhook (its `user`, `token`) or an OAuth app (its id, key and refresh token)."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    user: str = Field(default="", description="Webhook: user id in its address.")
    token: SecretStr = Field(default=SecretStr(""), description="Webhook: secret in its address.")
    client_id: str = Field(default="", description="OAuth app: its id (`client_id`).")
    client_secret: SecretStr = Field(default=SecretStr(""), description="OAuth app: its key (`client_secret`).")
    refresh_token: SecretStr = Field(
        default=SecretStr(""),
        description="OAuth app: the first refresh token, as the portal gave it at installation; those that follow are "
        "kept sealed in Kafka. Another one here replaces them.",
    )
    oauth_server: ServerAddress = Field(
        default="https://oauth.bitrix24.tech/oauth/token/", description="OAuth app: where tokens are renewed."
    )
    methods: list[str] = Field(
        default=["*"], description="Methods that it may call; `crm.*` covers a family. Default: all."
    )

    @field_validator("token", "client_secret", "refresh_token")
    @classmethod
    def _pasted(cls, value: SecretStr) -> SecretStr:
        """Without the blanks that pasting leaves."""
        return SecretStr(value.get_secret_value().strip())

    @model_validator(mode="after")
    def _one_kind(self) -> CredentialSettings:
        webhook = {"user": self.user, "token": self.token.get_secret_value()}
        oauth = {
            "client_id": self.client_id,
            "client_secret": self.client_secret.get_secret_value(),
            "refresh_token": self.refresh_token.get_secret_value(),
        }
        if any(webhook.values()) and any(oauth.values()):
            raise ValueError("either a webhook (user, token) or an OAuth app (client_id, ...), not both")
        if not any(webhook.values()) and not any(oauth.values()):
            raise ValueError("a webhook (user, token) or an OAuth app (client_id, client_secret, refresh_token)")
        kind, parts = ("a webhook", webhook) if any(webhook.values()) else ("an OAuth app", oauth)
        missing = [name for name, value in parts.items() if not value]
        if missing:
            raise ValueError(f"all of {kind}: {', '.join(missing)} missing")
        return self

    @property
    def is_oauth(self) -> bool:
        """An OAuth app, else a webhook."""
        return bool(self.client_id)


class PortalSettings(BaseModel):
    """One Bitrix24 portal. The name is its key in Kafka and never changes; the address may."""

    model_config = ConfigDict(extra="forbid")

    address: RestAddress = Field(
        description="Address up to and including /rest/, e.g. https://example.bitrix24.ru/rest/"
    )
    preset: Preset = Field(
        default="cloud",
        description="What the portal allows, where the next fields do not say otherwise: `cloud`, `enterprise`, "
        "`self-hosted` or `self-hosted-limited`, see Presets.",
    )
    rate: Rate = Field(default=2.0, description="Requests a second that the portal allows; `none` = no limit.")
    burst: int = Field(default=50, ge=1, description="Size of the portal's bucket, in requests.")
    operating_limit: Rate = Field(
        default=480.0, description="Seconds that one method may use in `operating_window`; `none` = no limit."
    )
    operating_window: float = Field(default=600.0, gt=0, description="Window of the operating limit.")
    request_limit: float = Field(default=60.0, gt=0, description="After so long the portal cuts a request off.")
    batch_budget: float = Field(default=30.0, gt=0, description="Expected time of the commands of one batch together.")
    batch_size: int = Field(default=50, ge=1, le=50, description="Commands of a batch; 1 = calls are never packed.")
    connections: int = Field(
        default=3, ge=1, le=20, description="HTTP requests at once; one of them is kept for the interactive lane."
    )
    stamp: bool = Field(
        default=True, description="Give adds that bring no external id one of ours, so that they can be looked up."
    )
    settle: bool = Field(
        default=True,
        description="Find out by look-up what became of a call that broke off. Without it such calls are repeated.",
    )
    deleted: Literal["add", "error"] = Field(
        default="add", description="An object that a plan changes was deleted in the portal: add it anew, or an error."
    )
    scale: float = Field(
        default=1.0, gt=0, description="The portal's clock runs so many times faster: all its times shrink. For tests."
    )
    credentials: dict[str, CredentialSettings] = Field(
        default_factory=dict,
        description="Webhooks and OAuth apps by name, used by flows; webhooks are matched to tokens in headers.",
    )
    unknown_tokens: bool | None = Field(
        default=None,
        description="May a message bring a token that is not configured? Default: the setting of that name.",
    )
    unknown_methods: list[str] = Field(default=["*"], description="Methods allowed to tokens that are not configured.")
    throttles: Throttles = Field(
        default_factory=dict,
        description="Route throttles by name: plans that may start in so many seconds, e.g. [[20, 60], [100, 3600]].",
    )


class Settings(BaseSettings):
    """All settings of a worker. Times are seconds, sizes are bytes."""

    model_config = SettingsConfigDict(
        env_prefix="PIPELINE_",
        env_nested_delimiter="__",
        env_file=".env",
        extra="ignore",
        populate_by_name=True,
        validate_default=True,
    )

    # -- outside systems
    kafka_url: KafkaAddress = Field(
        default="kafka://127.0.0.1:9092",
        validation_alias=AliasChoices("KAFKA_URL", "kafka_url"),
        description="Kafka: `host:port` or `kafka://host:port`, several separated by commas.",
    )
    amqp_url: AmqpAddress = Field(
        default=SecretStr("amqp://guest:guest@127.0.0.1:5672/"),
        validation_alias=AliasChoices("AMPQURL", "amqp_url"),
        description="RabbitMQ, as the old proxy named it: amqp://login:password@host[:port]/[vhost].",
    )
    b24rest: RestAddress | None = Field(
        default=None,
        validation_alias=AliasChoices("B24REST", "b24rest"),
        description="Address of the portal `default`, up to /rest/.",
    )
    ampqin: str = Field(
        default="bitrix24in",
        min_length=1,
        max_length=255,
        validation_alias=AliasChoices("AMPQIN", "ampqin"),
        description="Queue that requests are read from.",
    )
    ampqout: str = Field(
        default="bitrix24out",
        min_length=1,
        max_length=255,
        validation_alias=AliasChoices("AMPQOUT", "ampqout"),
        description="Queue (or exchange) that answers go to.",
    )
    ampqout_kind: Literal["auto", "queue", "exchange"] = Field(
        default="auto",
        description="Is AMPQOUT a queue or an exchange? `auto`: an exchange if one of that name exists.",
    )

    # -- the site and 1C
    mapping: Path = Field(
        default=MAPPING,
        description="File that says what users, products, sections and settlements become (docs/mapping.md). Without "
        "one, the queues of the site are neither made nor read.",
    )
    queues: Queues = Field(
        default_factory=default_queues,
        description="Queues of users, products, sections and settlements by name, see docs/queues.md; "
        "the default ones may be changed in single values.",
    )

    # -- portals
    portals: dict[str, PortalSettings] = Field(
        default_factory=dict,
        description="Portals by name; one called `default` stands in place of B24REST and its limits.",
    )
    portal_rate: Rate = Field(
        default=2.0, description="Rate of the portal `default`, requests a second; `none` = no limit."
    )
    portal_burst: int = Field(default=50, ge=1, description="Bucket of the portal `default`, requests.")
    portal_preset: Preset = Field(
        default="cloud",
        description="What the portal `default` allows: `cloud`, `enterprise`, `self-hosted` or `self-hosted-limited`, "
        "see Presets.",
    )
    unknown_tokens: bool = Field(
        default=True, description="Accept tokens in AMQP headers that are not configured (they are sealed)."
    )
    key_file: Path | None = Field(
        default=None,
        description="Key that seals tokens, shared by all workers; made with mode 0600 when absent. "
        "Default: `seal.key` in data_dir.",
    )
    request_timeout: float = Field(
        default=75.0, gt=0, description="Longest wait for a portal's answer (the portal itself cuts at 60 s)."
    )
    connect_timeout: float = Field(default=5.0, gt=0, description="Longest wait for a connection to a portal.")
    body_limit: int = Field(default=10 * MIB, ge=1024, description="Longest request body.")
    answer_limit: int = Field(default=16 * MIB, ge=1024, description="Longest portal answer that is passed on.")
    waiting_limit: int = Field(
        default=200_000, ge=1, description="Waiting requests a worker takes in; the rest stays in Kafka."
    )
    done_keep: float = Field(default=86_400.0, ge=0, description="How long rows of finished requests are kept.")
    watch_keep: int = Field(
        default=90 * 86_400, gt=0, description="How long a plan waits for something missing to be run again."
    )
    retry_min: float = Field(default=0.5, gt=0, description="First pause after a transient error.")
    retry_max: float = Field(default=60.0, gt=0, description="Longest pause after a transient error.")
    method_hold: float = Field(
        default=60.0,
        gt=0,
        description="How long a method is held after OPERATION_TIME_LIMIT without a word until when.",
    )
    credential_probe: float = Field(
        default=60.0, gt=0, description="Time between two tries of a configured credential that its portal refuses."
    )
    blocked_probe: float = Field(
        default=600.0, gt=0, description="Time between two tries of a portal that has shut us out (OVERLOAD_LIMIT)."
    )
    bulk_share: float = Field(
        default=0.2, ge=0, le=0.9, description="Share of a portal's calls that bulk requests keep."
    )
    strict_order: bool = Field(
        default=False, description="Run the requests of a queue strictly in the order of arrival."
    )

    # -- answers
    answer_park_limit: float = Field(
        default=86_400.0,
        gt=0,
        description="How long an undeliverable answer is tried before its dead letter.",
    )

    # -- search
    es_url: SearchAddress | None = Field(
        default=None,
        validation_alias=AliasChoices("ES_URL", "es_url"),
        description="Elasticsearch: http(s)://[login:password@]host:port, several nodes separated by commas. "
        "Without it products are not indexed.",
    )
    es_user: str = Field(default="", description="Login of Elasticsearch, when the address has none.")
    es_password: SecretStr | None = Field(default=None, description="Its password.")
    es_api_key: SecretStr | None = Field(default=None, description="API key of Elasticsearch (encoded), instead.")
    es_ca_file: Path | None = Field(
        default=None, description="Certificates (PEM) that Elasticsearch's one is checked with, else the system's."
    )
    es_bulk_size: int = Field(default=1000, ge=1, description="Documents of one bulk request, at most.")
    es_bulk_bytes: int = Field(default=5 * MIB, ge=1024, description="Length of one bulk request, about.")
    es_requests: int = Field(default=3, ge=1, le=32, description="Bulk requests of a worker at once.")
    es_timeout: float = Field(default=60.0, gt=0, description="Longest wait for an answer of Elasticsearch.")

    # -- Kafka
    app_id: str = Field(
        default="pipeline",
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="Name of the consumer group and of the state. Another name = another memory.",
    )
    topic_prefix: str = Field(
        default="", pattern=r"^[A-Za-z0-9._-]{0,100}$", description="Put before every topic's name."
    )
    topic_replication: int = Field(default=1, ge=1, description="Replicas of topics that we create.")
    message_limit: int = Field(
        default=17 * MIB, ge=MIB, description="Longest Kafka record, in topics, producer and consumer."
    )
    session_timeout: float = Field(
        default=30.0, gt=0, description="Kafka session timeout. A worker frozen for half of it ends itself."
    )
    rebalance_timeout: float = Field(default=120.0, gt=0, description="Longest a rebalance may take.")
    commit_interval: float = Field(default=1.0, gt=0, description="Time between commits of offsets.")
    linger: float = Field(default=0.0, ge=0, le=0.1, description="Wait of the producer on the interactive path.")
    standby_replicas: int = Field(default=1, ge=0, description="Copies of tables on other workers.")

    # -- bridge
    prefetch: int = Field(
        default=2000, ge=1, le=65535, description="Un-acked messages that a consumer of a queue holds."
    )

    # -- delivery
    run_limit: int = Field(default=500, ge=1, description="Events that a flow takes at once.")
    in_flight: int = Field(default=200, ge=1, description="Events of a flow that are worked on at the same time.")
    breaker_failures: int = Field(
        default=100, ge=1, description="Failed effects in a row after which a flow stops making dead letters."
    )
    crash_limit: int = Field(
        default=3, ge=1, description="Times that one record may end a worker before it is a dead letter."
    )

    # -- health
    stuck_limit: float = Field(
        default=300.0,
        gt=0,
        description="Commits that stand still, or a group that is not joined, for longer make /healthz fail.",
    )

    # -- the worker itself
    data_dir: Path = Field(default=Path("~/.local/share/pipeline"), description="State of the workers of this machine.")
    web_bind: str = Field(default="127.0.0.1", description="Address that the pages listen on.")
    web_port: int = Field(default=6066, ge=1, le=65535, description="Port of the pages (`--web-port` wins).")
    web_token: SecretStr | None = Field(
        default=None, description="Token for pages and metrics; needed unless web_bind is loopback."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls, toml_file=config_file())
        return init_settings, env_settings, dotenv_settings, toml

    @model_validator(mode="after")
    def _pages_need_a_token(self) -> Settings:
        if self.web_token is None and not _is_loopback(self.web_bind):
            raise ValueError(
                f"PIPELINE_WEB_TOKEN: got none, wants: a token, because PIPELINE_WEB_BIND is {self.web_bind}, "
                "which others can reach"
            )
        return self

    @model_validator(mode="after")
    def _answers_are_no_requests(self) -> Settings:
        if self.ampqin == self.ampqout and self.ampqout_kind != "exchange":
            raise ValueError(
                f"AMPQOUT: got {self.ampqout!r}, wants: another queue than AMPQIN, "
                "or the bus takes its own answers for requests"
            )
        return self

    @field_validator("mapping")
    @classmethod
    def _a_named_mapping_exists(cls, value: Path) -> Path:
        # a misspelt path would silently leave all queues of the site unread
        if value != MAPPING and not value.expanduser().is_file():
            raise ValueError("a file that exists")
        return value

    @model_validator(mode="after")
    def _queues_are_apart(self) -> Settings:
        for name in (self.ampqin, self.ampqout):
            if name in self.queues and self.queues[name].enabled:
                raise ValueError(f"PIPELINE_QUEUES: got {name!r}, wants: another queue than AMPQIN and AMPQOUT")
        return self

    @property
    def searches(self) -> bool:
        """Are products indexed? Where a mapping says of what, and there is an Elasticsearch."""
        return self.mapping_file is not None and self.es_url is not None

    @property
    def mapping_file(self) -> Path | None:
        """The mapping, None where there is none: then nothing of the site is read."""
        path = self.mapping.expanduser()
        return path if path.is_file() else None

    @property
    def kafka_servers(self) -> list[str]:
        """`["host:port", ...]`."""
        return [server.strip().removeprefix("kafka://").rstrip("/") for server in self.kafka_url.split(",")]

    @property
    def seal_key_file(self) -> Path:
        """Where the key that seals tokens lies."""
        return (self.key_file or self.data_dir / "seal.key").expanduser()

    def all_portals(self) -> dict[str, PortalSettings]:
        """Configured portals by name, with the one of B24REST as `default`."""
        portals = dict(self.portals)
        if self.b24rest is not None and DEFAULT_PORTAL not in portals:
            own = {"rate": self.portal_rate, "burst": self.portal_burst}
            given: dict[str, Any] = {name: own[name] for name in own if f"portal_{name}" in self.model_fields_set}
            portals[DEFAULT_PORTAL] = PortalSettings(address=self.b24rest, preset=self.portal_preset, **given)
        return portals


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
