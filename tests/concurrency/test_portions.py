"""A large audience is planned in portions, with commits in between: who comes in between loses and doubles nothing."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.db.models import Count

from events import operations, planning
from events.lifecycle import UNSENT
from events.models import Entity, Occurrence, Rule
from events.operations import EntityFacts
from events.planning import portions
from events.planning.audiences import desired_rows
from events.planning.plans import FARTHEST_MOVE, LEAST_AHEAD
from events.queries.audit import audit_log
from events.timing import zone
from tests.engine.world import HORIZON

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.concurrency.conftest import Together
    from tests.engine.world import World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PEOPLE = 10
KINDS: tuple[dict[str, Any], ...] = (
    {"rrule": "FREQ=DAILY"},
    {"rrule": "", "every": "PT5H"},
    {"rrule": "FREQ=DAILY", "window": 3 * HOUR, "draws": 2},
    {"rrule": "FREQ=YEARLY", "anchor": "birthday"},
    {"rrule": "FREQ=WEEKLY", "anchor": "birthday"},
)


class KilledError(BaseException):
    """The planner is no more."""


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three members or so."""
    monkeypatch.setattr(portions, "ROWS_AT_ONCE", 6)
    monkeypatch.setattr(portions, "LIKELY_AT_ONCE", 3)


@pytest.fixture
def rule(world: World, request: pytest.FixtureRequest) -> Rule:
    """A rule for all, planned before a day has passed, with all birthdays in what is to be planned."""
    born = (world.now + HORIZON + 9 * HOUR).astimezone(zone("Europe/Berlin"))
    for number in range(PEOPLE):
        world.person(f"p{number}", "Europe/Berlin", birthday=f"{1940 + 4 * number}-{born:%m-%d}")
    made = world.rule(**{"local_time": born.time()} | getattr(request, "param", KINDS[0]))
    world.now += HORIZON - (FARTHEST_MOVE + LEAST_AHEAD) / 2  # due, and no edit has to go on with it
    return made


def after_portions(monkeypatch: pytest.MonkeyPatch, count: int, happens: Callable[[], object]) -> None:
    """Have something happen when so many portions are committed, before the next one is begun."""
    seen = [0]

    def looked(work: Callable[..., Any], *begun: Any) -> Any:
        seen[0] += 1
        if seen[0] == count + 1:
            happens()
        return work(*begun)

    for name in ("_write", "_end"):
        monkeypatch.setattr(portions, name, partial(looked, getattr(portions, name)))


def put(world: World, external_id: str, timezone: str = "Europe/Berlin", birthday: str = "") -> None:
    attributes = {"birthday": birthday or f"1972-{world.now + 2 * DAY:%m-%d}"}
    operations.put_entities(
        [EntityFacts("person", external_id, timezone, attributes=attributes)], origin=world.origin()
    )


def assert_as_wanted(world: World, rule: Rule) -> None:
    """What is to come is what the rule wants of those who are there now: each row once, none missing, none left."""
    rule.refresh_from_db()
    assert rule.planned_until == world.now + world.horizon
    until = rule.planned_until
    wanted = desired_rows(
        rule, after=world.now, before=until + 2 * DAY
    )  # what was moved beyond the end stays there
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT entity_id, due_at FROM ({wanted.sql}) AS d", wanted.parameters)
        expected = set(cursor.fetchall())
    unsent = Occurrence.objects.filter(rule=rule, state__in=sorted(UNSENT), due_at__gte=world.now)
    found = set(unsent.values_list("entity_id", "due_at"))
    assert {row for row in found if row[1] < until} == {row for row in expected if row[1] < until}
    assert found <= expected
    assert not Occurrence.objects.values("entity", "slot", "fold").annotate(n=Count("id")).filter(n__gt=1)
    assert audit_log().disagreements == ()


