"""The fast way to the first firings: the same as the other, or none at all."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.timing import (
    BusinessDays,
    Fold,
    Gap,
    InvalidRecurrence,
    Leap,
    Policies,
    Recurrence,
    firings,
    plain_firings,
    zone,
)
from tests.unit.timing.reading import NEW_YORK, at, utc

EVERYWHEN = datetime.max.replace(tzinfo=UTC)
START = at("2020-02-29 02:30")
ZONES = (
    NEW_YORK, "UTC", "Europe/Berlin", "Africa/Casablanca", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia",
)  # fmt: skip
PLAIN = (
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=9",
    "FREQ=DAILY;BYDAY=MO,FR",
    "FREQ=DAILY;BYMONTH=2,3",
    "FREQ=DAILY;BYHOUR=1,2,3",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU",
    "FREQ=MONTHLY",
    "FREQ=MONTHLY;BYMONTHDAY=31",
    "FREQ=MONTHLY;BYDAY=-1SU",
    "FREQ=YEARLY",
    "FREQ=YEARLY;BYMONTH=3;BYDAY=2SU",
    "FREQ=YEARLY;BYWEEKNO=10",
    "FREQ=YEARLY;BYDAY=20MO",
)


def plainly(
    recurrence: Recurrence,
    after: str = "2026-01-10",
    *,
    before: datetime = EVERYWHEN,
    name: str = NEW_YORK,
    policies: Policies | None = None,
    limit: int = 10,
) -> list[tuple[datetime, datetime]] | None:
    return plain_firings(
        recurrence, zone(name), policies or Policies(), after=utc(after), before=before, limit=limit
    )


@settings(max_examples=400, deadline=None)
@given(
    text=st.sampled_from(PLAIN),
    dtstart=st.datetimes(at("1969-01-01"), at("2027-06-01")).map(lambda one: one.replace(microsecond=0)),
    name=st.sampled_from(ZONES),
    gap=st.sampled_from(Gap),
    fold=st.sampled_from(Fold),
    after=st.datetimes(at("2024-01-01"), at("2027-01-01")),
    days=st.none() | st.integers(1, 900),
    limit=st.integers(1, 60),
)
def test_what_is_found_plainly_is_what_fires(
    text: str,
    dtstart: datetime,
    name: str,
    gap: Gap,
    fold: Fold,
    after: datetime,
    days: int | None,
    limit: int,
) -> None:
    recurrence, tz, policies = Recurrence(dtstart, text), zone(name), Policies(gap, fold)
    start = after.replace(tzinfo=UTC)
    before = EVERYWHEN if days is None else start + timedelta(days=days)
    found = plain_firings(recurrence, tz, policies, after=start, before=before, limit=limit)
    if found is not None:
        fired = list(islice(firings(recurrence, tz, policies, after=start, before=before), limit))
        assert found == [(one.slot, one.due_at) for one in fired]
        assert {(one.fold, one.note) for one in fired} <= {(0, "")}


@pytest.mark.parametrize("text", PLAIN)
def test_usual_rules_are_plain(text: str) -> None:
    assert len(plainly(Recurrence(START.replace(hour=12), text)) or []) == 10
    assert len(plainly(Recurrence(START.replace(hour=12), text), limit=150) or []) == 150


@pytest.mark.parametrize(
    "recurrence",
    [
        Recurrence(START),
        Recurrence(START.replace(tzinfo=UTC), "FREQ=DAILY"),
        Recurrence(START, cron="0 9 * * *"),
        Recurrence(START, every="P1D"),
        Recurrence(START, "FREQ=DAILY", cron="0 9 * * *"),
        Recurrence(START, "FREQ=DAILY", every="P1D"),
        Recurrence(START, "FREQ=DAILY", offset_days=1),
        Recurrence(START, "FREQ=DAILY", more_rrules=("FREQ=WEEKLY",)),
        Recurrence(START, "FREQ=DAILY", rdates=(date(2026, 2, 1),)),
        Recurrence(START, "FREQ=DAILY", exdates=(date(2026, 2, 1),)),
        Recurrence(START, "FREQ=DAILY", business_days=BusinessDays(weekend=frozenset({6}))),
        Recurrence(START, "FREQ=HOURLY"),
        Recurrence(START, "FREQ=DAILY;COUNT=5000"),
        Recurrence(START, "FREQ=DAILY;UNTIL=20300101"),
        Recurrence(START, "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1"),
        Recurrence(START, "FREQ=MONTHLY;RSCALE=GREGORIAN;SKIP=BACKWARD"),
    ],
)
def test_what_says_more_is_not_plain(recurrence: Recurrence) -> None:
    assert plainly(recurrence) is None


def test_days_that_a_month_lacks_are_plain_only_where_they_are_left_out() -> None:
    monthly = Recurrence(at("2020-01-31 12:00"), "FREQ=MONTHLY")
    assert [slot.month for slot, _ in plainly(monthly) or []][:3] == [1, 3, 5]
    assert plainly(monthly, policies=Policies(leap=Leap.BACKWARD)) is None


def test_a_slot_that_a_later_one_may_meet_is_not_plain() -> None:
    twice = Recurrence(at("2020-01-01 01:59:59"), "FREQ=DAILY;BYHOUR=1,2")
    policies = Policies(gap=Gap.PREVIOUS_VALID)
    assert plainly(twice, "2026-03-04", policies=policies, limit=9) is None
    *_, last = islice(firings(twice, zone(NEW_YORK), policies, after=utc("2026-03-04"), before=EVERYWHEN), 9)
    assert last.note == "also stands for 2026-03-08 02:59:59"


@pytest.mark.parametrize(
    ("clock", "after", "is_plain"),
    [
        ("01:59", "2026-03-01", True),
        ("02:30", "2026-03-01", False),
        ("03:00", "2026-03-01", True),
        ("00:59", "2026-10-25", True),
        ("01:30", "2026-10-25", False),
        ("02:00", "2026-10-25", True),
        ("12:00", "2026-03-08", False),
        ("12:00", "2026-11-01", False),
    ],
)
def test_a_change_of_the_clock_at_a_slot_or_the_start_is_not_plain(
    clock: str, after: str, *, is_plain: bool
) -> None:
    daily = Recurrence(at(f"2020-01-01 {clock}"), "FREQ=DAILY")
    assert (plainly(daily, after) is not None) is is_plain


def test_it_ends_before_the_end_and_with_the_calendar() -> None:
    daily = Recurrence(at("2020-01-01 09:00"), "FREQ=DAILY")
    ninth = datetime(2026, 1, 12, 9, tzinfo=UTC)
    assert plainly(daily, before=ninth, name="UTC") == [
        (at("2026-01-10 09:00"), utc("2026-01-10 09:00")),
        (at("2026-01-11 09:00"), utc("2026-01-11 09:00")),
    ]
    assert len(plainly(daily, before=ninth + timedelta.resolution, name="UTC") or []) == 3
    assert plainly(daily, before=utc("2026-01-10 09:00"), name="UTC") == []
    yearly = Recurrence(at("2020-06-01 09:00"), "FREQ=YEARLY")
    assert [slot.year for slot, _ in plainly(yearly, "9998-01-01") or []] == [9998, 9999]
    assert plainly(yearly, "9999-07-01") == []
    assert len(plainly(daily, "9999-12-01", limit=40) or []) == 31
    assert plainly(Recurrence(at("2020-01-01 23:00"), "FREQ=DAILY"), "9999-12-01", limit=40) is None


def test_what_never_fires_is_refused_as_ever() -> None:
    with pytest.raises(InvalidRecurrence, match="names no slot in 400 of its years"):
        plainly(Recurrence(START, "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"))
    with pytest.raises(InvalidRecurrence, match="has no FREQ"):
        plainly(Recurrence(START, "INTERVAL=2"))


def test_of_every_minute_of_a_year_no_more_are_made_than_are_asked_for() -> None:
    hours, minutes = (",".join(map(str, range(size))) for size in (24, 60))
    text = f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR={hours};BYMINUTE={minutes}"
    minutely = Recurrence(START, text)
    plainly(minutely)
    begin = process_time()
    found = plainly(minutely, "2026-12-20", limit=1_000)
    assert process_time() - begin < 0.04
    assert [slot for slot, _ in found or []] == [
        at("2026-12-19 19:00") + timedelta(minutes=n) for n in range(1_000)
    ]
