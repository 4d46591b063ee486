"""Several planners beside each other, and people who are edited meanwhile: the rows are those of one planner alone."""

from __future__ import annotations

import os
import random
import signal
import threading
from contextlib import contextmanager
from datetime import time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import Count

from events import operations, planning
from events.lifecycle import UNSENT
from events.models import Entity, Occurrence, Rule
from events.operations import EntityFacts
from events.planning import passes, planners, portions
from events.planning.audiences import desired_rows
from events.planning.serial import SEATS, only_pass, seated
from events.queries.audit import audit_log
from events.transitions import schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.concurrency.conftest import Together
    from tests.engine.world import World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZONES = (
    "America/New_York", "Europe/Berlin", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Kiritimati",
    "Pacific/Pago_Pago", "UTC",
)  # fmt: skip
KINDS: tuple[dict[str, Any], ...] = (
    {"rrule": "FREQ=DAILY"}, {"rrule": "", "every": "PT7H"}, {"rrule": "FREQ=YEARLY", "anchor": "birthday"},
    {"window": 3 * HOUR, "draws": 2}, {"rrule": "FREQ=WEEKLY"}, {"rrule": "", "cron": "30 2 * * *"},
    {"rrule": "FREQ=MONTHLY;BYMONTHDAY=-1"},
)  # fmt: skip
PEOPLE, PERSONAL = 16, 30


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that there is work for all."""
    monkeypatch.setattr(portions, "ROWS_AT_ONCE", 8)
    monkeypatch.setattr(portions, "LIKELY_AT_ONCE", 4)
    monkeypatch.setattr(passes, "RULES_AT_ONCE", 5)


def facts(external_id: str, chance: random.Random, now: Any) -> EntityFacts:
    born = now.date() + chance.randint(-3, 4) * DAY
    return EntityFacts(
        "person", external_id, chance.choice(ZONES), attributes={"birthday": f"1988-{born:%m-%d}"}
    )


def peopled(world: World, chance: random.Random) -> None:
    """People in many zones; rules of mixed kinds for all of them, and for each. Nothing is planned yet."""
    people = [facts(f"p{number}", chance, world.now) for number in range(PEOPLE)]
    operations.put_entities(people, origin=world.origin())
    Entity.objects.update(created_at=world.now - 900 * DAY)
    entities = list(Entity.objects.order_by("pk"))
    rules = [{"audience_kind": "person", **kind} for kind in KINDS[:4]]
    rules += [{"entity": chance.choice(entities), **chance.choice(KINDS)} for _ in range(PERSONAL)]
    Rule.objects.bulk_create(
        Rule(**{
            "name": f"rule {number}", "handler": "log", "local_time": time(chance.randint(0, 23), 30),
            "start_date": None if "anchor" in rule else world.now.date() - chance.choice([0, 1, 30, 400]) * DAY,
            "planned_until": world.now, "timed_since": world.now, **rule,
        })
        for number, rule in enumerate(rules)
    )  # fmt: skip


def plan(world: World, count: int) -> int:
    return planning.plan_due_rules(horizon=world.horizon, planners=count, origin=world.origin("engine:test"))


def rows() -> set[tuple[object, ...]]:
    columns = ("rule_id", "entity_id", "slot", "fold", "timezone", "note", "due_at", "state")
    return set(Occurrence.objects.values_list(*columns))


def assert_as_wanted(world: World) -> None:
    """Each rule's rows to come are those that it wants of people as they are now: none missing, none stale."""
    until = world.now + world.horizon
    for rule in Rule.objects.select_related("entity", "calendar"):
        assert rule.planned_until == until
        wanted = desired_rows(rule, after=world.now, before=until)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT entity_id, slot, timezone, due_at FROM ({wanted.sql}) AS d", wanted.parameters
            )
            expected = set(cursor.fetchall())
        unsent = Occurrence.objects.filter(
            rule=rule, state__in=sorted(UNSENT), due_at__gte=world.now, due_at__lt=until
        )
        found = set(unsent.values_list("entity_id", "slot", "timezone", "due_at"))
        assert found == expected, (rule.rrule, rule.cron, rule.every, rule.anchor, rule.entity_id)
    assert (
        not Occurrence.objects.values("rule", "entity", "slot", "fold")
        .annotate(n=Count("id"))
        .filter(n__gt=1)
    )
    assert audit_log().disagreements == ()


# --- who waits for whom ---------------------------------------------------------------------------------------------


@contextmanager
def in_transaction(hold: Callable[[], None]) -> Iterator[None]:
    """Somebody else holds it, until the block ends."""
    held, ended = threading.Event(), threading.Event()

    def holder() -> None:
        try:
            with transaction.atomic():
                hold()
                held.set()
                ended.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=holder)
    thread.start()
    try:
        assert held.wait(10)
        yield
    finally:
        ended.set()
        thread.join()


def has_to_wait(hold: Callable[[], None]) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '60ms'")
            hold()
    except OperationalError as error:
        return "lock timeout" in str(error)
    return False


def edit() -> None:
    planning.together(["person"])


def be_alone() -> None:
    planning.alone("person")


def sit(seat: int) -> Callable[[], None]:
    return partial(seated, "person", seat)


