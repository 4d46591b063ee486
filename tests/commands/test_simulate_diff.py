"""`simulate --diff`: what the rules name, beside what became of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection

from events import operations
from events.models import Entity, Occurrence
from tests.commands.conftest import run
from tests.commands.test_simulate import simulated
from tests.engine.world import World

HOUR = timedelta(hours=1)


@pytest.fixture
def world(db: None) -> World:
    """The night before the first day that is looked at."""
    return World(datetime(2025, 3, 7, 23, 59, 30, tzinfo=UTC))


def test_the_diff_tells_fired_late_missing_skipped_and_what_nobody_expected(world: World) -> None:
    zones = dict.fromkeys(("intime", "late", "lost", "missed", "stopped", "dead", "extra", "coming"), "UTC")
    world.people(zones)
    rule = world.rule(name="Nine", start_date=date(2025, 3, 8), local_time=time(9), expires_after=2 * HOUR)
    first = {row.entity.external_id: row for row in Occurrence.objects.filter(slot=datetime(2025, 3, 8, 9))}
    assert set(first) == set(zones)
    Occurrence.objects.filter(pk=first["lost"].pk).delete()
    world.now = first["intime"].due_at
    world.sweep()
    Occurrence.objects.filter(pk=first["late"].pk).update(started_at=world.now + HOUR)
    moved: dict[str, dict[str, Any]] = {
        "missed": {"state": "SKIPPED", "reason": "missed"},
        "stopped": {"state": "CANCELLED", "reason": "cancelled"},
        "dead": {"state": "FAILED", "reason": "attempts_spent"},
        "coming": {"state": "SCHEDULED", "reason": "planned", "finished_at": None},
    }
    with connection.cursor() as cursor:  # as if it had happened: the guard of legal moves would refuse it
        cursor.execute("SET LOCAL session_replication_role = replica")
        for name, values in moved.items():
            Occurrence.objects.filter(pk=first[name].pk).update(**{"finished_at": world.now, **values})
        cursor.execute("SET LOCAL session_replication_role = origin")
    extra = Occurrence.objects.get(pk=first["extra"].pk)
    extra.pk, extra.slot, extra.due_at = None, datetime(2025, 3, 8, 10), world.now + HOUR
    extra.save(force_insert=True)
    (told,) = simulated("--from", "2025-03-07", "--to", "2025-03-09", "--diff")
    assert told["diff"] == {
        "as_expected": False,
        "counts": {
            "fired": 2, "fired_late": 1, "missing": 1, "skipped": 1, "cancelled": 1, "dead_letter": 1, "overdue": 1,
            "unexpected": 1,
        },
        "reasons": {
            "skipped": {"missed": 1}, "cancelled": {"cancelled": 1}, "dead_letter": {"attempts_spent": 1},
            "overdue": {"planned": 1},
        },
        "examples": {
            "missing": ["Lost at 2025-03-08 09:00"], "unexpected": ["Extra at 2025-03-08 10:00"],
            "fired_late": ["Late at 2025-03-08 09:00"], "overdue": ["Coming at 2025-03-08 09:00"],
        },
    }  # fmt: skip
    out = run("simulate", "--from", "2025-03-07", "--to", "2025-03-09", "--diff", "--rule", rule.pk).out
    assert "  1 missing: expected, and there is no row (Lost at 2025-03-08 09:00)\n" in out
    assert "  1 skipped (1: it was later than its grace, and its rule skips what was missed)\n" in out


def test_nothing_is_expected_before_it_was_known_nor_beyond_what_is_planned(world: World) -> None:
    world.people({"alice": "UTC", "newcomer": "UTC"})
    Entity.objects.filter(external_id="newcomer").update(created_at=datetime(2025, 3, 9, tzinfo=UTC))
    world.rule(name="Nine", start_date=date(2025, 3, 1))
    Occurrence.objects.filter(entity__external_id="newcomer", slot__lt=datetime(2025, 3, 9)).delete()
    (told,) = simulated("--from", "2025-03-05", "--to", "2025-03-12", "--diff")
    assert told["diff"]["counts"] == {"not_known_then": 7, "not_planned_yet": 4, "overdue": 3}
    assert told["diff"]["as_expected"] is True


def test_what_fired_before_a_move_is_neither_missing_where_it_would_be_nor_unexpected_where_it_was(
    world: World,
) -> None:
    world.people({"alice": "UTC"})
    world.rule(name="Nine", start_date=date(2025, 3, 8))
    world.now = datetime(2025, 3, 8, 9, tzinfo=UTC)
    assert world.sweep() == 1
    world.people({"alice": "Pacific/Kiritimati"})
    for hours, counts in (
        (("2025-03-07T18:00", "2025-03-07T20:00"), {"fired": 1}),
        (("2025-03-08", "2025-03-08T12:00"), {}),
    ):
        (told,) = simulated("--from", hours[0], "--to", hours[1], "--diff")
        assert told["diff"]["counts"] == counts


def test_what_an_edit_withdrew_is_not_unexpected(world: World) -> None:
    world.people({"alice": "UTC"})
    rule = world.rule(name="Nine", start_date=date(2025, 3, 8))
    rule.local_time = time(10)
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    (told,) = simulated("--from", "2025-03-08", "--to", "2025-03-09", "--diff")
    assert told["diff"]["counts"] == {"overdue": 1, "withdrawn": 1}
    assert told["diff"]["reasons"]["withdrawn"] == {"superseded": 1}
    quiet = run("simulate", "--from", "2025-01-08", "--to", "2025-01-09", "--diff").out
    assert quiet.endswith("  nothing was expected, and nothing is there\n")
