"""A handler that is no longer installed: its rows wait where an operator sees them, and fire when it is back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from events.management.database_checks import holds, rules
from events.management.findings import Status
from events.models import Occurrence
from handlers.log.models import Delivery
from tests.commands.conftest import LOG, run

if TYPE_CHECKING:
    from tests.commands.conftest import UseHandlers
    from tests.engine.world import World

pytestmark = pytest.mark.django_db

THE_OTHER = "handlers.webhook.handler.WebhookHandler"


def test_rows_of_an_uninstalled_handler_wait_visibly_and_fire_when_it_is_back(
    world: World, use_handlers: UseHandlers
) -> None:
    world.people({"alice": "Europe/Berlin", "bob": "Asia/Tokyo"})
    world.rule()
    planned = Occurrence.objects.count()
    world.now += timedelta(hours=72)

    use_handlers(THE_OTHER)
    world.tick()
    missed = Occurrence.objects.filter(due_at__lte=world.now).count()
    waiting = Occurrence.objects.filter(hold="handler_missing")
    assert set(waiting.values_list("state", "reason")) == {("SCHEDULED", "handler_missing")}
    assert waiting.count() == missed >= planned
    assert not Delivery.objects.exists()
    assert holds(world.now).status is Status.WARN
    assert f"{missed} rows by handler_missing" in holds(world.now).says
    assert rules(world.now).says == "Handlers not installed: 'log' of 1 rule."

    use_handlers(LOG, THE_OTHER)
    assert f"{missed} held rows released" in run("recover").out
    world.tick()
    assert Delivery.objects.count() == missed
    assert not Occurrence.objects.filter(due_at__lte=world.now).exclude(state="COMPLETED").exists()
    assert holds(world.now).status is rules(world.now).status is Status.OK


def test_a_rule_whose_handler_is_missing_is_still_planned(world: World, use_handlers: UseHandlers) -> None:
    world.person("alice")
    world.rule()
    planned = Occurrence.objects.count()
    use_handlers(THE_OTHER)
    world.now += world.horizon
    assert world.plan() > 0
    assert Occurrence.objects.count() > planned
