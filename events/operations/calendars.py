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
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    from events.transitions import Origin

KEPT_BY_THE_ENGINE = {"version", "created_at", "updated_at"}
EDITABLE = sorted({field.name for field in Calendar._meta.concrete_fields} - KEPT_BY_THE_ENGINE - {"id"})
LONGEST_ICS = 1_000_000
MOST_NAMED = 3


class InvalidCalendar(InvalidInput):
    """{what} was refused; nothing was written.
    {problems}
    """


class CalendarInUse(PunctualError):
    """Calendar {name!r} is kept free by {rules}, so it was not deleted. Give them another calendar, or none, first."""


def check_calendar(calendar: Calendar, *, now: datetime) -> None:
    """Raise InvalidCalendar with every field that is wrong.

    Its weekdays are sorted, its country is in capitals, and its part of the country spelled as it is known.
    """
    calendar.country = calendar.country.strip().upper()
    calendar.subdivision = _as_known(calendar.subdivision.strip(), calendar.country)
    refusals = list(_unstorable(calendar)) or list(wrong_columns(calendar, KEPT_BY_THE_ENGINE))
    refusals = refusals or list(_wrong_meanings(calendar, now))
    if refusals:
        raise InvalidCalendar(f"calendar {calendar.name!r}", refusals)
    calendar.closed_weekdays = sorted(set(calendar.closed_weekdays))


def _as_known(subdivision: str, country: str) -> str:
    """The part of the country as it is written, whatever its capitals are here."""
    spelled = {one.casefold(): one for one in planning.subdivisions_of(country)}
    return spelled.get(subdivision.casefold(), subdivision)


def _unstorable(calendar: Calendar) -> Iterator[InvalidField]:
    if len(calendar.ics) > LONGEST_ICS:
        yield Refusal(
            field="ics",
            problem=f"the text has {len(calendar.ics):,} characters",
            remedy=f"Keep it to {LONGEST_ICS:,}: leave out the events of past years.",
        )
    for name in ("name", "ics"):
        if "\x00" in getattr(calendar, name):
            yield Refusal(field=name, problem="it holds a NUL character", remedy="Take it out.")


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
    calendar.created_at = calendar.updated_at = origin.now
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
    # While the calendar is held no rule comes to it, or changes and stays; one may still leave it, or be retired.
    for kind in sorted({planning.kind_of(rule) for rule in _rules_of(before)}):
        planning.alone(kind)
    rules = list(_rules_of(before))
    check_version(f"calendar {before.name!r}", expected=expected_version, current=before.version)
    check_calendar(calendar, now=origin.now)
    for rule in rules:
        # What was due until now is due by the calendar as it was, even if nobody planned it in time.
        planning.plan_rule(rule, until=origin.now, origin=origin)
        rule.calendar = calendar
    _check_rules(calendar, rules, origin.now)
    calendar.version, calendar.updated_at = F("version") + 1, origin.now
    calendar.save(update_fields=[*EDITABLE, "version", "updated_at"])
    calendar.refresh_from_db()
    return sum(planning.replan_rule(rule, horizon=horizon, origin=origin) for rule in rules)


def _check_rules(calendar: Calendar, rules: Sequence[Rule], now: datetime) -> None:
    """Raise InvalidCalendar naming the rules to which the calendar leaves nothing."""
    refusals = [refusal for rule in rules if (refusal := _refusal_for(rule, now)) is not None]
    if refusals:
        raise InvalidCalendar(f"calendar {calendar.name!r}", refusals)


def _refusal_for(rule: Rule, now: datetime) -> InvalidField | None:
    """Why the rule would find no open day any more; None also of what starts from each entity's own date."""
    if rule.anchor:
        return None
    try:
        planning.next_firings_of(
            rule, timezone=rule.timezone or "UTC", anchor=None, leap="", after=now, limit=1
        )
    except InvalidField as refusal:
        return Refusal(
            field="closed_weekdays",
            problem=f"rule {rule.name!r} would never fire again: {refusal.facts['problem']}",
            remedy="Close fewer days, or change the rule first.",
        )
    return None


@transaction.atomic
def delete_calendar(calendar: Calendar) -> None:
    """Delete a calendar that no rule names, retired ones included. Raises CalendarInUse."""
    check_unused(Calendar.objects.select_for_update().get(pk=calendar.pk))
    calendar.delete()


def check_unused(calendar: Calendar) -> None:
    """Raise CalendarInUse where a rule names the calendar, if only a retired one."""
    names = list(Rule.objects.filter(calendar=calendar).values_list("name", flat=True))
    if not names:
        return
    told = [f"rule {name!r}" for name in names[:MOST_NAMED]]
    if len(names) > MOST_NAMED:
        told.append(f"{len(names) - MOST_NAMED:,} more")
    rules = " and ".join([", ".join(told[:-1]), told[-1]] if told[1:] else told)
    raise CalendarInUse(name=calendar.name, rules=rules)


def _rules_of(calendar: Calendar) -> Iterator[Rule]:
    live = Rule.objects.filter(calendar=calendar).exclude(state=RuleState.RETIRED)
    return iter(live.select_related("entity", "calendar").order_by("pk"))
