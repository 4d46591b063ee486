"""The planner's own pass: every live rule's plan is moved on to the horizon, however many rules and people there are.

Rules of one person each are planned many together (events/planning/sets.py), a rule of a large audience in portions of
its members (events/planning/portions.py). Each set and each portion is a transaction of its own, and several planners
may each be at one (events/planning/planners.py).
"""

from __future__ import annotations

import logging
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from django.db.models import Q

from events.errors import PunctualError
from events.models import EveryFrom, Rule
from events.planning.planners import crew_of
from events.planning.plans import LEAST_AHEAD, PLANNED
from events.planning.portions import begin, plan_in_portions
from events.planning.sets import RULES_AT_ONCE, Planned, plan_together
from events.shards import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from django.db.models import QuerySet

    from events.planning.planners import Planners
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


def plan_due_rules(*, horizon: timedelta, shard: Shard = WHOLE, planners: int = 1, origin: Origin) -> int:
    """Move every live rule's planned end to the horizon; how many rows were written.

    A rule is planned when less than half of the horizon is left, or less than anyone may move, so that most passes
    find nothing to do. A shard is one of rules, each of which is planned for all of its entities: see
    docs/adr/0015-shards.md. One planner works on the caller's connection, and several beside each other on their own.
    Whoever is killed meanwhile has planned some, and the next pass goes on. Raises RulesNotPlanned after all others
    were.
    """
    due = Rule.objects.filter(
        Q(planned_until=None) | Q(planned_until__lt=origin.now + ahead_of(horizon)),
        PLANNED,
    )
    due = shard.among(due, "id").order_by("planned_until", "pk")
    if not due.exists():
        return 0
    until, broken = origin.now + horizon, {}
    apart = list(due.exclude(TOGETHER).values_list("pk", flat=True))
    with crew_of(planners) as crew:
        written, left = _plan_sets(due.filter(TOGETHER), crew, until, origin)
        cut = partial(begin, until=until, origin=origin)
        for rule_id, begun in crew.each(cut, apart + left):
            try:
                rule = begun()
                written += rule if isinstance(rule, int) else plan_in_portions(rule, crew, origin=origin)
            except Exception as error:  # the isolation point: one rule that cannot be planned stops no other
                logger.exception("rule %s cannot be planned", rule_id)
                broken[rule_id] = error
    if broken:
        raise RulesNotPlanned(rules=broken, written=written)
    return written


def _plan_sets(rules: QuerySet[Rule], crew: Planners, until: datetime, origin: Origin) -> Planned:
    """Plan these rules of one person each, many together; what was written, and who has to be planned apart."""

    def plan(kinds: dict[int, str], seat: int | None) -> Planned:
        return plan_together(list(kinds), kinds=kinds.values(), until=until, origin=origin, seat=seat)

    written, left = 0, list[int]()
    for kinds, planned in crew.each(plan, _in_sets(rules)):
        try:
            rows, others = planned()
        except Exception:  # the isolation point: where they cannot be planned together, each is planned apart
            logger.exception("%d rules cannot be planned together", len(kinds))
            rows, others = 0, list(kinds)
        written += rows
        left += others
    return Planned(written, left)


def _in_sets(rules: QuerySet[Rule]) -> Iterator[dict[int, str]]:
    """The kinds of entities by the ids of their rules, so many at a time."""
    pairs = rules.values_list("pk", "entity__kind").iterator()
    while some := dict(islice(pairs, RULES_AT_ONCE)):
        yield some
