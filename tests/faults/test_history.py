"""The checker of histories complains of each thing that must not be, and of nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from events.handling import Kind
from tests.faults.checker import examine
from tests.faults.history import Call, History, Move, Row, Try

if TYPE_CHECKING:
    from collections.abc import Callable

DUE = datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
FIRST, SECOND = UUID(int=1), UUID(int=2)
EFFECT, HOOK, CALL = 1, 2, 3
KINDS = {EFFECT: Kind.TRANSACTIONAL, HOOK: Kind.IDEMPOTENT, CALL: Kind.NON_IDEMPOTENT}
ALICE, BOB = "worker:alice:1", "worker:bob:2"


def healthy() -> History:
    """One row of each kind; each was lost by Alice once and completed by Bob, but for the call, which Alice made."""
    history = History(expected=dict.fromkeys(KINDS, 1))
    for row_id, kind in KINDS.items():
        attempts = 1 if kind is Kind.NON_IDEMPOTENT else 2
        row = Row(
            row_id, row_id, kind, f"key-{row_id}", "COMPLETED", "completed", DUE, attempts, attempts - 1
        )
        history.add_row(row)
        history.moves[row_id] = log(row_id, attempts)
        history.tries[row_id] = tries(row_id, attempts)
    history.effects = {EFFECT: 1}
    history.calls = {
        "key-2": [call("key-2", 0.5), call("key-2", 13)],
        "key-3": [call("key-3", 0.5)],
    }
    return history


def log(row_id: int, attempts: int) -> list[Move]:
    """Planned, claimed and started, lost and claimed again, settled by whoever started it last."""
    move = Move(row_id, "", "SCHEDULED", "planned", "engine:x", 0, None, DUE - timedelta(hours=1))
    moves = [move]
    for attempt in range(1, attempts + 1):
        actor, token = (ALICE, FIRST) if attempt < 2 else (BOB, SECOND)
        before = moves[-1].to_state
        moves += [
            replace(move, from_state=before, to_state="PENDING", attempt=attempt - 1, token=token),
            replace(
                move, from_state="PENDING", to_state="PROCESSING", reason="started", actor=actor,
                attempt=attempt, token=token,
            ),
        ]  # fmt: skip
        ending = (
            ("COMPLETED", "completed", actor)
            if attempt == attempts
            else ("RETRYING", "worker_lost", "engine:x")
        )
        moves.append(
            replace(moves[-1], from_state="PROCESSING", to_state=ending[0], reason=ending[1], actor=ending[2])
        )
    return moves


def tries(row_id: int, attempts: int) -> list[Try]:
    lost = Try(row_id, 1, ALICE, DUE, DUE + timedelta(seconds=12), "lost")
    last = Try(row_id, attempts, BOB, DUE + timedelta(seconds=12), DUE + timedelta(seconds=13), "completed")
    return [lost, last][2 - attempts :]


def call(key: str, seconds: float) -> Call:
    return Call(key, DUE.timestamp() + seconds, "/ok")


def change(history: History, row_id: int, **fields: object) -> None:
    history.rows[row_id] = replace(history.rows[row_id], **fields)  # type: ignore[arg-type]


def change_move(history: History, row_id: int, place: int, **fields: object) -> None:
    history.moves[row_id][place] = replace(history.moves[row_id][place], **fields)  # type: ignore[arg-type]


def change_try(history: History, row_id: int, place: int, **fields: object) -> None:
    history.tries[row_id][place] = replace(history.tries[row_id][place], **fields)  # type: ignore[arg-type]


def test_a_history_with_a_lost_worker_that_holds_every_promise_has_no_violation() -> None:
    assert examine(healthy()) == []


SPOILED: dict[str, tuple[Callable[[History], object], str, str]] = {
    "a row is missing": (
        lambda history: history.rows.pop(CALL), "lost", "rule 3 has 0 rows, and should have 1"),
    "a row never ended": (
        lambda history: change(history, HOOK, state="RETRYING"), "ended", "it is RETRYING"),
    "a transactional row is unknown": (
        lambda history: change(history, EFFECT, state="UNKNOWN"), "ended", "it is UNKNOWN"),
    "an effect came twice": (
        lambda history: history.effects.update({EFFECT: 2}), "effects", "it is COMPLETED and has 2 effects"),
    "an effect is missing": (
        lambda history: history.effects.clear(), "effects", "it is COMPLETED and has 0 effects"),
    "an effect of a row that failed": (
        lambda history: change(history, EFFECT, state="FAILED"), "effects", "it is FAILED and has 1 effects"),
    "a call that must not be repeated was": (
        lambda history: history.calls["key-3"].append(call("key-3", 1)), "calls", "it was called 2 times"),
    "a hook was called more often than tried": (
        lambda history: history.calls["key-2"].append(call("key-2", 14)), "calls", "it was called 3 times in 2"),
    "a row completed without its call": (
        lambda history: history.calls.pop("key-2"), "calls", "it is COMPLETED and was never called"),
    "a row that nobody started was called": (
        lambda history: change(history, CALL, attempt=0), "calls", "it was called 1 times in 0 attempts"),
    "an attempt started early": (
        lambda history: change_try(history, EFFECT, 0, started_at=DUE - timedelta(milliseconds=51)),
        "early", "attempt 1 started 0:00:00.051000 before it was due"),
    "a call came early": (
        lambda history: history.calls.update({"key-3": [call("key-3", -0.06)]}), "early", "it was called 0.060 s"),
    "the log has a hole": (
        lambda history: history.moves[HOOK].pop(1), "replay", "its log goes on from PENDING after it had come to SCH"),
    "the log lacks the planning": (
        lambda history: history.moves[HOOK].pop(0), "replay", "its log does not begin with its planning"),
    "the log has an illegal move": (
        lambda history: history.moves[CALL].append(
            replace(history.moves[CALL][-1], from_state="COMPLETED", to_state="PENDING", reason="claimed")),
        "replay", "its log moves it from COMPLETED to PENDING"),
    "the log ends elsewhere": (
        lambda history: change(history, CALL, state="UNKNOWN"), "replay", "its log ends at COMPLETED (1)"),
    "a stale token settled": (
        lambda history: change_move(history, EFFECT, -1, token=FIRST), "fence", f"under {FIRST}"),
    "a stale worker settled": (
        lambda history: change_move(history, EFFECT, -1, actor=ALICE), "fence", f"{ALICE} settled attempt 2"),
    "a stale attempt was settled": (
        lambda history: change_move(history, EFFECT, -1, attempt=1), "fence", "settled attempt 1"),
    "an attempt is missing": (
        lambda history: history.tries[HOOK].pop(0), "attempts", "it is at attempt 2, with 1 attempts and 2 starts"),
    "a start is missing from the log": (
        lambda history: change_move(history, HOOK, 2, reason="claimed"), "attempts", "2 attempts and 1 starts"),
    "an attempt has no end": (
        lambda history: change_try(history, HOOK, 0, finished_at=None), "attempts", "an attempt that has no end"),
    "two attempts completed": (
        lambda history: change_try(history, HOOK, 0, outcome="completed"), "attempts", "2 completed attempts"),
    "more failures than attempts": (
        lambda history: change(history, CALL, failures=2), "attempts", "it has 2 failures in 1 attempts"),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILED)
def test_it_complains_when(what: str) -> None:
    spoil, promise, words = SPOILED[what]
    history = healthy()
    spoil(history)
    found = examine(history)
    assert any(each.promise == promise and words in each.sentence for each in found), found


def test_a_call_of_unknown_outcome_and_49_milliseconds_of_clock_noise_are_no_violations() -> None:
    history = healthy()
    change(history, CALL, state="UNKNOWN", reason="outcome_unknown")
    change_move(history, CALL, -1, to_state="UNKNOWN", reason="outcome_unknown")
    change_try(history, CALL, 0, outcome="unknown", started_at=DUE - timedelta(milliseconds=49))
    assert examine(history) == []
