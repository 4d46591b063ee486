"""What keeps a due row from being claimed: its rule's word, its siblings, or the destination that it would reach."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Q

from events import breakers, handling, transitions
from events.breakers import Destination
from events.lifecycle import Hold, Reason, State
from events.models import CatchUp, Overlap, Rule, RuleState, Transition
from events.timing import lateness, period_of
from events.transitions.statements import id_array

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import timedelta

    from events.breakers import Standing
    from events.dispatch.due import DueRow
    from events.transitions import Origin, Period

    Check = Callable[[DueRow, Rule], "Obstacle | None"]

# A person asked for these themselves, so no policy for what was missed concerns them.
ASKED_FOR = Q(reason__in=(Reason.BACKFILLED, Reason.FIRE_NOW)) | Q(
    reason=Reason.REINSTATED, detail__has_key="why"
)
# All that a claim asks of a rule: a rule has three times as many columns, and claims follow each other closely.
ASKED_OF_RULES = (
    "state", "role", "handler", "payload", "expires_after", "grace", "catch_up", "overlap", "anchor", "rrule", "rdates",
    "cron", "every",
)  # fmt: skip
# Any fixed number: the first half of the advisory lock's key. Rules whose runs must not overlap: one claim at a time.
LOCK_CLASS = 1_347_767_380
# Of the entities of a claim, in one search: joined to each row, they would be searched for one by one.
DELETED = "SELECT id FROM events_entity WHERE id = ANY(%s::bigint[]) AND deleted_at IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a row is not claimed: it is held, or ends; because of another occurrence, or of a destination."""

    cause: Hold | Reason
    because_of: int | None = None
    destination: str = ""


