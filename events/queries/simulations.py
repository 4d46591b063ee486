"""What the rules would fire in a span of time, past or to come, by planning's own rows; nothing is written."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

from events.errors import InvalidField, PunctualError
from events.models import GIVEN_ROLES, EveryFrom, Rule, RuleState
from events.planning import audience_sql
from events.planning.anchors import anchor_date
from events.planning.audiences import desired_rows, groups
from events.planning.recurrences import openings_of
from events.queries.sentences import when_in_words
from events.timing import zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.transitions import Desired

# Of all rules together: moments (a slot in a zone; of random ones, each person's) and rows, one for each person.
MOST_MOMENTS = 250_000
MOST_ROWS = 5_000_000
SAMPLED_GROUPS = 25

WHOSE = "COALESCE(NULLIF(e.name, ''), e.external_id)"
MOMENTS = f"""
    SELECT d.slot, d.timezone, d.due_at, d.note, count(*) AS entities, min({WHOSE}) AS whose
    FROM ({{desired}}) AS d JOIN events_entity e ON e.id = d.entity_id
    WHERE d.due_at >= %(since)s AND d.due_at < %(until)s
    GROUP BY d.slot, d.fold, d.timezone, d.due_at, d.note
    ORDER BY d.due_at, d.timezone, d.slot
    LIMIT %(most)s
"""  # noqa: S608 - constants


class TooMuch(PunctualError):
    """--from and --to: the rules would fire about {rows:,} times in that span, at {moments:,} moments; at most
    {most_rows:,} times and {most_moments:,} moments are worked out at once. Choose a shorter span, or one rule
    with --rule.
    """


class GivenMoments(PunctualError):
    """--rule: the moments of {rule!r} are given one by one, {when}, so there is nothing to work out beforehand.
    Look at its occurrences for those that are given already.
    """


class Span(NamedTuple):
    """From an instant on, and before another."""

    after: datetime
    before: datetime


class Moment(NamedTuple):
    """A slot in one zone, and how many fire then; `whose` is one of them."""

    slot: datetime
    timezone: str
    due_at: datetime
    note: str
    entities: int
    whose: str

    @property
    def local(self) -> datetime:
        """What the zone's clock shows at its instant."""
        return self.due_at.astimezone(zone(self.timezone))


class Size(NamedTuple):
    """About how many moments, and rows of single people."""

    moments: int
    rows: int


@dataclass(frozen=True, slots=True)
class Simulated:
    """A rule, its time in a sentence, what else is to be said, and its moments by due_at."""

    rule: Rule
    says: str
    remark: str
    moments: Sequence[Moment]

    @property
    def total(self) -> int:
        """How many occurrences that are."""
        return sum(moment.entities for moment in self.moments)


def rules_to_simulate() -> list[Rule]:
    """The live rules whose moments can be worked out, paused ones as well, by name."""
    live = Rule.objects.exclude(state=RuleState.RETIRED).exclude(role__in=GIVEN_ROLES)
    return list(live.select_related("entity", "calendar").order_by("name", "pk"))


def as_if_in(rule: Rule, timezone: str) -> Rule:
    """The rule as if everybody lived in that zone; one with a fixed zone is as it is. Not to be saved."""
    if not timezone or rule.timezone:
        return rule
    moved = copy.copy(rule)
    moved.timezone = timezone
    return moved


def check_size(rules: Sequence[Rule], span: Span) -> None:
    """Raise TooMuch where the rules would give more than can be worked out in reasonable time and memory.

    Raises GivenMoments for one whose moments come from no recurrence.
    """
    moments = rows = 0
    for rule in rules:
        if rule.role in GIVEN_ROLES:
            raise GivenMoments(rule=rule.name, when=when_in_words(rule))
        size = _size_of(rule, span)
        moments, rows = moments + size.moments, rows + size.rows
        if moments > MOST_MOMENTS or rows > MOST_ROWS:
            raise TooMuch(rows=rows, moments=moments, most_rows=MOST_ROWS, most_moments=MOST_MOMENTS)


def simulate(rule: Rule, span: Span) -> Simulated:
    """What the rule as it is now fires in the span for those whom it concerns now, known then or not.

    Planning asks for what is due since somebody is known; whoever asks what a rule would do, past or to come, means
    everybody: so `since_creation=False`, as a backfill has it. Random moments are those that are drawn. A rule that
    cannot be planned says so in its remark.
    """
    try:
        wanted = desired_rows(rule, after=span.after, before=span.before, since_creation=False)
    except InvalidField as refusal:
        return Simulated(rule, when_in_words(rule), f"It cannot be planned: {refusal}", ())
    return Simulated(rule, when_in_words(rule), _remark(rule), _moments(wanted, span))


def _moments(wanted: Desired, span: Span) -> list[Moment]:
    own: dict[str, Any] = {"since": span.after, "until": span.before, "most": MOST_MOMENTS}
    with connection.cursor() as cursor:
        cursor.execute(MOMENTS.format(desired=wanted.sql), {**wanted.parameters, **own})
        return [Moment(*row) for row in cursor.fetchall()]


def _remark(rule: Rule) -> str:
    said = []
    if rule.state == RuleState.PAUSED:
        said.append("It is paused: nothing of it starts before it is resumed.")
    if rule.every_from == EveryFrom.COMPLETION:
        said.append("It counts from the end of the one before, so only the next one of each is known.")
    if rule.window is not None:
        said.append("Its moments are random; these are the ones that are drawn.")
    return " ".join(said)


def _size_of(rule: Rule, span: Span) -> Size:
    """From a few of the groups that share their slots, taken evenly from all."""
    if rule.every_from == EveryFrom.COMPLETION:
        return Size(0, _members(rule))
    usable = [group for group in groups(rule) if not rule.anchor or anchor_date(group.anchor)]
    if not usable:
        return Size(0, 0)
    sample = usable[:: -(-len(usable) // SAMPLED_GROUPS)]
    try:
        found = chain.from_iterable(
            openings_of(
                rule,
                timezone=group.timezone,
                anchor=anchor_date(group.anchor),
                leap=group.leap,
                after=span.after.astimezone(UTC),
                before=span.before,
            )
            for group in sample
        )
        each = sum(1 for _ in islice(found, MOST_MOMENTS + 1)) / len(sample)
    except InvalidField:  # `simulate` says so
        return Size(0, 0)
    rows = round(each * _members(rule)) * rule.draws
    return Size(rows if rule.window else round(each * len(usable)), rows)


def _members(rule: Rule) -> int:
    members, parameters = audience_sql(rule, None)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM events_entity e WHERE {members}", parameters)  # noqa: S608 - constants
        (count,) = cursor.fetchone()
    return int(count)
