"""The log is replayed to where every row stands, and whatever was written past the one door is found."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from events import operations, transitions
from events.handling import Completed, Decline, HandlerContext, Outcome, Postpone, Reject, Retry, Unsure
from events.lifecycle import Reason, State
from events.models import LoggedMove, Occurrence, Retention, Transition
from events.operations import EntityFacts
from events.queries import audit
from events.queries.audit import MOST_KEPT, audit_log
from tests.engine.handlers import Idempotent, NonIdempotent, Transactional
from tests.engine.world import World

if TYPE_CHECKING:
    from events.dispatch import Chunk

pytestmark = pytest.mark.django_db

THIRD_TIME = 3


def by_turns(context: HandlerContext) -> Outcome:
    """Every kind of answer: the person's number decides which, and the third attempt completes."""
    if context.attempt >= THIRD_TIME:
        return Completed()
    answers: list[Outcome] = [
        Completed({"done": True}), Retry("a 503"), Retry("a 429", after=timedelta(minutes=2)),
        Postpone(context.due_at + timedelta(minutes=5)), Decline("nothing to do"), Reject("a 404"), Unsure("a reset"),
    ]  # fmt: skip
    return answers[int(context.entity.external_id[1:]) % len(answers)]


def live_a_little(world: World) -> None:
    """Every answer of every kind of handler; lost messages, lost workers, late answers; what people do."""
    for handler in (Idempotent, NonIdempotent, Transactional):
        handler.answer = staticmethod(by_turns)
        world.due(8, handler=handler.name)
    lost, lapsed = world.claim(batch=2, chunk=1)
    started = start(world, lost)
    world.now += timedelta(minutes=5)
    world.recover()
    settlement = transitions.Settlement(State.COMPLETED, Reason.COMPLETED, "completed")
    transitions.settle({started.id: settlement}, token=lost.token, origin=world.origin("worker:late"))
    world.run(lapsed)
    rows = Occurrence.objects.order_by("-id")
    cancelled, moved = rows[0], rows[1].entity
    operations.cancel([cancelled.pk], why="not wanted", origin=world.origin())
    facts = EntityFacts(moved.kind, moved.external_id, "Asia/Tokyo", moved.name)
    operations.put_entities([facts], origin=world.origin())
    world.pass_time(world.now + timedelta(hours=2))
    dead = list(Occurrence.objects.filter(state__in=["FAILED", "UNKNOWN"]).values_list("id", flat=True))
    transitions.amend({dead[0]: {"to": "bob"}}, why="another address", origin=world.origin())
    transitions.refuse([cancelled.pk], verb="replay", why="too late", origin=world.origin(), wait=True)
    assert audit_log().total == 0  # a row keeps its own reason through both
    operations.replay(dead[1:], why="mended", origin=world.origin())
    operations.resolve(dead[:1], to_state=State.COMPLETED, why="asked them", origin=world.origin())
    world.pass_time(world.now + timedelta(minutes=30))


def start(world: World, chunk: Chunk) -> transitions.Started:
    """A worker starts the chunk's one row, and is not heard of again."""
    (row,) = transitions.start(
        chunk.ids, token=chunk.token, handler=chunk.handler, kind="idempotent", task_id="",
        lease_until=world.now + timedelta(minutes=1), origin=world.origin("worker:lost"),
    )  # fmt: skip
    return row


def test_every_way_through_audits_clean(world: World) -> None:
    live_a_little(world)
    done = audit_log()
    told = set(LoggedMove.objects.values_list("reason", flat=True))
    assert told >= {
        "completed", "attempt_failed", "postponed", "declined", "rejected", "outcome_unknown", "worker_lost",
        "claim_lapsed", "late_answer", "cancelled", "moved", "replayed", "resolved", "amended", "refused",
    }  # fmt: skip
    assert done.disagreements == ()
    assert (done.rows, done.moves, done.total) == (
        Occurrence.objects.count(),
        LoggedMove.objects.count(),
        0,
    )


@pytest.fixture
def row(world: World) -> Occurrence:
    """Tried twice and completed, between two others that nobody touches."""
    Idempotent.answer = staticmethod(lambda context: Retry("") if context.attempt == 1 else Completed())
    _, row, _ = world.due(3, handler="idempotent")
    world.pass_time(world.now + timedelta(minutes=15))
    assert [reason for *_, reason in world.story(row)] == [
        "planned", "claimed", "started", "attempt_failed", "claimed", "started", "completed",
    ]  # fmt: skip
    assert audit_log().total == 0
    row.refresh_from_db()
    return row


