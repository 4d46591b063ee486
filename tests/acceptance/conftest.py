"""One deployment of live processes for each broker, shared by the tests of a module."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from events import handling
from scheduler_project import filebroker
from tests.acceptance.deployment import Deployment
from tests.harness.database import CommittedDatabase, current_url, empty_all_tables
from tests.harness.rabbitmq import free_ports
from tests.receiver import Receiver, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django import Settings
    from pytest_django.plugin import DjangoDbBlocker

    from tests.harness.rabbitmq import RabbitNode

LOOPBACK = "127.0.0.0/8"
LIVE = ("web", "sweeper", "worker-1", "worker-2", "beat-1", "beat-2")


@pytest.fixture
def transactional_db(deployment: Deployment, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Real commits into the database of the live processes, which is emptied when they have ended, not before."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(autouse=True)
def loopback_allowed(settings: Settings) -> Iterator[None]:
    """This process, like the live ones, may send webhooks to this machine."""
    settings.PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS = [LOOPBACK]
    handling.installed.cache_clear()
    yield
    handling.installed.cache_clear()


@pytest.fixture(scope="module", params=["embedded", "rabbitmq"])
def deployment(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployment]:
    """Web, sweeper, two workers and two beats, on the embedded broker and again on RabbitMQ."""
    var = tmp_path_factory.mktemp("var")
    web, flower = free_ports(2)
    with django_db_blocker.unblock():
        variables = {
            **CommittedDatabase(current_url()).environment(),
            "PUNCTUAL_VAR": str(var),
            "PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS": LOOPBACK,
            "PUNCTUAL_CLAIM_LEASE_SECONDS": "15",
            "PUNCTUAL_RUN_LEASE_MARGIN_SECONDS": "2",
            "WEB_PORT": str(web),
            "FLOWER_PORT": str(flower),
        }
        if request.param == "rabbitmq":
            node: RabbitNode = request.getfixturevalue("rabbitmq_node")
            node.forget_queues()
            variables["CELERY_BROKER_URL"] = node.url
        else:
            filebroker.prepare(var / "broker")
        live = Deployment(variables, tmp_path_factory.mktemp("logs"))
        try:
            live.manage("prepare")
            live.start(*LIVE)
            yield live
        finally:
            live.stop()
            empty_all_tables()


@pytest.fixture
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """A receiver of webhooks in a process of its own, that logs each call."""
    with running(tmp_path_factory.mktemp("receiver") / "calls.jsonl") as program:
        yield program


@pytest.fixture
def eventually(deployment: Deployment) -> Callable[[str, Callable[[], bool], float], None]:
    """Waits until something is so; fails with the processes' own words if it does not become so in time."""

    def wait(what: str, is_so: Callable[[], bool], seconds: float = 90) -> None:
        end = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < end, f"{what}: not so within {seconds} s\n{deployment.told()}"
            time.sleep(0.05)

    return wait
