"""What an operator sees of the machine, and a breaker closed by hand, in a real browser."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib.admin.models import LogEntry

from events import breakers, clock
from events.breakers import Destination, Tolerance
from events.models import Breaker, Downtime, Occurrence, ProcessClock, Watermark
from tests.engine.world import World

if TYPE_CHECKING:
    from playwright.sync_api import Page

EXAMPLE = Destination("webhook", "shop.example:8443")
MINUTE = timedelta(minutes=1)


def troubled(world: World) -> None:
    """Nobody swept for four minutes, a destination fails, and a worker's clock is wrong."""
    world.now -= 8 * MINUTE
    world.due(2, name="Missed")
    world.now += timedelta(seconds=1)  # who comes now was not there when those were due
    world.due(3, name="To the shop", handler="webhook", payload={"url": "https://shop.example:8443/"})
    shop = Occurrence.objects.filter(rule__name="To the shop")
    shop.update(hold="breaker_open", destination=EXAMPLE.name)
    now = clock.now()
    tolerance = Tolerance(5, 10 * MINUTE)
    breakers.failed(EXAMPLE, [1, 2, 3, 4, 5], why="HTTP 503", tolerance=tolerance, now=now)
    Downtime.objects.create(started_at=now - 9 * MINUTE, ended_at=now - 5 * MINUTE, noticed_by="mill:7")
    Watermark.objects.create(pk=Watermark.ONE, swept_until=now)
    for process, role, skew in (
        ("mill:4711", "worker", 300.2),
        ("mill:12", "beat", 0.0004),
        ("web:3", "web", -0.4),
    ):
        ProcessClock.objects.create(process=process, role=role, skew=timedelta(seconds=skew), measured_at=now)


def test_the_overview_leads_to_a_breaker_which_is_closed_with_a_reason(page: Page) -> None:
    troubled(World(clock.now().replace(microsecond=0)))
    page.goto("/admin/")
    page.get_by_text("worker mill:4711 is 5 min ahead").wait_for()
    page.get_by_text("Catching up: 2 rows later than their grace wait in the lane catchup").wait_for()
    page.get_by_text("5 came due: 3 are held, 2 still wait.").wait_for()
    page.get_by_role("alert").filter(has_text="shop.example").get_by_role("link").click()
    page.get_by_text("No call is made before the next probe").wait_for()
    page.get_by_text("3 occurrences held by it").wait_for()

    page.get_by_role("link", name="Close breaker").click()
    page.fill("[name=why]", "they have restarted it")
    page.get_by_role("button", name="Close breaker").click()
    page.get_by_text("1 breaker closed: calls are made").wait_for()
    assert Breaker.objects.get().state == "closed"
    assert "they have restarted it" in LogEntry.objects.get().change_message


def test_the_lists_of_the_machine_are_read(page: Page) -> None:
    troubled(World(clock.now().replace(microsecond=0)))
    page.goto("/admin/events/processclock/")
    page.get_by_text("5 min ahead").wait_for()
    page.goto("/admin/events/downtime/")
    page.get_by_text("5 came due: 3 are held, 2 still wait").wait_for()
    page.locator("#result_list a").first.click()
    page.get_by_text("What came due in it").wait_for()
    page.goto("/admin/events/breaker/")
    page.get_by_text("webhook to shop.example:8443").first.wait_for()
    page.locator("#action-toggle").check()
    page.select_option("[name=action]", "open")
    page.get_by_role("button", name="Run").click()
    page.fill("[name=minutes]", "90")
    page.fill("[name=why]", "they are moving")
    page.get_by_role("button", name="Open breaker").click()
    page.get_by_text("1 breaker opened: no call is made before").wait_for()
    assert Breaker.objects.get().last_failure == "opened by user:alice: they are moving"