@pytest.mark.parametrize("rule", KINDS, ids=str, indirect=True)
@pytest.mark.parametrize("portion", [0, 1, 2])
def test_whoever_is_edited_between_two_portions_has_the_rows_of_what_they_are_then(
    world: World, rule: Rule, together: Together, monkeypatch: pytest.MonkeyPatch, portion: int
) -> None:
    """Planned already or not: they fly, are born on another day, are deleted, or come."""

    def edits() -> None:
        put(world, "p0", "Pacific/Kiritimati")
        put(world, "p5", "Pacific/Pago_Pago", birthday=f"1996-{world.now + DAY:%m-%d}")
        put(world, "p9", "America/New_York")
        put(world, "a new one", "Asia/Tokyo")
        gone = Entity.objects.get(external_id="p1")
        operations.delete_entities([gone.pk], why="she left", origin=world.origin())

    after_portions(monkeypatch, portion, lambda: together(edits))
    assert world.plan() > 0
    assert_as_wanted(world, rule)


@pytest.mark.parametrize("rule", KINDS, ids=str, indirect=True)
def test_what_a_killed_planner_has_written_is_there_once_when_the_next_one_is_done(
    world: World, rule: Rule, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies() -> None:
        raise KilledError

    planned, before = rule.planned_until, Occurrence.objects.count()
    with monkeypatch.context() as patched:
        after_portions(patched, 2, dies)
        with pytest.raises(KilledError):
            world.plan()
    rule.refresh_from_db()
    assert rule.planned_until == planned
    assert Occurrence.objects.count() > before
    together(lambda: put(world, "p0", "Pacific/Kiritimati"))
    world.plan()
    assert_as_wanted(world, rule)


@pytest.mark.parametrize("rule", KINDS[:2], ids=str, indirect=True)
def test_a_look_at_what_ran_while_it_was_edited_withdraws_nothing_of_a_plan_that_is_being_made(
    world: World, rule: Rule, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row of p0 ran while p0 was edited, long before; between two portions the sweep looks whether it holds."""
    first = Occurrence.objects.filter(entity__external_id="p0").order_by("due_at").first()
    assert first is not None
    Occurrence.objects.filter(pk=first.pk).update(hold="edited")

    def sweep_looks() -> None:
        assert planning.replan_edited(origin=world.origin("engine:test")) == 1

    after_portions(monkeypatch, 2, lambda: together(sweep_looks))
    world.plan()
    assert_as_wanted(world, rule)


@pytest.mark.parametrize("ends", ["retired", "edited"])
def test_a_rule_that_ends_or_is_edited_between_two_portions_is_left_as_it_then_is(
    world: World, rule: Rule, together: Together, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    def edit() -> None:
        other = Rule.objects.get(pk=rule.pk)
        if ends == "retired":
            operations.retire_rule(other, why="over", origin=world.origin())
        else:
            other.local_time = other.local_time.replace(hour=17)  # type: ignore[union-attr]
            operations.change_rule(other, horizon=world.horizon, origin=world.origin())

    after_portions(monkeypatch, 2, lambda: together(edit))
    world.plan()
    if ends == "edited":
        assert_as_wanted(world, rule)
    else:
        assert not Occurrence.objects.filter(rule=rule, state__in=sorted(UNSENT)).exists()


def test_whoever_edits_waits_for_a_portion_and_not_for_all(
    world: World, rule: Rule, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each edit goes through between the portions, though the planner never stops."""
    waited: list[int] = []

    def edit(portion: int) -> None:
        together(lambda: put(world, f"p{portion}"))
        waited.append(portion)

    for portion in range(3):
        after_portions(monkeypatch, portion, partial(edit, portion))
    world.plan()
    assert sorted(waited) == [0, 1, 2]
    assert_as_wanted(world, rule)


def test_what_is_kept_is_planned_in_one_portion(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = world.rule(on_move="keep")
    assert portions._portions(rule, world.now, world.now + 2 * DAY) == [None]
