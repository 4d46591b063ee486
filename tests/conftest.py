"""Fixtures for all tests. See tests/harness for the servers behind them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.harness.database import CommittedDatabase, current_url, empty_all_tables
from tests.harness.postgres import StoppablePostgres
from tests.harness.rabbitmq import HOW_TO_GET_IT, RabbitNode, installed_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.plugin import DjangoDbBlocker

_skipped: list[str] = []


@pytest.fixture
def transactional_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """In place of pytest-django's, whose flush the append-only log refuses. `live_server` uses it too."""
    with django_db_blocker.unblock():
        try:
            yield
        finally:
            empty_all_tables()


@pytest.fixture
def committed_db(transactional_db: None) -> CommittedDatabase:
    """The test database with real commits, emptied afterwards. `.url` and `.environment()` are for other processes."""
    return CommittedDatabase(url=current_url())


@pytest.fixture
def own_postgres() -> Iterator[StoppablePostgres]:
    """A PostgreSQL of this test's own, to stop and start: `.url`, `.stop()`, `.start()`."""
    server = StoppablePostgres()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def rabbitmq_node() -> Iterator[RabbitNode]:
    """A private RabbitMQ node for the session. Whoever kills it starts it again."""
    script = installed_server()
    if script is None:
        pytest.skip(HOW_TO_GET_IT)
    node = RabbitNode(script)
    node.start()
    yield node
    node.stop()


@pytest.fixture
def rabbitmq_url(rabbitmq_node: RabbitNode) -> str:
    """The CELERY_BROKER_URL of a private RabbitMQ node, whose queues of earlier tests are gone."""
    rabbitmq_node.forget_queues()
    return rabbitmq_node.url


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember what was skipped."""
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Remember which whole modules were skipped."""
    if report.skipped:
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything is installed a skip hides something: PUNCTUAL_NO_SKIPS=1 makes the run fail."""
    if _skipped and os.environ.get("PUNCTUAL_NO_SKIPS") == "1":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why a run without failures failed."""
    if _skipped and os.environ.get("PUNCTUAL_NO_SKIPS") == "1":
        terminalreporter.write_line(
            f"{len(_skipped)} skipped, and PUNCTUAL_NO_SKIPS=1 allows none: {_skipped}", red=True
        )
