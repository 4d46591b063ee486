"""People fly, and dates are corrected, before, on and after their moment: nothing is lost, and nothing comes twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db.models import Min

from events import operations, planning
from events.handling import Completed, Retry
from events.models import Calendar, Entity, Occurrence, Rule
from events.operations import EntityFacts
from events.queries.audit import audit_log
from handlers.log.models import Delivery
from tests.engine import handlers
from tests.engine.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
BIRTHDAY = {"anchor": "birthday", "rrule": "FREQ=YEARLY", "handler": "idempotent"}


@pytest.fixture
def world(db: None) -> Iterator[World]:
    """Noon in Greenwich on the day before the spring change in New York; the log is sound whatever happened."""
    world = World(datetime(2027, 3, 13, 12, 0, tzinfo=UTC))
    yield world
    assert audit_log().disagreements == ()


def at(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2027, month, day, hour, minute, tzinfo=UTC)


def put(world: World, timezone: str, **attributes: str) -> None:
    operations.put_entities(
        [EntityFacts("person", "alice", timezone, "Alice", attributes)], origin=world.origin()
    )


def fly(world: World, timezone: str) -> None:
    put(world, timezone, **Entity.objects.get().attributes)


def edit(world: World, **fields: Any) -> None:
    rule = Rule.objects.get()
    for name, value in fields.items():
        setattr(rule, name, value)
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())


def look(world: World, moment: datetime) -> None:
    """All that a minute brings, at that moment."""
    world.now = moment
    world.plan()
    world.recover()
    planning.replan_edited(origin=world.origin("engine:test"))
    world.sweep()


def live_on(world: World, until: datetime) -> None:
    """Look at each moment that is planned, and at least once a day."""
    while world.now < until:
        ahead = Occurrence.objects.filter(state__in=("SCHEDULED", "RETRYING"), available_at__gt=world.now)
        moment = ahead.aggregate(next=Min("available_at"))["next"] or until
        look(world, min(moment, world.now + timedelta(days=1), until))


def rows(**fields: Any) -> list[Occurrence]:
    return list(Occurrence.objects.filter(**fields).order_by("slot"))


def stands() -> dict[str, str]:
    """Slot -> how it stands, and when it is due if it is to come."""
    return {
        f"{row.slot:%m-%d %H:%M}": f"{row.due_at:%d %H:%M}" if row.state == "SCHEDULED" else row.state
        for row in rows()
    }


def last(row: Occurrence) -> tuple[str, Any]:
    told = row.moves.latest("number")
    return told.reason, told.detail


# --- zones: follow ----------------------------------------------------------------------------------------------------

FLIGHTS = {
    "east": ("America/New_York", "Europe/Berlin", at(14, 13), at(14, 8)),
    "west": ("Europe/Berlin", "America/New_York", at(14, 8), at(14, 13)),
    "over the date line to the east": ("Pacific/Apia", "Pacific/Pago_Pago", at(13, 20), at(14, 20)),
    "over the date line to the west": ("Pacific/Pago_Pago", "Pacific/Apia", at(14, 20), at(13, 20)),
    "as far as one can": ("Pacific/Pago_Pago", "Pacific/Kiritimati", at(14, 20), at(13, 19)),
}


@pytest.mark.parametrize("flight", FLIGHTS)
def test_before_the_moment_the_row_moves_along_and_the_log_says_from_where_to_where(
    world: World, flight: str
) -> None:
    home, there, due, due_there = FLIGHTS[flight]
    world.person("alice", home, birthday="1990-03-14")
    world.rule(**BIRTHDAY)
    (row,) = rows()
    assert row.due_at == due
    fly(world, there)
    (moved,) = rows()
    assert (moved.pk, moved.idempotency_key, moved.due_at) == (row.pk, row.idempotency_key, due_there)
    reason, detail = last(moved)
    assert reason == "moved"
    assert detail["timezone"] == [home, there]
    assert [datetime.fromisoformat(each) for each in detail["due_at"]] == [due, due_there]
    look(world, due_there - HOUR)
    assert rows()[0].state == "SCHEDULED"
    look(world, due_there)
    live_on(world, at(18, 0))
    assert stands() == {"03-14 09:00": "COMPLETED"}


@pytest.mark.parametrize("on_move", ["follow", "keep"])
@pytest.mark.parametrize("flight", FLIGHTS)
@pytest.mark.parametrize("after", [timedelta(0), 3 * HOUR])
def test_on_or_after_the_moment_what_was_sent_is_not_sent_again_wherever_one_flies(
    world: World, flight: str, on_move: str, after: timedelta
) -> None:
    home, there, due, _ = FLIGHTS[flight]
    world.person("alice", home, birthday="1990-03-14")
    world.rule(**BIRTHDAY, on_move=on_move)
    look(world, due)
    world.now += after
    fly(world, there)
    live_on(world, at(18, 0))
    fly(world, home)
    live_on(world, at(20, 0))
    assert stands() == {"03-14 09:00": "COMPLETED"}
    assert len(handlers.Bidden.calls) == 1


def test_who_flies_east_past_the_moment_is_called_at_once(world: World) -> None:
    world.person("alice", "America/New_York", birthday="1990-03-14")
    world.rule(**BIRTHDAY)
    world.now = at(14, 11)
    fly(world, "Europe/Berlin")
    (row,) = rows()
    assert row.due_at == at(14, 8)
    look(world, at(14, 11, 1))
    assert stands() == {"03-14 09:00": "COMPLETED"}


@pytest.mark.parametrize("there", ["Pacific/Apia", "Pacific/Kiritimati"])
def test_who_flies_over_the_date_line_is_called_however_little_of_the_plan_was_left(
    world: World, there: str
) -> None:
    """Half of the horizon is less than the day and an hour by which such a flight brings moments nearer."""
    world.person("alice", "Pacific/Pago_Pago", birthday="1990-03-15")
    world.now = at(13, 19, 59) - timedelta(minutes=5)  # the moment is just beyond the horizon
    world.rule(**BIRTHDAY)
    assert rows() == []
    world.now = at(14, 20, 14) - timedelta(minutes=30)
    world.plan()
    world.now = at(14, 20, 30)
    fly(world, there)
    look(world, at(14, 20, 31))
    assert stands() == {"03-15 09:00": "COMPLETED"}


def test_a_plan_never_ends_nearer_than_anyone_can_fly(world: World) -> None:
    world.person("alice", "UTC")
    rule = world.rule()
    begun = world.now
    while world.now < begun + timedelta(days=4):
        world.now += timedelta(minutes=5)
        world.plan()
        rule.refresh_from_db()
        assert rule.planned_until is not None
        assert rule.planned_until - world.now > timedelta(hours=26)


# --- zones: keep ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", ["Asia/Tokyo", "Pacific/Kiritimati", "America/Los_Angeles"])
def test_what_is_planned_stays_and_what_comes_after_it_follows(world: World, there: str) -> None:
    world.person("alice", "America/New_York")
    world.rule(on_move="keep")
    kept = {row.pk: (row.due_at, row.timezone) for row in rows()}
    assert len(kept) == 2
    fly(world, there)
    world.now = at(15, 12)
    world.plan()
    assert {row.pk: (row.due_at, row.timezone) for row in rows() if row.pk in kept} == kept
    later = [row for row in rows() if row.pk not in kept]
    assert later
    assert {row.timezone for row in later} == {there}
    assert {row.slot.time() for row in later} == {time(9)}
    assert min(row.slot for row in later).day == 15


def test_an_hourly_rule_that_keeps_calls_nobody_twice_in_an_hour(world: World) -> None:
    world.person("alice", "Europe/Berlin")
    world.rule(rrule="FREQ=HOURLY", on_move="keep", local_time=time(0))
    kept = {row.pk for row in rows()}
    fly(world, "America/New_York")
    assert {row.pk for row in rows()} == kept
    for day in range(13, 18):
        look(world, at(day, 20))
    moments = [row.due_at for row in sorted(rows(), key=lambda each: each.due_at)]
    assert len(set(moments)) == len(moments)


def test_a_second_flight_finds_what_is_kept_where_it_was(world: World) -> None:
    world.person("alice", "America/New_York", birthday="1990-03-14")
    world.rule(**BIRTHDAY, on_move="keep")
    fly(world, "Asia/Tokyo")
    fly(world, "Europe/Berlin")
    assert stands() == {"03-14 09:00": "14 13:00"}
    assert [move[2] for move in world.story(rows()[0])] == ["planned"]
    live_on(world, at(17, 0))
    assert len(handlers.Bidden.calls) == 1


def test_who_leaves_the_audience_loses_what_is_kept_and_who_returns_has_it_back(world: World) -> None:
    world.person("alice", "America/New_York", team="blue")
    world.rule(audience_filter={"team": "blue"}, on_move="keep")
    put(world, "Asia/Tokyo", team="red")
    assert {(row.state, row.reason) for row in rows()} == {("CANCELLED", "superseded")}
    put(world, "Asia/Tokyo", team="blue")
    assert stands() == {"03-13 09:00": "CANCELLED", "03-14 09:00": "14 00:00", "03-15 09:00": "15 00:00"}
    assert last(rows()[1])[0] == "reinstated"


# --- dates: follow ----------------------------------------------------------------------------------------------------


def test_a_birthday_moved_before_it_was_sent_is_sent_on_the_new_day_alone(world: World) -> None:
    world.person("alice", "UTC", birthday="1990-03-14")
    world.rule(**BIRTHDAY)
    put(world, "UTC", birthday="1990-05-20")
    (row,) = rows()
    assert (row.state, row.reason) == ("CANCELLED", "superseded")
    world.now = at(19, 0, month=5)
    live_on(world, at(21, 0, month=5))
    assert stands() == {"03-14 09:00": "CANCELLED", "05-20 09:00": "COMPLETED"}


@pytest.mark.parametrize("day", ["1990-03-14", "1990-03-16", "1990-12-31", "1991-12-31"])
def test_a_birthday_moved_later_in_the_year_of_one_that_was_sent_is_skipped_and_says_why(
    world: World, day: str
) -> None:
    world.person("alice", "UTC", birthday="1990-03-13")
    world.rule(**BIRTHDAY, local_time=time(13))
    look(world, at(13, 13))
    (sent,) = rows()
    put(world, "UTC", birthday=day)
    world.now = datetime.fromisoformat(f"2027-{day[5:]}T00:00+00:00")
    live_on(world, world.now + timedelta(days=1))
    assert [row.state for row in rows()] == ["COMPLETED", "SKIPPED"]
    assert last(rows()[1]) == ("already_sent", {"because_of": sent.pk})
    assert len(handlers.Bidden.calls) == 1
    world.now = datetime.fromisoformat(f"2028-{day[5:]}T00:00+00:00") - timedelta(days=1)
    live_on(world, world.now + timedelta(days=2))
    assert [row.state for row in rows()] == ["COMPLETED", "SKIPPED", "COMPLETED"]


def test_a_birthday_moved_into_next_year_is_sent_then(world: World) -> None:
    world.now = datetime(2027, 12, 30, 0, 0, tzinfo=UTC)
    world.person("alice", "Pacific/Apia", birthday="1990-12-31")
    world.rule(**BIRTHDAY)
    live_on(world, datetime(2027, 12, 31, tzinfo=UTC))
    put(world, "Pacific/Apia", birthday="1991-01-01")
    live_on(world, datetime(2028, 1, 3, tzinfo=UTC))
    assert [(row.slot.date(), row.state) for row in rows()] == [
        (date(2027, 12, 31), "COMPLETED"), (date(2028, 1, 1), "COMPLETED"),
    ]  # fmt: skip


def test_a_birthday_moved_back_to_a_day_that_is_over_waits_for_next_year(world: World) -> None:
    world.person("alice", "UTC", birthday="1990-03-14")
    world.rule(**BIRTHDAY)
    put(world, "UTC", birthday="1990-03-12")
    live_on(world, at(16, 0))
    assert stands() == {"03-14 09:00": "CANCELLED"}
    world.now = datetime(2028, 3, 11, tzinfo=UTC)
    live_on(world, datetime(2028, 3, 13, tzinfo=UTC))
    assert [row.state for row in rows()] == ["CANCELLED", "COMPLETED"]


@pytest.mark.parametrize(("leap", "moved"), [("backward", "28"), ("forward", "01")])
def test_a_leap_day_is_one_birthday_a_year_whichever_day_it_is_kept_on(
    world: World, leap: str, moved: str
) -> None:
    world.now = datetime(2027, 2, 26, tzinfo=UTC)
    world.person("alice", "Asia/Kathmandu", birthday="2004-02-29")
    world.rule(**BIRTHDAY, leap=leap)
    live_on(world, at(3, 0))
    assert [f"{row.slot:%d} {row.state}" for row in rows()] == [f"{moved} COMPLETED"]
    put(world, "Asia/Kathmandu", birthday="2004-03-04")
    live_on(world, at(6, 0))
    assert [row.reason for row in rows()] == ["completed", "already_sent"]


@pytest.mark.parametrize("offset", [-7, 3])
def test_days_before_or_after_the_date_belong_to_its_year(world: World, offset: int) -> None:
    """A contract of 2 January is announced in December, and one of 30 December in January."""
    day = "2020-01-02" if offset < 0 else "2020-12-30"
    world.now = datetime(2027, 12, 24, tzinfo=UTC)
    world.person("alice", "UTC", contract=day)
    world.rule(anchor="contract", rrule="FREQ=YEARLY", anchor_offset_days=offset)
    live_on(world, datetime(2028, 1, 4, tzinfo=UTC))
    assert [row.state for row in rows()] == ["COMPLETED"]
    put(world, "UTC", contract="2020-01-12" if offset < 0 else "2020-01-02")
    live_on(world, datetime(2028, 1, 6, tzinfo=UTC))
    # The one of December was that of next year's date; the one of January that of last year's.
    assert [row.reason for row in rows()] == ["completed", "already_sent" if offset < 0 else "completed"]


REPEATED = {
    "FREQ=MONTHLY": ("2020-01-14", "2020-01-20", date(2027, 4, 20)),
    "FREQ=WEEKLY": ("2020-01-07", "2020-01-10", date(2027, 3, 26)),  # a Tuesday, then a Friday
}


@pytest.mark.parametrize("rrule", REPEATED)
def test_monthly_and_weekly_dates_are_sent_once_in_a_month_and_in_a_week(world: World, rrule: str) -> None:
    first, second, next_one = REPEATED[rrule]
    world.person("alice", "UTC", since=first)
    world.rule(anchor="since", rrule=rrule)
    live_on(world, at(16, 12))
    put(world, "UTC", since=second)
    live_on(world, at(21, 0))
    end = datetime(next_one.year, next_one.month, next_one.day, 12, tzinfo=UTC)
    world.now = end - timedelta(days=1)
    live_on(world, end)
    reasons = [row.reason for row in rows() if row.state != "SCHEDULED"]
    assert reasons[:3] == ["completed", "already_sent", "completed"]
    assert next(row.slot.date() for row in rows(state="COMPLETED") if row.slot > rows()[1].slot) == next_one


def test_a_rule_whose_time_is_edited_after_it_was_sent_is_not_sent_again_that_year(world: World) -> None:
    world.person("alice", "UTC", birthday="1990-03-14")
    world.rule(**BIRTHDAY)
    look(world, at(14, 9))
    edit(world, local_time=time(17))
    live_on(world, at(15, 0))
    assert [row.reason for row in rows()] == ["completed", "already_sent"]


def test_a_birthday_that_a_calendar_moves_into_the_year_before_is_that_of_its_own_year(world: World) -> None:
    """1 January is a Friday in 2027, and a Saturday in 2028, which moves to the last day of 2027."""
    weekend = operations.create_calendar(
        Calendar(name="weekend", closed_weekdays=[5, 6]), origin=world.origin()
    )
    world.now = datetime(2026, 12, 31, 20, tzinfo=UTC)
    world.person("alice", "UTC", birthday="1990-01-01")
    world.rule(**BIRTHDAY, calendar=weekend, roll="previous")
    live_on(world, datetime(2027, 1, 2, tzinfo=UTC))
    fly(world, "Europe/Berlin")
    put(world, "Europe/Berlin", birthday="1990-01-05")
    live_on(world, datetime(2027, 1, 6, tzinfo=UTC))
    assert [row.reason for row in rows()] == ["completed", "already_sent"]
    put(world, "Europe/Berlin", birthday="1990-01-01")
    world.now = datetime(2027, 12, 30, tzinfo=UTC)
    live_on(world, datetime(2028, 1, 2, tzinfo=UTC))
    assert [f"{row.slot:%m-%d} {row.reason}" for row in rows()] == [
        "01-01 completed", "01-05 already_sent", "01-01 completed",
    ]  # fmt: skip
    assert rows()[2].finished_at == datetime(2027, 12, 31, 8, tzinfo=UTC)


def test_a_date_that_is_withdrawn_takes_its_row_along_and_brings_it_back(world: World) -> None:
    world.person("alice", "UTC", birthday="1990-03-14")
    world.rule(**BIRTHDAY)
    put(world, "UTC")
    assert stands() == {"03-14 09:00": "CANCELLED"}
    assert last(rows()[0])[0] == "superseded"
    put(world, "Europe/Berlin", birthday="1990-03-14")
    live_on(world, at(16, 0))
    assert stands() == {"03-14 09:00": "COMPLETED"}


def test_an_operators_word_counts_more_than_what_was_sent(world: World) -> None:
    world.person("alice", "UTC", birthday="1990-03-12")
    rule = world.rule(**BIRTHDAY, local_time=time(13))
    span: dict[str, Any] = {
        "after": at(12, 0),
        "before": at(13, 0),
        "origin": world.origin(),
        "dry_run": False,
    }
    operations.backfill(rule, **span, why="she was forgotten")
    world.sweep()
    put(world, "UTC", birthday="1990-03-11")
    again = span | {"after": at(11, 0), "before": at(12, 0)}
    assert operations.backfill(rule, **again, why="she wants it again").rows == 1
    world.sweep()
    assert [row.state for row in rows()] == ["COMPLETED", "COMPLETED"]


# --- dates: keep ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", ["1990-03-13", "1990-03-15", "1990-07-01"])
def test_a_planned_birthday_that_is_kept_is_the_only_one_of_its_year(world: World, day: str) -> None:
    world.person("alice", "UTC", birthday="1990-03-14")
    world.rule(**BIRTHDAY, local_time=time(18), on_move="keep")
    put(world, "UTC", birthday=day)
    live_on(world, at(16, 0))
    world.now = at(1, 0, month=7) - timedelta(days=1)
    live_on(world, at(2, 0, month=7))
    assert [f"{row.slot:%m-%d}" for row in rows(state="COMPLETED")] == ["03-14"]
    assert {row.reason for row in rows()} <= {"completed", "already_sent"}
    assert len(handlers.Bidden.calls) == 1


def test_who_keeps_nothing_gets_a_date_that_comes_near_at_once(world: World) -> None:
    world.person("alice", "UTC", birthday="1990-07-01")
    world.rule(**BIRTHDAY, on_move="keep")
    put(world, "UTC", birthday="1990-03-14")
    live_on(world, at(15, 0))
    assert stands() == {"03-14 09:00": "COMPLETED"}


def test_a_planned_date_that_is_withdrawn_is_kept_too(world: World) -> None:
    world.person("alice", "UTC", birthday="1990-03-14")
    world.rule(**BIRTHDAY, on_move="keep")
    put(world, "UTC")
    live_on(world, at(15, 0))
    assert stands() == {"03-14 09:00": "COMPLETED"}


# --- under way --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_move", ["follow", "keep"])
def test_a_claimed_row_moves_or_is_kept_and_its_message_runs_only_what_holds(
    world: World, on_move: str
) -> None:
    world.person("alice", "Europe/Berlin", birthday="1990-03-14")
    world.rule(**BIRTHDAY, on_move=on_move)
    world.now = at(14, 8)
    (chunk,) = world.claim()
    fly(world, "America/New_York")
    ran = world.run(chunk)
    assert ran.not_started == (1 if on_move == "follow" else 0)
    if on_move == "follow":
        told = rows()[0].moves.get(reason="moved")
        assert (told.from_state, told.to_state, told.claim_token) == ("PENDING", "SCHEDULED", chunk.token)
    look(world, at(14, 13))
    assert stands() == {"03-14 09:00": "COMPLETED"}
    assert len(handlers.Bidden.calls) == 1


@pytest.mark.parametrize("on_move", ["follow", "keep"])
@pytest.mark.parametrize("there", ["America/New_York", "Asia/Tokyo"])
def test_a_row_between_two_attempts_moves_or_is_kept(world: World, on_move: str, there: str) -> None:
    world.person("alice", "Europe/Berlin", birthday="1990-03-14")
    world.rule(**BIRTHDAY, on_move=on_move)
    handlers.answer(Retry("busy", after=HOUR / 2))
    look(world, at(14, 8))
    (tried,) = rows()
    assert tried.state == "RETRYING"
    handlers.answer(Completed())
    fly(world, there)
    (row,) = rows()
    moved = {"America/New_York": at(14, 13), "Asia/Tokyo": at(14, 0)}[there]
    assert (row.due_at, row.state) == (moved if on_move == "follow" else at(14, 8), "RETRYING")
    look(world, at(14, 8, 30))
    early = on_move == "follow" and there == "America/New_York"
    assert rows()[0].state == ("RETRYING" if early else "COMPLETED")
    look(world, at(14, 13))
    assert stands() == {"03-14 09:00": "COMPLETED"}
    assert len(handlers.Bidden.calls) == 2


@pytest.mark.parametrize("on_move", ["follow", "keep"])
@pytest.mark.parametrize(
    "facts",
    [("America/New_York", "1990-03-14"), ("Europe/Berlin", "1990-03-15")],
    ids=["flies", "another day"],
)
def test_a_row_whose_worker_is_lost_while_its_entity_changes_follows_or_is_kept(
    world: World, on_move: str, facts: tuple[str, str]
) -> None:
    world.person("alice", "Europe/Berlin", birthday="1990-03-14")
    world.rule(**BIRTHDAY, on_move=on_move)
    world.now = at(14, 8)
    (chunk,) = world.claim()
    world.lose(chunk, lease=HOUR / 2)
    world.now += timedelta(seconds=1)
    put(world, facts[0], birthday=facts[1])
    world.now += HOUR / 2
    world.recover()
    assert rows()[0].hold == "edited"
    look(world, at(14, 9))
    kept, flown = on_move == "keep", facts[0] != "Europe/Berlin"
    expected = "COMPLETED" if kept else ("RETRYING" if flown else "CANCELLED")
    assert rows()[0].state == expected
    live_on(world, at(17, 0))
    assert len(rows(state="COMPLETED")) == len(handlers.Bidden.calls) == 1


def test_a_row_that_runs_while_its_entity_flies_completes_and_that_is_all(world: World) -> None:
    world.person("alice", "Europe/Berlin", birthday="1990-03-14")
    world.rule(**BIRTHDAY | {"handler": "transactional"})
    world.now = at(14, 8)
    (chunk,) = world.claim()

    def fly_meanwhile(_: object) -> Completed:
        world.now += timedelta(seconds=1)
        fly(world, "America/New_York")
        return Completed()

    handlers.Transactional.answer = staticmethod(fly_meanwhile)
    world.run(chunk)
    live_on(world, at(17, 0))
    assert [move[2] for move in world.story(rows()[0])] == ["planned", "claimed", "started", "completed"]
    assert Delivery.objects.count() == 1  # of two calls: the first had moved its own row, and was taken back
    assert {call.attempt for call in handlers.Bidden.calls} == {1}


@pytest.mark.parametrize("there", ["Asia/Tokyo", "America/New_York"])
def test_who_flies_while_the_rule_is_paused_is_called_when_it_is_resumed(world: World, there: str) -> None:
    world.person("alice", "Europe/Berlin", birthday="1990-03-14")
    rule = world.rule(**BIRTHDAY)
    operations.pause_rule(rule, origin=world.origin())
    look(world, at(14, 8))
    assert rows()[0].hold == "rule_paused"
    fly(world, there)
    look(world, at(14, 14))
    assert (rows()[0].state, handlers.Bidden.calls) == ("SCHEDULED", [])
    operations.resume_rule(rule, origin=world.origin())
    look(world, at(14, 14, 1))
    assert stands() == {"03-14 09:00": "COMPLETED"}


@pytest.mark.parametrize("spelling", ["US/Eastern", "us/eastern", "America/New_York"])
def test_old_names_of_zones_are_understood_wherever_one_is_given(world: World, spelling: str) -> None:
    world.person("alice", spelling)
    rule = world.rule(timezone="Europe/Kiev")
    assert (Entity.objects.get().timezone, rule.timezone) == ("America/New_York", "Europe/Kyiv")
    assert {row.timezone for row in rows()} == {"Europe/Kyiv"}
