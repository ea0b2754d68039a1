"""Wiring and secrets from the environment, read once at boot and frozen (`VHM24R_*`).

Business rules are not here: they live in the database (`vhm24r.platform.business_settings`).
"""

import os
import re
import sys
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from vhm24r.kit.errors import AppError


class BadSettings(AppError):
    """The environment holds a value that cannot be used."""

    code = "settings.invalid"
    status = 500


class Mode(StrEnum):
    """How open the house is; `production` refuses everything that exists for trying out."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"
    DEMO = "demo"


def default_data_dir() -> Path:
    """The user's data directory; for root one that an unprivileged server can reach."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/vhm24r")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "vhm24r"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "vhm24r"


class RateClass(StrEnum):
    """Kinds of requests that are counted together."""

    READ = "read"
    WRITE = "write"
    UPLOAD = "upload"
    EXPORT = "export"
    SIGN_IN = "sign_in"
    WEBHOOK = "webhook"
    REFRESH = "refresh"
    REFUSED = "refused"


USUAL_RATES = {
    RateClass.READ: "1200/minute",
    RateClass.WRITE: "300/minute",
    RateClass.UPLOAD: "120/minute",
    RateClass.EXPORT: "30/minute",
    RateClass.SIGN_IN: "60/minute",
    RateClass.WEBHOOK: "600/minute",
    RateClass.REFRESH: "600/minute",
    RateClass.REFUSED: "120/minute",
}
"""How often one person, one key, or one address that nobody is signed in from, may ask (decisions 31)."""


def rates_of(text: str) -> dict[RateClass, str]:
    """The rates in force: the usual ones with those that the setting names; none at all when it is `off`.

    Raises:
        ValueError: it names something else, or a rate that cannot be read.
    """
    if text.strip() == "off":
        return {}
    rates = dict(USUAL_RATES)
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, rate = part.partition("=")
        if name not in rates or not re.fullmatch(r"[1-9]\d{0,8}/(second|minute|hour|day)", rate):
            raise ValueError(f"“{part}” is not like read=1200/minute; the names are {', '.join(RateClass)}")
        rates[RateClass(name)] = rate
    return rates


class Settings(BaseSettings):
    """Every setting, with what it is for; `vhm24r doctor --settings` prints this table."""

    model_config = SettingsConfigDict(env_prefix="VHM24R_", env_ignore_empty=True, frozen=True, extra="ignore")

    mode: Mode = Field(Mode.PRODUCTION, description="production, development or demo")
    data_dir: Path = Field(
        default_factory=default_data_dir, description="folder of the embedded database and of local files"
    )
    database_url: str | None = Field(
        None,
        description="any PostgreSQL 15 or newer; unset = the embedded one",
        examples=["postgresql://vhm24r@db.example/vhm24r"],
    )
    storage_url: str | None = Field(
        None, description="where originals are kept: a folder or s3://bucket/prefix", examples=["s3://reports"]
    )
    public_url: str = Field("http://localhost:8000", description="how people reach the page; used in links")
    timezone: str = Field("Asia/Tashkent", description="business zone: days, and times without an offset")
    host: str = Field("127.0.0.1", description="address the web process listens on")
    port: int = Field(8000, ge=0, le=65535, description="port the web process listens on; 0 = any free one")
    worker_metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="port on 127.0.0.1 where a worker without the web role serves /metrics and /health; unset = none",
        examples=["9101"],
    )
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="debug … error")
    log_format: str = Field("auto", pattern="^(auto|json|console)$", description="json, console, or auto by terminal")
    db_pool: int = Field(10, ge=1, le=100, description="connections this process may hold")
    upload_limit_mb: int = Field(100, ge=1, le=2048, description="largest file accepted, in MiB")
    reader_memory_mb: int = Field(
        1024, ge=256, le=65_536, description="memory the process that reads one file may take, in MiB"
    )
    reader_seconds: int = Field(600, ge=10, le=7_200, description="time the reading of one file may take")
    secret_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="what access tokens are signed with: the same for all processes; unset = a file in the data folder",
        examples=["at least 32 letters by chance"],
    )
    telegram_token: SecretStr | None = Field(
        None,
        description="token of the bot, by which sign-ins with Telegram are checked; unset = none",
        examples=["123456:ABC-DEF"],
    )
    telegram_bot_id: int | None = Field(
        None, gt=0, description="id of the bot, for a process that checks the Mini App and must not know the token"
    )
    telegram_bot_name: str | None = Field(
        None,
        pattern="^[A-Za-z][A-Za-z0-9_]{3,31}$",
        description="name of the bot without @, for the button on the sign-in page",
        examples=["orders_bot"],
    )
    owner_telegram_id: int | None = Field(
        None, gt=0, description="who comes in with this Telegram account is the owner"
    )
    trusted_proxies: str = Field(
        "",
        description="addresses of the proxies whose X-Forwarded-For is believed, separated by commas",
        examples=["10.0.0.0/8"],
    )
    cors_origins: str = Field(
        "",
        description="other sites whose pages may call the API with a token, separated by commas",
        examples=["https://shop.example"],
    )
    rate_limits: str = Field(
        "",
        description="other rates than usual, such as sign_in=5/minute,read=1200/minute; off = none",
        examples=["read=1200/minute"],
    )
    inbox_dir: Path | None = Field(None, description="folder whose files are imported as they arrive; unset = none")

    @field_validator("database_url")
    @classmethod
    def _sqlalchemy_url(cls, url: str | None) -> str | None:
        """Accept the usual spellings; only PostgreSQL will do."""
        if not url:
            return None
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
            raise ValueError("must be a PostgreSQL URL such as postgresql://user@host/database")
        return f"postgresql+psycopg://{rest}"

    @field_validator("telegram_token")
    @classmethod
    def _bot_token(cls, token: SecretStr | None) -> SecretStr | None:
        """A token begins with the id of its bot."""
        if token is not None and not re.fullmatch(r"[1-9]\d{0,14}:[A-Za-z0-9_-]{3,}", token.get_secret_value()):
            raise ValueError("must be a bot's token as BotFather gives it")
        return token

    @field_validator("rate_limits")
    @classmethod
    def _readable_rates(cls, text: str) -> str:
        """Refuse what cannot be read at the first request."""
        rates_of(text)
        return text

    @field_validator("trusted_proxies")
    @classmethod
    def _named_proxies(cls, text: str) -> str:
        """Believing everybody is believing nobody."""
        for part in filter(None, (part.strip() for part in text.split(","))):
            ip_network(part, strict=False)
        return text

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        """Refuse a zone the machine does not know."""
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("must be a zone name such as Asia/Tashkent") from error
        return name

    @property
    def zone(self) -> ZoneInfo:
        """The business zone."""
        return ZoneInfo(self.timezone)

    @property
    def storage(self) -> str:
        """Where blobs go: the given URL, or a folder beside the embedded database."""
        return self.storage_url or str(self.data_dir / "files")

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """Read the environment; given values win.

        Raises:
            BadSettings: naming the variable, what is wrong and an example.
        """
        try:
            return cls(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]  # pydantic validates what the caller passes
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else "?"
            info = cls.model_fields.get(name)
            example = (info.examples or [info.default])[0] if info else None
            raise BadSettings(variable=f"VHM24R_{name.upper()}", reason=first["msg"], example=str(example)) from error
