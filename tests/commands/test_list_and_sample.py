"""`list_handlers` and `load_sample`: what a person sees first."""

from __future__ import annotations

from datetime import date
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest

from events import queries
from events.handling import Completed, Handler, HandlerContext, Kind, Outcome, registry
from events.models import Calendar, Entity, Occurrence, Rule
from tests.commands.conftest import LOG, run

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.fixtures import Settings

    from tests.commands.conftest import UseHandlers

HERE = "tests.commands.test_list_and_sample"


class AnotherLog(Handler):
    """Takes a name that is taken."""

    name = "log"
    kind = Kind.IDEMPOTENT

    def handle(self, context: HandlerContext) -> Outcome:
        return Completed()


class Another(AnotherLog):
    name = "another"


class Nameless(Handler):
    kind = Kind.IDEMPOTENT


def test_each_handler_is_listed_with_its_kind_its_bounds_and_its_origin(use_handlers: UseHandlers) -> None:
    use_handlers("handlers.webhook.handler.WebhookHandler", LOG)
    heading, log, webhook = run("list_handlers").out.splitlines()
    assert heading.split() == ["name", "kind", "concurrency", "timeout", "where", "from"]
    assert log.split() == ["log", "transactional", "1", "30", "s", LOG]
    assert webhook.split()[:2] == ["webhook", "idempotent"]


def test_a_broken_handler_is_named_with_what_breaks_it_beside_those_that_work(
    use_handlers: UseHandlers,
) -> None:
    use_handlers(LOG, "handlers.pigeon.Handler", "events.clock.now", f"{HERE}.Nameless", f"{HERE}.AnotherLog")
    ran = run("list_handlers")
    assert LOG in ran.out
    told = ran.refused.splitlines()
    assert told[0] == "4 handlers cannot be used:"
    assert told[1].startswith("- handlers.pigeon.Handler: No module named 'handlers.pigeon'")
    assert "not a subclass of events.handling.Handler" in told[2]
    assert "does not say its name and its kind" in told[3]
    assert told[4] == f"- {HERE}.AnotherLog: it is called 'log', as {LOG} is"


def test_a_handler_of_another_package_is_listed_by_its_entry_point(
    use_handlers: UseHandlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_handlers(LOG)
    point = EntryPoint("another", f"{HERE}:Another", "punctual.handlers")
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [point] if group == point.group else [])
    listed = run("list_handlers").out.splitlines()
    assert listed[1].split() == [
        "another",
        "idempotent",
        "1",
        "30",
        "s",
        f"{HERE}:Another",
        "(entry",
        "point",
        "another)",
    ]


@pytest.mark.django_db
def test_the_sample_is_everyone_in_the_world_with_two_rules_at_nine_and_one_of_each_other_kind_for_one(
    db: None,
) -> None:
    said = run("load_sample", actor="alice").out.splitlines()
    assert said[0] == "419 people imported: 419 new, 0 changed."
    assert said[1].startswith(
        "6 rules created: 'Good morning, 09:00 local', 'Birthday, 09:00 local', 'Stand-up, by"
    )
    assert said[-1].startswith("Next: ")
    daily, birthday = Rule.objects.get(name__startswith="Good"), Rule.objects.get(rrule="FREQ=YEARLY")
    assert (birthday.anchor, birthday.handler, daily.handler) == ("birthday", "log", "log")
    # A horizon of two days holds two mornings of everybody, or three where a third begins with it.
    assert Occurrence.objects.filter(rule=daily).values("entity").distinct().count() == 419
    assert Occurrence.objects.filter(rule=daily).count() >= 2 * 419
    others = Rule.objects.filter(entity__external_id="europe-berlin")
    told = {queries.when_in_brief(rule) for rule in others}
    assert told >= {
        "every weekday at 09:30 in Europe/Berlin",
        "every month on the 1st at 09:00 in Europe/Berlin",
        "every day at random between 14:00 and 17:00 in Europe/Berlin",
    }
    assert any(said.startswith("3 h after the end of the one before") for said in told)
    assert Calendar.objects.get().closed_weekdays == [5, 6]


@pytest.mark.django_db
def test_loading_the_sample_again_changes_nothing(db: None) -> None:
    run("load_sample")
    Rule.objects.filter(name__startswith="Good").update(start_date=date(2026, 1, 1))
    Calendar.objects.update(closed_weekdays=[6])
    before = Occurrence.objects.count()
    said = run("load_sample").out.splitlines()
    assert said[:2] == ["419 people imported: 0 new, 0 changed, 419 as they were.", "0 rules created."]
    assert (Occurrence.objects.count(), Rule.objects.count()) == (before, 6)
    assert Rule.objects.get(name__startswith="Good").start_date == date(2026, 1, 1)
    assert Calendar.objects.get().closed_weekdays == [6]


@pytest.mark.django_db
def test_a_sample_that_cannot_be_loaded_whole_is_not_loaded(use_handlers: UseHandlers) -> None:
    use_handlers("handlers.webhook.handler.WebhookHandler")
    assert "no handler called 'log' is installed" in run("load_sample").refused
    assert not Entity.objects.exists()


@pytest.mark.django_db
def test_an_installation_without_the_examples_says_what_it_lacks(settings: Settings, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    refused = run("load_sample").refused
    assert f"{tmp_path}/examples/people.csv cannot be imported: no such file" in refused
