"""What holds for every recurrence, zone, policy and window."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from dateutil.rrule import rrulestr
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from events.timing import (
    Firing,
    Fold,
    Gap,
    InvalidRecurrence,
    Leap,
    Policies,
    Recurrence,
    check,
    firings,
    next_firings,
    zone,
)

NASTY_ZONES = (
    "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Pacific/Apia", "Europe/Dublin",
    "Africa/Casablanca", "Asia/Kathmandu", "America/Havana", "America/St_Johns", "Pacific/Kwajalein", "UTC",
)  # fmt: skip
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LEAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


def some(values: st.SearchStrategy[object], most: int) -> st.SearchStrategy[str]:
    return st.lists(values, min_size=1, max_size=most, unique=True).map(
        lambda found: ",".join(map(str, found))
    )


def signed(high: int) -> st.SearchStrategy[object]:
    return st.integers(-high, high).filter(bool)


@st.composite
def rrules(draw: st.DrawFn, smallest: str = "SECONDLY") -> str:
    names = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
    freq = draw(st.sampled_from(names[: names.index(smallest) + 1]))
    optional = {
        "INTERVAL": st.sampled_from([2, 3, 7, 30]).map(str),
        "BYMONTH": some(st.integers(1, 12), 4),
        "BYDAY": some(st.sampled_from(WEEKDAYS), 3),
        "BYHOUR": some(st.integers(0, 4), 3),
        "BYMINUTE": some(st.sampled_from([0, 15, 30, 59]), 3),
        "WKST": st.sampled_from(WEEKDAYS),
        "COUNT": st.integers(1, 60).map(str),
    }
    if freq != "WEEKLY":
        optional["BYMONTHDAY"] = some(signed(31), 4)
    if freq in {"YEARLY", "MONTHLY"}:
        optional["BYDAY"] = some(
            st.sampled_from([f"{n}{day}" for n in (1, 2, -1, -2) for day in WEEKDAYS]), 3
        )
    if freq in {"YEARLY", "HOURLY"}:
        optional["BYYEARDAY"] = some(signed(366), 6)
    chosen = draw(st.sets(st.sampled_from(sorted(optional)), max_size=4))
    parts = [f"FREQ={freq}", *(f"{name}={draw(optional[name])}" for name in sorted(chosen))]
    if freq != "WEEKLY" and chosen & {"BYDAY", "BYMONTHDAY", "BYMINUTE"} and draw(st.booleans()):
        parts.append(f"BYSETPOS={draw(some(signed(3), 2))}")
    return ";".join(parts)


POLICIES = st.builds(Policies, st.sampled_from(Gap), st.sampled_from(Fold), st.sampled_from(Leap))
STARTS = st.datetimes(datetime.fromisoformat("1985-01-01"), datetime.fromisoformat("2030-01-01")).map(
    lambda wall: wall.replace(minute=wall.minute // 15 * 15, second=0, microsecond=0)
)
RECURRENCES = st.builds(Recurrence, STARTS, st.one_of(rrules(), st.just("")))
ZONES = st.sampled_from(NASTY_ZONES).map(zone)


def window(recurrence: Recurrence, days: int) -> tuple[datetime, datetime]:
    start = recurrence.dtstart.replace(tzinfo=UTC) - timedelta(days=2)
    return start, start + timedelta(days=days)


def span(recurrence: Recurrence) -> int:
    """Days that hold enough firings, and not too many."""
    return 800 if recurrence.rrule.startswith(("FREQ=Y", "FREQ=M", "FREQ=W", "FREQ=D")) else 20


def within(
    recurrence: Recurrence, tz: object, policies: Policies, start: datetime, end: datetime
) -> list[Firing]:
    try:
        return list(islice(firings(recurrence, tz, policies, after=start, before=end), 3000))  # type: ignore[arg-type]
    except InvalidRecurrence:
        assume(False)
        raise


@LEAST
@given(recurrence=RECURRENCES, tz=ZONES, policies=POLICIES)
def test_firings_are_sorted_unique_inside_the_window_and_exist(recurrence, tz, policies) -> None:  # type: ignore[no-untyped-def]
    start, end = window(recurrence, span(recurrence))
    found = within(recurrence, tz, policies, start, end)
    assert all(one.due_at < later.due_at for one, later in pairwise(found))
    for one in found:
        assert start <= one.due_at < end
        local = one.due_at.astimezone(tz)
        plain = (local.replace(tzinfo=None, fold=0), local.fold) == (one.slot, one.fold)
        assert plain or one.note.startswith(("gap: ", "leap: ")), one


@LEAST
@given(recurrence=RECURRENCES, tz=ZONES, policies=POLICIES, cut=st.floats(0, 1))
def test_a_window_in_two_parts_holds_what_the_whole_holds(recurrence, tz, policies, cut) -> None:  # type: ignore[no-untyped-def]
    start, end = window(recurrence, span(recurrence))
    whole = within(recurrence, tz, policies, start, end)
    assume(len(whole) < 3000)
    middle = whole[int(cut * (len(whole) - 1))].due_at if whole else start
    for split in (middle, middle + timedelta(microseconds=1)):
        parts = within(recurrence, tz, policies, start, split) + within(recurrence, tz, policies, split, end)
        assert parts == whole


@LEAST
@given(recurrence=RECURRENCES, tz=ZONES, policies=POLICIES)
def test_the_next_after_each_firing_is_the_one_that_follows(recurrence, tz, policies) -> None:  # type: ignore[no-untyped-def]
    start, end = window(recurrence, span(recurrence))
    found = within(recurrence, tz, policies, start, end)[:8]
    for one, later in pairwise(found):
        after = one.due_at + timedelta(microseconds=1)
        assert next_firings(recurrence, tz, policies, after=after, limit=1) == [later]


@LEAST
@given(rrule=rrules("DAILY"), start=STARTS, policies=POLICIES, cycles=st.integers(1, 3))
def test_a_dtstart_one_calendar_cycle_earlier_gives_the_same(rrule, start, policies, cycles) -> None:  # type: ignore[no-untyped-def]
    assume("COUNT" not in rrule)
    # The Gregorian calendar repeats after 400 years, and so does the phase of INTERVAL where it divides them.
    assume("INTERVAL" not in rrule)
    early = Recurrence(start.replace(year=start.year - 400 * cycles), rrule)
    late = Recurrence(start, rrule)
    begin, end = window(late, 800)
    begin += timedelta(days=4)
    assert (
        within(early, zone("UTC"), policies, begin, end)[-50:]
        == within(late, zone("UTC"), policies, begin, end)[-50:]
    )


@LEAST
@given(recurrence=RECURRENCES)
def test_in_utc_and_without_policies_we_agree_with_dateutil(recurrence) -> None:  # type: ignore[no-untyped-def]
    assume(recurrence.rrule)
    start, end = window(recurrence, span(recurrence))
    try:
        check(recurrence)
    except InvalidRecurrence:
        assume(False)
    ours = [one.slot for one in within(recurrence, zone("UTC"), Policies(), start, end)]
    assume(ours)
    theirs = islice(rrulestr(recurrence.rrule, dtstart=recurrence.dtstart), len(ours))
    assert ours == list(theirs)


@LEAST
@given(start=STARTS, months=st.integers(0, 1200), policies=POLICIES)
def test_a_monthly_rule_has_one_slot_in_every_month_unless_omitted(start, months, policies) -> None:  # type: ignore[no-untyped-def]
    assume(policies.leap is not Leap.OMIT)
    rule = Recurrence(start.replace(day=1) + timedelta(days=30), "FREQ=MONTHLY")
    after = rule.dtstart.replace(tzinfo=UTC) + timedelta(days=31 * months)
    found = next_firings(rule, zone("UTC"), policies, after=after, limit=24)
    nominal = [(one.slot - timedelta(days=one.slot.day == 1 and "leap" in one.note)) for one in found]
    counted = [wall.year * 12 + wall.month for wall in nominal]
    assert counted == list(range(counted[0], counted[0] + 24))


@LEAST
@given(recurrence=RECURRENCES, policies=POLICIES, offset=st.integers(-40, 40))
def test_an_offset_moves_every_slot_by_whole_days(recurrence, policies, offset) -> None:  # type: ignore[no-untyped-def]
    assume(not recurrence.rrule.startswith(("FREQ=H", "FREQ=MINUTELY", "FREQ=S")))
    start, end = window(recurrence, 400)
    moved = Recurrence(recurrence.dtstart, recurrence.rrule, offset)
    by = timedelta(days=offset)
    plain = within(recurrence, zone("UTC"), policies, start, end)
    shifted = within(moved, zone("UTC"), policies, start + by, end + by)
    assert [one.slot + by for one in plain] == [one.slot for one in shifted]
