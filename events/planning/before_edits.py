"""What must stand before people are edited: rows for all that their facts of before name, as far as anyone can move."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db.models import Q

from events.errors import InvalidField
from events.models import Rule
from events.planning.plans import FARTHEST_MOVE, LEAST_AHEAD, PLANNED, kind_of, plan_rule
from events.planning.serial import alone, together

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.db.models import QuerySet

    from events.transitions import Origin

logger = logging.getLogger(__name__)


def plan_before_edits(kinds: Iterable[str], *, origin: Origin) -> None:
    """Until this transaction ends, nobody plans whole rules for these kinds; continue those rules that are behind.

    An edit moves what is planned. What is not would go by the new facts alone: whoever flew to the east would never
    have the moment that was still ahead where they were, and is over where they are. A planner at work keeps every
    rule ahead of that, and then this asks one question. A rule that nobody has planned for long is continued here,
    for all of its entities, and so by somebody who is alone with their kind.
    """
    kinds = sorted(set(kinds))  # one order for all, so that two can never wait for each other
    behind = {kind_of(rule) for rule in _behind(kinds, origin.now)}
    for kind in kinds:
        alone(kind) if kind in behind else together([kind])
    for rule in _behind(behind, origin.now) if behind else ():
        try:
            plan_rule(rule, until=origin.now + LEAST_AHEAD, origin=origin)
        except InvalidField:  # the isolation point: one rule that cannot be planned stops nobody's edit
            logger.exception("rule %s cannot be planned", rule.pk)


def _behind(kinds: Iterable[str], now: datetime) -> QuerySet[Rule]:
    """The rules for these kinds that are planned less far than anyone may move."""
    concerned = Q(audience_kind__in=kinds) | Q(entity__kind__in=kinds)
    behind = Rule.objects.filter(PLANNED, concerned, planned_until__lt=now + FARTHEST_MOVE)
    return behind.select_related("entity", "calendar").order_by("pk")
