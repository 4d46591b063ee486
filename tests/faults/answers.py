"""Receivers that answer badly, and handlers that die of one entity: the work is the fault."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from events.handling import Kind
from events.lifecycle import Reason, State
from tests.faults.experiment import Step
from tests.faults.handlers import CALL, EFFECT, HOOK
from tests.faults.streams import Stream, mix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.experiment import Found
    from tests.faults.history import Row

RETRY_AFTER = timedelta(seconds=3)
CLOCK_NOISE = timedelta(milliseconds=50)
REFUSALS = {
    "refused": "/status/500?fail=2",
    "throttled": f"/retry-after/{RETRY_AFTER.seconds}?fail=2&status=429",
    "away": f"/retry-after/{RETRY_AFTER.seconds}?fail=1&form=date",
    # the effect happens, and the reply is dropped
    "dropped": "/reset?fail=2",
}
# A call that is never answered costs its whole timeout, so there are few of them.
SILENT, SILENT_SHARE = "/hang?fail=1", 0.01

BAD_ANSWERS = (
    *mix()[:3],
    *(Stream(name, "webhook", Kind.IDEMPOTENT, 0.1, path=path) for name, path in REFUSALS.items()),
    Stream("silent", "webhook", Kind.IDEMPOTENT, SILENT_SHARE, 1, path=SILENT),
    Stream("calls-refused", CALL, Kind.NON_IDEMPOTENT, 0.05, path="/status/500"),
    Stream("calls-dropped", CALL, Kind.NON_IDEMPOTENT, 0.05, path="/reset"),
    Stream("calls-silent", CALL, Kind.NON_IDEMPOTENT, SILENT_SHARE, 1, path="/hang"),
)


def _of(found: Found, stream: str) -> list[Row]:
    rule = found.rig.load.rules[stream].pk
    return [row for row in found.history.rows.values() if row.rule_id == rule]


def answered(found: Found) -> Iterator[str]:
    """What may be called again is COMPLETED in the end; what may not, and was not answered with 200, is UNKNOWN."""
    for name in found.rig.load.rules:
        wanted = State.UNKNOWN if name.startswith("calls-") else State.COMPLETED
        wrong = [row for row in _of(found, name) if row.state != wanted]
        if wrong:
            yield f"{len(wrong)} rows of {name} are not {wanted}, such as occurrence {wrong[0].id}"
    for name, path in {**REFUSALS, "silent": SILENT}.items():
        refused = int(path.split("fail=")[1][0])
        wrong = [row for row in _of(found, name) if len(found.history.calls[row.key]) != refused + 1]
        if wrong:
            yield f"{len(wrong)} rows of {name} were not called {refused + 1} times, such as {wrong[0].id}"


def not_sooner(found: Found) -> Iterator[str]:
    """No second call comes before the receiver's Retry-After."""
    for name in ("throttled", "away"):
        for row in _of(found, name):
            for before, after in pairwise(found.history.calls[row.key]):
                waited = after.received_at - before.received_at
                if waited < (RETRY_AFTER - CLOCK_NOISE).total_seconds():
                    yield f"occurrence {row.id} of {name} was called again after {waited:.3f} s"


POISON, POISONED_SHARE, POISON_ATTEMPTS = "0", 0.03, 3
_POISON = {"payload": {"data": {"poison": POISON}}, "fields": {"max_attempts": POISON_ATTEMPTS}}
POISONED = (
    *mix(),
    Stream("poisoned-effects", EFFECT, Kind.TRANSACTIONAL, POISONED_SHARE, 1, **_POISON),  # type: ignore[arg-type]
    Stream("poisoned-hooks", HOOK, Kind.IDEMPOTENT, POISONED_SHARE, 1, **_POISON),  # type: ignore[arg-type]
    Stream("poisoned-calls", CALL, Kind.NON_IDEMPOTENT, POISONED_SHARE, 1, **_POISON),  # type: ignore[arg-type]
)


def poisoning() -> list[Step]:
    """Nothing to do: the rows themselves kill. Each takes a worker at each of its attempts.

    The first attempt, in company, is not counted against the row; the others are.
    """
    return [Step(0, "three rows kill whoever runs them", lambda _: None, hits=2 * (POISON_ATTEMPTS + 1) + 1)]


def poison_ends(found: Found) -> Iterator[str]:
    """A poisoned row spends its attempts, or is UNKNOWN; its neighbours complete."""
    for name in found.rig.load.rules:
        poisoned = _poisoned(found, name) if name.startswith("poisoned-") else None
        if poisoned is not None:
            yield from _ended_as_poison(poisoned)
        healthy = [row for row in _of(found, name) if row != poisoned and row.state != State.COMPLETED]
        lost = [row for row in healthy if (row.kind, row.state) != (Kind.NON_IDEMPOTENT, State.UNKNOWN)]
        if lost:
            yield f"{len(lost)} neighbours in {name} are not COMPLETED, such as occurrence {lost[0].id}"


def _ended_as_poison(row: Row) -> Iterator[str]:
    state, attempts = (
        (State.UNKNOWN, {1})
        if row.kind is Kind.NON_IDEMPOTENT
        else (State.FAILED, {POISON_ATTEMPTS, POISON_ATTEMPTS + 1})
    )
    if (row.state, row.reason) != (state, Reason.WORKER_LOST) or row.attempt not in attempts:
        yield f"poisoned occurrence {row.id} is {row.state} ({row.reason}) after {row.attempt} attempts"


def _poisoned(found: Found, name: str) -> Row:
    from events.models import Occurrence

    rule = found.rig.load.rules[name]
    row_id = Occurrence.objects.values_list("id", flat=True).get(rule=rule, entity__external_id=POISON)
    return found.history.rows[row_id]