@pytest.mark.parametrize("seat", range(SEATS))
def test_whoever_edits_or_is_alone_waits_for_every_seat_and_the_other_seats_are_free(
    world: World, seat: int
) -> None:
    others = [other for other in range(SEATS) if other != seat]
    with in_transaction(sit(seat)):
        assert [has_to_wait(hold) for hold in (edit, be_alone, sit(seat))] == [True, True, True]
        assert [has_to_wait(sit(other)) for other in others] == [False] * len(others)
        assert not has_to_wait(partial(planning.together, ["room"]))
    for hold in (edit, be_alone):
        with in_transaction(hold):
            assert has_to_wait(sit(seat))
    assert not has_to_wait(be_alone)


def test_edits_go_beside_each_other_and_nobody_beside_who_is_alone(world: World) -> None:
    with in_transaction(edit):
        assert [has_to_wait(hold) for hold in (edit, be_alone)] == [False, True]
    with in_transaction(be_alone):
        assert [has_to_wait(hold) for hold in (edit, be_alone)] == [True, True]


def test_whoever_wants_seats_of_several_kinds_in_any_way_never_waits_in_a_circle(
    world: World, together: Together
) -> None:
    """Each takes the kinds in the order of their names; PostgreSQL would name a deadlock."""
    chance = random.Random(5)

    def one(number: int) -> None:
        for _ in range(25):
            with transaction.atomic():
                for kind in sorted({"person", "room", "shift"} - {chance.choice(["person", "room", "none"])}):
                    seated(kind, None if number == 0 else number) if number < 3 else planning.together([kind])

    together(*[partial(one, number) for number in range(6)])


def test_only_one_pass_at_a_time_has_the_seats(world: World, together: Together) -> None:
    def asked() -> bool:
        with only_pass() as is_ours:
            return is_ours

    with only_pass() as is_ours:
        assert is_ours
        assert together(asked) == [False]
        assert together(lambda: type(next_crew(3)).__name__) == ["Caller"]
    assert together(asked) == [True]


def next_crew(count: int) -> planners.Planners:
    with planners.crew_of(count) as crew:
        return crew


def test_one_planner_or_one_in_a_transaction_is_the_caller(world: World) -> None:
    assert isinstance(next_crew(1), planners.Caller)
    assert isinstance(next_crew(2), planners.Crew)
    with transaction.atomic():
        assert isinstance(next_crew(2), planners.Caller)


# --- what is written ------------------------------------------------------------------------------------------------


def test_several_planners_write_what_one_writes(world: World) -> None:
    peopled(world, random.Random(world.now.day))
    found = []
    for count in (1, 2, SEATS):
        assert plan(world, count) == Occurrence.objects.count() > 100
        found.append(rows())
        Rule.objects.update(planned_until=world.now)
        assert plan(world, count) == 0
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE events_occurrence CASCADE")
        Rule.objects.update(planned_until=world.now)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("count", [2, SEATS])
def test_whoever_is_edited_while_several_plan_has_the_rows_of_what_they_are_then(
    world: World, together: Together, count: int
) -> None:
    """Dozens of edits: they fly, are born on other days, are deleted, come anew; a second pass comes in between."""
    peopled(world, random.Random(count))
    is_planned = threading.Event()
    edits = [0, 0]

    def planned() -> int:
        try:
            return plan(world, count)
        finally:
            is_planned.set()

    def edit(number: int) -> None:
        chance = random.Random(100 + number)
        while not is_planned.is_set() and edits[number] < 30:
            edits[number] += 1
            whom = [f"p{2 * chance.randrange(PEOPLE // 2) + number}" for _ in range(2)]
            operations.put_entities(
                [facts(each, chance, world.now) for each in {*whom, f"new {number} {edits[number]}"}],
                origin=world.origin(),
            )
            if edits[number] % 5 == 0:
                gone = Entity.objects.get(external_id=f"new {number} {edits[number]}")
                operations.delete_entities([gone.pk], why="she left", origin=world.origin())

    def second() -> int:
        return plan(world, 1)

    together(planned, partial(edit, 0), partial(edit, 1), second)
    assert min(edits) >= 3
    assert_as_wanted(world)


@pytest.mark.parametrize("count", [2, SEATS])
def test_a_planner_that_fails_in_the_middle_stops_no_other_and_moves_no_end(
    world: World, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """The portion of one rule and a whole set fail; the set is planned rule by rule, the rule in the next pass."""
    peopled(world, random.Random(7))
    broken = Rule.objects.exclude(audience_kind="").order_by("pk")[0]
    write, seen = portions._write, [0, 0]

    def failing(begun: portions.Begun, *rest: Any) -> int | None:
        seen[0] += begun.rule.pk == broken.pk
        if begun.rule.pk == broken.pk and seen[0] == 2:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        return write(begun, *rest)

    def dies(*args: Any, **kwargs: Any) -> int:
        seen[1] += 1
        if seen[1] == 2:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return schedule(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(portions, "_write", failing)
        patched.setattr("events.planning.sets.schedule", dies)
        with pytest.raises(planning.RulesNotPlanned) as refused:
            plan(world, count)
    assert str(broken.pk) in str(refused.value)
    assert list(Rule.objects.filter(planned_until=world.now)) == [broken]
    assert Occurrence.objects.filter(rule=broken).exists()
    plan(world, count)
    assert_as_wanted(world)


def test_ctrl_c_ends_planners_that_wait_for_somebody_and_the_next_pass_goes_on(world: World) -> None:
    """Somebody imports for long, and all planners wait for that."""
    peopled(world, random.Random(9))
    before = threading.active_count()
    with in_transaction(edit):
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            plan(world, 2)
        assert threading.active_count() <= before + 1
    assert not Occurrence.objects.exists()
    plan(world, 2)
    assert_as_wanted(world)
