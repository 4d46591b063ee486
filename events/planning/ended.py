"""Reminders that are over: what is done is history, and only what has something to come stays among the live rules."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, F, Func, OuterRef, Q, Value

from events.errors import InvalidField
from events.lifecycle import Reason, State
from events.models import EveryFrom, Occurrence, Rule, RuleRole, RuleState
from events.models.fields import WallTimeField
from events.planning.plans import LIVE
from events.planning.recurrences import next_firings_of, openings_of
from events.shards import WHOLE

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from events.models import Entity
    from events.shards import Shard
    from events.transitions import Origin

# What waits for a person is not done.
DONE = (State.COMPLETED, State.SKIPPED, State.CANCELLED)
MOST_AT_ONCE = 10_000
# So many reminders that count, or end on a day, are asked for their next moment in a pass; others in the next one.
MOST_ASKED = 200
TURN_SECONDS = 300
# A wall time of today may be one of tomorrow elsewhere.
SLACK = timedelta(days=2)

UNFINISHED = Exists(
    Occurrence.objects.filter(rule=OuterRef("pk"), entity=OuterRef("entity")).exclude(state__in=DONE)
)


def _second_of(*moment: F | OuterRef) -> Func:
    """A wall time, which may be given as date and time, without what is below a second: so draws are told apart."""
    wall = Func(*moment, template="(%(expressions)s)", arg_joiner=" + ", output_field=WallTimeField())
    return Func(Value("second"), wall, function="date_trunc", output_field=WallTimeField())


# The row of the one moment of a rule is done, and was not taken back by an edit.
MOMENT_DONE = Exists(
    Occurrence.objects.annotate(second=_second_of(F("slot")))
    .filter(rule=OuterRef("pk"), entity=OuterRef("entity"), given=False, state__in=DONE)
    .filter(second=_second_of(OuterRef("start_date"), OuterRef("local_time")))
    .exclude(reason__in=(Reason.SUPERSEDED, Reason.ENTITY_DELETED))
)
ENDLESS = ~Q(cron="") | ~Q(every="") | (~Q(rrule="") & ~Q(rrule__iregex="(COUNT|UNTIL)="))
ONCE = Q(rrule="", rdates=[], draws=1, calendar=None)


def has_more(rule: Rule, entity: Entity, *, now: datetime) -> bool:
    """Whether a rule of one entity has a moment after now, or an open window of which not all draws have their rows."""
    if rule.every_from == EveryFrom.COMPLETION:
        return True
    timezone, leap = rule.timezone or entity.timezone, entity.leap
    later = now + timedelta(microseconds=1)
    if next_firings_of(rule, timezone=timezone, anchor=None, leap=leap, after=later, limit=1):
        return True
    if rule.window is None:
        return False
    windows = openings_of(rule, timezone=timezone, anchor=None, leap=leap, after=now, before=later)
    return any(_drawn(rule, window.slot) < rule.draws for window in windows)


def _drawn(rule: Rule, slot: datetime) -> int:
    """How many draws of the window of a slot have their rows. They are told apart by microseconds."""
    return Occurrence.objects.filter(
        rule=rule, given=False, slot__gte=slot, slot__lt=slot + timedelta(seconds=1)
    ).count()


def retire_ended(*, shard: Shard = WHOLE, origin: Origin) -> int:
    """Retire the live reminders of a shard that have nothing to come, and nothing unfinished; how many.

    A rule is held while it is looked at, so that nobody gives it another moment meanwhile; one that others hold is
    passed over.
    """
    return _retire_once(shard, origin) + _retire_counted(shard, origin)


def _candidates(shard: Shard, origin: Origin) -> QuerySet[Rule]:
    """Reminders that may be over: they have begun, all of their past has rows, and nothing of it is unfinished."""
    begun = Q(start_date__lte=(origin.now + SLACK).date())
    reminders = Rule.objects.filter(
        begun, ~UNFINISHED, role=RuleRole.REMINDER, state__in=LIVE, planned_until__gt=origin.now
    )
    return shard.among(reminders.exclude(ENDLESS), "id").order_by("pk")


@transaction.atomic
def _retire_once(shard: Shard, origin: Origin) -> int:
    """Those of one moment whose row is done: all of them in two statements, of which the first holds them."""
    held = _held(_candidates(shard, origin).filter(ONCE)[:MOST_AT_ONCE])
    still = Rule.objects.filter(~UNFINISHED, MOMENT_DONE, pk__in=[rule.pk for rule in held])
    return _retire(still, origin)


@transaction.atomic
def _retire_counted(shard: Shard, origin: Origin) -> int:
    """Those whose recurrence counts, or ends on a day, or draws several times: a few of them in each pass, in turn."""
    candidates = _candidates(shard, origin)
    pages = -(-candidates.count() // MOST_ASKED)
    if not pages:
        return 0
    first = MOST_ASKED * (int(origin.now.timestamp() // TURN_SECONDS) % pages)
    turn = _held(candidates.select_related("entity", "calendar")[first : first + MOST_ASKED])
    ended = [rule.pk for rule in turn if rule.entity and not _goes_on(rule, rule.entity, origin.now)]
    return _retire(Rule.objects.filter(~UNFINISHED, pk__in=ended), origin)


def _held(rules: QuerySet[Rule]) -> list[Rule]:
    """The rules, locked until the transaction ends; who is held by somebody else is left out."""
    ids = list(rules.values_list("pk", flat=True))
    free = Rule.objects.select_related("entity", "calendar").filter(pk__in=ids, planned_until__isnull=False)
    return list(free.select_for_update(no_key=True, skip_locked=True, of=("self",)).order_by("pk"))


def _goes_on(rule: Rule, entity: Entity, now: datetime) -> bool:
    """Whether more is to come. What cannot be read stays as it is, for its owner to see."""
    try:
        return has_more(rule, entity, now=now)
    except InvalidField:
        return True


def _retire(rules: QuerySet[Rule], origin: Origin) -> int:
    return rules.update(state=RuleState.RETIRED, version=F("version") + 1, updated_at=origin.now)
