"""Rules are planned together, and large audiences in portions: the rows are those of each rule and person alone."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events import operations, planning
from events.models import Entity, Occurrence, Rule
from events.planning import sets
from events.planning.anchors import anchor_date
from events.planning.audiences import desired_rows
from events.planning.recurrences import openings_of
from tests.engine.world import World

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
ZONES = (
    "America/New_York", "Europe/Berlin", "Pacific/Apia", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu",
    "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Casablanca", "America/Santiago", "UTC",
)  # fmt: skip
# Around changes of clocks, a day that was left out, and days that not every year has.
NASTY = (
    datetime(2025, 3, 8, 20, tzinfo=UTC), datetime(2025, 11, 1, 23, tzinfo=UTC), datetime(2011, 12, 29, 5, tzinfo=UTC),
    datetime(2027, 2, 27, 12, tzinfo=UTC), datetime(2028, 2, 28, 12, tzinfo=UTC), datetime(2026, 12, 30, tzinfo=UTC),
    datetime(2025, 4, 5, 1, tzinfo=UTC), datetime(2027, 10, 30, 22, tzinfo=UTC),
)  # fmt: skip
KINDS: tuple[dict[str, Any], ...] = (
    {"rrule": "FREQ=DAILY"}, {"rrule": "FREQ=DAILY;INTERVAL=3"}, {"rrule": "FREQ=WEEKLY;BYDAY=SU,MO,SA"},
    {"rrule": "FREQ=WEEKLY;INTERVAL=2"}, {"rrule": "FREQ=MONTHLY;BYMONTHDAY=-1"}, {"rrule": "FREQ=MONTHLY"},
    {"rrule": "FREQ=MONTHLY", "leap": "forward"}, {"rrule": "FREQ=YEARLY"}, {"rrule": "FREQ=DAILY;COUNT=500"},
    {"rrule": "FREQ=DAILY;UNTIL=20270301T043000"}, {"rrule": "FREQ=DAILY;BYHOUR=1,2,3"}, {"rrule": "FREQ=HOURLY"},
    {"rrule": "FREQ=DAILY\nFREQ=WEEKLY"}, {"rrule": ""}, {"cron": "30 2 * * *", "rrule": ""},
    {"cron": "*/20 1-3 * * *", "rrule": ""}, {"every": "PT7H", "rrule": ""}, {"every": "P2D", "rrule": ""},
    {"rrule": "FREQ=DAILY", "exdates": ["2025-03-09", "2027-02-28"]}, {"rrule": "", "rdates": ["2027-02-28T02:30"]},
    {"rrule": "FREQ=DAILY", "fold": "both"}, {"rrule": "FREQ=DAILY", "gap": "previous_valid"},
    {"rrule": "FREQ=YEARLY", "anchor": "birthday"}, {"rrule": "FREQ=YEARLY", "anchor": "birthday", "leap": "omit"},
    {"rrule": "FREQ=YEARLY", "anchor": "birthday", "anchor_offset_days": -3}, {"rrule": "", "anchor": "birthday"},
    {"rrule": "FREQ=MONTHLY", "anchor": "birthday", "leap": "forward"}, {"rrule": "FREQ=DAILY", "snapshot": True},
    {"rrule": "FREQ=DAILY", "timezone": "Asia/Tokyo"},
)  # fmt: skip


def personal_rules(world: World, count: int) -> list[Rule]:
    """Rules of mixed kinds, each for one person; at odd hours, begun on days long ago and just now."""
    chance = random.Random(world.now.timestamp())
    zones = {f"p{number}": chance.choice(ZONES) for number in range(count)}
    world.people(zones, birthday="1988-02-29")
    people = list(Entity.objects.order_by("pk"))
    for number, person in enumerate(people):
        born = world.now.date() + chance.randint(-5, 5) * DAY
        born = born if number % 3 else date(1988, 2, 29)
        person.attributes = {
            "birthday": str(date(born.year - 30, born.month, min(born.day, 28)) if number % 3 else born)
        }
        person.leap = chance.choice(["", "", "forward", "omit"])
    Entity.objects.bulk_update(people, ["attributes", "leap"])
    return Rule.objects.bulk_create(
        Rule(
            **{
                "name": f"rule {number}", "entity": person, "handler": "log", "payload": {"text": "A thought."},
                "start_date": world.now.date() - chance.choice([0, 1, 30, 400]) * DAY,
                "local_time": time(chance.choice([0, 1, 2, 3, 9, 23]), chance.choice([0, 30, 59])),
                **({"start_date": None} if "anchor" in (kind := KINDS[number % len(KINDS)]) else {}),
                **kind,
            }
        )
        for number, person in enumerate(people)
    )  # fmt: skip


def rows_of(rule: Rule) -> set[tuple[object, ...]]:
    columns = ("entity_id", "slot", "fold", "timezone", "note", "due_at", "snapshot")
    return {tuple(map(str, row)) for row in Occurrence.objects.filter(rule=rule).values_list(*columns)}


def wanted_by(rule: Rule, after: datetime, before: datetime) -> set[tuple[object, ...]]:
    wanted = desired_rows(rule, after=after, before=before)
    with connection.cursor() as cursor:
        cursor.execute(wanted.sql, wanted.parameters)
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    shown = ("entity_id", "slot", "fold", "timezone", "note", "due_at")
    return {(*(str(row[name]) for name in shown), str(as_json(row["snapshot"]))) for row in rows}


def as_json(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


@pytest.mark.parametrize("now", NASTY, ids=str)
def test_rules_that_are_planned_together_have_the_rows_that_each_would_have_alone(now: datetime) -> None:
    world = World(now)
    rules = personal_rules(world, 4 * len(KINDS))
    written = world.plan()
    assert written == Occurrence.objects.count() > len(KINDS)
    for rule in rules:
        assert rows_of(rule) == wanted_by(rule, now, now + world.horizon), (rule.rrule, rule.cron, rule.every)
    assert set(Rule.objects.values_list("planned_until", flat=True)) == {now + world.horizon}
    assert world.plan() == 0


def test_rules_whose_plans_end_apart_are_each_planned_from_there(world: World) -> None:
    rules = personal_rules(world, len(KINDS))
    ends = {rule.pk: world.now - number * timedelta(hours=5) for number, rule in enumerate(rules)}
    for rule in rules:
        Rule.objects.filter(pk=rule.pk).update(planned_until=ends[rule.pk])
    world.plan()
    for rule in rules:
        assert rows_of(rule) == wanted_by(rule, ends[rule.pk], world.now + world.horizon)


def test_a_thousand_rules_cost_as_many_statements_as_ten(world: World) -> None:
    asked = []
    for count in (10, 1000):
        world.people({f"{count} {number}": "UTC" for number in range(count)})
        people = Entity.objects.filter(external_id__startswith=f"{count} ")
        Rule.objects.bulk_create(
            Rule(name=f"for {each}", entity=each, start_date=world.now.date(), local_time=time(9),
                 rrule="FREQ=DAILY", handler="log") for each in people
        )  # fmt: skip
        with CaptureQueriesContext(connection) as queries:
            assert world.plan() == 2 * count
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_a_rule_that_cannot_be_planned_leaves_the_rest_of_its_set(world: World) -> None:
    rules = personal_rules(world, len(KINDS))
    Rule.objects.filter(pk=rules[0].pk).update(rrule="FREQ=NEVER")
    Rule.objects.filter(pk=rules[1].pk).update(timezone="Atlantis/Capital")
    with pytest.raises(planning.RulesNotPlanned) as refused:
        world.plan()
    assert str(rules[0].pk) in str(refused.value)
    assert set(Rule.objects.filter(planned_until=None)) == {rules[0], rules[1]}


def test_a_set_that_the_database_refuses_is_planned_rule_by_rule(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = personal_rules(world, len(KINDS))
    monkeypatch.setattr(
        sets, "MOVE", "UPDATE events_rule SET planned_until = 'never' WHERE id = ANY(%(ids)s)"
    )
    world.plan()
    for rule in rules:
        assert rows_of(rule) == wanted_by(rule, world.now, world.now + world.horizon)


def test_nobody_deleted_retired_or_planned_further_is_planned_with_the_others(world: World) -> None:
    rules = personal_rules(world, len(KINDS))
    gone = Entity.objects.get(rule=rules[0])
    operations.delete_entities([gone.pk], why="she left", origin=world.origin())
    Rule.objects.filter(pk=rules[1].pk).update(state="retired")
    ids = [rule.pk for rule in rules[:2]]
    found = sets.plan_together(ids, kinds=["person"], until=world.now + 2 * DAY, origin=world.origin())
    assert found == sets.Planned(0, [])
    assert list(Rule.objects.filter(pk__in=ids, planned_until=None)) == [rules[1]]


def test_a_rule_of_a_kind_that_is_not_held_is_left_to_be_planned_alone(world: World) -> None:
    [rule] = personal_rules(world, 1)
    found = sets.plan_together([rule.pk], kinds=["room"], until=world.now + 2 * DAY, origin=world.origin())
    assert found.left == [rule.pk]
    assert Rule.objects.get().planned_until is None


ANCHORED = [
    {"rrule": "FREQ=YEARLY"}, {"rrule": "FREQ=YEARLY;INTERVAL=4"}, {"rrule": ""}, {"rrule": "FREQ=MONTHLY"},
    {"rrule": "FREQ=YEARLY", "anchor_offset_days": -7}, {"rrule": "FREQ=YEARLY", "anchor_offset_days": 40},
    {"rrule": "FREQ=YEARLY", "leap": "forward"}, {"rrule": "FREQ=MONTHLY", "leap": "forward"},
    {"rrule": "FREQ=MONTHLY;INTERVAL=2", "leap": "backward"}, {"every": "P1Y", "rrule": ""},
    {"rrule": "FREQ=YEARLY", "window": timedelta(days=3), "draws": 2},
]  # fmt: skip


def written_around(day: date) -> set[str]:
    """Dates of this year and of a leap year long ago within two months of a day, in all the ways to write a date."""
    texts = {"1988-02-30", "", "nonsense!!", "2028-02-29", "1960-12-31", "1991-01-31"}
    for near in (day + days * DAY for days in range(-60, 60, 2)):
        year, week, weekday = near.isocalendar()
        texts |= {f"{near}", f"{near:%Y%m%d}", f"{year}-W{week:02}-{weekday}", f"{year}W{week:02}{weekday}"}
        texts |= {f"{year}-W{week:02}", f"{year}W{week:02}", f"1988-{near:%m-%d}"}
    return texts


@pytest.mark.parametrize("fields", ANCHORED, ids=str)
@pytest.mark.parametrize("now", NASTY[2:5], ids=str)
def test_an_anchored_rule_for_all_has_the_rows_that_one_for_each_would_have(
    now: datetime, fields: dict[str, Any]
) -> None:
    world = World(now)
    texts = written_around(now.date()) | written_around(now.date() + DAY)
    for timezone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        Entity.objects.bulk_create(
            Entity(
                kind="person",
                external_id=f"{timezone} {text}",
                timezone=timezone,
                attributes={"birthday": text},
            )
            for text in texts
        )
    Entity.objects.update(created_at=now - 900 * DAY)
    values = {"local_time": time(1, 30), "handler": "log", "timed_since": now, **fields}
    rule = Rule.objects.create(name="for all", audience_kind="person", anchor="birthday", **values)
    world.plan()
    span = {"after": now, "before": now + world.horizon}
    expected = {
        (person.pk, str(one.slot), str(one.opens_at))
        for person in Entity.objects.all()
        if (born := anchor_date(person.attributes["birthday"]))
        for one in openings_of(rule, timezone=person.timezone, anchor=born, leap="", **span)
    }
    found = Occurrence.objects.values_list("entity_id", "slot", "due_at")
    if rule.window is None:
        assert {(entity, str(slot), str(due_at)) for entity, slot, due_at in found} == expected
    else:  # each of them drew; some of it was over, or is to come
        assert {entity for entity, *_ in found} <= {entity for entity, *_ in expected}
    assert found
