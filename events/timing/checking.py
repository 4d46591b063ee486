"""Which recurrences are refused, and why: said before anything is planned."""

from __future__ import annotations

from dataclasses import replace
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import NoReturn

from events.timing.business_days import Roll
from events.timing.recurrence import DEFAULT_POLICIES, Policies, Recurrence
from events.timing.recurring import next_firings, rules_of
from events.timing.refusing import refuse, shown
from events.timing.wall_slots import MOST_COUNTED
from events.timing.zones import zone

MOST_OFFSET_DAYS = 36_525
MOST_RRULES = 10
MOST_DATES = 2_000


def check(recurrence: Recurrence, policies: Policies = DEFAULT_POLICIES) -> None:
    """Refuse a recurrence that is malformed, never fires, or would take unbounded time.

    It is tried in UTC, and each of several RRULEs by itself.
    Raises InvalidRecurrence, whose field is the one of Recurrence ("rrule", "rdate", "exdate" for the lists).
    """
    _check_kinds(recurrence)
    _check_sizes(recurrence)
    _check_dtstart(recurrence)
    _check_instants(recurrence)
    _check_business_days(recurrence)
    if len(recurrence.rrules) > 1:
        _check_counts(recurrence)
        for text in recurrence.rrules:
            _check_fires(Recurrence(recurrence.dtstart, text, recurrence.offset_days), policies)
    _check_fires(recurrence, policies)


def _check_kinds(recurrence: Recurrence) -> None:
    given = [name for name in ("rrules", "cron", "every") if getattr(recurrence, name)]
    if len(given) > 1:
        refuse(
            f"{' and '.join(given)} exclude each other".replace("rrules", "rrule"),
            "Keep one of them",
            field=given[-1],
        )


def _check_sizes(recurrence: Recurrence) -> None:
    if abs(recurrence.offset_days) > MOST_OFFSET_DAYS:
        refuse(
            f"{recurrence.offset_days} days is out of range",
            f"Give whole days from -{MOST_OFFSET_DAYS} to {MOST_OFFSET_DAYS}",
            field="offset_days",
        )
    for field, given, most in (
        ("rrule", recurrence.rrules, MOST_RRULES),
        ("rdate", recurrence.rdates, MOST_DATES),
        ("exdate", recurrence.exdates, MOST_DATES),
    ):
        if len(given) > most:
            refuse(f"there are {len(given):,} of them", f"Keep it to {most:,}", field=field)


def _check_counts(recurrence: Recurrence) -> None:
    counted = sum(rule.count for rule in rules_of(recurrence) if not rule.is_plain)
    if counted > MOST_COUNTED:
        refuse(
            f"the rules count to {counted:,} together",
            f"Keep it to {MOST_COUNTED:,}, or use UNTIL",
            field="rrule",
        )


def _check_instants(recurrence: Recurrence) -> None:
    times = [one for one in (recurrence.dtstart, *recurrence.rdates) if isinstance(one, datetime)]
    for one in times:
        if one.tzinfo and not 1 < one.year < MAXYEAR:
            refuse(
                f"{one.isoformat()} is at the end of the calendar",
                f"Give an instant from the year 2 to {MAXYEAR - 1}",
                field="rdate" if one in recurrence.rdates else "dtstart",
            )


def _check_dtstart(recurrence: Recurrence) -> None:
    dtstart = recurrence.dtstart
    if dtstart.tzinfo is None:
        return
    if dtstart.utcoffset() != timedelta(0):
        refuse(
            f"{dtstart.isoformat()} has an offset from UTC",
            "Give the wall time alone, and the zone in its own field",
            field="dtstart",
        )
    if (
        recurrence.offset_days
        or recurrence.cron
        or not all(rule.freq.is_elapsed for rule in rules_of(recurrence))
    ):
        refuse(
            f"{dtstart.isoformat()} is an instant, and days are counted in wall time",
            "Give DTSTART as wall time, with the zone in its own field",
            field="dtstart",
        )


def _check_business_days(recurrence: Recurrence) -> None:
    if recurrence.business_days is None:
        return
    recurrence.business_days.check()
    is_counted_in_instants = recurrence.dtstart.tzinfo or any(
        rule.freq.is_elapsed for rule in rules_of(recurrence)
    )
    if is_counted_in_instants and recurrence.business_days.roll is not Roll.SKIP:
        refuse(
            f"{recurrence.business_days.roll} business day does not go with instants, hours or less",
            "Use skip, or FREQ=DAILY or larger",
            field="business_days",
        )


def _check_fires(recurrence: Recurrence, policies: Policies) -> None:
    earliest = datetime.min.replace(tzinfo=UTC)
    if not next_firings(recurrence, zone("UTC"), policies, after=earliest, limit=1):
        _refuse_as_never(recurrence)


def _refuse_as_never(recurrence: Recurrence) -> NoReturn:
    start = recurrence.dtstart.replace(tzinfo=None)
    for rule in rules_of(recurrence):
        if rule.until and rule.until.replace(tzinfo=None) < start:
            refuse(f"UNTIL is before DTSTART, {start.isoformat(' ')}", "Give an UNTIL after it")
    if next_firings(
        replace(recurrence, exdates=(), business_days=None),
        zone("UTC"),
        DEFAULT_POLICIES,
        after=datetime.min.replace(tzinfo=UTC),
        limit=1,
    ):
        refuse("nothing is left of the recurrence", "Exclude fewer of its dates", field="exdate")
    refuse(
        f"{shown(recurrence.rrule) if recurrence.rrule else 'the rule'} never fires from {start.isoformat(' ')} on",
        "Choose a day that its months have, and an INTERVAL that reaches it",
    )
