"""People who change their minds while rows come due: they delete, cancel, pause, edit and move."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from events.handling import Kind
from events.lifecycle import Reason, State
from tests.faults.experiment import Step
from tests.faults.handlers import CALL, EFFECT
from tests.faults.streams import Stream, mix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from random import Random

    from tests.faults.experiment import Found
    from tests.faults.history import Row
    from tests.faults.rig import Rig

STREAMS = (
    *mix()[:3],
    Stream("deleted", EFFECT, Kind.TRANSACTIONAL, 0.1),
    Stream("cancelled", CALL, Kind.NON_IDEMPOTENT, 0.1),
    Stream("paused", CALL, Kind.NON_IDEMPOTENT, 0.1),
    Stream("edited", "webhook", Kind.IDEMPOTENT, 0.1),
    Stream("moved", EFFECT, Kind.TRANSACTIONAL, 0.1),
)
EDITED = "/ok/edited"
LATER = timedelta(seconds=10)


def changes(random: Random) -> list[Step]:
    """Each change at a random moment, while some rows are due, some under way and some still to come."""
    pause = random.uniform(3, 8)
    return [
        Step(random.uniform(4, 20), "half of the people are deleted", _delete),
        Step(random.uniform(4, 20), "what has not started is cancelled", _cancel),
        Step(pause, "a rule is paused", _pause),
        Step(pause + random.uniform(6, 12), "the rule is resumed", _resume),
        Step(random.uniform(4, 20), "a rule is edited", _edit),
        # sooner than its new beginning: what is withdrawn lies before that
        Step(random.uniform(2, 8), "a rule is moved by ten seconds", _move),
    ]


def _delete(rig: Rig) -> None:
    from events.models import Entity
    from events.operations import delete_entities
    from tests.faults.load import origin

    kind = rig.load.rules["deleted"].audience_kind
    ids = list(Entity.objects.filter(kind=kind).order_by("id").values_list("id", flat=True))[::2]
    delete_entities(ids, why="a fault", origin=origin())
    rig.notes["deleted ids"] = set(ids)
    _note(rig, "deleted")


def _cancel(rig: Rig) -> None:
    from events.lifecycle import UNSENT
    from events.models import Occurrence
    from events.operations import cancel
    from tests.faults.load import origin

    rows = Occurrence.objects.filter(rule=rig.load.rules["cancelled"], state__in=sorted(UNSENT))
    rig.notes["cancelled ids"] = set(
        cancel(list(rows.values_list("id", flat=True)), why="a fault", origin=origin())
    )
    _note(rig, "cancelled")


def _pause(rig: Rig) -> None:
    from events.operations import pause_rule
    from tests.faults.load import origin

    pause_rule(rig.load.rules["paused"], origin=origin())
    _note(rig, "paused")


def _resume(rig: Rig) -> None:
    from events.operations import resume_rule
    from tests.faults.load import origin

    _note(rig, "resumed")  # before it, for a row may start as soon as it commits
    resume_rule(rig.load.rules["paused"], origin=origin())


def _edit(rig: Rig) -> None:
    from events.operations import change_rule
    from tests.faults.load import HORIZON, origin

    rule = rig.load.rules["edited"]
    rule.payload = {"url": rig.receiver.url(EDITED)}
    change_rule(rule, horizon=HORIZON, origin=origin())
    _note(rig, "edited")


def _move(rig: Rig) -> None:
    from events.models import Occurrence
    from events.operations import change_rule
    from tests.faults.load import HORIZON, origin

    rule = rig.load.rules["moved"]
    begins_at = rig.load.begins_at + LATER
    rule.start_date, rule.local_time = begins_at.date(), begins_at.time()
    change_rule(rule, horizon=HORIZON, origin=origin())
    _note(rig, "moved")
    rig.load.ends_at = max(rig.load.ends_at, begins_at + STREAMS[0].lasts)
    # what was withdrawn stays as a row, and what is new comes beside it
    people = Occurrence.objects.filter(rule=rule).values("entity").distinct().count()
    rig.load.expected[rule.pk] = people * (STREAMS[0].times + int(LATER.total_seconds()))


def _note(rig: Rig, name: str) -> None:
    from events import clock

    rig.notes[name] = clock.now()


def obeyed(found: Found) -> Iterator[str]:
    """Nothing starts after the change that forbids it has committed."""
    from events.models import Occurrence

    notes = found.rig.notes
    of_deleted = Occurrence.objects.filter(entity__in=notes["deleted ids"]).values_list("id", flat=True)
    deleted = {found.history.rows[row_id] for row_id in of_deleted}
    yield from _quiet(found, "deleted", deleted, notes["deleted"])
    cancelled = {found.history.rows[row_id] for row_id in notes["cancelled ids"]}
    yield from _quiet(found, "cancelled", cancelled, notes["cancelled"])
    yield from _quiet(found, "paused", _rows(found, "paused"), notes["paused"], until=notes["resumed"])
    moved = {row for row in _rows(found, "moved") if row.due_at < found.rig.load.begins_at + LATER}
    yield from _quiet(found, "moved", moved, notes["moved"])
    yield from _edited(found)


def _rows(found: Found, name: str) -> set[Row]:
    rule = found.rig.load.rules[name].pk
    return {row for row in found.history.rows.values() if row.rule_id == rule}


def _quiet(
    found: Found, name: str, rows: set[Row], since: datetime, until: datetime | None = None
) -> Iterator[str]:
    for row in rows:
        for each in found.history.tries[row.id]:
            if each.started_at > since and (until is None or each.started_at < until):
                yield f"occurrence {row.id} was {name} at {since}, and started at {each.started_at}"


def _edited(found: Found) -> Iterator[str]:
    """Attempts that started after the edit call the new address."""
    for row in _rows(found, "edited"):
        for each, call in zip(
            found.history.tries[row.id], found.history.calls.get(row.key, ()), strict=False
        ):
            if each.started_at > found.rig.notes["edited"] and call.path != EDITED:
                yield f"occurrence {row.id} started after its rule was edited, and called {call.path}"


def withdrawn_or_completed(found: Found) -> Iterator[str]:
    """Rows are COMPLETED, or CANCELLED for a change that was made; each change met some rows."""
    reasons = set()
    for row in found.history.rows.values():
        if row.state == State.CANCELLED:
            reasons.add(row.reason)
        elif row.state != State.COMPLETED:
            yield f"occurrence {row.id} is {row.state} ({row.reason})"
    for reason in (Reason.ENTITY_DELETED, Reason.CANCELLED, Reason.SUPERSEDED):
        if reason not in reasons:
            yield f"no row is CANCELLED for {reason}, so the change met nothing"
