"""The environment, read once, checked, and turned into values. Nonsense is refused at start, by name.

`.env.example` explains every variable; the tests compare its list with `Reader.names`.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import dj_database_url
from environs import Env

from events.errors import PunctualError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Our statements are many and short: compiling one costs more than it ever saves.
OPTIONS = {"connect_timeout": 10, "options": "-c jit=off"}
BROKER_SCHEMES = ("amqp", "amqps", "filesystem")
HIDDEN = "(not shown)"
TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}
DEFAULT_HANDLERS = "handlers.log.handler.LogHandler,handlers.webhook.handler.WebhookHandler"


class InvalidSetting(PunctualError):
    """{name}={value}: {problem}. {remedy}"""


@dataclass(frozen=True)
class Environment:
    """Every setting that the environment decides."""

    var: Path
    debug: bool
    secret_key: str
    allowed_hosts: list[str]
    csrf_trusted_origins: list[str]
    log_format: str
    log_level: str
    database: dict[str, Any]
    broker_url: str
    handlers: list[str]
    reminder_handler: str
    horizon: timedelta
    planners: int
    sweep_seconds: int
    claim_lease: timedelta
    run_lease_margin: timedelta
    claim_batch: int
    chunk: int
    in_flight_cap: int
    breaker_failures: int
    breaker_window: timedelta
    catch_up_per_second: int
    workers: int
    worker_concurrency: int
    webhook_allowed_networks: list[str]
    registration_open: bool
    api_per_minute: int
    trusted_proxies: int
    web_host: str
    web_port: int
    flower_port: int


class Reader:
    """Reads variables by kind, remembers their names, and says in one sentence what is wrong with a value."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.names: list[str] = []

    def text(self, name: str, default: str) -> str:
        """The value without the spaces around it; empty counts as not given."""
        self.names.append(name)
        return self._variables.get(name, "").strip() or default

    def flag(self, name: str, *, default: bool) -> bool:
        """A yes or no."""
        value = self.text(name, "true" if default else "false")
        if value.lower() not in TRUE | FALSE:
            raise InvalidSetting(
                name=name, value=value, problem="is neither yes nor no", remedy="Use true or false."
            )
        return value.lower() in TRUE

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number between two bounds."""
        value = self.text(name, str(default))
        try:
            number = int(value)
        except ValueError:
            number = None
        if number is None or not least <= number <= most:
            raise InvalidSetting(
                name=name,
                value=value,
                problem="is not a whole number in range",
                remedy=f"Use {least} to {most}; the default is {default}.",
            )
        return number

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        """One of a few words."""
        value = self.text(name, default)
        for word in allowed:
            if value.lower() == word.lower():
                return word
        raise InvalidSetting(
            name=name, value=value, problem="is unknown", remedy=f"Use one of: {', '.join(allowed)}."
        )

    def items(self, name: str, default: str) -> list[str]:
        """Items separated by commas."""
        return [item.strip() for item in self.text(name, default).split(",") if item.strip()]


def environment(base: Path) -> Environment:
    """The process's environment and `base`/.env as settings; raises InvalidSetting."""
    _read_env_file(base)
    return read(Reader(os.environ), base)