class Examination:
    """The due rows of one claim, examined one after another in the order in which they are due."""

    def __init__(self, rows: Sequence[DueRow], *, breaker_window: timedelta, origin: Origin) -> None:
        self._rows, self._breaker_window, self._origin = rows, breaker_window, origin
        rules = Rule.objects.only(*ASKED_OF_RULES)
        self.rules: dict[int, Rule] = rules.in_bulk({row.rule_id for row in rows})
        self._periods = {rule.pk: unit for rule in self.rules.values() if (unit := _period(rule))}
        self._open = self._breakers()
        self._of_deleted = self._deleted_entities()
        self._checks = {rule.pk: self._checks_of(rule) for rule in self.rules.values()}
        self._destinations = {
            rule.pk: _destination(rule.handler, rule.payload) for rule in self.rules.values()
        }
        self._claimed_pairs: dict[tuple[int, int], int] = {}
        self._claimed: set[int] = set()
        # First of all, since it waits for other claims: whoever waits must not have taken a breaker before.
        self._at_work = self._runs_at_work()

    def _breakers(self) -> dict[Destination, Standing]:
        """Those that are not closed, if any of the handlers reaches somebody."""
        known = handling.installed()
        handlers = {rule.handler for rule in self.rules.values()} & known.keys()
        return (
            breakers.not_closed() if any(handling.has_destinations(known[name]) for name in handlers) else {}
        )

    def _deleted_entities(self) -> set[int]:
        """Those of the rows' entities that are deleted: hardly any."""
        with connection.cursor() as cursor:
            cursor.execute(DELETED, [id_array({row.entity_id for row in self._rows})])
            return {entity for (entity,) in cursor.fetchall()}

    def obstacle(self, row: DueRow) -> Obstacle | None:
        """What keeps the row from being claimed, or None; then the caller claims it."""
        rule = self.rules[row.rule_id]
        for check in self._checks[row.rule_id]:
            if (obstacle := check(row, rule)) is not None:
                return obstacle
        self._claimed_pairs[row.rule_id, row.entity_id] = row.id
        self._claimed.add(row.id)
        return None

    def destination(self, row: DueRow) -> Destination:
        """Whom the row's call reaches."""
        if row.payload is not None:
            return _destination(self.rules[row.rule_id].handler, row.payload)
        return self._destinations[row.rule_id]

    def _checks_of(self, rule: Rule) -> tuple[Check, ...]:
        """Those that can find anything, in the order in which they count."""
        is_held = rule.state == RuleState.PAUSED or rule.handler not in handling.installed()
        concerns: tuple[tuple[Check, bool], ...] = (
            (self._retired, rule.state == RuleState.RETIRED),
            (self._deleted, bool(self._of_deleted)),
            (self._expired, rule.expires_after is not None),
            (self._hold, is_held),
            (self._repetition, rule.pk in self._periods),
            (self._misfire, rule.catch_up != CatchUp.ALL),
            (self._overlap, rule.overlap != Overlap.ALLOW),
            (self._breaker, bool(self._open)),
        )
        return tuple(check for check, concerned in concerns if concerned)

    def _retired(self, row: DueRow, rule: Rule) -> Obstacle | None:  # noqa: ARG002 - one signature for all checks
        return Obstacle(Reason.RULE_RETIRED)

    def _deleted(self, row: DueRow, rule: Rule) -> Obstacle | None:  # noqa: ARG002
        return Obstacle(Reason.ENTITY_DELETED) if row.entity_id in self._of_deleted else None

    def _expired(self, row: DueRow, rule: Rule) -> Obstacle | None:
        is_over = rule.expires_after is not None and row.due_at + rule.expires_after <= self._origin.now
        return Obstacle(Reason.EXPIRED) if is_over else None

    def _hold(self, row: DueRow, rule: Rule) -> Obstacle | None:  # noqa: ARG002
        return Obstacle(Hold.RULE_PAUSED if rule.state == RuleState.PAUSED else Hold.HANDLER_MISSING)

    def _repetition(self, row: DueRow, rule: Rule) -> Obstacle | None:  # noqa: ARG002
        period = self._shared_periods.get(row.id)
        if period is None:
            return None
        # Both may have come due before anybody looked: then the one that is claimed first is the one.
        sent = period.sent or next(iter(period.due & self._claimed), None)
        return None if sent is None else Obstacle(Reason.ALREADY_SENT, because_of=sent)

    def _misfire(self, row: DueRow, rule: Rule) -> Obstacle | None:
        if row.id not in self._misfires:
            return None
        if rule.catch_up == CatchUp.SKIP:
            return Obstacle(Reason.MISSED)
        later = self._later.get(row.id)
        return None if later is None else Obstacle(Reason.COALESCED, because_of=later)

    def _overlap(self, row: DueRow, rule: Rule) -> Obstacle | None:
        other = self._claimed_pairs.get((row.rule_id, row.entity_id)) or self._at_work.get(row.id)
        if other is None:
            return None
        if rule.overlap == Overlap.SKIP and row.state == State.SCHEDULED:
            return Obstacle(Reason.OVERLAPPED, because_of=other)
        return Obstacle(Hold.OVERLAPPING)

    def _breaker(self, row: DueRow, rule: Rule) -> Obstacle | None:  # noqa: ARG002
        destination = self.destination(row)
        standing = self._open.get(destination)
        if standing is None or self._is_probe(row, destination, standing):
            return None
        return Obstacle(Hold.BREAKER_OPEN, destination=destination.name)

    def _is_probe(self, row: DueRow, destination: Destination, standing: Standing) -> bool:
        now = self._origin.now
        return standing.may_probe(now) and breakers.take_probe(
            destination, row.id, window=self._breaker_window, now=now
        )

    @cached_property
    def _shared_periods(self) -> dict[int, Period]:
        """Rows whose date was moved, and who else stands for their period."""
        units = {
            row.id: self._periods[row.rule_id]
            for row in self._rows
            if row.rule_id in self._periods and row.state == State.SCHEDULED
        }
        found = transitions.others_of_period(units, origin=self._origin)
        wanted = _asked_for(found)
        return {row_id: period for row_id, period in found.items() if row_id not in wanted}

    @cached_property
    def _misfires(self) -> set[int]:
        """Rows that nobody looked at within their rule's grace, whose rule does not want all of them."""
        found = {row.id for row in self._rows if self._is_misfire(row, self.rules[row.rule_id])}
        return found - _asked_for(found)

    def _is_misfire(self, row: DueRow, rule: Rule) -> bool:
        late = lateness(row.due_at, self._origin.now) > rule.grace
        return late and row.state == State.SCHEDULED and rule.catch_up != CatchUp.ALL

    @cached_property
    def _later(self) -> dict[int, int]:
        return transitions.latest_due(sorted(self._misfires), origin=self._origin)

    def _runs_at_work(self) -> dict[int, int]:
        rules = {rule.pk for rule in self.rules.values() if rule.overlap != Overlap.ALLOW}
        if not rules:
            return {}
        with connection.cursor() as cursor:
            for rule_id in sorted(rules):  # one order for all, so that two can never wait for each other
                cursor.execute("SELECT pg_advisory_xact_lock(%s, hashint8(%s))", [LOCK_CLASS, rule_id])
        ids = [row.id for row in self._rows if row.rule_id in rules]
        return transitions.at_work(ids, origin=self._origin)


def _asked_for(ids: Collection[int]) -> set[int]:
    if not ids:
        return set()
    asked_for = Transition.objects.filter(ASKED_FOR, occurrence__in=list(ids))
    return set(asked_for.values_list("occurrence_id", flat=True))


def _period(rule: Rule) -> str:
    """The period of which an anchored rule names one moment, "" where it names several or none."""
    has_more = rule.rdates or rule.cron or rule.every
    return period_of(rule.rrule) if rule.anchor and not has_more else ""


def _destination(handler: str, payload: dict[str, Any]) -> Destination:
    known = handling.installed().get(handler)
    return Destination(handler, "" if known is None else handling.destination_of(known, payload))
