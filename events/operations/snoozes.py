"""Putting off: until when, said in words, and what becomes of an occurrence that is put off."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from events import planning, transitions
from events.errors import InvalidField, PunctualError
from events.lifecycle import Reason, State
from events.models import Entity, Occurrence, Rule, RuleRole, RuleState, Transition
from events.models.fields import LARGEST_ID
from events.operations.errors import Refusal, shown
from events.operations.rules import RetiredRule
from events.phrases import read_phrase
from events.timing import Fold, Gap, InvalidRecurrence, read_wall_time, resolve, zone
from events.timing.durations import rule_of_duration
from events.timing.rule_parts import Freq

if TYPE_CHECKING:
    from events.transitions import Origin

SECOND = timedelta(seconds=1)
LONGEST_SNOOZE = timedelta(days=3_653)
BEFORE_A_LENGTH = re.compile(r"(?i)(?:within\s+|in\s+)?(?:the\s+)?(?:next\s+)?(?=\S)")
UNIT_OF = {Freq.YEARLY: "year", Freq.MONTHLY: "month", Freq.WEEKLY: "week", Freq.DAILY: "day"}
ELAPSED = ((3_600, "hour"), (60, "minute"), (1, "second"))
# What else could be done, by state.
REMEDIES = {
    State.PROCESSING: "It is being sent at this moment. Look again when that has ended.",
    State.FAILED: "Replay it, or resolve it, for it waits for a person.",
    State.UNKNOWN: "Replay it, or resolve it, for it waits for a person.",
    State.CANCELLED: "It will not fire. Make a new one for that time.",
}


class NotSnoozed(PunctualError):
    """Occurrence {id} is {state}, and is not put off. {remedy}"""


def length_said(text: str, *, field: str) -> str:
    """A length of time as a phrase says it, such as "3 days", from P3D, 3d, 3 days or next 3 days. Raises Refusal."""
    if not text.strip():
        raise Refusal(field=field, problem="it is empty", remedy="Write 30 min, 3 days or P3D.")
    with suppress(InvalidRecurrence):
        each = rule_of_duration(text)
        if each.freq is not Freq.SECONDLY:
            return f"{each.interval} {UNIT_OF[each.freq]}s"
        size, unit = next((size, unit) for size, unit in ELAPSED if each.interval % size == 0)
        return f"{each.interval // size} {unit}s"
    if re.fullmatch(r"(?i)\s*\d+\s*m\s*", text):
        problem = f"{shown(text)} may be minutes or months"
        raise Refusal(field=field, problem=problem, remedy="Write 30 min, or 2 months.")
    return BEFORE_A_LENGTH.sub("", text.strip(), count=1)


def snoozed_until(until: str | None, length: str | None, *, of: Occurrence, now: datetime) -> datetime:
    """The instant that is asked for: a local time or an instant in ISO 8601 or a phrase, or so long later.

    That is later than its moment, or than now where that is over, or is told to nobody. Days and more keep the time of
    day in the occurrence's zone. Raises Refusal (field "until" or "for").
    """
    if (until is None) == (length is None):
        problem = "neither until nor for is given" if until is None else "until and for are both given"
        remedy = 'Give one: {"until": "2026-11-22T18:00"} or {"for": "30 min"}.'
        raise Refusal(field="until", problem=problem, remedy=remedy)
    if length is not None:
        since = now if of.rule.window is not None and not of.given else max(now, of.due_at)
        return _first_of(f"in {length_said(length, field='for')}", length, "for", of.timezone, since)
    said = until or ""
    if not said.strip():
        raise Refusal(field="until", problem="it is empty", remedy="Say for example 2026-11-22T18:00.")
    try:
        given = read_wall_time(said, field="until")
    except InvalidRecurrence:
        return _first_of(said, said, "until", of.timezone, now)
    return (
        given if given.tzinfo else resolve(given, zone(of.timezone), gap=Gap.SHIFT, fold=Fold.FIRST)[0].due_at
    )


def _first_of(phrase: str, said: str, field: str, timezone: str, now: datetime) -> datetime:
    """The one moment that a phrase names."""
    try:
        meant = read_phrase(phrase, now=now, timezone=timezone)
    except InvalidField as error:
        raise Refusal(field=field, problem=error.facts["problem"], remedy=error.facts["remedy"]) from error
    firing = meant.first(now)
    if meant.recurrence.rrules or meant.window is not None or firing is None:
        problem = f"{shown(said)} is not one moment"
        raise Refusal(field=field, problem=problem, remedy='Say for example "tomorrow at 9am" or "30 min".')
    return firing.due_at


def snooze(occurrence_id: int, *, until: datetime, why: str, origin: Origin) -> int:
    """Put an occurrence off; the id of the row that stands for it at that instant.

    What is unsent ends CANCELLED(snoozed). What is COMPLETED or SKIPPED stays, and comes once more. The series that it
    belongs to does not shift. Raises NotSnoozed, RetiredRule, and Refusal (field "until"), and the log tells of it.
    """
    try:
        with transaction.atomic():
            return _put_off(occurrence_id, until, why, origin)
    except PunctualError:
        if 0 < occurrence_id <= LARGEST_ID:
            transitions.refuse([occurrence_id], verb="snooze", why=why, origin=origin, wait=True)
        raise


def _put_off(occurrence_id: int, until: datetime, why: str, origin: Origin) -> int:
    """Its rule and entity are held, so that neither ends meanwhile and nobody else gives them a row."""
    known = Occurrence.objects.filter(pk=occurrence_id if 0 < occurrence_id <= LARGEST_ID else 0).first()
    if known is None:
        raise NotSnoozed(id=occurrence_id, state="not there", remedy="Look up its id in the list.")
    rule = Rule.objects.select_for_update(no_key=True).get(pk=known.rule_id)
    entity = Entity.objects.select_for_update(no_key=True).get(pk=known.entity_id)
    rule.entity = entity
    if rule.role == RuleRole.GROUPS:
        remedy = "Flush it, cancel it, or send it a message with another moment."
        raise NotSnoozed(id=known.pk, state="a group's", remedy=remedy)
    due_at = _checked(until, origin.now)
    if entity.deleted_at is not None:
        raise NotSnoozed(id=known.pk, state="of a deleted entity", remedy="Restore the entity first.")
    if rule.state == RuleState.RETIRED:
        _revive(rule, entity, origin)
    local = due_at.astimezone(zone(known.timezone))
    slot = local.replace(tzinfo=None, fold=0)
    given = transitions.snooze(known.pk, until=due_at, slot=slot, fold=local.fold, why=why, origin=origin)
    if given is None:
        raise _not_snoozed(known)
    return given


def _checked(until: datetime, now: datetime) -> datetime:
    """The first whole second that is not before it. Raises Refusal."""
    if not now < until <= now + LONGEST_SNOOZE:
        when = "is over" if until <= now else "is too far away"
        remedy = "Give a time that is ahead, within ten years."
        raise Refusal(
            field="until", problem=f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} {when}", remedy=remedy
        )
    return until + -timedelta(microseconds=until.microsecond) % SECOND


def _revive(rule: Rule, entity: Entity, origin: Origin) -> None:
    """A reminder that ended because nothing was to come lives again. Raises RetiredRule for all others."""
    if rule.role != RuleRole.REMINDER or planning.has_more(rule, entity, now=origin.now):
        raise RetiredRule(name=rule.name)
    Rule.objects.filter(pk=rule.pk).update(
        state=RuleState.ACTIVE, version=F("version") + 1, updated_at=origin.now, planned_until=origin.now
    )


def _not_snoozed(known: Occurrence) -> NotSnoozed:
    known.refresh_from_db()
    remedy = REMEDIES.get(State(known.state), "Try again.")
    if known.reason == Reason.SNOOZED:
        told = Transition.objects.filter(occurrence=known, reason=Reason.SNOOZED).latest("id")
        remedy = f"It was put off already: occurrence {(told.detail or {})['stands_for_it']} stands for it."
    return NotSnoozed(id=known.pk, state=known.state, remedy=remedy)
