"""What operators do about dead letters, and to each other, in real browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User

from events import clock
from events.handling import Completed, Reject
from events.models import LoggedMove, Occurrence, Rule
from tests.browser.conftest import PASSWORD
from tests.engine import handlers
from tests.engine.conftest import bidden_handlers
from tests.engine.world import World

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["bidden_handlers"]


@pytest.fixture
def world(page: Page) -> World:
    """At the database's present second, which the pages read too."""
    return World(clock.now().replace(microsecond=0))


def test_a_payload_is_put_right_replayed_and_the_story_tells_all_of_it(world: World, page: Page) -> None:
    payload = {"to": "nobody@example.com", "lines": [1, 2]}
    handlers.Idempotent.answer = staticmethod(lambda _: Reject("no such address"))
    (row,) = world.due(name="Doomed", handler="idempotent", payload=payload)
    world.sweep()
    page.goto(f"/admin/events/occurrence/{row.pk}/change/")
    page.get_by_role("link", name="Edit payload").click()
    typed = page.locator("[name=payload]")
    assert '"to": "nobody@example.com"' in typed.input_value()

    typed.fill('{"to": 1')
    page.fill("[name=why]", "the address was wrong")
    page.get_by_role("button", name="Edit payload").click()
    page.get_by_text("Enter a valid JSON").wait_for()
    assert typed.input_value() == '{"to": 1'
    typed.fill('{"to": "bob@example.com", "lines": [1, 2]}')
    page.get_by_role("button", name="Edit payload").click()
    page.get_by_text("1 occurrence edited; replay what should be tried again.").wait_for()
    assert page.locator(".pn-change del").inner_text() == '"nobody@example.com"'
    assert page.locator(".pn-change ins").inner_text() == '"bob@example.com"'
    page.get_by_text("its own, given by a person").wait_for()

    handlers.Idempotent.answer = staticmethod(lambda _: Completed())
    page.get_by_role("link", name="Replay", exact=True).click()
    page.fill("[name=why]", "it exists now")
    page.get_by_role("button", name="Replay").click()
    page.get_by_text("1 occurrence will be tried again.").wait_for()
    world.now = clock.now()
    world.sweep()
    assert handlers.Bidden.calls[-1].payload["to"] == "bob@example.com"
    page.reload()
    page.get_by_text("the handler said that it is done").wait_for()


def test_all_that_a_filter_finds_is_edited_in_one_action(world: World, page: Page) -> None:
    handlers.Idempotent.answer = staticmethod(lambda _: Reject("no such address"))
    rows = world.due(60, name="Doomed", handler="idempotent")
    world.sweep()
    page.goto("/admin/events/occurrence/?state=FAILED")
    page.locator("#action-toggle").check()
    page.get_by_text("Select all 60 occurrences").click()
    page.select_option("[name=action]", "edit-payload")
    page.get_by_role("button", name="Run").click()
    page.get_by_text("Edit payload: 60 occurrences").wait_for()
    assert page.locator("[name=how]").input_value() == "merge"
    page.fill("[name=payload]", '{"to": "bob@example.com"}')
    page.fill("[name=why]", "the address book was old")
    page.get_by_role("button", name="Edit payload").click()
    page.get_by_text("60 occurrences edited").wait_for()
    assert Occurrence.objects.filter(payload={"to": "bob@example.com"}).count() == len(rows)
    assert LoggedMove.objects.filter(reason="amended", actor="user:alice").count() == len(rows)


def test_of_two_browsers_that_edit_the_same_rule_the_second_is_told_and_loses_nothing_typed(
    world: World, page: Page, browser: Browser
) -> None:
    world.person("carol", "UTC")
    rule = world.rule(name="Good morning")
    address = f"/admin/events/rule/{rule.pk}/change/"
    User.objects.create_superuser("bob", password=PASSWORD)
    other = browser.new_page(base_url=page.url.partition("/admin")[0])
    other.goto(f"/admin/login/?next={address}")
    other.fill("[name=username]", "bob")
    other.fill("[name=password]", PASSWORD)
    other.click("[type=submit]")
    other.wait_for_url(f"**{address}")
    page.goto(address)

    other.fill("[name=local_time]", "10:30:00")
    other.click("[name=_save]")
    other.get_by_text("was changed successfully").wait_for()
    other.wait_for_load_state("networkidle")
    other.context.close()

    page.fill("[name=local_time]", "11:45:00")
    page.click("[name=_save]")
    told = page.get_by_text("rule 'Good morning' has version 2 now, and version 1 was expected.")
    told.first.wait_for()
    page.get_by_text("The last change here was made by bob.").first.wait_for()
    assert page.locator("[name=local_time]").input_value() == "11:45:00"
    assert f"{Rule.objects.get().local_time:%H:%M}" == "10:30"
    assert {f"{row.slot:%H:%M}" for row in Occurrence.objects.filter(state="SCHEDULED")} == {"10:30"}