def read(reader: Reader, base: Path) -> Environment:
    """All settings from what the reader has; raises InvalidSetting."""
    reader.text("PUNCTUAL_ENV_FILE", "")
    var = Path(reader.text("PUNCTUAL_VAR", str(base / "var"))).absolute()
    debug = reader.flag("DEBUG", default=False)
    database_url = reader.text("DATABASE_URL", "")
    settings = Environment(
        var=var,
        debug=debug,
        secret_key=_secret_key(reader, var, local=debug or not database_url),
        allowed_hosts=reader.items("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]"),
        csrf_trusted_origins=_origins(reader),
        log_format=reader.choice("LOG_FORMAT", "console", ("console", "json")),
        log_level=reader.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
        database=_database(database_url, var),
        broker_url=_broker_url(reader),
        handlers=_handlers(reader),
        reminder_handler=reader.text("PUNCTUAL_REMINDER_HANDLER", "log"),
        horizon=timedelta(hours=reader.whole("PUNCTUAL_HORIZON_HOURS", 48, least=1, most=24 * 366)),
        planners=reader.whole("PUNCTUAL_PLANNERS", 2, least=1, most=4),
        sweep_seconds=reader.whole("PUNCTUAL_SWEEP_SECONDS", 60, least=1, most=60),
        claim_lease=timedelta(seconds=reader.whole("PUNCTUAL_CLAIM_LEASE_SECONDS", 120, least=5, most=3600)),
        run_lease_margin=timedelta(
            seconds=reader.whole("PUNCTUAL_RUN_LEASE_MARGIN_SECONDS", 30, least=1, most=3600)
        ),
        claim_batch=reader.whole("PUNCTUAL_CLAIM_BATCH", 8000, least=1, most=100_000),
        chunk=reader.whole("PUNCTUAL_CHUNK", 500, least=1, most=10_000),
        in_flight_cap=reader.whole("PUNCTUAL_IN_FLIGHT_CAP", 20_000, least=1, most=10_000_000),
        breaker_failures=reader.whole("PUNCTUAL_BREAKER_FAILURES", 5, least=0, most=10_000),
        breaker_window=timedelta(
            seconds=reader.whole("PUNCTUAL_BREAKER_WINDOW_SECONDS", 30, least=1, most=86_400)
        ),
        catch_up_per_second=reader.whole("PUNCTUAL_CATCH_UP_PER_SECOND", 0, least=0, most=1_000_000),
        workers=reader.whole("PUNCTUAL_WORKERS", 2, least=1, most=10_000),
        worker_concurrency=reader.whole("PUNCTUAL_WORKER_CONCURRENCY", 1, least=1, most=256),
        webhook_allowed_networks=_networks(reader),
        registration_open=reader.flag("PUNCTUAL_REGISTRATION_OPEN", default=debug or not database_url),
        api_per_minute=reader.whole("PUNCTUAL_API_PER_MINUTE", 600, least=1, most=1_000_000),
        trusted_proxies=reader.whole("PUNCTUAL_TRUSTED_PROXIES", 0, least=0, most=10),
        web_host=reader.text("WEB_HOST", "127.0.0.1"),
        web_port=reader.whole("WEB_PORT", 8000, least=1, most=65535),
        flower_port=reader.whole("FLOWER_PORT", 5555, least=1, most=65535),
    )
    _refuse_contradictions(settings)
    return settings


def _read_env_file(base: Path) -> None:
    # Set but empty means: read no file. What is in the environment already wins over the file.
    path = os.environ.get("PUNCTUAL_ENV_FILE", str(base / ".env"))
    if path and Path(path).is_file():
        Env().read_env(path, recurse=False)
    elif path != str(base / ".env") and path:
        raise InvalidSetting(
            name="PUNCTUAL_ENV_FILE",
            value=path,
            problem="is not a file",
            remedy="Name a file, or leave it empty.",
        )


def _secret_key(reader: Reader, var: Path, *, local: bool) -> str:
    given = reader.text("SECRET_KEY", "")
    if given and len(given) < 32:
        raise InvalidSetting(
            name="SECRET_KEY",
            value=HIDDEN,
            problem="is shorter than 32 characters",
            remedy="Use a long random text.",
        )
    if given:
        return given
    if not local:
        raise InvalidSetting(
            name="SECRET_KEY",
            value="",
            problem="must be given where DATABASE_URL is set and DEBUG is off",
            remedy="Use a long random text, and keep it secret.",
        )
    return kept_secret(var / "secret_key")


