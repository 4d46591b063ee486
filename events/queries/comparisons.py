"""What a rule names in a span of time, beside what the rows and the log say of it: fired, late, missing, unexpected."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db import connection

from events.lifecycle import DEAD_LETTERS
from events.planning.audiences import desired_rows
from events.planning.plans import FARTHEST_MOVE
from events.queries.simulations import WHOSE
from events.queries.words import reason_in_words

if TYPE_CHECKING:
    from datetime import datetime

    from events.models import Rule
    from events.queries.simulations import Span


class Verdict(StrEnum):
    """What became of a moment that the rule names now; or what a row is that it does not name."""

    FIRED = "fired"
    FIRED_LATE = "fired_late"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    DEAD_LETTER = "dead_letter"
    WAITING = "waiting"
    OVERDUE = "overdue"
    MISSING = "missing"
    NOT_PLANNED_YET = "not_planned_yet"
    NOT_KNOWN_THEN = "not_known_then"
    UNEXPECTED = "unexpected"
    WITHDRAWN = "withdrawn"


V = Verdict
# Of these a few are named.
NAMED = (V.MISSING, V.UNEXPECTED, V.OVERDUE, V.FIRED_LATE)
# Of these the reason of the row is told.
REASONED = (V.SKIPPED, V.CANCELLED, V.OVERDUE, V.DEAD_LETTER, V.WITHDRAWN)
MOST_NAMED = 5
WORDS = {
    V.FIRED: "fired in time",
    V.FIRED_LATE: "fired later than the grace",
    V.SKIPPED: "skipped",
    V.CANCELLED: "cancelled",
    V.DEAD_LETTER: "dead letters",
    V.WAITING: "still to come, or at work",
    V.OVERDUE: "overdue",
    V.MISSING: "missing: expected, and there is no row",
    V.NOT_PLANNED_YET: "beyond what is planned yet",
    V.NOT_KNOWN_THEN: "before the rule's times, or the entity, were known",
    V.UNEXPECTED: "unexpected: rows that the rule as it is now does not name",
    V.WITHDRAWN: "withdrawn by edits: rows that the rule as it is now does not name",
}

# A first attempt is a row of its own unless it was the last one as well, and then the occurrence says when it started.
# Both sides reach beyond the span, for an edit of a zone may have moved one of two that belong together out of it. A
# full join is never a loop in a loop, which PostgreSQL would choose here for want of statistics.
COMPARED = f"""
WITH desired AS MATERIALIZED ({{desired}}), held AS (
    SELECT * FROM events_occurrence
    WHERE rule_id = %(rule_id)s AND NOT given
      AND due_at >= %(since)s - %(farthest)s AND due_at < %(until)s + %(farthest)s
), judged AS (
    SELECT CASE
             WHEN d.entity_id IS NULL AND o.state = 'CANCELLED' THEN '{V.WITHDRAWN}'
             WHEN d.entity_id IS NULL THEN '{V.UNEXPECTED}'
             WHEN o.id IS NULL AND d.due_at < GREATEST(e.created_at, %(timed_since)s) THEN '{V.NOT_KNOWN_THEN}'
             WHEN o.id IS NULL AND d.due_at >= %(planned_until)s THEN '{V.NOT_PLANNED_YET}'
             WHEN o.id IS NULL THEN '{V.MISSING}'
             WHEN o.state = 'COMPLETED' AND COALESCE(a.started_at, o.started_at) > o.due_at + %(grace)s
                  THEN '{V.FIRED_LATE}'
             WHEN o.state = 'COMPLETED' THEN '{V.FIRED}'
             WHEN o.state IN ('SKIPPED', 'CANCELLED') THEN lower(o.state)
             WHEN o.state = ANY(%(dead)s) THEN '{V.DEAD_LETTER}'
             WHEN o.due_at + %(grace)s < %(present)s THEN '{V.OVERDUE}'
             ELSE '{V.WAITING}' END AS verdict,
           COALESCE(NULLIF(o.hold, ''), o.reason, '') AS reason, {WHOSE} AS whose,
           COALESCE(d.slot, o.slot) AS slot, COALESCE(d.due_at, o.due_at) AS due_at
    FROM desired d
    FULL JOIN held o ON o.entity_id = d.entity_id AND o.slot = d.slot AND o.fold = d.fold
    JOIN events_entity e ON e.id = COALESCE(d.entity_id, o.entity_id)
    LEFT JOIN events_attempt a ON a.occurrence_id = o.id AND a.number = 1
    WHERE COALESCE(d.due_at, o.due_at) >= %(since)s AND COALESCE(d.due_at, o.due_at) < %(until)s
)
SELECT verdict, CASE WHEN verdict = ANY(%(reasoned)s) THEN reason ELSE '' END AS why, count(*),
       (array_agg(whose || ' at ' || to_char(slot, 'YYYY-MM-DD HH24:MI') ORDER BY due_at, whose)
        FILTER (WHERE verdict = ANY(%(named)s)))[1:{MOST_NAMED}]
