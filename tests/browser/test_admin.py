"""What an operator sees and does, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from events import clock
from events.handling import Reject
from events.models import LoggedMove, Occurrence, Rule
from tests.engine import handlers
from tests.engine.conftest import bidden_handlers
from tests.engine.world import World

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["bidden_handlers"]


@pytest.fixture
def world(page: Page) -> World:
    """At the database's present second, which the pages read too."""
    return World(clock.now().replace(microsecond=0))


def test_the_firings_beside_a_rule_follow_its_form_as_it_is_typed(world: World, page: Page) -> None:
    world.person("bob", "Asia/Kathmandu")
    rule = world.rule(name="Good morning")
    page.goto(f"/admin/events/rule/{rule.pk}/change/")
    firings = page.locator("#firings")
    assert firings.locator("li").count() == 10
    assert firings.locator("li strong").first.inner_text() == "09:00:00"

    page.fill("[name=local_time]", "17:45")
    firings.get_by_text("17:45:00").first.wait_for()
    assert firings.locator("li").count() == 10

    page.fill("[name=rrule]", "FREQ=SOMETIMES")
    page.locator(".field-rrule").get_by_text("is not valid").wait_for()
    assert firings.locator("li").count() == 0

    page.fill("[name=rrule]", "FREQ=DAILY")
    firings.get_by_text("17:45:00").first.wait_for()
    page.click("[name=_save]")
    page.get_by_text("was changed successfully").wait_for()
    assert f"{Rule.objects.get().local_time}" == "17:45:00"


def test_a_new_rule_shows_its_firings_before_it_is_saved(world: World, page: Page) -> None:
    world.person("bob", "Asia/Kathmandu")
    page.goto("/admin/events/rule/add/")
    page.fill("[name=local_time]", "06:00")
    page.fill("[name=start_date]", f"{world.now:%Y-%m-%d}")
    page.fill("[name=rrule]", "FREQ=DAILY")
    page.fill("[name=audience_kind]", "person")
    firings = page.locator("#firings")
    firings.get_by_text("06:00:00").first.wait_for()
    firings.get_by_text("Still missing: name, handler.").wait_for()
    assert not Rule.objects.exists()


def test_a_dead_letter_tells_its_story_and_is_replayed_with_a_reason(world: World, page: Page) -> None:
    handlers.Idempotent.answer = staticmethod(lambda _: Reject("no such address"))
    row = world.due(name="Doomed", handler="idempotent")[0]
    world.tick()
    page.goto("/admin/")
    page.get_by_role("link", name="Dead letters").first.click()
    page.get_by_role("link", name="failed").first.click()
    page.get_by_text("the handler said that it can never succeed").wait_for()
    page.get_by_text("no such address").wait_for()

    page.get_by_role("link", name="Replay", exact=True).click()
    page.fill("[name=why]", "the address exists now")
    page.get_by_role("button", name="Replay").click()
    page.get_by_text("1 occurrence will be tried again.").wait_for()
    page.get_by_text("the address exists now").wait_for()
    assert Occurrence.objects.get().state == "RETRYING"
    assert LoggedMove.objects.latest("number").actor == "user:alice"
    assert row.pk == Occurrence.objects.get().pk


def test_rows_chosen_in_the_list_are_cancelled_together(world: World, page: Page) -> None:
    world.due(3, name="Too many")
    page.goto("/admin/events/occurrence/")
    page.locator("#action-toggle").check()
    page.select_option("[name=action]", "cancel")
    page.get_by_role("button", name="Run").click()
    page.fill("[name=why]", "the party is off")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("3 occurrences cancelled.").wait_for()
    assert set(Occurrence.objects.values_list("state", flat=True)) == {"CANCELLED"}


def test_the_list_is_narrowed_by_its_filters(world: World, page: Page) -> None:
    world.due(2, name="Now")
    page.goto("/admin/events/occurrence/")
    page.get_by_text("Filters").first.click()
    page.get_by_label("cancelled", exact=True).check()
    page.get_by_role("button", name="Apply Filters").click()
    page.wait_for_url("**state=CANCELLED**")
    assert page.locator("#result_list tbody tr").count() <= 1
