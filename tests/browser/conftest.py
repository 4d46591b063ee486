"""A real browser against a real server: the system's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page
    from pytest_django.live_server_helper import LiveServer
    from pytest_django.plugin import DjangoDbBlocker

    from tests.harness.database import CommittedDatabase

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
PASSWORD = "everything at its time"


@pytest.fixture(scope="module")
def browser(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Browser]:
    """Chromium, for all tests of a module.

    Playwright's loop runs in this thread meanwhile, which makes Django believe that it is called from a coroutine.
    """
    if not CHROMIUM.exists():
        pytest.skip("no /usr/bin/chromium is installed; get it with: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()
    with django_db_blocker.unblock():
        _wait_until_alone()


@pytest.fixture
def page(browser: Browser, committed_db: CommittedDatabase, live_server: LiveServer) -> Iterator[Page]:
    """Alice's window, logged in. Whatever its console complains of fails the test, and so does a foreign request."""
    User.objects.create_superuser("alice", password=PASSWORD)
    complaints: list[str] = []
    window = browser.new_page(base_url=live_server.url, viewport={"width": 1400, "height": 900})
    window.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    window.on("pageerror", lambda error: complaints.append(str(error)))
    window.on("request", lambda request: _home(request.url, live_server.url, complaints))
    window.goto("/admin/login/?next=/admin/")
    window.fill("[name=username]", "alice")
    window.fill("[name=password]", PASSWORD)
    window.click("[type=submit]")
    window.wait_for_url("**/admin/")
    yield window
    window.wait_for_load_state("networkidle")
    window.context.close()
    assert complaints == []


def _home(url: str, home: str, complaints: list[str]) -> None:
    if not url.startswith((home, "data:", "blob:")):
        complaints.append(f"asked a foreign server: {url}")


def _wait_until_alone() -> None:
    """The server's threads let go of the database only after the browser's connections have ended."""
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for _ in range(100):
        with connection.cursor() as cursor:
            cursor.execute(others)
            alone = cursor.fetchone() == (0,)
        if alone:
            break
        time.sleep(0.1)
    connection.close()