FROM judged GROUP BY verdict, why ORDER BY verdict, why
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Compared:
    """How many there are of each verdict, for which reasons, and whose and when the first few of some are."""

    counts: dict[Verdict, int] = field(default_factory=dict)
    reasons: dict[Verdict, dict[str, int]] = field(default_factory=dict)
    examples: dict[Verdict, list[str]] = field(default_factory=dict)

    @property
    def is_as_expected(self) -> bool:
        """Whether nothing is missing, and nothing is there that should not be."""
        return not any(self.counts.get(verdict) for verdict in (V.MISSING, V.UNEXPECTED))


def compare(rule: Rule, span: Span, *, now: datetime) -> Compared:
    """What the rule as it is now names in the span, beside its rows with due_at in it.

    Nothing is expected before somebody was known and before the rule's times were last edited, nor beyond what is
    planned. Of a rule that counts from completion there is nothing to compare: it names no moments of the past.
    """
    after, before = span.after - FARTHEST_MOVE, span.before + FARTHEST_MOVE
    wanted = desired_rows(rule, after=after, before=before, since_creation=False)
    own: dict[str, Any] = {
        "since": span.after,
        "until": span.before,
        "farthest": FARTHEST_MOVE,
        "present": now,
        "timed_since": rule.timed_since,
        "planned_until": rule.planned_until or rule.timed_since,
        "grace": rule.grace,
        "dead": sorted(DEAD_LETTERS),
        "reasoned": list(REASONED),
        "named": list(NAMED),
    }
    with connection.cursor() as cursor:
        cursor.execute(COMPARED.format(desired=wanted.sql), {**wanted.parameters, **own})
        return _compared(cursor.fetchall())


def _compared(rows: list[tuple[str, str, int, list[str] | None]]) -> Compared:
    compared = Compared(defaultdict(int), defaultdict(dict), defaultdict(list))
    for name, reason, count, examples in rows:
        verdict = Verdict(name)
        compared.counts[verdict] += count
        if reason:
            compared.reasons[verdict][reason] = count
        compared.examples[verdict] += examples or []
    return compared


def in_words(compared: Compared) -> list[str]:
    """One line for each verdict that there is, in the order in which a person asks."""
    said = [_line(compared, verdict) for verdict in Verdict if compared.counts.get(verdict)]
    return said or ["nothing was expected, and nothing is there"]


def _line(compared: Compared, verdict: Verdict) -> str:
    count = compared.counts[verdict]
    why = "; ".join(
        f"{number:,}: {reason_in_words(reason)}"
        for reason, number in compared.reasons.get(verdict, {}).items()
    )
    named = compared.examples.get(verdict, [])[:MOST_NAMED]
    whose = ", ".join(named) + (" …" if named and count > len(named) else "")
    return f"{count:,} {WORDS[verdict]}" + "".join(f" ({said})" for said in (why, whose) if said)
