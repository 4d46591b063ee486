"""Handlers whose effect is in our database: effect and COMPLETED commit together, or neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection, transaction

from events import transitions
from events.execution.answers import failure, sound
from events.handling import Completed
from events.lifecycle import Reason

if TYPE_CHECKING:
    from events.execution.chunks import ChunkRun
    from events.handling import Outcome
    from events.transitions import Started


class Apart(Exception):
    """Some rows of the set need a transaction step of their own; unwinds the common one."""


def run_transactions(chunk: ChunkRun) -> None:
    """All rows in one transaction; if they do not all complete there, nothing of it stays and each runs apart."""
    if chunk.bench.stopping():
        chunk.give_back(chunk.order.ids, Reason.WORKER_STOPPING)
        return
    rows = chunk.start(chunk.order.ids)
    if rows:
        try:
            _together(chunk, rows)
        except Apart:
            _apart(chunk, rows)


def _together(chunk: ChunkRun, rows: list[Started]) -> None:
    with transaction.atomic():
        if len(_fenced(chunk, rows)) < len(rows):
            raise Apart
        try:
            with transaction.atomic():
                outcomes = list(chunk.handler.handle_batch([chunk.context(row) for row in rows]))
                connection.check_constraints()
        except (Exception, SystemExit) as error:  # a handler may raise anything; the rows then run apart
            raise Apart from error
        if len(outcomes) != len(rows) or not all(isinstance(outcome, Completed) for outcome in outcomes):
            raise Apart
        chunk.settle(
            [
                (row, sound(outcome, chunk.handler, chunk.handler.kind))
                for row, outcome in zip(rows, outcomes, strict=True)
            ]
        )


def _apart(chunk: ChunkRun, rows: list[Started]) -> None:
    with transaction.atomic():
        held = _fenced(chunk, rows)
        chunk.note_lost([row for row in rows if row.id not in held])
        chunk.settle([(row, _one(chunk, row)) for row in rows if row.id in held])


def _fenced(chunk: ChunkRun, rows: list[Started]) -> set[int]:
    # Held to the end of the transaction: recovery passes locked rows over, however long their handlers take.
    return transitions.fence([row.id for row in rows], token=chunk.order.token, origin=chunk.origin())


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
