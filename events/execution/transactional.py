"""Handlers whose effect is in our database: effect and COMPLETED commit together, or neither."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import transaction

from events import transitions
from events.handling import Completed, Retry
from events.lifecycle import Reason

if TYPE_CHECKING:
    from events.execution.chunks import ChunkRun
    from events.handling import Outcome
    from events.transitions import Started

logger = logging.getLogger(__name__)


class Apart(Exception):
    """Some rows of the set need a transaction step of their own."""


def run_transactions(chunk: ChunkRun) -> None:
    """All rows in one transaction; if they do not all complete there, nothing of it stays and each runs apart."""
    if chunk.bench.stopping():
        chunk.give_back(chunk.order.ids, Reason.WORKER_STOPPING)
        return
    rows = chunk.start(chunk.order.ids)
    if len(rows) < len(chunk.order.ids):
        chunk.give_back(chunk.order.ids, Reason.START_REFUSED)
    if rows:
        try:
            _together(chunk, rows)
        except Apart:
            _apart(chunk, rows)


def _together(chunk: ChunkRun, rows: list[Started]) -> None:
    with transaction.atomic():
        try:
            with transaction.atomic():
                outcomes = chunk.handler.handle_batch([chunk.context(row) for row in rows])
        except Exception as error:
            raise Apart from error
        if len(outcomes) != len(rows) or not all(isinstance(outcome, Completed) for outcome in outcomes):
            raise Apart
        counted = chunk.summary.outcomes.copy()
        if len(chunk.settle(list(zip(rows, outcomes, strict=True)))) < len(rows):
            chunk.summary.outcomes = counted
            raise Apart  # a lease was lost meanwhile: that row's effect must not stay


def _apart(chunk: ChunkRun, rows: list[Started]) -> None:
    with transaction.atomic():
        held = transitions.fence([row.id for row in rows], token=chunk.order.token, origin=chunk.origin())
        chunk.settle([(row, _one(chunk, row) if row.id in held else Retry("claim lost")) for row in rows])


def _one(chunk: ChunkRun, row: Started) -> Outcome:
    """One row's outcome; its effect stays only if it completed."""
    try:
        with transaction.atomic():
            outcome = chunk.handler.handle(chunk.context(row))
            if not isinstance(outcome, Completed):
                transaction.set_rollback(True)
            return outcome
    except Exception as error:  # the isolation point: one row's failure is its own outcome
        logger.exception("handler %s raised for occurrence %s", chunk.handler.name, row.id)
        return Retry(f"{type(error).__name__}: {error}")
