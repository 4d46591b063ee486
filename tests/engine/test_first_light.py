"""The main job: nine o'clock in everyone's own zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from events.models import LoggedMove, Occurrence
from events.timing import canonical_zones, zone
from handlers.log.models import Delivery
from tests.engine.world import World

pytestmark = pytest.mark.django_db


def test_a_row_goes_from_planned_to_completed_and_its_log_tells_each_step(
    world: World,
) -> None:
    world.person("alice", "Europe/Berlin")
    world.rule()
    world.now = datetime(2027, 3, 1, 8, 0, tzinfo=UTC)

    world.tick()

    done = Occurrence.objects.get(state="COMPLETED")
    assert done.due_at == world.now
    assert world.story(done) == [
        ("", "SCHEDULED", "planned"),
        ("SCHEDULED", "PENDING", "claimed"),
        ("PENDING", "PROCESSING", "started"),
        ("PROCESSING", "COMPLETED", "completed"),
    ]
    assert Delivery.objects.get().idempotency_key == done.idempotency_key
    assert done.attempts.get().outcome == "completed"


@pytest.mark.parametrize(
    "day",
    [
        pytest.param(datetime(2027, 1, 15), id="an ordinary day"),
        pytest.param(datetime(2027, 3, 14), id="clocks forward in America"),
        pytest.param(datetime(2027, 3, 28), id="clocks forward in Europe"),
        pytest.param(datetime(2027, 10, 31), id="clocks back in Europe"),
        pytest.param(datetime(2027, 11, 7), id="clocks back in America"),
    ],
)
def test_everyone_in_the_world_is_called_once_at_nine_on_their_own_clock(world: World, day: datetime) -> None:
    world.now = day.replace(tzinfo=UTC) - timedelta(hours=5, minutes=30)  # before it is nine anywhere
    world.people({name: name for name in canonical_zones()})
    rule = world.rule(start_date=day.date(), rrule="FREQ=DAILY;COUNT=1")

    world.pass_time(day.replace(tzinfo=UTC) + timedelta(hours=21, minutes=5))

    fired = Occurrence.objects.filter(rule=rule)
    assert fired.count() == len(canonical_zones())
    assert set(fired.values_list("state", flat=True)) == {"COMPLETED"}
    for row in fired.select_related("entity"):
        assert row.started_at is not None
        local = row.started_at.astimezone(zone(row.entity.timezone))
        assert (local.date(), local.hour, local.minute) == (day.date(), 9, 0), row.entity
    assert Delivery.objects.values("entity_external_id").distinct().count() == Delivery.objects.count()
    assert Delivery.objects.count() == len(canonical_zones())
    assert LoggedMove.objects.count() == 4 * len(canonical_zones())
