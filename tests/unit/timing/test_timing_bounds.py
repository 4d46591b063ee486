"""Whatever is asked takes bounded time: it is answered, or refused in a sentence.

The bound is ten times of what is aimed at (50 ms on an idle machine), since others may be at work here.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from time import process_time

import pytest

from events.timing import (
    BusinessDays,
    InvalidRecurrence,
    Leap,
    Policies,
    Recurrence,
    Roll,
    calendar_dates,
    check,
    next_firings,
    zone,
)

BOUND = 0.5
START = datetime.fromisoformat("1990-01-01")
NOW = datetime(2025, 6, 1, tzinfo=UTC)
HOURS = "BYHOUR=" + ",".join(map(str, range(24)))
MINUTES = "BYMINUTE=" + ",".join(map(str, range(60)))
MONTHDAYS = "BYMONTHDAY=" + ",".join(map(str, range(1, 32)))
BETWEEN = (date(2025, 1, 1), date(2026, 12, 31))


def asked(recurrence: Recurrence, policies: Policies | None = None) -> Callable[[], object]:
    def ask() -> object:
        check(recurrence, policies or Policies())
        return next_firings(recurrence, zone("America/New_York"), policies or Policies(), after=NOW, limit=10)

    return ask


def rule(rrule: str, *more: str) -> Callable[[], object]:
    return asked(Recurrence(START, rrule, more_rrules=more))


def calendar(*events: str) -> Callable[[], object]:
    text = "".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT\n" for event in events)
    return lambda: calendar_dates(f"BEGIN:VCALENDAR\n{text}END:VCALENDAR\n", BETWEEN)


ASKED: dict[str, Callable[[], object]] = {
    "a MINUTELY rule of 1990": rule("FREQ=MINUTELY"),
    "30 February": rule("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"),
    "a count in the millions": rule("FREQ=MINUTELY;BYHOUR=9;COUNT=5000000"),
    "a count that is counted out": rule("FREQ=WEEKLY;BYDAY=MO;COUNT=9999"),
    "a count of seconds": rule("FREQ=SECONDLY;BYSECOND=1;INTERVAL=3;COUNT=4990"),
    "a count of moved days": asked(
        Recurrence(START, "FREQ=MONTHLY;BYMONTHDAY=31,1;COUNT=9999"), Policies(leap=Leap.FORWARD)
    ),
    "every minute of a year, the last": rule(f"FREQ=YEARLY;{MONTHDAYS};{HOURS};{MINUTES};BYSETPOS=-1"),
    "every minute of a year, counted": rule(f"FREQ=YEARLY;{MONTHDAYS};{HOURS};{MINUTES};COUNT=9999"),
    "every minute of a day": rule(f"FREQ=DAILY;{HOURS};{MINUTES}"),
    "days that never come": rule("FREQ=DAILY;INTERVAL=7;BYDAY=TU"),
    "ten rules that hardly come": rule(
        "", *(f"FREQ=DAILY;INTERVAL=7;BYDAY=TU;BYMONTH={n}" for n in range(1, 11))
    ),
    "ten rules that are counted": rule("", *(f"FREQ=DAILY;BYDAY=TU;COUNT={5000 + n}" for n in range(10))),
    "1 MB of RRULE": rule("FREQ=DAILY;BYMONTH=" + "1," * 500_000),
    "1 MB of cron": asked(Recurrence(START, cron="1," * 500_000)),
    "1 MB of duration": asked(Recurrence(START, every="P" + "1" * 1_000_000)),
    "cron for every minute": asked(Recurrence(START, cron="* * * * *")),
    "cron that never comes": asked(Recurrence(START, cron="* * 31 2,4,6 *")),
    "Saturdays on business days": asked(
        Recurrence(START, "FREQ=WEEKLY;BYDAY=SA", business_days=BusinessDays(weekend=frozenset({5, 6})))
    ),
    "decades of closed days": asked(
        Recurrence(
            START,
            f"FREQ=DAILY;{HOURS};{MINUTES}",
            business_days=BusinessDays(
                frozenset(START.date() + timedelta(days=n) for n in range(10_000)), roll=Roll.NEXT
            ),
        )
    ),
    "folds without end": lambda: calendar_dates("\n " * 490_000, BETWEEN),
    "lines without end": lambda: calendar_dates("A\n" * 490_000, BETWEEN),
    "quotes without end": calendar('DTSTART;X="' + ":" * 49_000),
    "events without end": calendar(*["DTSTART;VALUE=DATE:20250101"] * 2_000),
    "properties without end": calendar("RDATE;VALUE=DATE:20250101\n" * 30_000),
    "rules without end": calendar(
        *["DTSTART;VALUE=DATE:19850101\nRRULE:FREQ=DAILY;INTERVAL=7;BYDAY=WE"] * 100
    ),
}


@pytest.fixture(scope="module", autouse=True)
def _what_was_there_before_is_not_searched() -> Iterator[None]:
    """The garbage of thousands of tests, in a process that ran them, would be looked for on one of these's time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("name", ASKED)
def test_it_is_answered_or_refused_in_bounded_time(name: str) -> None:
    began = process_time()
    with suppress(InvalidRecurrence):
        ASKED[name]()
    assert process_time() - began < BOUND
