"""Every kind of recurrence, as rows of the database: what the calendar says, however it is planned."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from events import operations, planning
from events.models import Calendar, Entity, Occurrence, Rule
from events.operations import EntityFacts, InvalidRule
from events.timing import InvalidRecurrence, Policies, Recurrence, firings, zone
from tests.engine.world import World
from tests.unit.timing.test_timing_properties import NASTY_ZONES, POLICIES
from tests.unit.timing.test_timing_properties_of_sets import recurrences

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ON_THE_DATABASE = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

Row = tuple[datetime, int, datetime, str]


@contextmanager
def undone() -> Iterator[None]:
    """What is written within is not there afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def rows(rule: Rule, external_id: str) -> list[Row]:
    found = Occurrence.objects.filter(rule=rule, entity__external_id=external_id, state="SCHEDULED")
    return [(row.slot, row.fold, row.due_at, row.note) for row in found.order_by("due_at")]


def expected(
    recurrence: Recurrence, timezone: str, policies: Policies, after: datetime, before: datetime
) -> list[Row]:
    return [
        (one.slot, one.fold, one.due_at, one.note)
        for one in firings(recurrence, zone(timezone), policies, after=after, before=before)
    ]


def text_of(dates: tuple[date | datetime, ...]) -> list[str]:
    return [one.isoformat() for one in dates]


def columns_of(recurrence: Recurrence, policies: Policies, world: World) -> dict[str, Any]:
    """A rule that says what the recurrence says."""
    days = recurrence.business_days
    calendar = None
    if days and (days.closed or days.weekend):
        events = "".join(
            f"BEGIN:VEVENT\nDTSTART;VALUE=DATE:{day:%Y%m%d}\nEND:VEVENT\n" for day in sorted(days.closed)
        )
        calendar = Calendar(
            name=str(uuid4()),
            closed_weekdays=sorted(days.weekend),
            ics=events and f"BEGIN:VCALENDAR\n{events}END:VCALENDAR\n",
        )
        operations.create_calendar(calendar, origin=world.origin())
    return {
        "start_date": recurrence.dtstart.date(), "local_time": recurrence.dtstart.time(),
        "rrule": "\n".join(recurrence.rrules), "cron": recurrence.cron, "every": recurrence.every,
        "rdates": text_of(recurrence.rdates), "exdates": text_of(recurrence.exdates),
        "calendar": calendar, "roll": days.roll.value if days else "skip",
        "gap": policies.gap.value, "fold": policies.fold.value, "leap": policies.leap.value,
    }  # fmt: skip


def edit_the_payload(world: World, rule: Rule) -> int:
    edited = Rule.objects.get(pk=rule.pk)
    edited.payload = {"text": str(uuid4())}
    return operations.change_rule(edited, horizon=world.horizon, origin=world.origin())


def is_calm(recurrence: Recurrence, policies: Policies, timezone: str, now: datetime) -> bool:
    """Whether it fires a hundred times a day at most."""
    try:
        return len(expected(recurrence, timezone, policies, now, now + DAY)) <= 100
    except InvalidRecurrence:
        return False


@ON_THE_DATABASE
@given(
    given_=recurrences(),
    policies=POLICIES,
    zones=st.lists(st.sampled_from(NASTY_ZONES), min_size=2, max_size=3, unique=True),
    offset=st.integers(0, 20 * 24 * 60),
    fixed=st.booleans(),
)
def test_rows_are_what_the_calendar_says_planned_at_once_or_in_pieces_or_again(
    world: World, given_: Any, policies: Policies, zones: list[str], offset: int, fixed: bool
) -> None:
    recurrence, night = given_
    world.now = night.replace(tzinfo=UTC) + timedelta(minutes=offset, microseconds=1)
    world.horizon = 75 * HOUR if is_calm(recurrence, policies, zones[0], world.now) else 5 * HOUR
    end = world.now + world.horizon
    with undone():
        try:
            columns = columns_of(recurrence, policies, world)
            world.people({f"in {name}": name for name in zones})
            fixed_zone = {"timezone": zones[0]} if fixed else {}
            rule = world.rule(**columns, **fixed_zone)
        except (InvalidRule, InvalidRecurrence):
            assume(False)
        in_pieces = Rule.objects.get(pk=rule.pk)
        in_pieces.pk, in_pieces.name, in_pieces.planned_until = None, "in pieces", None
        in_pieces.save(force_insert=True)
        for hours in (1, 2, 5, 26, 27, 50, 75):
            until = min(world.now + hours * HOUR, end)
            planning.plan_rule(in_pieces, until=until, origin=world.origin())
        for name in zones:
            wanted = expected(recurrence, zones[0] if fixed else name, policies, world.now, end)
            assert rows(rule, f"in {name}") == wanted
            assert rows(in_pieces, f"in {name}") == wanted
        assert edit_the_payload(world, rule) == 0
        facts = [EntityFacts("person", f"in {name}", name, "renamed") for name in zones]
        assert operations.put_entities(facts, origin=world.origin()).planned == 0


