"""New zone data: what it would do to the rows that wait, and having them follow. Each rule is one transaction.

A row's promise is its wall time, so new zone data moves it whatever its rule says of moving people.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Count, F, Q

from events.lifecycle import CLAIMABLE, State
from events.models import GIVEN_ROLES, Entity, EveryFrom, Occurrence, OnMove, Rule, RuleState
from events.planning.audiences import desired_rows
from events.planning.kept import kept_anew
from events.planning.members import after_kept
from events.planning.plans import LIVE, kind_of, make_so, missing_rows, span_of
from events.planning.serial import alone
from events.timing import TZDATA_VERSION, UnknownZone, canonical_zone
from events.transitions import Change, Desired, foresee, rename_zones, stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.transitions import Origin, Shift

    Work = Callable[[Rule, Origin], list[Shift]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RuleShift:
    """What the zone data changes in a rule's rows of one zone."""

    rule: str
    shift: Shift


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the installed zone data changes: by rule and zone, how many rows hold that another release had resolved,
    and which rules cannot be planned, each with what is wrong.
    """

    shifts: tuple[RuleShift, ...]
    hold: int
    broken: dict[str, str]


def foresee_zone_data(*, origin: Origin) -> Outlook:
    """What `apply_zone_data` would do now. Writes nothing, and waits for nobody."""
    return _for_each_rule(_foresee, origin)


def apply_zone_data(*, origin: Origin) -> Outlook:
    """Make every live rule's unsent rows what the installed zone data makes of them; what was done.

    1. Zones that were renamed get their new names. 2. Each rule's rows move, and the log says from which release to
    which; what still holds is marked as resolved by the installed one. A rule that cannot be planned stops no other.
    A second run finds nothing to do.
    """
    _canonicalise(origin)
    return _for_each_rule(_apply, origin)


def _for_each_rule(work: Work, origin: Origin) -> Outlook:
    found: list[RuleShift] = []
    broken: dict[str, str] = {}
    for rule in Rule.objects.filter(state__in=LIVE).select_related("entity", "calendar").order_by("pk"):
        try:
            found += [RuleShift(rule.name, shift) for shift in work(rule, origin)]
        except Exception as error:  # the isolation point: one rule that cannot be planned stops no other
            logger.exception("rule %s cannot be planned", rule.pk)
            broken[rule.name] = str(error)
    shifts = tuple(each for each in found if each.shift.change is not Change.HOLDS)
    hold = sum(each.shift.rows for each in found if each.shift.change is Change.HOLDS)
    return Outlook(shifts, hold, broken)


def _foresee(rule: Rule, origin: Origin) -> list[Shift]:
    if rule.role in GIVEN_ROLES:
        return []
    return foresee(*_plans(rule, origin), rule_id=rule.pk, tzdata_version=TZDATA_VERSION)


@transaction.atomic
def _apply(rule: Rule, origin: Origin) -> list[Shift]:
    alone(kind_of(rule))
    rule = Rule.objects.select_related("entity", "calendar").get(pk=rule.pk)
    if rule.state not in LIVE:
        return []
    if rule.role in GIVEN_ROLES:  # its rows are instants, in whatever zone they are told
        stamp(rule_id=rule.pk, tzdata_version=TZDATA_VERSION, origin=origin)
        return []
    wanted, missing = _plans(rule, origin)
    shifts = foresee(wanted, missing, rule_id=rule.pk, tzdata_version=TZDATA_VERSION)
    make_so(rule, wanted, missing, origin=origin)
    stamp(rule_id=rule.pk, tzdata_version=TZDATA_VERSION, origin=origin)
    return shifts


def _plans(rule: Rule, origin: Origin) -> tuple[Desired, Desired]:
    """What the rule's unsent rows should be, wherever they lie, and what it wants from now on."""
    until = rule.planned_until or origin.now
    missing = missing_rows(rule, None, until=until, origin=origin)
    span = span_of(Q(rule=rule), origin.now)
    wanted = desired_rows(rule, after=span.first, before=max(span.last, until), since_creation=False)
    if rule.on_move == OnMove.KEEP:
        return kept_anew(rule, wanted), after_kept(missing, until)
    # Until it is withdrawn, the row of before stands for the one that comes after a completion.
    return wanted, wanted if rule.every_from == EveryFrom.COMPLETION else missing


@dataclass(frozen=True, slots=True)
class StoredZone:
    """A zone that is stored under a name which is not its own any more: `canonical` is, or None if nobody knows it.

    How many living entities, rules that are not retired, and unsent rows have it.
    """

    name: str
    canonical: str | None
    entities: int
    rules: int
    rows: int


# What is unsent, told as the partial indexes on it are, so that what was sent is not walked.
UNSENT_ROWS = Q(state__in=sorted(CLAIMABLE), hold="") | ~Q(hold="") | Q(state=State.PENDING.value)


def unsent_by_release() -> dict[str, dict[str, int]]:
    """How many unsent rows each release of the zone data resolved: release -> zone -> rows."""
    found: dict[str, dict[str, int]] = {}
    counted = Occurrence.objects.filter(UNSENT_ROWS).values_list("tzdata_version", "timezone")
    for release, name, rows in counted.annotate(Count("id")).order_by("tzdata_version", "timezone"):
        found.setdefault(release, {})[name] = rows
    return found


def stored_zones(unsent: dict[str, dict[str, int]]) -> list[StoredZone]:
    """The zones that are not stored under the name that the installed zone data gives them, by name.

    `unsent` is what `unsent_by_release` found.
    """
    living, live = Entity.objects.filter(deleted_at=None), Rule.objects.exclude(state=RuleState.RETIRED)
    entities = dict(living.values_list("timezone").annotate(Count("id")).order_by())
    rules = dict(live.exclude(timezone="").values_list("timezone").annotate(Count("id")).order_by())
    rows: Counter[str] = Counter()
    for by_zone in unsent.values():
        rows.update(by_zone)
    return [
        StoredZone(name, own, entities.get(name, 0), rules.get(name, 0), rows[name])
        for name in sorted({*entities, *rules, *rows})
        if (own := _own_name(name)) != name
    ]


def _own_name(name: str) -> str | None:
    try:
        return canonical_zone(name)
    except UnknownZone:
        return None


@transaction.atomic
def _canonicalise(origin: Origin) -> None:
    """Give entities, rules and unsent rows their zones' new names. They are the same zones, so nothing moves."""
    renamed = {each.name: each.canonical for each in stored_zones(unsent_by_release()) if each.canonical}
    if not renamed:
        return
    for kind in Entity.objects.order_by("kind").values_list("kind", flat=True).distinct():
        alone(kind)
    anew = {"version": F("version") + 1, "updated_at": origin.now}
    for name, canonical in renamed.items():
        Entity.objects.filter(timezone=name).update(timezone=canonical, **anew)
        Rule.objects.filter(timezone=name).update(timezone=canonical, **anew)
    rename_zones(renamed, origin=origin)
