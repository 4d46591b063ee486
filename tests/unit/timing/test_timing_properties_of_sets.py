"""What holds for every recurrence set, cron expression and interval, in every zone, policy and window."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from events.timing import BusinessDays, Recurrence, Roll, firings, in_words
from tests.unit.timing.test_timing_properties import POLICIES, STARTS, ZONES, rrules, within

LEAST = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
DAYS = 40
FIELDS = (
    st.sampled_from(["*", "0", "30", "*/7", "*/15", "5,50", "0-10"]),
    st.sampled_from(["*", "0", "1-3", "2", "*/2", "1,23", "0-4"]),
    st.sampled_from(["*", "*", "*", "1", "L", "15W", "LW", "*/2", "28-31"]),
    st.sampled_from(["*", "*", "*", "3", "10-11", "*/2"]),
    st.sampled_from(["*", "*", "*", "0", "MON-FRI", "7#1", "6L"]),
)
CRONS = st.tuples(*FIELDS).map(" ".join)
DURATIONS = st.sampled_from(["PT30M", "PT1H", "PT7H", "PT25H", "P1D", "P3D", "P1W", "P1M", "P2M", "P1Y"])
TIMES = st.sampled_from([timedelta(minutes=15 * n) for n in range(4 * 24 * DAYS)])
ROLLS = st.builds(
    BusinessDays,
    st.frozensets(st.integers(0, 60), max_size=20).map(
        lambda found: frozenset(date(2025, 10, 20) + timedelta(days=n) for n in found)
    ),
    st.frozensets(st.integers(0, 6), max_size=3),
    st.sampled_from(Roll),
)
# The nights of these weeks are those on which most zones change their offset.
NIGHTS = st.sampled_from(["2025-03-01", "2025-10-20", "2011-12-20", "2025-08-25"]).map(datetime.fromisoformat)


@st.composite
def recurrences(draw: st.DrawFn) -> tuple[Recurrence, datetime]:
    """A set that began somewhen, and a night to look at it."""
    night = draw(NIGHTS)
    kind = draw(st.sampled_from(["rules", "cron", "every", "dates"]))
    start = night + draw(TIMES) if kind == "dates" else draw(STARTS)
    days = draw(st.none() | ROLLS)
    smallest = "DAILY" if days and days.roll is not Roll.SKIP else "MINUTELY"
    rules = draw(st.lists(rrules(smallest), min_size=2, max_size=3)) if kind == "rules" else []
    every = draw(DURATIONS) if kind == "every" else ""
    if days and days.roll is not Roll.SKIP and every.startswith("PT"):
        days = None

    def dates(instants: bool) -> tuple[date, ...]:
        found = draw(st.lists(TIMES, max_size=4))
        kinds = draw(st.lists(st.sampled_from(["wall", "date", "instant"]), min_size=4, max_size=4))
        walls = [night + one for one in found]
        return tuple(
            wall.date()
            if how == "date"
            else wall.replace(tzinfo=UTC)
            if how == "instant" and instants
            else wall
            for wall, how in zip(walls, kinds, strict=False)
        )

    return (
        Recurrence(
            start,
            rules[0] if rules else "",
            more_rrules=tuple(rules[1:]),
            cron=draw(CRONS) if kind == "cron" else "",
            every=every,
            rdates=dates(instants=days is None),
            exdates=dates(instants=True),
            business_days=days,
        ),
        night,
    )


def looked_at(night: datetime) -> tuple[datetime, datetime]:
    start = night.replace(tzinfo=UTC)
    return start, start + timedelta(days=DAYS)


@LEAST
@given(given_=recurrences(), tz=ZONES, policies=POLICIES)
def test_firings_of_sets_are_sorted_unique_in_the_window_and_exist(given_, tz, policies) -> None:  # type: ignore[no-untyped-def]
    recurrence, night = given_
    start, end = looked_at(night)
    found = within(recurrence, tz, policies, start, end)
    assert all(one.due_at < later.due_at for one, later in pairwise(found))
    assert len({(one.slot, one.fold) for one in found}) == len(found)
    for one in found:
        assert start <= one.due_at < end
        local = one.due_at.astimezone(tz)
        plain = (local.replace(tzinfo=None, fold=0), local.fold) == (one.slot, one.fold)
        assert plain or one.note.startswith(("gap: ", "leap: ", "closed: ")), one
        assert one.slot.date() not in recurrence.exdates
        assert one.slot not in recurrence.exdates
        assert one.due_at not in recurrence.exdates
        assert (
            not recurrence.business_days
            or recurrence.business_days.is_open(local.date())
            or "gap: " in one.note
        )


@LEAST
@given(given_=recurrences(), tz=ZONES, policies=POLICIES, cut=st.floats(0, 1))
def test_a_window_of_a_set_in_two_parts_holds_what_the_whole_holds(given_, tz, policies, cut) -> None:  # type: ignore[no-untyped-def]
    recurrence, night = given_
    start, end = looked_at(night)
    whole = within(recurrence, tz, policies, start, end)
    assume(len(whole) < 3000)
    middle = whole[int(cut * (len(whole) - 1))].due_at if whole else start
    for split in (middle, middle + timedelta(microseconds=1), start + cut * (end - start)):
        parts = within(recurrence, tz, policies, start, split) + within(recurrence, tz, policies, split, end)
        assert parts == whole


@LEAST
@given(given_=recurrences(), tz=ZONES, policies=POLICIES)
def test_the_next_after_each_firing_of_a_set_is_the_one_that_follows(given_, tz, policies) -> None:  # type: ignore[no-untyped-def]
    recurrence, night = given_
    start, end = looked_at(night)
    found = within(recurrence, tz, policies, start, end)
    for one, later in list(pairwise(found))[:10]:
        after = one.due_at + timedelta(microseconds=1)
        assert next(firings(recurrence, tz, policies, after=after, before=end)) == later


@LEAST
@given(given_=recurrences(), policies=POLICIES)
def test_every_set_has_a_sentence(given_, policies) -> None:  # type: ignore[no-untyped-def]
    said = in_words(given_[0], policies)
    assert "  " not in said
    assert said[0] in "eo0123456789"
    assert "None" not in said


@LEAST
@given(expression=CRONS, tz=ZONES, policies=POLICIES, night=NIGHTS, years=st.integers(1, 80))
def test_an_expression_fires_the_same_whenever_it_began(expression, tz, policies, night, years) -> None:  # type: ignore[no-untyped-def]
    start, end = looked_at(night)
    started = (night - timedelta(days=30), night - timedelta(days=30 + 365 * years))
    late, early = (within(Recurrence(one, cron=expression), tz, policies, start, end) for one in started)
    assert early == late
