"""Live processes of the server, as `make up` starts them."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx2

from scheduler_project import filebroker
from tests.acceptance.deployment import Deployment
from tests.harness.rabbitmq import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ANSWERS_WITHIN = 60


@contextmanager
def serving(variables: Mapping[str, str], var: Path, *programs: str) -> Iterator[Deployment]:
    """These programs on the embedded broker, until they are not needed; `.variables["URL"]` is the web's address."""
    web, flower = free_ports(2)
    filebroker.prepare(var / "broker")
    live = Deployment(
        {
            **variables,
            "PUNCTUAL_VAR": str(var),
            "WEB_PORT": str(web),
            "FLOWER_PORT": str(flower),
            "URL": f"http://127.0.0.1:{web}",
        },
        var,
    )
    try:
        live.manage("migrate", "-v", "0")
        live.manage("prepare")
        live.start(*programs)
        _wait(live)
        yield live
    finally:
        live.stop()


def _wait(live: Deployment) -> None:
    end = time.monotonic() + ANSWERS_WITHIN
    while True:
        try:
            httpx2.get(f"{live.variables['URL']}/api/v1/openapi.json", timeout=5, trust_env=False)
        except httpx2.TransportError:
            assert time.monotonic() < end, live.told()
            time.sleep(0.1)
        else:
            return
