"""An account's reminders: what is to come of each, and what came, with how often that was put off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

from events.lifecycle import DEAD_LETTERS, UNSENT, State
from events.models import Occurrence, Rule, RuleRole, RuleState
from events.planning import has_more
from events.queries.accounts import owned
from events.queries.firings import next_firings
from events.queries.hidden import closes_of, is_hidden
from events.timing import zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

FIRED = (State.COMPLETED, *sorted(DEAD_LETTERS))
UNFINISHED = sorted(UNSENT | DEAD_LETTERS | {State.PROCESSING})
PAST_ORDER = ("-due_at", "-id")


@dataclass(frozen=True, slots=True)
class Coming:
    """What is to come next. Of what is hidden nobody is told `due_at` (UTC), but when its window is over.

    `occurrence_id` is None where it is too far ahead to be a row. `state` is that of the row, or of one that is not
    finished and waits for a person.
    """

    due_at: datetime | None
    closes: datetime | None
    hidden: bool
    occurrence_id: int | None = None
    state: str = State.SCHEDULED
    is_snoozed: bool = False


def reminders(owner_id: int) -> QuerySet[Rule]:
    """The account's reminders, those that are over too, with whom they are for."""
    return owned(Rule, owner_id).filter(role=RuleRole.REMINDER).select_related("entity", "calendar")


def live_reminders(owner_id: int) -> QuerySet[Rule]:
    """Those that are not over as far as anybody has looked: see `coming`."""
    return reminders(owner_id).exclude(state=RuleState.RETIRED)


def coming(rules: Sequence[Rule], *, now: datetime) -> dict[int | None, Coming]:
    """What is to come of each of the reminders, by id; those of which nothing is are not in it.

    The id of one that is not written yet is None.
    """
    rows = _unfinished([rule.pk for rule in rules if rule.pk])
    found: dict[int | None, Coming] = {}
    for rule in rules:
        if rule.state == RuleState.RETIRED:
            continue
        one = rows.get(rule.pk) or _by_calendar(rule, now)
        if one is not None:
            found[rule.pk] = one
    return found


def _unfinished(rule_ids: Sequence[int]) -> dict[int | None, Coming]:
    """The nearest row of each rule that is to come; or else one that waits for a person."""
    rows = Occurrence.objects.filter(rule__in=rule_ids, state__in=UNFINISHED).select_related("rule")
    found: dict[int | None, Coming] = {}
    for row in sorted(rows, key=lambda row: (row.state in DEAD_LETTERS, row.due_at)):
        hidden = is_hidden(row)
        one = Coming(
            None if hidden else row.due_at,
            closes_of(row) if hidden else None,
            hidden,
            row.pk,
            row.state,
            row.given,
        )
        found.setdefault(row.rule_id, one)
    return found


def _by_calendar(rule: Rule, now: datetime) -> Coming | None:
    """The first moment beyond what is planned: until there all are rows, and those that were cancelled do not come."""
    assert rule.entity is not None  # a reminder is a rule of one entity
    if rule.pk and not has_more(rule, rule.entity, now=now):
        return None
    found = next_firings(rule, now=max(now, rule.planned_until or now), limit=1)
    if not found:
        return None
    hidden = rule.window is not None
    return Coming(None if hidden else found[0].due_at, found[0].closes, hidden)


def local_of(rule: Rule, instant: datetime) -> datetime:
    """The instant in the reminder's zone: its person's, unless it has another one of its own."""
    assert rule.entity is not None  # a reminder is a rule of one entity
    own = rule.timezone if rule.timezone not in {"", "UTC"} else rule.entity.timezone
    return instant.astimezone(zone(own))


def past(owner_id: int) -> QuerySet[Occurrence]:
    """What fired of the account's reminders. Unique by PAST_ORDER."""
    rows = owned(Occurrence, owner_id).filter(rule__role=RuleRole.REMINDER, state__in=FIRED)
    return rows.select_related("rule", "entity")


class Snooze(NamedTuple):
    """That an occurrence was put off: when somebody did it, until when, why, and who stood for it."""

    occurrence_id: int
    was_due_at: datetime
    until: datetime
    at: datetime
    why: str


# From a row back to the one that it stood for, as its log tells, and so on.
CHAINS = """
WITH RECURSIVE chain AS (
    SELECT head AS head, head AS id, 0 AS step FROM unnest(%(ids)s::bigint[]) AS head
    UNION ALL
    SELECT chain.head, (t.detail ->> 'snoozed_from')::bigint, step + 1
    FROM chain
    JOIN events_transition t ON t.occurrence_id = chain.id AND t.reason = 'given' AND t.detail ? 'snoozed_from'
    WHERE step < %(most)s
)
SELECT c.head, before.id, before.due_at, after.due_at, t.at, COALESCE(t.detail ->> 'why', '')
FROM chain c
JOIN events_transition t ON t.occurrence_id = c.id AND t.reason = 'given' AND t.detail ? 'snoozed_from'
JOIN events_occurrence after ON after.id = c.id
JOIN events_occurrence before ON before.id = (t.detail ->> 'snoozed_from')::bigint
ORDER BY c.head, t.id
"""
LONGEST_CHAIN = 100


def snoozes_of(ids: Iterable[int]) -> dict[int, list[Snooze]]:
    """How each of the occurrences came to its moment: what was put off for it, the first one first."""
    told: dict[str, Any] = {"ids": list(ids), "most": LONGEST_CHAIN}
    found: dict[int, list[Snooze]] = {head: [] for head in told["ids"]}
    with connection.cursor() as cursor:
        cursor.execute(CHAINS, told)
        for head, *one in cursor.fetchall():
            found[head].append(Snooze(*one))
    return found
