"""A sweep that stays awake for its shard sleeps while only others' rows are due."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from events import clock, sweeping
from events.models import Occurrence, Sweep
from events.shards import Shard

if TYPE_CHECKING:
    from tests.engine.world import World


def test_what_is_due_in_other_shards_keeps_no_sweep_from_its_sleep(world: World) -> None:
    world.due(20)
    ours = Shard(1, 2)
    for row in Occurrence.objects.all():
        if row.entity_id % 2 == 0:
            Occurrence.objects.filter(pk=row.pk).update(available_at=world.now + timedelta(hours=1))
    end = clock.now() + timedelta(seconds=2)
    sweeping.sweep_until(end, clock=clock.now, sweeper="test", stopping=lambda: False, shard=ours)
    assert Sweep.objects.get().passes <= 3
    assert set(Occurrence.objects.values_list("state", flat=True)) == {"SCHEDULED"}