ONE_BY_ONE = """
CREATE TEMPORARY TABLE told ON COMMIT DROP AS SELECT * FROM events_move;
SET LOCAL session_replication_role = replica;
DELETE FROM events_transition;
INSERT INTO events_transition (occurrence_id, from_state, to_state, reason, actor, attempt, claim_token,
                               correlation_id, at, detail)
SELECT occurrence_id, from_state, to_state, reason, actor, attempt, claim_token, correlation_id, at, detail
FROM told ORDER BY number, occurrence_id;
SET LOCAL session_replication_role = DEFAULT
"""


@pytest.fixture
def alone(row: Occurrence) -> Occurrence:
    """The same, in a log in which nobody moved together with others."""
    with connection.cursor() as cursor:
        cursor.execute(ONE_BY_ONE)
    assert audit_log().total == 0
    assert not Transition.objects.filter(occurrence=None).exists()
    return row


def forge(statement: str, row: Occurrence) -> None:
    """Write past every trigger and constraint that a trigger keeps."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement.format(id=row.pk))
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


LOG = "UPDATE events_transition SET {} WHERE occurrence_id = {{id}} AND reason = '{}' AND attempt = {}"
ROW = "UPDATE events_occurrence SET {} WHERE id = {{id}}"
TRY = "UPDATE events_attempt SET {} WHERE occurrence_id = {{id}} AND number = 1"
INSERTED = (
    "INSERT INTO events_attempt (occurrence_id, number, handler_kind, task_id, worker, started_at, outcome)"
    " VALUES ({id}, 3, 'idempotent', '', 'worker:test', now(), '')"
)
FORGED = {
    "a first move from elsewhere": (
        LOG.format("from_state = 'PENDING'", "planned", 0),
        r"its first move \(\d+, planned\) leads from PENDING to SCHEDULED, not from nowhere to SCHEDULED",
    ),
    "a lost first move": (
        "DELETE FROM events_transition WHERE occurrence_id = {id} AND reason = 'planned'",
        r"its first move \(\d+, claimed\) leads from SCHEDULED to PENDING, not from nowhere to SCHEDULED",
    ),
    "a move out of nowhere": (
        LOG.format("from_state = 'SCHEDULED'", "claimed", 1),
        r"move \d+ \(claimed\) starts in SCHEDULED, and the one before it ended in RETRYING",
    ),
    "a lost move": (
        "DELETE FROM events_transition WHERE occurrence_id = {id} AND reason = 'attempt_failed'",
        r"move \d+ \(claimed\) starts in RETRYING, and the one before it ended in PROCESSING",
    ),
    "an illegal move": (
        LOG.format("to_state = 'CANCELLED'", "attempt_failed", 1)
        + ";"
        + LOG.format("from_state = 'CANCELLED'", "claimed", 1),
        r"move \d+ \(attempt_failed\) is illegal: PROCESSING to CANCELLED",
    ),
    "another state": (
        ROW.format("state = 'SKIPPED'"),
        r"its row is SKIPPED, and its log ends in COMPLETED",
    ),
    "another reason": (
        ROW.format("reason = 'resolved'"),
        r"its row gives the reason resolved, and its log ends with completed",
    ),
    "another count of attempts": (
        ROW.format("attempt = 3"),
        r"its row counts 3 attempts, and its log 2 starts",
    ),
    "another end": (
        ROW.format("finished_at = finished_at + interval '1 microsecond'"),
        r"its row ended at 2027-03-01 .*, and its log at 2027-03-01 .*",
    ),
    "another claim": (
        ROW.format(
            "state = 'PENDING', finished_at = NULL, lease_expires_at = now(), claim_token = gen_random_uuid()"
        )
        + ";"
        + LOG.format("to_state = 'PENDING', from_state = 'PENDING'", "completed", 2),
        r"its row shows another claim token than the last move of its log",
    ),
    "a row that the log does not know": (
        "DELETE FROM events_transition WHERE occurrence_id = {id}",
        r"the log has no move of it",
    ),
    "an attempt without a start": (
        INSERTED,
        r"attempt 3 has a row, and no move started it",
    ),
    "a start without an attempt": (
        "DELETE FROM events_attempt WHERE occurrence_id = {id} AND number = 1",
        r"attempt 1 is in the log \(move \d+\), and has no row",
    ),
    "attempts that are not numbered from one": (
        TRY.format("number = 0"),
        r"attempt 0 has a row, and no move started it",
    ),
    "a move of another attempt": (
        LOG.format("attempt = 1", "completed", 2),
        r"move \d+ \(completed\) is of attempt 1, and by then 2 had started",
    ),
    "an outcome of another claim": (
        LOG.format("claim_token = gen_random_uuid()", "completed", 2),
        r"move \d+ \(completed\) shows another claim token than the one before it \(started\)",
    ),
    "an outcome of no claim": (
        LOG.format("claim_token = NULL", "attempt_failed", 1),
        r"move \d+ \(attempt_failed\) shows another claim token than the one before it \(started\)",
    ),
    "a start of another claim": (
        LOG.format("claim_token = gen_random_uuid()", "started", 2),
        r"move \d+ \(started\) shows another claim token than the one before it \(claimed\)",
    ),
    "an outcome before its start": (
        LOG.format("at = at - interval '2 seconds'", "completed", 2),
        r"move \d+ \(completed\) was made at .*, before the one that it follows from \(started, at .*\)",
    ),
    "a decision long ago": (
        LOG.format("at = at - interval '2 hours'", "claimed", 1),
        r"move \d+ \(claimed\) was made at .*, long before the one before it \(at .*\)",
    ),
    "an attempt that goes on": (
        TRY.format("finished_at = NULL, outcome = ''"),
        r"attempt 1 is not finished, and move \d+ \(attempt_failed\) ended it",
    ),
    "an attempt that nothing ended": (
        "DELETE FROM events_transition WHERE occurrence_id = {id} AND reason = 'completed'",
        r"attempt 2 is finished, and no move ended it",
    ),
    "an attempt that started at another time": (
        TRY.format("started_at = started_at - interval '1 microsecond'"),
        r"attempt 1 started at .*, and move \d+ says .*",
    ),
    "an attempt that finished at another time": (
        TRY.format("finished_at = finished_at + interval '1 microsecond'"),
        r"attempt 1 finished at .*, and move \d+ says .*",
    ),
}


@pytest.mark.parametrize(("statement", "sentence"), FORGED.values(), ids=FORGED)
def test_what_was_written_past_the_one_door_is_named(
    alone: Occurrence, statement: str, sentence: str
) -> None:
    forge(statement, alone)
    found = audit_log()
    assert {each.occurrence_id for each in found.disagreements} == {alone.pk}
    assert len(found.disagreements) == found.total
    problems = "\n".join(each.problem for each in found.disagreements)
    assert re.search(rf"(?m)^{sentence}$", problems), problems


def test_a_row_that_is_gone_is_missed_unless_it_was_dropped_on_purpose(alone: Occurrence) -> None:
    forge("DELETE FROM events_attempt WHERE occurrence_id = {id}", alone)
    forge("DELETE FROM events_occurrence WHERE id = {id}", alone)
    gone = "its row is gone, and no row that ended as late as 2027-03-01 00:00:30+00 was dropped"
    assert [each.problem for each in audit_log().disagreements] == [gone]
    ended = datetime(2027, 3, 1, 0, 0, 30, tzinfo=UTC)
    kept = Retention.objects.create(what="rows", before=ended, dropped=1, dropped_at=ended, actor="user:bob")
    assert audit_log().total == 1
    Retention.objects.filter(pk=kept.pk).update(before=ended + timedelta(microseconds=1))
    assert audit_log().total == 0
    forge("DELETE FROM events_transition WHERE occurrence_id = {id} AND reason = 'completed'", alone)
    assert "its row is gone, and its log ends in PROCESSING" in str(audit_log().disagreements)


def test_an_instant_within_a_second_is_the_clocks_own_affair(alone: Occurrence) -> None:
    back = "at = at - interval '900 milliseconds'"
    forge(LOG.format(back, "started", 2), alone)
    forge(
        TRY.replace("number = 1", "number = 2").format("started_at = started_at - interval '900 ms'"), alone
    )
    assert audit_log().total == 0


def test_only_the_rows_that_were_asked_for_are_looked_at(row: Occurrence) -> None:
    forge(ROW.format("reason = 'resolved'"), row)
    assert audit_log(after_id=row.pk).total == audit_log(up_to_id=row.pk - 1).total == 0
    only = audit_log(after_id=row.pk - 1, up_to_id=row.pk)
    assert (only.rows, only.moves, only.total) == (1, 7, 1)


def test_it_goes_set_by_set_counts_all_and_keeps_the_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "STEP", 30)
    rows = world.due(MOST_KEPT + 20)
    Occurrence.objects.update(reason="resolved")
    ends: list[int] = []
    found = audit_log(after_id=rows[0].pk - 1, tell=ends.append)
    assert ends == [rows[0].pk - 1 + done for done in (30, 60, 90, 120)]
    assert (found.rows, found.total) == (MOST_KEPT + 20, MOST_KEPT + 20)
    assert [each.occurrence_id for each in found.disagreements] == [each.pk for each in rows[:MOST_KEPT]]
