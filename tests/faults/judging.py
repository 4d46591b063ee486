"""What came of an experiment: its figures, what contradicts the promises, and the stories of some of those rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from events.lifecycle import LOST_ATTEMPT, Reason, State
from events.queries.audit import audit_log
from tests.faults.checker import Violation, examine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.experiment import Experiment, Found
    from tests.faults.history import History

MOST_STORIES = 3
# Under which word of the table a broken promise is counted.
PROMISES = {
    "lost": {"lost", "ended"},
    "doubled": {"effects", "calls"},
    "early": {"early"},
    "stale": {"fence"},
    "log": {"replay", "attempts", "audit"},
    "else": {"expected", "asleep"},
}


@dataclass
class Result:
    """What came of one experiment."""

    name: str
    seed: int
    steps: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    stories: list[str] = field(default_factory=list)


def judge(result: Result, experiment: Experiment, found: Found) -> None:
    """Fill in the result from what was found."""
    result.violations += [*examine(found.history), *_audited(found.history)]
    for expects in experiment.expects:
        result.violations += [Violation("expected", sentence) for sentence in expects(found)]
    result.figures = figures(found.history, result.violations) | {"hits": found.hits}
    odd = dict.fromkeys(each.occurrence_id for each in result.violations if each.occurrence_id)
    result.stories = [story(found.history, row_id) for row_id in list(odd)[:MOST_STORIES]]


def _audited(found: History) -> Iterator[Violation]:
    """What Punctual's own audit says of these rows."""
    if found.rows:
        audit = audit_log(after_id=min(found.rows) - 1, up_to_id=max(found.rows))
        for each in audit.disagreements:
            yield Violation("audit", each.problem, each.occurrence_id)


def figures(found: History, violations: list[Violation]) -> dict[str, Any]:
    """The numbers of one row of the table."""
    states = Counter(row.state for row in found.rows.values())
    broken = Counter(each.promise for each in violations)
    tries = Counter(each.outcome for tries in found.tries.values() for each in tries)
    return {
        "rows": len(found.rows),
        "completed": states[State.COMPLETED],
        "unknown": states[State.UNKNOWN],
        "other": len(found.rows) - states[State.COMPLETED] - states[State.UNKNOWN],
        **{word: sum(broken[each] for each in promises) for word, promises in PROMISES.items()},
        "lost_attempts": tries[LOST_ATTEMPT],
        "lapsed_claims": found.moves_for(Reason.CLAIM_LAPSED),
        "late_answers": found.moves_for(Reason.LATE_ANSWER),
        "extra_calls": sum(len(calls) - 1 for calls in found.calls.values()),
    }


def story(found: History, row_id: int) -> str:
    """All that is known of one row, a line for each thing that happened."""
    row = found.rows[row_id]
    lines = [f"occurrence {row.id}, {row.kind}, {row.state} ({row.reason}), due {row.due_at:%H:%M:%S.%f}"]
    lines += [
        f"  {move.at:%H:%M:%S.%f} {move.from_state or 'new'} > {move.to_state} ({move.reason}) by {move.actor},"
        f" attempt {move.attempt}, token {move.token}"
        for move in found.moves[row_id]
    ]
    lines += [
        f"  attempt {each.number} by {each.worker}: {each.started_at:%H:%M:%S.%f} to {each.finished_at}, {each.outcome}"
        for each in found.tries[row_id]
    ]
    lines += [f"  called at {call.received_at:.3f} ({call.path})" for call in found.calls.get(row.key, ())]
    return "\n".join([*lines, f"  effects: {found.effects.get(row_id, 0)}"])