ANCHORED = st.sampled_from([
    {"rrule": "FREQ=YEARLY"}, {"rrule": "FREQ=MONTHLY"}, {"rrule": "FREQ=WEEKLY;INTERVAL=2"}, {"rrule": ""},
    {"rrule": "FREQ=MONTHLY;BYMONTHDAY=-1"}, {"rrule": "FREQ=YEARLY;SKIP=FORWARD;RSCALE=GREGORIAN"},
    {"rrule": "", "every": "P10D"}, {"rrule": "", "every": "P1M"}, {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"},
])  # fmt: skip


@ON_THE_DATABASE
@given(
    columns=ANCHORED,
    offset_days=st.sampled_from([0, 0, -1, 1, -3, 7, 30]),
    birthdays=st.lists(st.dates(date(2024, 2, 20), date(2027, 3, 20)), min_size=2, max_size=4, unique=True),
    own_leap=st.sampled_from(["", "backward", "forward", "omit"]),
    policies=POLICIES,
    now=st.sampled_from([datetime(2027, 2, 26, tzinfo=UTC), datetime(2028, 2, 27, 23, 30, tzinfo=UTC)]),
)
def test_anchored_rows_are_each_members_own(
    world: World, columns: dict[str, str], offset_days: int, birthdays: list[date], own_leap: str,
    policies: Policies, now: datetime,
) -> None:  # fmt: skip
    world.now, world.horizon = now, 6 * DAY
    with undone():
        for number, birthday in enumerate(birthdays):
            world.person(f"p{number}", NASTY_ZONES[number], birthday=f"{birthday}")
        Entity.objects.filter(external_id="p0").update(leap=own_leap)
        rule = world.rule(
            anchor="birthday", anchor_offset_days=offset_days, local_time=time(2, 30), gap=policies.gap.value,
            fold=policies.fold.value, leap=policies.leap.value, **columns,
        )  # fmt: skip
        for number, birthday in enumerate(birthdays):
            anchored = Recurrence(
                datetime.combine(birthday, time(2, 30)),
                columns["rrule"],
                offset_days,
                every=columns.get("every", ""),
            )
            leap = type(policies.leap)(own_leap) if own_leap and number == 0 else policies.leap
            of_member = Policies(policies.gap, policies.fold, leap)
            wanted = expected(anchored, NASTY_ZONES[number], of_member, now, now + world.horizon)
            assert rows(rule, f"p{number}") == wanted
        assert edit_the_payload(world, rule) == 0


def local_times(rule: Rule, timezone: str) -> list[str]:
    dues = Occurrence.objects.filter(rule=rule).order_by("due_at").values_list("due_at", flat=True)
    return [due_at.astimezone(zone(timezone)).strftime("%d %H:%M%z") for due_at in dues]


@pytest.mark.parametrize(
    ("fields", "fired"),
    [
        pytest.param({"cron": "30 2 * * *"}, ["13 02:30-0500", "14 03:30-0400", "15 02:30-0400"], id="cron"),
        pytest.param({"every": "P1D"}, ["13 02:30-0500", "14 03:30-0400", "15 02:30-0400"], id="every day"),
        pytest.param({"every": "PT24H"}, ["13 02:30-0500", "14 03:30-0400", "15 03:30-0400"], id="every 24 hours"),
        pytest.param(
            {"rrule": "FREQ=DAILY;COUNT=2\nFREQ=DAILY;BYHOUR=9;UNTIL=20270314"},
            ["13 02:30-0500", "13 09:30-0500", "14 03:30-0400", "14 09:30-0400"], id="two RRULEs",
        ),
        pytest.param(
            {"rrule": "FREQ=DAILY", "exdates": ["2027-03-14"], "rdates": ["2027-03-13T12:00", "2027-03-15T20:00Z"]},
            ["13 02:30-0500", "13 12:00-0500", "15 02:30-0400", "15 16:00-0400"], id="dates in and out",
        ),
        pytest.param(
            {"rrule": "FREQ=DAILY", "exdates": ["2027-03-13T02:30", "2027-03-14T07:30Z"]},
            ["15 02:30-0400"], id="a local time and an instant left out",
        ),
        pytest.param({"rrule": "", "rdates": ["2027-03-14"]}, ["13 02:30-0500", "14 03:30-0400"], id="a date put in"),
        pytest.param(
            {"rrule": "FREQ=DAILY;UNTIL=20270314T073000Z"}, ["13 02:30-0500", "14 03:30-0400"],
            id="until that very instant",
        ),
        pytest.param({"rrule": "FREQ=DAILY;UNTIL=20270314T072959Z"}, ["13 02:30-0500"], id="until just before"),
        pytest.param({"rrule": "FREQ=DAILY;COUNT=3", "exdates": ["2027-03-13"]},
                     ["14 03:30-0400", "15 02:30-0400"], id="what is left out is counted"),
    ],
)  # fmt: skip
def test_each_kind_in_the_night_of_the_spring_change(
    world: World, fields: dict[str, Any], fired: list[str]
) -> None:
    world.now, world.horizon = datetime(2027, 3, 13, 5, tzinfo=UTC), 3 * DAY
    world.person("alice", "America/New_York")
    rule = world.rule(**{"rrule": "", "start_date": date(2027, 3, 13), "local_time": time(2, 30), **fields})
    assert local_times(rule, "America/New_York") == fired


@pytest.mark.parametrize("night", [datetime(2027, 3, 14, tzinfo=UTC), datetime(2027, 11, 7, tzinfo=UTC)])
@pytest.mark.parametrize(
    "fields", [{"rrule": "FREQ=MINUTELY;INTERVAL=30"}, {"every": "PT30M"}, {"cron": "*/30 * * * *"}]
)
def test_every_half_hour_fires_all_of_them_and_none_twice_over_gap_and_fold(
    world: World, night: datetime, fields: dict[str, Any]
) -> None:
    world.now = night
    world.people({"alice": "America/New_York", "bob": "Australia/Lord_Howe"})
    rule = world.rule(**{"rrule": "", "start_date": date(2027, 1, 1), "local_time": time(0), **fields})
    for name in ("alice", "bob"):
        dues = [due_at for _, _, due_at, _ in rows(rule, name)]
        assert len(dues) == 96
        assert {later - earlier for earlier, later in pairwise(dues)} == {timedelta(minutes=30)}
    world.now += 48 * HOUR
    world.tick()
    assert set(Occurrence.objects.filter(due_at__lte=world.now).values_list("state", flat=True)) == {
        "COMPLETED"
    }


@pytest.mark.parametrize(
    ("roll", "days"),
    [
        ("skip", [1, 2, 3, 4, 8, 9, 10, 11]),
        ("next", [1, 2, 3, 4, 8, 9, 10, 11]),
        ("previous", [1, 2, 3, 4, 8, 9, 10, 11]),
    ],
)
def test_closed_days_are_kept_free_and_what_moves_onto_another_fires_once(
    world: World, roll: str, days: list[int]
) -> None:
    """Friday the 5th is a holiday, and with the weekend three days are closed."""
    world.now, world.horizon = datetime(2027, 3, 1, tzinfo=UTC), 11 * DAY
    ics = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20270305\nEND:VEVENT\nEND:VCALENDAR\n"
    closed = Calendar(name="closed", closed_weekdays=[5, 6], ics=ics)
    operations.create_calendar(closed, origin=world.origin())
    world.person("alice", "UTC")
    rule = world.rule(calendar=closed, roll=roll)
    assert [due_at.day for _, _, due_at, _ in rows(rule, "alice")] == days
    weekly = world.rule(calendar=closed, roll=roll, rrule="FREQ=WEEKLY;BYDAY=FR")
    found = [due_at.day for _, _, due_at, _ in rows(weekly, "alice")]
    assert found == {"skip": [], "next": [8], "previous": [4]}[roll]
