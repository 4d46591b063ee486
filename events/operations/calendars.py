"""Calendars of closed days come and change; the rows of the rules that keep them free follow with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from events import planning
from events.errors import InvalidField, PunctualError
from events.models import Calendar, Rule, RuleState
from events.operations.errors import InvalidInput, Refusal, check_version, wrong_columns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from events.transitions import Origin

KEPT_BY_THE_ENGINE = {"version", "created_at", "updated_at"}
EDITABLE = sorted({field.name for field in Calendar._meta.concrete_fields} - KEPT_BY_THE_ENGINE - {"id"})
LONGEST_ICS = 1_000_000


class InvalidCalendar(InvalidInput):
    """{what} was refused; nothing was written.
    {problems}
    """


class CalendarInUse(PunctualError):
    """Calendar {name!r} is kept free by {rules}, so it was not deleted. Give them another calendar, or none, first."""


def check_calendar(calendar: Calendar, *, now: datetime) -> None:
    """Raise InvalidCalendar with every field that is wrong. Its weekdays are sorted, and its country in capitals."""
    calendar.country, calendar.subdivision = (
        calendar.country.strip().upper(),
        calendar.subdivision.strip().upper(),
    )
    refusals = list(_too_long(calendar)) or list(wrong_columns(calendar, KEPT_BY_THE_ENGINE))
    refusals = refusals or list(_wrong_meanings(calendar, now))
    if refusals:
        raise InvalidCalendar(f"calendar {calendar.name!r}", refusals)
    calendar.closed_weekdays = sorted(set(calendar.closed_weekdays))


def _too_long(calendar: Calendar) -> Iterator[InvalidField]:
    if len(calendar.ics) > LONGEST_ICS:
        yield Refusal(
            field="ics",
            problem=f"the text has {len(calendar.ics):,} characters",
            remedy=f"Keep it to {LONGEST_ICS:,}: leave out the events of past years.",
        )


def _wrong_meanings(calendar: Calendar, now: datetime) -> Iterator[InvalidField]:
    if set(calendar.closed_weekdays) >= set(range(7)):
        yield Refusal(
            field="closed_weekdays", problem="no weekday is left open", remedy="Close six of them at most."
        )
    if not (calendar.closed_weekdays or calendar.country or calendar.ics.strip()):
        yield Refusal(
            field="closed_weekdays",
            problem="nothing is closed: no weekday, no country's holidays, no iCalendar text",
            remedy="Give at least one of them, such as Saturday and Sunday.",
        )
    try:
        planning.closed_days(calendar, first_year=now.year - 1, last_year=now.year + planning.YEARS_AHEAD)
    except InvalidField as refusal:
        home = refusal.field if refusal.field in EDITABLE else "ics"
        yield Refusal(field=home, problem=refusal.facts["problem"], remedy=refusal.facts["remedy"])


@transaction.atomic
def create_calendar(calendar: Calendar, *, origin: Origin) -> Calendar:
    """Write a new calendar; raises InvalidCalendar."""
    check_calendar(calendar, now=origin.now)
    calendar.save(force_insert=True)
    return calendar


@transaction.atomic
def change_calendar(
    calendar: Calendar, *, horizon: timedelta, origin: Origin, expected_version: int | None = None
) -> int:
    """Write an edited calendar and re-plan the rules that keep it free; how many of their rows changed.

    `expected_version` is the one that the editor saw; None asks for none. Raises InvalidCalendar, StaleVersion.
    """
    before = Calendar.objects.select_for_update(no_key=True).get(pk=calendar.pk)
    rules = list(_rules_of(calendar))
    for kind in sorted({planning.kind_of(rule) for rule in rules}):
        planning.alone(kind)
    check_version(f"calendar {before.name!r}", expected=expected_version, current=before.version)
    check_calendar(calendar, now=origin.now)
    for rule in rules:
        # What was due until now is due by the calendar as it was, even if nobody planned it in time.
        planning.plan_rule(rule, until=origin.now, origin=origin)
    calendar.version, calendar.updated_at = F("version") + 1, origin.now
    calendar.save(update_fields=[*EDITABLE, "version", "updated_at"])
    calendar.refresh_from_db()
    return sum(planning.replan_rule(rule, horizon=horizon, origin=origin) for rule in _rules_of(calendar))


@transaction.atomic
def delete_calendar(calendar: Calendar) -> None:
    """Delete a calendar that no rule names, retired ones included. Raises CalendarInUse."""
    locked = Calendar.objects.select_for_update().get(pk=calendar.pk)
    names = list(Rule.objects.filter(calendar=locked).values_list("name", flat=True)[:3])
    if names:
        raise CalendarInUse(name=locked.name, rules=" and ".join(f"rule {name!r}" for name in names))
    locked.delete()


def _rules_of(calendar: Calendar) -> Iterator[Rule]:
    live = Rule.objects.filter(calendar=calendar).exclude(state=RuleState.RETIRED)
    return iter(live.select_related("entity", "calendar").order_by("pk"))
