"""Reads behind the pages: firings from the calendar, words for codes, lateness in buckets."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from events import queries
from events.lifecycle import Hold, Reason, State
from events.models import Entity, Occurrence, Rule
from events.queries import Lateness, firings, words
from tests.engine.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> World:
    """Just before midnight UTC on the last day of a February without a 29th."""
    return World(datetime(2027, 2, 28, 23, 59, 30, tzinfo=UTC))


def unsaved(**fields: Any) -> Rule:
    values = {
        "name": "draft",
        "audience_kind": "person",
        "start_date": date(2027, 1, 1),
        "rrule": "FREQ=DAILY",
    }
    return Rule(**{**values, "local_time": time(9), "handler": "log", **fields})


def test_the_next_firings_of_an_unsaved_rule_are_merged_over_all_zones(world: World) -> None:
    world.people({"alice": "Europe/Berlin", "bob": "Asia/Kathmandu", "carol": "Europe/Berlin"})
    found = queries.next_firings(unsaved(), now=world.now, limit=3)
    assert [(each.timezone, f"{each.due_at:%d %H:%M}", f"{each.local:%H:%M}") for each in found] == [
        ("Asia/Kathmandu", "01 03:15", "09:00"),
        ("Europe/Berlin", "01 08:00", "09:00"),
        ("Asia/Kathmandu", "02 03:15", "09:00"),
    ]
    assert [each.whose for each in found[:2]] == ["Bob", "2 share it, such as Alice"]
    assert [each.entities for each in found[:2]] == [1, 2]


def test_a_note_says_what_the_calendar_did(world: World) -> None:
    world.person("alice", "Europe/Berlin")
    found = queries.next_firings(
        unsaved(local_time=time(2, 30)), now=datetime(2027, 3, 27, 12, tzinfo=UTC), limit=1
    )
    assert f"{found[0].local:%Y-%m-%d %H:%M}" == "2027-03-28 03:30"
    assert found[0].note


def test_birthdays_come_in_order_and_those_without_one_are_left_out(world: World) -> None:
    for name, day in {
        "leap": "1988-02-29",
        "late": "1990-12-31",
        "soon": "1970-03-02",
        "none": "unknown",
    }.items():
        world.person(name, "UTC", birthday=day)
    rule = unsaved(anchor="birthday", start_date=None, rrule="FREQ=YEARLY")
    found = queries.next_firings(rule, now=world.now, limit=4)
    assert [each.whose for each in found] == ["Soon", "Late", "Leap", "Soon"]


def test_where_there_are_more_groups_than_looked_at_the_nearest_anniversaries_win(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, day in {"a": "1990-12-31", "b": "1970-03-03", "c": "1970-02-20", "d": "1988-03-01"}.items():
        world.person(name, "UTC", birthday=day)
    monkeypatch.setattr(firings, "MOST_GROUPS", 2)
    rule = unsaved(anchor="birthday", start_date=None, rrule="FREQ=YEARLY")
    found = queries.next_firings(rule, now=world.now, limit=2)
    assert [each.whose for each in found] == ["D", "B"]


def test_who_was_born_on_one_day_of_different_years_shares_a_birthday_but_not_before_it_began(
    world: World,
) -> None:
    for name, day in {"a": "1990-03-02", "b": "1970-03-02", "c": "2030-03-02"}.items():
        world.person(name, "UTC", birthday=day)
    rule = unsaved(anchor="birthday", start_date=None, rrule="FREQ=YEARLY")
    found = queries.next_firings(rule, now=world.now, limit=5)
    assert [(each.due_at.year, each.entities) for each in found] == [
        (2027, 2),
        (2028, 2),
        (2029, 2),
        (2030, 2),
        (2030, 1),
    ]


def test_an_offset_of_months_still_finds_the_nearest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, day in {"far": "1990-02-20", "near": "1970-12-02", "last": "1970-11-20"}.items():
        world.person(name, "UTC", birthday=day)
    monkeypatch.setattr(firings, "MOST_GROUPS", 1)
    rule = unsaved(anchor="birthday", start_date=None, rrule="FREQ=YEARLY", anchor_offset_days=90)
    assert queries.next_firings(rule, now=world.now, limit=1)[0].whose == "Near"


def test_nobody_concerned_means_no_firings(world: World) -> None:
    assert queries.next_firings(unsaved(audience_kind="room"), now=world.now) == []


def test_every_state_reason_and_hold_has_words() -> None:
    assert set(words.STATES) == set(State)
    assert set(words.REASONS) == set(Reason)
    assert set(words.HOLDS) == set(Hold)
    assert queries.reason_in_words("from_a_newer_version") == "from a newer version"


def test_an_audience_is_named_by_its_kind_and_filter() -> None:
    assert queries.whom_in_words(unsaved()) == "every person"
    assert queries.whom_in_words(unsaved(audience_filter={"team": "blue"})) == "every person with team = blue"
    assert queries.whom_in_words(unsaved(entity=Entity(name="Alice"))) == "Alice"


GRACE = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("state", "started", "now", "bucket"),
    [
        ("SCHEDULED", None, timedelta(seconds=-1), Lateness.AHEAD),
        ("SCHEDULED", None, timedelta(0), Lateness.ON_TIME),
        ("SCHEDULED", None, GRACE, Lateness.ON_TIME),
        ("SCHEDULED", None, GRACE + timedelta(microseconds=1), Lateness.LATE),
        ("CANCELLED", None, GRACE * 2, None),
        ("COMPLETED", timedelta(0), GRACE * 9, Lateness.ON_TIME),
        ("COMPLETED", GRACE, GRACE * 9, Lateness.ON_TIME),
        ("COMPLETED", GRACE + timedelta(microseconds=1), GRACE * 9, Lateness.LATE),
        ("COMPLETED", timedelta(microseconds=-1), GRACE * 9, Lateness.EARLY),
        ("RETRYING", GRACE * 2, GRACE * 9, Lateness.LATE),
    ],
)
def test_a_row_is_in_the_bucket_that_the_filter_finds_it_in(
    world: World, state: str, started: timedelta | None, now: timedelta, bucket: Lateness | None
) -> None:
    row = world.due(grace=GRACE)[0]
    due_at = row.due_at
    values: dict[str, Any] = {"started_at": None if started is None else due_at + started}
    if state in {"CANCELLED", "COMPLETED"}:
        values["finished_at"] = due_at + GRACE * 3
    rows = Occurrence.objects.filter(pk=row.pk)
    # The guard of legal moves is for moves one by one; this row only has to look like one that lived.
    for step in {"COMPLETED": ("PENDING", "PROCESSING"), "RETRYING": ("PENDING", "PROCESSING")}.get(
        state, ()
    ):
        rows.update(state=step, claim_token="00000000-0000-0000-0000-000000000000", lease_expires_at=due_at)
    rows.update(state=state, claim_token=None, lease_expires_at=None, **values)
    row = rows.select_related("rule").get()
    moment = due_at + now
    assert queries.lateness_of(row, now=moment) is bucket
    found = {each for each in Lateness if queries.with_lateness(rows, each, now=moment).exists()}
    assert found == ({bucket} if bucket else set())


def test_the_standing_counts_each_thing_once(world: World) -> None:
    world.due(3, name="Now")
    world.rule(name="In half an hour", local_time=time(0, 29), start_date=date(2027, 3, 1), rrule="")
    world.claim(batch=1)
    standing = queries.standing(now=world.now)
    assert (standing.waiting, standing.due_soon, standing.in_flight) == (2, 3, 1)
    assert (standing.held, standing.dead_letters, standing.last_sweep) == (0, 0, None)
