"""The API's documentation in a browser: it shows every address, tries one, and asks no other server."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from django.contrib.auth.models import User

from events import clock, operations
from events.api import api
from events.transitions import Origin

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_every_address_is_shown_and_can_be_tried(page: Page) -> None:
    origin = Origin("user:alice", uuid4(), clock.now())
    alice = User.objects.get(username="alice")
    _, key = operations.make_key(alice, name="browser", rate=600, fastest=600, origin=origin)
    page.goto("/api/v1/docs")
    page.locator(".opblock").first.wait_for()
    document = api.get_openapi_schema(path_prefix="/api/v1/")
    assert page.locator(".opblock").count() == sum(len(methods) for methods in document["paths"].values())

    page.locator(".btn.authorize").click()
    page.get_by_label("auth-bearer-value").fill(key)
    page.locator(".auth-btn-wrapper .authorize").click()
    page.locator(".btn-done").click()
    page.locator("#operations-account-account_show .opblock-summary").click()
    page.locator("#operations-account-account_show .try-out__btn").click()
    page.locator("#operations-account-account_show .execute").click()
    answer = page.locator("#operations-account-account_show .live-responses-table .highlight-code")
    answer.get_by_text("alice").first.wait_for()
