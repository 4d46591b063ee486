"""The planner's own pass: every live rule's plan is moved on to the horizon, however many rules and people there are.

Rules of one person each are planned many together (events/planning/sets.py), a rule of a large audience a portion of
its members after the other (events/planning/portions.py). Each set and each portion is a transaction of its own.
"""

from __future__ import annotations

import logging
from itertools import islice
from typing import TYPE_CHECKING

from django.db.models import Q

from events.errors import PunctualError
from events.models import EveryFrom, Rule
from events.planning.plans import LEAST_AHEAD, PLANNED
from events.planning.portions import plan_in_portions
from events.planning.sets import RULES_AT_ONCE, plan_together
from events.shards import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from django.db.models import QuerySet

    from events.shards import Shard
    from events.transitions import Origin

logger = logging.getLogger(__name__)

# What is drawn, or comes after a completion, and what a calendar moves, is asked for one by one.
TOGETHER = Q(entity__isnull=False, window=None, calendar=None, every_from=EveryFrom.START)


class RulesNotPlanned(PunctualError):
    """These rules could not be planned: {rules}. {written} rows of others were written. See the log, and edit them."""


def ahead_of(horizon: timedelta) -> timedelta:
    """How far ahead of now every rule is planned at least, where planning goes up to this horizon."""
    return max(horizon / 2, min(LEAST_AHEAD, horizon * 3 / 4))


def plan_due_rules(*, horizon: timedelta, shard: Shard = WHOLE, origin: Origin) -> int:
    """Move every live rule's planned end to the horizon; how many rows were written.

    A rule is planned when less than half of the horizon is left, or less than anyone may move, so that most passes
    find nothing to do. A shard is one of rules, each of which is planned for all of its entities: see
    docs/adr/0015-shards.md. Whoever is killed meanwhile has planned some, and the next pass goes on. Raises
    RulesNotPlanned after all others were.
    """
    due = Rule.objects.filter(
        Q(planned_until=None) | Q(planned_until__lt=origin.now + ahead_of(horizon)),
        PLANNED,
    )
    due = shard.among(due, "id").order_by("planned_until", "pk")
    until = origin.now + horizon
    written, broken, alone = 0, {}, list(due.exclude(TOGETHER).values_list("pk", flat=True))
    for kinds in _in_sets(due.filter(TOGETHER)):
        ids = list(kinds)
        try:
            planned = plan_together(ids, kinds=kinds.values(), until=until, origin=origin)
            written, alone = written + planned.rows, alone + planned.left
        except Exception:  # the isolation point: where they cannot be planned together, each is planned alone
            logger.exception("%d rules cannot be planned together", len(ids))
            alone += ids
    for rule_id in alone:
        try:
            written += plan_in_portions(rule_id, until=until, origin=origin)
        except Exception as error:  # the isolation point: one rule that cannot be planned stops no other
            logger.exception("rule %s cannot be planned", rule_id)
            broken[rule_id] = error
    if broken:
        raise RulesNotPlanned(rules=broken, written=written)
    return written


def _in_sets(rules: QuerySet[Rule]) -> Iterator[dict[int, str]]:
    """The kinds of entities by the ids of their rules, so many at a time."""
    pairs = rules.values_list("pk", "entity__kind").iterator()
    while some := dict(islice(pairs, RULES_AT_ONCE)):
        yield some
