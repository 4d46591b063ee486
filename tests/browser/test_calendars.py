"""Calendars and recurrences in a real browser: what is typed is read back before it counts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from events import clock
from events.models import Calendar, Occurrence, Rule
from tests.engine.conftest import bidden_handlers
from tests.engine.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

__all__ = ["bidden_handlers"]
# On a Saturday, from far back: its calendar moves every one of them.
ICAL = "DTSTART;TZID=Europe/Berlin:20200104T090000\nRRULE:FREQ=WEEKLY;BYDAY=SA"


@pytest.fixture
def world(page: Page) -> World:
    """At the database's present second, which the pages read too."""
    return World(clock.now().replace(microsecond=0))


def open_section(page: Page, title: str) -> None:
    page.locator("summary", has_text=title).click()


def add_rule(page: Page, name: str) -> None:
    """A new rule for every person, by the handler log, without a word about when."""
    page.goto("/admin/events/rule/add/")
    page.fill("[name=name]", name)
    page.fill("[name=audience_kind]", "person")
    page.select_option("[name=handler]", "log")


def test_a_calendar_and_a_rule_that_keeps_it_free_from_pasted_text(world: World, page: Page) -> None:
    world.person("bob", "Asia/Kathmandu")
    page.goto("/admin/events/calendar/add/")
    beside = page.locator("#firings")
    page.fill("[name=name]", "Bavaria")
    page.get_by_label("Saturday").check()
    page.get_by_label("Sunday").check()
    beside.get_by_text("Every Saturday and Sunday", exact=True).wait_for()
    page.select_option("[name=country]", "DE")
    beside.get_by_text("Parts with holidays of their own: BB").wait_for()
    page.fill("[name=subdivision]", "XX")
    page.locator(".field-subdivision").get_by_text("is not a part of DE with holidays of its own").wait_for()
    page.fill("[name=subdivision]", "BY")
    beside.get_by_text("Epiphany").wait_for()
    assert beside.locator(".pn-month").count() == 12
    page.click("[name=_save]")
    page.get_by_text("was added successfully").wait_for()
    page.get_by_text("every Saturday and Sunday, public holidays of Germany (BY)").wait_for()

    add_rule(page, "Weekly report")
    open_section(page, "Pasted from a calendar program")
    open_section(page, "Closed days")
    page.fill("[name=ical]", ICAL)
    page.select_option("[name=calendar]", label="Bavaria")
    page.select_option("[name=roll]", "next")
    beside.get_by_text("Every Saturday at 09:00 in Europe/Berlin").wait_for()
    beside.get_by_text("from closed days of Bavaria moved to the next open day").wait_for()
    beside.get_by_text("is no business day").first.wait_for()
    assert beside.locator("li").count() == 10
    page.click("[name=_save]")
    page.get_by_text("was added successfully").wait_for()
    rule = Rule.objects.get()
    assert (rule.timezone, rule.rrule, rule.calendar) == (
        "Europe/Berlin", "FREQ=WEEKLY;BYDAY=SA", Calendar.objects.get(),
    )  # fmt: skip
    page.get_by_text("every Saturday at 09:00 in Europe/Berlin", exact=True).wait_for()


def test_the_days_of_a_file_are_shown_before_it_is_saved(world: World, page: Page, tmp_path: Path) -> None:
    day = (world.now + timedelta(days=40)).date()
    file = tmp_path / "outing.ics"
    file.write_text(
        f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:{day:%Y%m%d}\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    page.goto("/admin/events/calendar/add/")
    page.fill("[name=name]", "Outing")
    page.set_input_files("[name=ics_file]", file)
    page.locator("#firings").get_by_text(f"{day:%a} {day.day} {day:%b %Y}").wait_for()
    page.click("[name=_save]")
    page.get_by_text("was added successfully").wait_for()
    assert Calendar.objects.get().ics.startswith("BEGIN:VCALENDAR")


def test_a_mistake_is_said_beside_its_field_while_it_is_typed_and_goes_when_it_is_mended(
    world: World, page: Page
) -> None:
    world.person("bob", "Asia/Kathmandu")
    add_rule(page, "Report")
    page.fill("[name=local_time]", "09:00")
    page.fill("[name=start_date]", f"{world.now:%Y-%m-%d}")
    page.fill("[name=rrule]", "FREQ=SOMETIMES")
    beside_field = page.locator(".field-rrule .pn-beside-field")
    beside_field.get_by_text("is not valid. FREQ takes one of YEARLY").wait_for()
    page.locator("#firings").get_by_text(
        "Nothing fires until that is put right: recurrence (rrule)."
    ).wait_for()
    page.fill("[name=rrule]", "FREQ=MONTHLY;BYDAY=1MO")
    page.locator("#firings").get_by_text("Every first Monday at 09:00 in each person's zone").wait_for()
    assert beside_field.count() == 0


def test_a_mistake_in_a_closed_section_opens_it(world: World, page: Page) -> None:
    world.person("bob", "UTC")
    rule = world.rule()
    page.goto(f"/admin/events/rule/{rule.pk}/change/")
    open_section(page, "At random")
    page.fill("[name=draws]", "3")
    open_section(page, "At random")
    page.locator(".field-window").get_by_text("only a window has draws and spacing").wait_for()
    assert page.locator("[name=window]").is_visible()


def test_a_cron_rule_has_its_own_time_of_day(world: World, page: Page) -> None:
    world.person("bob", "Asia/Kathmandu")
    add_rule(page, "Standup")
    page.fill("[name=start_date]", f"{world.now:%Y-%m-%d}")
    page.fill("[name=cron]", "30 9 * * MON-FRI")
    firings = page.locator("#firings")
    firings.get_by_text("Every weekday at 09:30 in each person's zone").wait_for()
    assert set(firings.locator("li strong").all_inner_texts()) == {"09:30:00"}
    page.click("[name=_save]")
    page.get_by_text("was added successfully").wait_for()
    assert Rule.objects.get().local_time is None


def test_a_random_rule_says_between_when_and_the_drawn_moment_is_for_operators(
    world: World, page: Page
) -> None:
    world.person("bob", "Asia/Kathmandu")
    add_rule(page, "Spot check")
    page.fill("[name=start_date]", f"{world.now + timedelta(days=1):%Y-%m-%d}")
    page.fill("[name=local_time]", "09:00")
    page.fill("[name=rrule]", "FREQ=DAILY")
    open_section(page, "At random")
    page.fill("[name=window]", "8:00:00")
    firings = page.locator("#firings")
    firings.get_by_text("Every day at random between 09:00 and 17:00 in each person's zone").wait_for()
    firings.get_by_text("drawn when planned").first.wait_for()
    page.click("[name=_save]")
    page.get_by_text("was added successfully").wait_for()
    row = Occurrence.objects.earliest("due_at")
    page.goto(f"/admin/events/occurrence/{row.pk}/change/")
    page.get_by_text("drawn at random: ").wait_for()
    assert 9 <= row.slot.hour <= 17
