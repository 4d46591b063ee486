"""The checker: what a history must fulfil, whatever was broken meanwhile. Each rule yields what contradicts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from events.handling import Kind
from events.lifecycle import FINAL, LEGAL_MOVES, Reason, State

if TYPE_CHECKING:
    from tests.faults.history import History, Move, Row

EARLY = timedelta(milliseconds=50)
ENDED = FINAL | {State.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise: which one, in a sentence, and of which occurrence if it is one's."""

    promise: str
    sentence: str
    occurrence_id: int | None = None


def examine(history: History) -> list[Violation]:
    """Everything in the history that contradicts a promise."""
    found = list(_missing(history))
    for promise, rule in RULES.items():
        for row in history.rows.values():
            found += [Violation(promise, sentence, row.id) for sentence in rule(history, row)]
    return found


def _missing(history: History) -> Iterator[Violation]:
    there = Counter(row.rule_id for row in history.rows.values())
    for rule_id, expected in history.expected.items():
        if there[rule_id] != expected:
            yield Violation("lost", f"rule {rule_id} has {there[rule_id]} rows, and should have {expected}")


def _ended(_: History, row: Row) -> Iterator[str]:
    if row.state not in ENDED:
        yield f"it is {row.state} ({row.reason}) when all should be over"
    elif row.state == State.UNKNOWN and row.kind is not Kind.NON_IDEMPOTENT:
        yield f"it is UNKNOWN, though its handler is {row.kind}"


def _effects(history: History, row: Row) -> Iterator[str]:
    if row.kind is Kind.TRANSACTIONAL:
        effects, wanted = history.effects.get(row.id, 0), int(row.state == State.COMPLETED)
        if effects != wanted:
            yield f"it is {row.state} and has {effects} effects"


def _calls(history: History, row: Row) -> Iterator[str]:
    if row.kind is Kind.TRANSACTIONAL:
        return
    calls = len(history.calls.get(row.key, ()))
    most = min(row.attempt, 1) if row.kind is Kind.NON_IDEMPOTENT else row.attempt
    if calls > most:
        yield f"it was called {calls} times in {row.attempt} attempts, {row.kind}"
    if row.state == State.COMPLETED and not calls:
        yield "it is COMPLETED and was never called"


def _early(history: History, row: Row) -> Iterator[str]:
    earliest = row.due_at - EARLY
    for attempt in history.tries[row.id]:
        if attempt.started_at < earliest:
            yield f"attempt {attempt.number} started {row.due_at - attempt.started_at} before it was due"
    for call in history.calls.get(row.key, ()):
        if call.received_at < earliest.timestamp():
            yield f"it was called {row.due_at.timestamp() - call.received_at:.3f} s before it was due"


def _replayed(history: History, row: Row) -> Iterator[str]:
    """The log, from the first move to the last, leads to where the row stands."""
    moves = history.moves[row.id]
    if not moves or (moves[0].from_state, moves[0].to_state) != ("", State.SCHEDULED):
        yield "its log does not begin with its planning"
        return
    for before, move in pairwise(moves):
        if move.from_state != before.to_state:
            yield f"its log goes on from {move.from_state} after it had come to {before.to_state}"
        elif move.to_state not in {move.from_state, *LEGAL_MOVES[State(move.from_state)]}:
            yield f"its log moves it from {move.from_state} to {move.to_state}"
    if (moves[-1].to_state, moves[-1].attempt) != (row.state, row.attempt):
        yield f"its log ends at {moves[-1].to_state} ({moves[-1].attempt}), and it is {row.state} ({row.attempt})"


def _fenced(history: History, row: Row) -> Iterator[str]:
    """Whoever moves a row out of PROCESSING is the worker who started it, with the same token and attempt."""
    started: Move | None = None
    for move in history.moves[row.id]:
        if move.reason == Reason.STARTED:
            started = move
        elif move.from_state == State.PROCESSING != move.to_state and move.actor.startswith("worker:"):
            holder = started and (started.actor, started.token, started.attempt)
            if holder != (move.actor, move.token, move.attempt):
                yield f"{move.actor} settled attempt {move.attempt} under {move.token}, which {holder} had started"


def _attempted(history: History, row: Row) -> Iterator[str]:
    """Attempts are numbered without a gap, logged, over, and at most one completed."""
    tries = history.tries[row.id]
    starts = sum(move.reason == Reason.STARTED for move in history.moves[row.id])
    if [each.number for each in tries] != list(range(1, row.attempt + 1)) or starts != row.attempt:
        yield f"it is at attempt {row.attempt}, with {len(tries)} attempts and {starts} starts in the log"
    if row.failures > row.attempt:
        yield f"it has {row.failures} failures in {row.attempt} attempts"
    if row.state in ENDED and any(each.finished_at is None for each in tries):
        yield f"it is {row.state} with an attempt that has no end"
    completed = sum(each.outcome == "completed" for each in tries)
    if completed > 1 or (row.state == State.COMPLETED) != (completed == 1):
        yield f"it is {row.state} with {completed} completed attempts"


Rule = Callable[["History", "Row"], Iterator[str]]
RULES: dict[str, Rule] = {
    "ended": _ended,
    "effects": _effects,
    "calls": _calls,
    "early": _early,
    "replay": _replayed,
    "fence": _fenced,
    "attempts": _attempted,
}
