"""The environment, read once, checked, and turned into values. Nonsense is refused at start, by name."""
from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from environs import Env


@dataclass(frozen=True)
class Environment:
    debug: bool
    secret_key: str
    allowed_hosts: list[str]
    database: dict[str, Any]
    broker_url: str
    broker_transport_options: dict[str, Any]
    handlers: list[str]
    horizon: timedelta
    sweep_seconds: int
    claim_lease: timedelta
    run_lease_margin: timedelta
    claim_batch: int
    chunk: int
    in_flight_cap: int
    workers: int
    webhook_allowed_networks: list[str]


def environment(base: Path) -> Environment:
    env = Env()
    if env_file := os.environ.get("PUNCTUAL_ENV_FILE", str(base / ".env")):
        env.read_env(env_file, recurse=False)
    var = Path(env.str("PUNCTUAL_VAR", str(base / "var")))
    return Environment(
        debug=env.bool("DEBUG", False),
        secret_key=env.str("SECRET_KEY", "insecure"),
        allowed_hosts=env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1"]),
        database=env.dj_db_url("DATABASE_URL", f"postgresql://postgres@/postgres?host={var}/postgres", conn_max_age=None, conn_health_checks=True),
        broker_url=env.str("CELERY_BROKER_URL", "filesystem://"),
        broker_transport_options={"data_folder_in": str(var / "broker/messages"), "data_folder_out": str(var / "broker/messages"), "control_folder": str(var / "broker/control"), "polling_interval": 0.1},
        handlers=env.list("PUNCTUAL_HANDLERS", ["handlers.log.handler.LogHandler", "handlers.webhook.handler.WebhookHandler"]),
        horizon=timedelta(hours=env.int("PUNCTUAL_HORIZON_HOURS", 48)),
        sweep_seconds=env.int("PUNCTUAL_SWEEP_SECONDS", 60),
        claim_lease=timedelta(seconds=env.int("PUNCTUAL_CLAIM_LEASE_SECONDS", 120)),
        run_lease_margin=timedelta(seconds=env.int("PUNCTUAL_RUN_LEASE_MARGIN_SECONDS", 30)),
        claim_batch=env.int("PUNCTUAL_CLAIM_BATCH", 2000),
        chunk=env.int("PUNCTUAL_CHUNK", 250),
        in_flight_cap=env.int("PUNCTUAL_IN_FLIGHT_CAP", 20000),
        workers=env.int("PUNCTUAL_WORKERS", 2),
        webhook_allowed_networks=env.list("PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS", []),
    )