def kept_secret(path: Path, *, size: int = 48) -> str:
    """The secret in that file, which only its owner may read; made of `size` random bytes if it is not there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write_once(path, secrets.token_urlsafe(size))
        return path.read_text().strip()
    except OSError as error:
        raise InvalidSetting(
            name="PUNCTUAL_VAR",
            value=str(path.parent),
            problem=f"{path.name} cannot be kept there ({error.strerror})",
            remedy="Make the folder writable, or name another one.",
        ) from error


def _write_once(path: Path, text: str) -> None:
    # Several processes start at once: the first link wins, and nobody reads a half-written file.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _database(url: str, var: Path) -> dict[str, Any]:
    # One connection for each process is kept until PostgreSQL ends it; a dead one is noticed before it is used.
    if not url:
        return {
            "ENGINE": "scheduler_project.database",
            "NAME": "postgres",
            "USER": "postgres",
            "HOST": str(var / "postgres"),
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": dict(OPTIONS),
        }
    try:
        database: dict[str, Any] = dict(
            dj_database_url.parse(url, conn_max_age=None, conn_health_checks=True)
        )
    except (ValueError, dj_database_url.UnknownSchemeError):
        database = {}
    if database.get("ENGINE") != "django.db.backends.postgresql" or not database.get("NAME"):
        raise InvalidSetting(
            name="DATABASE_URL",
            value=HIDDEN,
            problem="is not a PostgreSQL address with a database",
            remedy="Use postgresql://user:password@host:5432/database, or leave it empty for the embedded one.",
        )
    database["OPTIONS"] = OPTIONS | database.get("OPTIONS", {})
    return database


def _broker_url(reader: Reader) -> str:
    url = reader.text("CELERY_BROKER_URL", "filesystem://")
    scheme = url.partition("://")[0]
    try:
        complete = "://" in url and (scheme == "filesystem" or bool(urlsplit(url).hostname))
        _ = urlsplit(url).port
    except ValueError:
        complete = False
    if scheme not in BROKER_SCHEMES or not complete:
        raise InvalidSetting(
            name="CELERY_BROKER_URL",
            value=HIDDEN,
            problem="is not the address of a broker",
            remedy="Use amqp://user:password@host:5672//, or leave it empty for the embedded one.",
        )
    return url


def _handlers(reader: Reader) -> list[str]:
    handlers = reader.items("PUNCTUAL_HANDLERS", DEFAULT_HANDLERS)
    for handler in handlers:
        if not all(part.isidentifier() for part in handler.split(".")) or "." not in handler:
            raise InvalidSetting(
                name="PUNCTUAL_HANDLERS",
                value=handler,
                problem="is not the dotted path of a class",
                remedy="Use package.module.Class, separated by commas.",
            )
    return handlers


def _networks(reader: Reader) -> list[str]:
    networks = reader.items("PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS", "")
    for network in networks:
        try:
            ip_network(network)
        except ValueError as error:
            raise InvalidSetting(
                name="PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS",
                value=network,
                problem="is not a network",
                remedy="Use CIDR such as 10.1.0.0/16, separated by commas.",
            ) from error
    return networks


def _origins(reader: Reader) -> list[str]:
    origins = reader.items("CSRF_TRUSTED_ORIGINS", "")
    for origin in origins:
        if not origin.startswith(("http://", "https://")):
            raise InvalidSetting(
                name="CSRF_TRUSTED_ORIGINS",
                value=origin,
                problem="has no scheme",
                remedy="Use https://host, separated by commas.",
            )
    return origins


def _refuse_contradictions(settings: Environment) -> None:
    if settings.chunk > settings.claim_batch:
        raise InvalidSetting(
            name="PUNCTUAL_CHUNK",
            value=settings.chunk,
            problem=f"is above PUNCTUAL_CLAIM_BATCH={settings.claim_batch}",
            remedy="A chunk is a part of a batch: make it smaller, or the batch larger.",
        )
    if settings.web_port == settings.flower_port:
        raise InvalidSetting(
            name="FLOWER_PORT",
            value=settings.flower_port,
            problem="is WEB_PORT too",
            remedy="Give each its own port.",
        )
