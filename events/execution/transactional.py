"""Handlers whose effect is in our database: effect and COMPLETED commit together, or neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection, transaction

from events import transitions
from events.execution.answers import failure, sound
from events.handling import Completed
from events.lifecycle import Reason
from events.transitions import chunk_runs

if TYPE_CHECKING:
    from events.execution.chunks import ChunkRun
    from events.handling import Outcome
    from events.transitions import Settlement, Started
    from events.transitions.chunk_runs import Run


class Apart(Exception):
    """Some rows of the set need a step of their own; takes the common transaction back."""


def run_transactions(chunk: ChunkRun) -> None:
    """All rows in one transaction; if they do not all complete there, nothing of it stays and each runs apart."""
    if chunk.bench.stopping():
        chunk.give_back(chunk.order.ids, Reason.WORKER_STOPPING)
        return
    run = chunk.take_up()
    if run is None:
        return
    try:
        settlements = _together(chunk, run)
    except (Exception, SystemExit):  # noqa: BLE001 - a handler may raise anything, and what it wrote be refused at last
        run_apart(chunk, run, chunk.start(run.ids))
        return
    chunk.summary.outcomes.update(each.outcome for each in settlements.values())
    if len(settlements) < len(run.ids):
        chunk.give_back(run.ids, Reason.START_REFUSED)


@transaction.atomic
def _together(chunk: ChunkRun, run: Run) -> dict[int, Settlement]:
    """Nothing is locked, so that a cancellation waits for no handler: whose rows it takes run again without them.

    But a group's messages are parts of its row, which only a lock keeps as they were read.
    """
    found = chunk_runs.read(run, handler=chunk.handler.name)
    if any(row.rule.is_grouped for row in found.rows):
        found = chunk_runs.read(run, handler=chunk.handler.name, locked=True)
    answers, to_call = chunk.sorted_out(found.rows)
    if to_call:
        outcomes = list(chunk.handler.handle_batch([chunk.context(row) for row in to_call]))
        if not all(isinstance(outcome, Completed) for outcome in outcomes):
            raise Apart
        sounded = (sound(outcome, chunk.handler, chunk.handler.kind) for outcome in outcomes)
        answers += zip(to_call, sounded, strict=True)
    origin = chunk.origin()
    settlements = chunk.judge(answers, origin.now)
    moved = chunk_runs.end(run, settlements, versions=found.versions, origin=origin)
    if moved < len(settlements):
        raise Apart
    chunk.wake_others(answers, origin)
    return settlements


def run_apart(chunk: ChunkRun, run: Run, rows: list[Started]) -> None:
    """The same for rows that were started one by one, and are locked: a handler may move what it is the handler of."""
    with transaction.atomic():
        chunk_runs.leave(run)
        # Held to the end of the transaction: recovery passes locked rows over, however long their handlers take.
        held = transitions.fence([row.id for row in rows], token=chunk.order.token, origin=chunk.origin())
        chunk.note_lost([row for row in rows if row.id not in held])
        chunk.settle([(row, _one(chunk, row)) for row in rows if row.id in held])


def _one(chunk: ChunkRun, row: Started) -> Outcome:
    """One row's outcome; its effect stays only if it completed."""
    try:
        with transaction.atomic():
            (answer,) = chunk.handler.handle_batch([chunk.context(row)])
            outcome = sound(answer, chunk.handler, chunk.handler.kind)
            if isinstance(outcome, Completed):
                connection.check_constraints()
            else:
                transaction.set_rollback(True)
            return outcome
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the isolation point: its own outcome
        return failure(error, chunk.handler, chunk.handler.kind, row.id)
